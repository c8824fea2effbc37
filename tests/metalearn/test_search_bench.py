"""`metalearn bench-searches` as a user meets it: table, picture, JSON, W&B group, and nothing lost by a kill."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from metalearn.cli import main
from metalearn.evidence.search_bench_summary import student
from metalearn.runs import search_bench
from metalearn.runs.search_bench import BenchRun

TINY = """
task: {name: digits, test: 40}
rule: {dw: "eta*(a*pre*post + b*err*pre)", pathway: backprop, coefficients: {eta: 0.05, a: 0.1, b: 1.0}}
network: {hidden: [8]}
life: {steps: 20}
search: {name: cma, popsize: 4, generations: 10}
lifetimes: 2
shapes: 1
selection: {finalists: 2, lifetimes: 2, shapes: 1}
compare: {baselines: [backprop]}
evaluator: serial
tracking: {mode: disabled}
"""
ARGUMENTS = ("bench-searches", "tiny.yaml", "--searches", "cma,es", "--seeds", "2", "--set", "es.popsize=6")
ARMS = ["cma", "es", "random", "rule: backprop"]


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("bench")
    (folder / "tiny.yaml").write_text(TINY, encoding="utf-8")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("WANDB_MODE", raising=False)
        yield folder
    for number, handler in handlers.items():
        signal.signal(number, handler)


def document(folder: Path) -> dict:
    """bench.json without what differs from run to run by nature."""
    found = json.loads((folder / "bench.json").read_text(encoding="utf-8"))
    for arm in found["arms"].values():
        for seed in arm["seeds"]:
            assert seed.pop("seconds") > 0
    return found


@pytest.fixture(scope="module")
def whole(place: Path) -> dict:
    result = invoke(*ARGUMENTS, "--name", "whole")
    assert result.exit_code == 0, result.output
    for arm in ARMS:
        assert arm in result.output
    return document(place / "runs" / "whole")


def test_document(whole: dict, place: Path) -> None:
    """Every arm with its curve; the default budget is what the experiment's own search takes: 4 x 10 x 2 x 20."""
    assert list(whole["arms"]) == ARMS and whole["metric"] == "accuracy" and whole["chance"] < 0.2
    assert whole["plan"]["budget"] == 1600
    assert whole["plan"]["searches"]["es"] == {"name": "es", "popsize": 6}
    assert "--set es.popsize=6" in whole["command"]
    for arm, entry in whole["arms"].items():
        qualities = [seed["quality"] for seed in entry["seeds"]]
        assert [len(q) for q in qualities] == [12, 12] and entry["curve"]["inner_steps"][-1] == 1600
        mean = sum(q[-1] for q in qualities) / 2
        assert entry["final"]["mean"] == pytest.approx(mean) == entry["curve"]["mean"][-1]
        others = [seed["quality"][-1] for seed in whole["arms"]["random"]["seeds"]]
        assert entry["over_random"]["mean"] == pytest.approx(mean - sum(others) / 2)
        assert all(0 < seed["inner_steps"] <= 1600 for seed in entry["seeds"]), arm
    assert [seed["generations"] for seed in whole["arms"]["cma"]["seeds"]] == [10, 10]
    assert [seed["generations"] for seed in whole["arms"]["es"]["seeds"]] == [6, 6]
    picture = (place / "runs" / "whole" / "bench.svg").read_text(encoding="utf-8")
    assert picture.startswith("<svg") and all(name in picture for name in ("random", "cma", "es", "backprop"))


