"""Every example of docs/extend.md works as it is printed: written into a copy of the project, each is picked up by the
battery of its kind, by `metalearn list` and by a search, and no other file is touched."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("inner", "outer", "metalearn", "configs", "tests", "docs", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE")
BATTERIES = {  # example -> the files whose tests must pick it up
    "inner/learners/sign_step.py": ("tests/inner/test_learners.py",),
    "inner/networks/chequered.py": ("tests/inner/test_networks.py", "tests/inner/test_learners.py"),
    "inner/pathways/fixed_magnitude.py": ("tests/inner/test_every_pathway.py", "tests/metalearn/test_training.py"),
    "inner/signals/pre_average.py": ("tests/inner/test_signals.py", "tests/inner/test_pathways.py"),
    "inner/tasks/majority.py": ("tests/inner/test_tasks.py",),
    "inner/tasks/reversal.py": ("tests/inner/test_sources.py",),
    "outer/fitness/best.py": ("tests/outer/test_fitness.py",),
    "outer/evaluators/backwards.py": ("tests/outer/test_evaluators.py",),
    "outer/searches/shrinking.py": ("tests/outer/test_searches.py",),
}
OTHER = {"configs/majority.yaml", "mine/steep.py"}
ROWS = {  # row -> the files whose tests must pick it up
    "a row of ACTIVATIONS in inner/activations.py": "tests/inner/test_activations.py",
    "a row of inner/rules/functions/pieces.py": "tests/inner/test_rules_functions.py",
}
LINE = "a line of configs/rules.yaml"


def examples() -> dict[str, str]:
    """Head (a path, or the place of a row) -> text of every fenced example."""
    found = {}
    page = (ROOT / "docs" / "extend.md").read_text(encoding="utf-8")
    for language, text in re.findall(r"^```(\w+)\n(.*?)^```$", page, re.S | re.M):
        head, rest = text.split("\n", 1)
        assert head.startswith("# "), f"an example begins with its path: {head}"
        found[head[2:].split(":")[0]] = text if language == "yaml" else rest
    return found


@dataclass(frozen=True)
class Project:
    """A copy of the project with the examples in it."""

    folder: Path
    before: dict[str, str]  # digest of every file before the examples were written

    def files(self) -> dict[str, str]:
        return digests(self.folder)

    def python(self, *arguments: str) -> str:
        """Run Python in the copy, on the copy alone; what it printed. A failure shows what it wrote."""
        environment = os.environ | {
            "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200", "TERM": "dumb",
            "PYTEST_ADDOPTS": "",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def passed(self, *arguments: str) -> list[tuple[str, str]]:
        """(file, name) of the tests that ran and passed; all that ran must have passed."""
        report = self.folder / "report.xml"
        self.python("-m", "pytest", "-n", "0", "-p", "no:cacheprovider", f"--junitxml={report}", *arguments)
        cases = [case for case in ET.parse(report).iter("testcase") if case.find("skipped") is None]
        report.unlink()
        return [(f"{case.get('classname', '').replace('.', '/')}.py", case.get("name", "")) for case in cases]


def digests(folder: Path) -> dict[str, str]:
    files = [file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("extended")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / name)
    before = digests(folder)
    for path, text in examples().items():
        if path in BATTERIES or path in OTHER:
            assert path not in before, f"{path} exists already"
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    yield Project(folder, before)
    shutil.rmtree(folder)


def test_there_is_an_example_of_every_kind() -> None:
    from inner.components import KINDS

    assert set(examples()) == {*BATTERIES, *OTHER, *ROWS, LINE}
    folders = {path.rsplit("/", 1)[0].replace("/", ".") for path in BATTERIES}
    assert {package for kind, (package, _) in KINDS.items() if kind != "study"} | {"inner.signals"} == folders
    for path, text in examples().items():
        if path.endswith(".py") and path not in ROWS:
            ast.parse(text)


def test_batteries_pick_up_every_example(project: Project) -> None:
    names = [Path(path).stem for path in BATTERIES]
    files = sorted({file for files in BATTERIES.values() for file in files})
    ran = project.passed("-k", " or ".join(names), *files, "tests/test_house.py")
    for path, batteries in BATTERIES.items():
        for battery in (*batteries, "tests/test_house.py"):
            picked = [name for file, name in ran if file == battery and Path(path).stem in name]
            assert picked, f"no test of {battery} has run on {path}"
    assert ("tests/test_house.py", "test_config_file[configs/majority.yaml]") in ran


FACE = """
import contextlib, pathlib, sys
from click.testing import CliRunner
from metalearn.cli import main

