"""Stored documents that name modules outside the project: refused by every command, nothing imported, unless --trust."""

from __future__ import annotations

import copy
import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from tiny import TINY

import metalearn
from inner.components import build, consent, modules_in, trusting
from metalearn.cli import main

MODULE = "venv.__main__"  # creates virtual environments in the current folder when it is imported
OWN = "stored_own.pathways"
PLACES: dict[str, Any] = {
    "evaluator": {"evaluator": {"name": MODULE}},
    "network": {"network": {"name": MODULE}},
    "task": {"task": {"name": MODULE}},
    "search": {"search": {"name": MODULE}},
    "pathway": {"rule": {"dw": "eta*err*pre", "pathway": MODULE}},
    "cell": {"compare": {"main": [{"task": {"name": MODULE}, "hidden": [8], "steps": 20}]}},
    "inside": {"task": {"name": "digits", "of": {"name": MODULE}}},
}
COMMANDS = {
    "compare": ["--lifetimes", "2"],
    "resume": [],
    "report": [],
    "show": [],
    "export": ["--to", "latex"],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with one finished run and a package of the user's own."""
    folder = tmp_path_factory.mktemp("consent")
    (folder / "tiny.yaml").write_text(TINY, encoding="utf-8")
    (folder / "stored_own").mkdir()
    (folder / "stored_own" / "__init__.py").touch()
    (folder / "stored_own" / "pathways.py").write_text("from inner.pathways.backprop import Pathway\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("METALEARN_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        patch.syspath_prepend(folder)
        assert invoke("search", "tiny.yaml", "--name", "done").exit_code == 0
        yield folder
    for name in ("stored_own", OWN):
        sys.modules.pop(name, None)


def invoke(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result


def changed(place: Path, name: str, change: dict[str, Any]) -> Path:
    """A copy of the finished run whose stored config says something else."""
    folder = place / "runs" / name
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(place / "runs" / "done", folder)
    with sqlite3.connect(folder / "run.sqlite") as store:
        config = json.loads(store.execute("SELECT value FROM document WHERE key = 'config'").fetchone()[0])
        for key, value in change.items():
            config[key] = {**config[key], **value} if isinstance(config[key], dict) else value
        store.execute("UPDATE document SET value = ? WHERE key = 'config'", (json.dumps(config),))
    store.close()
    return folder


def files(place: Path) -> set[Path]:
    return {path for path in place.rglob("*") if "cache" not in path.parts and "__pycache__" not in path.parts}


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_stored_config_that_names_a_module_is_refused(place: Path, where: str, command: str) -> None:
    folder = changed(place, f"{where}-{command}", copy.deepcopy(PLACES[where]))
    for name in ("venv", MODULE):
        sys.modules.pop(name, None)
    before = files(place)
    result = invoke(command, folder, *COMMANDS[command])
    assert result.exit_code == 2 and result.stdout == "", result.output
    (line,) = result.stderr.splitlines()
    assert f"--trust {MODULE}" in line and "nothing was imported" in line
    assert MODULE not in sys.modules
    assert files(place) - before <= {folder / "run.lock"}
    shutil.rmtree(folder)


@pytest.mark.parametrize("command", COMMANDS)
def test_with_trust_a_module_of_the_users_own_is_used(place: Path, command: str) -> None:
    folder = changed(place, f"own-{command}", {"rule": {"pathway": OWN}})
    sys.modules.pop(OWN, None)
    rule = json.loads((folder / "rule.json").read_text())
    (folder / "rule.json").write_text(json.dumps(rule | {"pathway": OWN}))
    assert f"--trust {OWN}" in invoke(command, folder, *COMMANDS[command]).stderr and OWN not in sys.modules
    result = invoke(command, folder, *COMMANDS[command], "--trust", "something.else", "--trust", OWN)
    assert result.exit_code == 0, result.output


def test_what_the_user_names_needs_no_option(place: Path) -> None:
    own = yaml.safe_load(TINY)
    own["rule"]["pathway"] = OWN
    (place / "own.yaml").write_text(yaml.safe_dump(own))
    assert invoke("search", "own.yaml", "--name", "own").exit_code == 0
    assert invoke("compare", "done", "--config", "own.yaml").exit_code == 0
    assert metalearn.search("own.yaml", name="own-2").rule["pathway"] == OWN
    (place / "rules.yaml").write_text(f"mine: {{dw: eta*err*pre, pathway: {OWN}}}\n")
    result = invoke("compare", "mine", "--config", "tiny.yaml")
    (place / "rules.yaml").unlink()
    assert result.exit_code == 0, result.output


def test_a_rule_file_names_modules_only_with_consent(place: Path) -> None:
    document = json.loads((place / "runs" / "done" / "rule.json").read_text()) | {"pathway": OWN}
    (place / "other.json").write_text(json.dumps(document))
    sys.modules.pop(OWN, None)
    with pytest.raises(ValueError, match=f"--trust {OWN}"):
        metalearn.load_rule("other.json")
    with pytest.raises(ValueError, match=f"--trust {OWN}"):
        metalearn.compare(["other.json"], config="tiny.yaml")
    assert OWN not in sys.modules
    assert metalearn.load_rule("other.json", trust=[OWN]).pathway == OWN
    found = metalearn.compare(["other.json"], config="tiny.yaml", lifetimes=2, trust=[OWN])
    assert len(found.cells) == 1


def test_the_import_itself_is_guarded() -> None:
    sys.modules.pop(MODULE, None)
    with trusting(["something.else"]), pytest.raises(ValueError, match=f"evaluator: '{MODULE}' is a module outside"):
        build("evaluator", MODULE)
    assert MODULE not in sys.modules
    with pytest.raises(ValueError, match="task: 'my.task'"):  # readers of stored documents ask even without a limit
        consent("task", "my.task")
    consent("task", "digits")


def test_modules_are_found_wherever_a_document_names_them() -> None:
    found = {"rule": {"name": "v1.2", "pathway": "a.b"}, "network": {"name": "module", "factory": "c.d"}, "lr": "1.5"}
    assert list(modules_in([found, {"search": "e.f"}])) == [("pathway", "a.b"), ("factory", "c.d"), ("search", "e.f")]
