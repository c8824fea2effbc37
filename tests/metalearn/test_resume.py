"""A run that is killed at any moment, or stopped politely, and resumed is bit for bit the uninterrupted run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from inner.random import stream
from metalearn.cli import main
from metalearn.config.load import load
from metalearn.runs.search import SearchRun
from metalearn.store.run_store import DATABASE, RunStore
from outer.generation import Generation

GENERATIONS = 120  # so many that a signal finds the search at work on a fast machine too
CONFIG = f"""
task: {{name: digits, test: 40}}
rule: {{dw: "eta*(a*pre*post + b*err*pre)", pathway: backprop, coefficients: {{eta: 0.05, a: 0.1, b: 1.0}}}}
network: {{hidden: [8]}}
life: {{steps: 80}}
search: {{name: cma, popsize: 4, generations: {GENERATIONS}}}
lifetimes: 2
shapes: 1
selection: {{finalists: 2, lifetimes: 2, shapes: 1}}
compare:
  baselines: [backprop]
  random_search: false
  lifetimes: 3
  main: [{{task: {{name: digits, test: 40}}, hidden: [8], steps: 20}}]
evaluator: serial
tracking: {{mode: disabled}}
"""
PATIENCE_S = 60.0


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A `metalearn` process in `folder`, with a cache of its own so that no run answers for another."""
    environment = os.environ | {"METALEARN_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "metalearn.cli", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """(exit code, stderr) of a process; never a traceback."""
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert "Traceback" not in errors, errors
    return process.returncode, errors


def contents(run: Path) -> tuple[list[Generation], dict[str, Any], dict[str, Any]]:
    """Generations, documents and rule.json of a run, without wall-clock times (looks have one) and the tracker's random id."""
    with RunStore.open(run, write=False) as store:
        documents = {key: store.get(key) for key in store.keys() if key not in ("environment", "tracking", "looks")}
        generations = store.generations()
    documents.get("comparison", {}).pop("seconds", None)
    return generations, documents, json.loads((run / "rule.json").read_text(encoding="utf-8"))


def assert_equal(run: Path, whole: Path) -> None:
    generations, documents, rule = contents(run)
    expected_generations, expected_documents, expected_rule = contents(whole)
    assert len(generations) == len(expected_generations) == GENERATIONS
    for got, expected in zip(generations, expected_generations, strict=True):
        assert got.same_bits(expected), got.index
        assert {**got.metrics, "seconds": 0} == {**expected.metrics, "seconds": 0}
    assert documents == expected_documents and documents["status"] == "finished"
    assert rule == expected_rule
    assert (run / "report.html").is_file()


def until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for a condition on the run of a living process."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "the run does not get there"
        time.sleep(0.002)


def count(run: Path) -> int:
    if not (run / DATABASE).exists():
        return 0
    with RunStore.open(run, write=False) as store:
        return store.count


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The uninterrupted run, made in this process."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "tiny.yaml").write_text(CONFIG, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("METALEARN_CACHE", str(folder / "cache"))
        config = load(str(folder / "tiny.yaml"))
        SearchRun.create(config, folder / "x", Console(quiet=True), ["tiny.yaml", "--name", "x"]).run()
    return folder / "x"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "tiny.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def test_killed_at_random_moments(place: Path, whole: Path) -> None:
    """Twice amid the search, and once when only the baselines and the comparison are missing."""
    run, stored = place / "runs" / "x", 0
    process = start(place, "search", "tiny.yaml", "--name", "x")
    for k in range(2):
        draw = stream(0, "test-kill", k)
        goal = stored + int(draw.integers(2, 7))  # after so many generations, and anywhere within the next one
        until(lambda: count(run) >= goal, process)
        time.sleep(float(draw.uniform(0, 0.03)))
        process.kill()
        process.communicate()
        stored = count(run)
        assert goal <= stored < GENERATIONS
        process = start(place, "resume", "x")
    until(lambda: (run / "rule.json").exists(), process)
    process.kill()
    process.communicate()
    with RunStore.open(run, write=False) as store:
        assert store.count == GENERATIONS and store.get("selection") and not store.get("comparison")
    assert finish(start(place, "resume", "runs/x")) == (0, "")
    assert_equal(run, whole)


def test_stopped_by_signals_and_guarded_from_a_second_process(place: Path, whole: Path) -> None:
    run = place / "runs" / "x"
    process, seen = start(place, "search", "tiny.yaml", "--name", "x"), 0
    until(lambda: count(run) >= 3, process)
    process.send_signal(signal.SIGSTOP)  # a run that is alive for as long as the second process needs
    result = CliRunner().invoke(main, ["resume", str(run)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: run 'x' is being written by pid {process.pid} on ")
    assert len(result.stderr.splitlines()) == 1
    process.send_signal(signal.SIGCONT)
    for number in (signal.SIGTERM, signal.SIGINT):
        process.send_signal(number)
        code, errors = finish(process)
        assert code == 128 + number
        assert "metalearn resume runs/x" in errors and len(errors.strip().splitlines()) == 1
        assert seen < count(run) < GENERATIONS
        seen = count(run)
        if number == signal.SIGTERM:
            process = start(place, "resume", "runs/x")
            until(lambda: count(run) >= seen + 3, process)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("METALEARN_CACHE", str(place / "cache"))
        SearchRun.open(run, Console(quiet=True)).run()
    assert_equal(run, whole)


def test_resuming_a_finished_run_changes_nothing(whole: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(whole, tmp_path / "x"))
    before = {name: (whole / name).read_text(encoding="utf-8") for name in ("rule.json", "report.html")}
    SearchRun.open(run, Console(quiet=True)).run()
    for name, text in before.items():  # the report says where the run lies
        assert (run / name).read_text(encoding="utf-8").replace(str(run), str(whole)) == text
    assert_equal(run, whole)
    with RunStore.open(run, write=False) as store, RunStore.open(whole, write=False) as old:
        assert [g.metrics for g in store.generations()] == [g.metrics for g in old.generations()]  # seconds too
        assert store.get("comparison") == old.get("comparison")