def test_a_kill_loses_no_finished_course(whole: dict, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after the third course; `metalearn resume` does the rest, with the numbers of the uninterrupted one."""
    put = BenchRun._mirror
    calls = []

    def interrupted(self: BenchRun, arm: str, seed: int) -> None:
        put(self, arm, seed)
        calls.append((arm, seed))
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(BenchRun, "_mirror", interrupted)
    assert invoke(*ARGUMENTS, "--name", "killed").exit_code != 0
    monkeypatch.undo()
    monkeypatch.chdir(place)
    folder = place / "runs" / "killed"
    assert not (folder / "bench.json").exists()
    result = invoke("report", "killed")
    assert result.exit_code == 2 and "expected 8 searches, got 3; go on with: metalearn resume" in result.output
    assert result.output.count("\n") == 1 and not (folder / "bench.json").exists()
    ran = []
    real = search_bench.budget_curve
    monkeypatch.setattr(search_bench, "budget_curve", lambda *job: ran.append(job) or real(*job))
    result = invoke("resume", "killed")
    assert result.exit_code == 0, result.output
    assert len(ran) == 8 - 3 and document(folder)["arms"] == whole["arms"]


def test_report_writes_the_same_table_and_picture_again(whole: dict, place: Path) -> None:
    folder = place / "runs" / "whole"
    names = ("bench.json", "bench.svg")
    before = {name: (folder / name).read_bytes() for name in names}
    for name in names:
        (folder / name).unlink()
    result = invoke("report", "whole")
    assert result.exit_code == 0 and f"report {Path('runs/whole/bench.svg')}" in result.output
    assert {name: (folder / name).read_bytes() for name in names} == before
    assert not (folder / "report.html").exists()
    shown = invoke("show", "whole")
    assert shown.exit_code == 0 and all(arm in shown.output for arm in ARMS)


def test_the_name_of_a_finished_one_is_refused(whole: dict) -> None:
    result = invoke(*ARGUMENTS, "--name", "whole")
    assert result.exit_code == 2 and "run 'whole' exists: metalearn resume whole" in result.output


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--searches", "cma,ess"), r"--searches: unknown name 'ess' \(did you mean 'es'\?\)"),
        (("--set", "ga.sigma=1"), "--set: expected SEARCH.OPTION=VALUE with one of cma, es, random"),
        (("--set", "es.sigmma=1"), r"search.sigmma: 'es' has no such option \(did you mean 'sigma'\?\)"),
        (("--set", "es.lr=fast"), "search.lr: expected a value like 0.1, got 'fast'"),
        (("--seeds", "1"), "--seeds: expected at least 2"),
        (("--budget", "39"), "--budget: 39 inner steps are less than one candidate's lives"),
        (("--budget", "nan"), "--budget: expected a number of inner steps > 0, got nan"),
        (("search.popsiz=3",), r"'cma' has no such option \(did you mean 'popsize'\?\)"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(place: Path, arguments: tuple[str, ...], message: str) -> None:
    result = invoke(*ARGUMENTS, *arguments, "--name", "wrong")
    assert result.exit_code == 2 and re.search(message, result.output), result.output
    assert len(result.output.strip().splitlines()) == 1 and not (place / "runs" / "wrong").exists()


def test_one_wandb_run_per_search_and_seed_in_one_group(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Started with the group's name, a row per generation; a resume mirrors nothing twice."""
    started: list[tuple[str, str]] = []
    rows: list[int] = []

    class Fake:
        @classmethod
        def start(cls, folder: Path, name: str, *rest: object, group: str) -> Fake:
            started.append((group, name))
            return cls()

        def __enter__(self) -> Fake:
            return self

        def __exit__(self, *error: object) -> None: ...

        def row(self, index: int, metrics: dict[str, float]) -> None:
            assert {"inner_steps", "best", "mean"} <= set(metrics)
            rows.append(index)

        def finish(self, rule: object, top: object, summary: dict[str, float]) -> None:
            assert set(summary) == {"quality", "inner_steps"}

    monkeypatch.setattr(search_bench, "Tracker", Fake)
    result = invoke(*ARGUMENTS, "tracking.mode=offline", "--name", "mirrored")
    assert result.exit_code == 0, result.output
    assert started == [("mirrored", f"{arm}-{seed}") for arm in ("cma", "es", "random", "backprop") for seed in (0, 1)]
    assert rows[:10] == list(range(10))
    assert invoke("resume", "mirrored").exit_code == 0 and len(started) == 8


def test_students_interval() -> None:
    """n = 5: mean +- 2.776445 s / sqrt(5) (tables of t with 4 degrees of freedom)."""
    values = [1.0, 2.0, 3.0, 4.0, 10.0]
    mean, low, high = student(values)
    assert mean == 4.0 and high - mean == pytest.approx(2.776445 * 12.5**0.5 / 5**0.5, rel=1e-6)
    assert mean - low == pytest.approx(high - mean)
