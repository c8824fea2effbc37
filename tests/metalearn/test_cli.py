"""The command line as a user meets it: every command on a real run, and one line with exit code 2 for every mistake."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tiny import TINY

from metalearn.cli import main
from metalearn.commands.list import KINDS
from metalearn.store.run_store import DATABASE, RunStore


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with tiny.yaml to work in; signal handlers and the cache are this module's own."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "tiny.yaml").write_text(TINY, encoding="utf-8")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("METALEARN_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        yield folder
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def run(place: Path) -> Path:
    """A finished run that tests only read."""
    result = invoke("search", "tiny.yaml", "--name", "done")
    assert result.exit_code == 0, result.output
    return place / "runs" / "done"


def invoke(*arguments: object) -> Result:
    """Run a command in this process; anything but a clean exit is a traceback for the user."""
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result


def refused(*arguments: object) -> str:
    """The one line on stderr of a command that must fail with exit code 2 and print nothing else."""
    result = invoke(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), result.stderr
    return lines[0]


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if "cache" not in path.parts}


@pytest.mark.parametrize(
    ("words", "code", "expected"), [(["--help"], 0, "compare"), (["search", "digts"], 2, "'digits'?")]
)
def test_help_and_slips_import_nothing_heavy(words: list[str], code: int, expected: str) -> None:
    text = (
        f"import sys\nfrom metalearn.cli import main\ntry:\n    main({words})\n"
        f"except SystemExit as end:\n    assert end.code == {code}\n"
        "heavy = {'torch', 'cma', 'wandb', 'matplotlib', 'sklearn', 'sympy'} & set(sys.modules)\nassert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and expected in done.stdout + done.stderr, done.stderr


@pytest.mark.parametrize("command", ["search", "sweep", "estimate", "bench-searches", "baldwin"])
@pytest.mark.parametrize("override", ["rule.dw=eta*(", "rule.dw=eta*foo(pre)", "rule=bakprop", "network=mlpp", "task=digts"])
def test_a_wrong_formula_or_name_is_refused_without_torch(command: str, override: str) -> None:
    text = (
        f"import sys\nfrom metalearn.cli import main\ntry:\n    main(['{command}', 'digits', '{override}'])\n"
        "except SystemExit as end:\n    assert end.code == 2\n"
        "heavy = {'torch', 'cma', 'wandb', 'matplotlib', 'sklearn', 'scipy'} & set(sys.modules)\nassert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr.startswith("error: "), done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["serch"], "did you mean 'search'?"),
        (["--vresion"], "--version"),
        (["search", "--nme", "x"], "--name"),
        (["search", "digts"], "did you mean 'digits'?"),
        (["search", "digits", "tiny.yaml"], "expected one config, got digits, tiny.yaml"),
        (["search", "missing/none.yaml"], "no file and no config named 'missing/none.yaml'"),
        (["search", "tiny.yaml", "--name", "a/b"], "expected a plain folder name, got 'a/b'"),
        (["search", "tiny.yaml", "--name", ".."], "expected a plain folder name, got '..'"),
        (["search", "tiny.yaml", "--runs", "tiny.yaml"], "Not a directory"),
        (["list", "searchs"], "did you mean 'searches'?"),
        (["show"], "Missing argument"),
        (["show", "nowhere"], "nowhere"),
        (["resume", "nowhere"], "no run at nowhere"),
        (["report", "nowhere"], "no run at nowhere"),
        (["export", "nowhere"], "nowhere"),
        (["export", "nowhere", "--to", "xml"], "--to: expected one of json, latex, python, torch, got 'xml'"),
        (["compare"], "Missing argument"),
        (["compare", "bakprop"], "did you mean 'backprop'?"),
        (["compare", "backprop", "--lifetimes", "1"], "--lifetimes: expected at least 2, got 1"),
        (["compare", "backprop", "--seed", "-1"], "--seed: expected 0 or more, got -1"),
        (["compare", "backprop", "--config", "digts"], "did you mean 'digits'?"),
        (["estimate", "digts"], "did you mean 'digits'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line(place: Path, arguments: list[str], expected: str) -> None:
    before = tree(place)
    assert expected in refused(*arguments)
    assert tree(place) == before


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("lifetmes=3", "unknown key 'lifetmes' (did you mean 'lifetimes'?)"),
        ("search=cmaa", "did you mean 'cma'?"),
        ("search.popsiz=4", "did you mean 'popsize'?"),
        ("search.popsize=abc", "search.popsize: expected"),
        ("task=digts", "did you mean 'digits'?"),
        ("task.tst=4", "did you mean 'test'?"),
        ("task=no.such", "no module named 'no.such'"),
        ("rule=bakprop", "did you mean 'backprop'?"),
        ("rule.pathway=bckprop", "did you mean 'backprop'?"),
        ("compare.baselines=[bakprop]", "did you mean 'backprop'?"),
        ("compare.main=[{task: digits, hidden: [0]}]", "network.hidden"),
        ("evaluator=seril", "did you mean 'serial'?"),
        ("evaluator={name: processes, workers: x}", "evaluator.workers: expected"),
        ("lifetimes=[1,2", "override: '[1,2' for lifetimes: line 1 not valid YAML"),
        ("rule.dw=__import__('os').system('touch hacked')", "rule.dw: "),
        ("rule.dw=pre.__class__", "rule.dw: "),
        ("rule.dw=(lambda: 1)()", "rule.dw: "),
        ("rule.dw=eta*exec(pre)", "rule.dw: "),
        ("rule.dw=9**9**9**9", "rule.dw: "),
        ("rule.dw=" + "(" * 500 + "pre" + ")" * 500, "rule.dw: "),
    ],
    ids=lambda value: str(value)[:40],
)
def test_mistake_in_a_config_writes_nothing(place: Path, override: str, expected: str) -> None:
    before = tree(place)
    assert expected in refused("search", "tiny.yaml", override)
    assert tree(place) == before


def test_overrides_reach_the_run(place: Path) -> None:
    words = ("search=es", "search.popsize=4", "search.generations=2", "lifetimes=2", "seed=3", "rule.dw=eta*err*pre")
    result = invoke("search", "tiny.yaml", *words, "--name", "es", "--runs", "elsewhere")
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in (place / "elsewhere").iterdir() if p.is_dir()) == ["es"]
    with RunStore.open(place / "elsewhere" / "es", write=False) as store:
        config, generations, command = store.config, store.generations(), store.get("command")
        assert store.get("status") == "finished"
    assert config["search"] == {"name": "es", "popsize": 4, "generations": 2}
    assert (config["lifetimes"], config["seed"], config["rule"]["dw"]) == (2, 3, "eta*err*pre")
    assert list(config["rule"]["coefficients"]) == ["eta"]  # a and b went with the old formula
    assert config["rule"]["coefficients"]["eta"]["init"] == 0.05  # eta kept what the file says
    assert [g.candidates.shape for g in generations] == [(4, 1)] * 2
    assert generations[0].scores.shape == (4, 2)
    assert command == f"metalearn search {shlex.join(['tiny.yaml', *words, '--name', 'es'])}"


def test_a_finished_run_has_its_files_and_its_name_is_taken(place: Path, run: Path) -> None:
    assert {"run.sqlite", "rule.json", "report.html"} <= {p.name for p in run.iterdir()}
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    assert "run 'done' exists: metalearn resume done" in refused("search", "tiny.yaml", "--name", "done")
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before


def test_runs_without_a_name_are_numbered(place: Path) -> None:
    for expected in ("tiny", "tiny-2"):
        assert (
            invoke("search", "tiny.yaml", "search.generations=1", "compare.baselines=[]", "--runs", "n").exit_code == 0
        )
        assert (place / "n" / expected / "rule.json").is_file()


@pytest.mark.parametrize("kind", KINDS)
def test_list(place: Path, kind: str) -> None:
    expected = {
        "rules": "backprop", "families": "taylor", "learners": "local_rule", "networks": "elman", "tasks": "digits",
        "searches": "cma", "configs": "digits", "signals": "pre_err", "pathways": "direct", "fitness": "halvings",
        "evaluators": "processes", "studies": "hinton_nowlan", "functions": "sqrt",
    }  # fmt: skip
    result = invoke("list", kind)
    assert result.exit_code == 0 and expected[kind] in result.stdout.split()


def test_list_without_a_kind_lists_all(place: Path) -> None:
    words = invoke("list").stdout.split()
    assert set(KINDS) <= set(words) and {"backprop", "cma", "digits", "pre_err"} <= set(words)


def test_show(run: Path) -> None:
    document = json.loads((run / "rule.json").read_text(encoding="utf-8"))
    for spec in (run, "done", run / "rule.json"):
        result = invoke("show", spec)
        assert result.exit_code == 0
        assert f"dw      = {document['dw']}" in result.stdout and "pathway = backprop" in result.stdout
        for name, value in document["values"].items():
            assert f"{name} {value:.4g}" in result.stdout
        assert ("3 generations, finished" in result.stdout) == (spec != run / "rule.json")


def test_export(run: Path, tmp_path: Path) -> None:
    document = json.loads((run / "rule.json").read_text(encoding="utf-8"))
    assert json.loads(invoke("export", run).stdout)["values"] == document["values"]
    assert "\\Delta" in invoke("export", run, "--to", "latex").stdout
    for kind in ("python", "torch"):
        text = invoke("export", run / "rule.json", "--to", kind).stdout
        compile(text, kind, "exec")
        file = tmp_path / f"{kind}.py"
        assert f"wrote {file}" in invoke("export", run, "--to", kind, "-o", file).stdout
        assert file.read_text(encoding="utf-8").strip() == text.strip()
    assert "No such file" in refused("export", run, "-o", tmp_path / "no" / "x.json")


def test_report_is_written_anew(run: Path) -> None:
    (run / "report.html").unlink()
    assert "report.html" in invoke("report", "done").stdout
    assert "<html" in (run / "report.html").read_text(encoding="utf-8")


def test_compare(run: Path) -> None:
    with RunStore.open(run, write=False) as store:
        stored = store.get("comparison")
    document = json.loads(invoke("compare", run, "--json").stdout)  # the run's own cells, seed and baselines
    assert document["reference"] == "done" and list(document["arms"]) == ["done", "backprop"]
    assert document["cells"][0]["arms"]["done"]["scores"] == stored["cells"][0]["arms"]["evolved"]["scores"]
    assert document["cells"][0]["arms"]["backprop"]["scores"] == stored["cells"][0]["arms"]["backprop"]["scores"]
    words = (run / "rule.json", "oja", "--config", "tiny.yaml", "--lifetimes", 2, "--seed", 5, "--json")
    other = json.loads(invoke("compare", *words).stdout)
    assert list(other["arms"]) == ["done", "oja"] and other["cells"][0]["lifetimes"] == 2
    assert other["cells"][0]["arms"]["done"]["scores"] != document["cells"][0]["arms"]["done"]["scores"][:2]
    text = invoke("compare", "done", "oja", "done").stdout
    assert "oja" in text and "done-2" in text and "95 % CI" in text


def test_estimate(place: Path) -> None:
    before = tree(place)
    result = invoke("estimate", "tiny.yaml", "search.generations=7")
    assert result.exit_code == 0 and "7 generations x 4 candidates x 2 lives = 56 lives" in result.stdout
    assert tree(place) == before
    assert "did you mean 'popsize'?" in refused("estimate", "tiny.yaml", "search.popsiz=4")


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped"])
def test_damaged_run(run: Path, tmp_path: Path, damage: str) -> None:
    folder = Path(shutil.copytree(run, tmp_path / "broken"))
    path = folder / DATABASE
    data = path.read_bytes()
    start, end = len(data) // 4, len(data) // 4 * 3
    flipped = data[:start] + bytes(byte ^ 0xFF for byte in data[start:end]) + data[end:]
    path.write_bytes({"empty": b"", "text": b"no database\n" * 99, "cut": data[:start], "flipped": flipped}[damage])
    for command in ("resume", "report"):
        line = refused(command, folder)
        assert "damaged" in line or "no run" in line or "version" in line
    result = invoke("show", folder)
    assert result.exit_code in ((0, 2) if damage == "flipped" else (2,))


def test_damaged_rule_json(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "rule.json"
    text = (run / "rule.json").read_text(encoding="utf-8")
    for content in ("", "[]", text[: len(text) // 2], text.replace("eta*(", "eta*__import__("), '{"dw": 3}'):
        file.write_text(content, encoding="utf-8")
        for command in ("show", "export", "compare"):
            assert "rule.json" in refused(command, file)


def test_a_run_without_a_rule_yet(run: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(run, tmp_path / "young"))
    (folder / "rule.json").unlink()
    assert "has not written a rule yet" in refused("export", folder)
    assert "has not written a rule yet" in refused("compare", folder)
    assert invoke("show", folder).exit_code == 0


def test_a_folder_that_cannot_be_written(place: Path) -> None:
    assert "/proc/runs" in refused("search", "tiny.yaml", "--runs", "/proc/runs")