def call(*arguments, fails=False):
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code != 0) == fails, (arguments, done.output, done.exception)
    return done.output

listed = call("list")
for name in sys.argv[1:]:
    assert name in listed, name
call("search", "majority", "--name", "named")
config = pathlib.Path("configs/majority.yaml").read_text()
start, end = config.index("rule:"), config.index("network:")
learner = config[:start] + "learner: sign_step" + chr(10) + config[end:]
pathlib.Path("learner.yaml").write_text(learner)
call("search", "learner.yaml", "--name", "learned")
pathlib.Path("mine.yaml").write_text(config.replace("pathway: fixed_magnitude", "pathway: {name: mine.steep, limit: 0.5}"))
call("search", "mine.yaml", "--name", "own")
for name in list(sys.modules):
    if name.startswith("mine"):
        del sys.modules[name]
refused = call("show", "runs/own", fails=True)
assert "--trust mine.steep" in refused and "mine.steep" not in sys.modules, refused
assert "mine.steep" in call("show", "runs/own", "--trust", "mine.steep")
"""


def test_a_search_uses_them_by_name(project: Project) -> None:
    """In one process: the list, a search of the config, one of the learner, one of a module of the user's own."""
    listed = {"learners", "networks", "pathways", "signals", "tasks", "fitness", "evaluators", "searches"}
    names = [Path(path).stem for path in BATTERIES if path.split("/")[-2] in listed]
    project.python("-W", "error", "-c", FACE, *names)
    for name in ("named", "learned", "own"):
        assert (project.folder / "runs" / name / "rule.json").exists()


def test_no_other_file_is_touched(project: Project) -> None:
    """What was there is what it was; what is new is an example, or was made by the search above."""
    after = project.files()
    assert {path: digest for path, digest in after.items() if path in project.before} == project.before
    new = {path for path in after if path not in project.before and not path.startswith("runs/")}
    assert new - {"learner.yaml", "mine.yaml"} == {*BATTERIES, *OTHER}


@pytest.mark.paper
def test_the_whole_suite_is_green_with_every_example(project: Project) -> None:
    project.passed("tests", "--ignore=tests/test_extend.py")


def test_rows_are_rows(project: Project) -> None:
    """An activation, a function and a rule, each put where its head says; the batteries of the tables pick them up."""
    found, folder = examples(), project.folder
    activation, function = (found[head] for head in ROWS)
    kept = {name: (folder / name).read_text() for name in ("inner/activations.py", "inner/rules/functions/pieces.py")}
    kept |= {name: (folder / name).read_text() for name in ("inner/rules/functions/__init__.py", "configs/rules.yaml")}
    changed = {
        "inner/activations.py": re.sub(
            r"^ACTIVATIONS: .*\{\n", lambda m: m[0] + activation, kept["inner/activations.py"], flags=re.M
        ),
        "inner/rules/functions/pieces.py": kept["inner/rules/functions/pieces.py"].replace(
            "row import Function\n", "row import Function, symbolic\n"
        )
        + "\n\n"
        + function,
        "inner/rules/functions/__init__.py": kept["inner/rules/functions/__init__.py"]
        .replace("SIGN, STEP\n", "SIGN, STEP, SOFTSIGN\n")
        .replace("POW, MEAN)", "POW, MEAN, SOFTSIGN)"),
        "configs/rules.yaml": kept["configs/rules.yaml"] + found[LINE].split("\n", 1)[1],
    }
    assert all(changed[name] != kept[name] for name in kept)
    try:
        for name, text in changed.items():
            (folder / name).write_text(text, encoding="utf-8")
        ran = project.passed("-k", "softsign", *ROWS.values())
        assert all(any(file == battery and "softsign" in name for file, name in ran) for battery in ROWS.values())
        assert "normalised_lms" in project.python("-m", "metalearn.cli", "list", "rules")
    finally:
        for name, text in kept.items():
            (folder / name).write_text(text, encoding="utf-8")
