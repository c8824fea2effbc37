"""What does not fit into the machine is refused before anything is allocated, in one line with the key to lower."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console
from tiny import TINY

from metalearn.build import Experiment
from metalearn.cli import main
from metalearn.config.load import load
from metalearn.size import door, machine
from metalearn.size.door import Sized, days, gigabytes, halved, numbers
from metalearn.size.search import sized_search
from metalearn.size.size import MAIN, WORKER, Size, in_turn

HUGE = 10**9
BALDWIN = ["baldwin", "baldwin_digits"]
REFUSED = {
    "lifetimes": ["search", "tiny.yaml", "lifetimes=100000000"],
    "life.steps": ["search", "tiny.yaml", f"life.steps={HUGE}"],
    "life.batch": ["search", "tiny.yaml", f"life.batch={HUGE}"],
    "network.width": ["search", "tiny.yaml", "network={depth: 1, width: 1000000000}"],
    "network.hidden": ["search", "tiny.yaml", "network.hidden=[1000000, 1000000]"],
    "search.popsize": ["search", "tiny.yaml", f"search.popsize={HUGE}"],
    "search.generations": ["search", "tiny.yaml", f"search.generations={HUGE}"],
    "evaluator.workers": ["search", "tiny.yaml", "evaluator={name: processes, workers: 100000}"],
    "selection.lifetimes": ["search", "tiny.yaml", f"selection.lifetimes={HUGE}"],
    "compare.lifetimes": ["search", "tiny.yaml", f"compare.lifetimes={HUGE}"],
    "compare.main.0.hidden": ["search", "tiny.yaml", "compare.main=[{task: digits, hidden: [1000000, 1000000]}]"],
    "task.patterns": ["search", "tiny.yaml", f"task={{name: linear, patterns: {HUGE}}}"],
    "task.test": ["search", "tiny.yaml", f"task={{name: linear, test: {HUGE}}}"],
    "task.inputs": ["search", "tiny.yaml", "task={name: pca, inputs: 1000000}"],
    "life.steps (gradients)": ["search", "tiny.yaml", "search={name: gradient, checkpoint: false}", "life.steps=50000000"],
    "lifetimes (estimate)": ["estimate", "tiny.yaml", "lifetimes=100000000"],
    "lifetimes (sweep)": ["sweep", "tiny.yaml", "lifetimes=100000000"],
    "--seeds": ["sweep", "tiny.yaml", "--seeds", "10000000"],
    "lifetimes (bench)": ["bench-searches", "tiny.yaml", "lifetimes=100000000"],
    "compare.lifetimes (compare)": ["compare", "backprop", "--config", "tiny.yaml", "--lifetimes", str(HUGE)],
    "search.popsize (baldwin)": [*BALDWIN, f"search.popsize={HUGE}", "inheritance.arms=[baldwinian]"],
    "inheritance.lifetimes": [*BALDWIN, f"inheritance.lifetimes={HUGE}"],
    "study.runs": ["baldwin", "papers/hinton_nowlan", f"study.runs={HUGE}"],
    "study.popsize": ["baldwin", "papers/needle_ridge", f"study.popsize={HUGE}"],
    "study.patterns": ["baldwin", "papers/lamarckian_sgd", f"study.patterns={HUGE}"],
    "study.hidden": ["baldwin", "papers/genomic_bottleneck", "study.hidden=1024", "study.batch=100000000"],
}  # fmt: skip
KEYS = {"study.hidden": "study.batch"}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_with_the_key_to_lower(name: str, place: Path) -> None:
    code, printed, error = invoke(*REFUSED[name])
    key = KEYS.get(name, name.split(" ")[0])
    assert code == 2 and len(error.splitlines()) == 1, error
    assert error.startswith("error: memory: this would take about ") and f"this machine has {gigabytes(machine.total())}" in error
    assert f"; lower {key} (now " in error
    assert printed == "" and sorted(p.name for p in place.iterdir()) == ["tiny.yaml"]


def test_depth_is_limited_before_layers_are_listed(place: Path) -> None:
    for command in (["search", "tiny.yaml", "network={name: mlp, width: 8}"], ["baldwin", "baldwin_digits", "network={width: 8}"]):
        code, _, error = invoke(*command, f"network.depth={HUGE}")
        assert (code, error) == (2, f"error: config: network.depth: expected at most 1000 hidden layers, got {HUGE}\n")


def test_a_stored_run_that_does_not_fit_is_not_gone_on_with(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from metalearn.runs.search import SearchRun

    SearchRun.create(load("tiny.yaml"), place / "x", Console(quiet=True), []).store.close()
    monkeypatch.setattr(machine, "total", lambda: 1e6)
    code, _, error = invoke("resume", "x")
    assert code == 2 and error.startswith("error: memory: this would take about 0.") and "has 0.001 GB" in error


def test_less_free_memory_is_said(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sized = sized_search(Experiment(load("tiny.yaml")))
    assert sized.refuse() is sized and capsys.readouterr().err == ""
    monkeypatch.setattr(machine, "free", lambda: 1e6)
    sized.refuse()
    assert capsys.readouterr().err == f"warning: this may take {gigabytes(sized.size.bytes)} of memory; 0.001 GB are free\n"


class Terminal:
    is_terminal = True

    @staticmethod
    def isatty() -> bool:
        return True


def test_more_than_a_day_is_asked_for_or_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def sized(generations: int) -> Sized:
        def predict(plain: dict[str, Any]) -> Size:
            return Size(seconds=1000.0 * plain["search"]["generations"] + plain["lifetimes"])

        plain = {"search": {"generations": generations}, "lifetimes": 1000}
        return Sized(predict(plain), plain, predict)

    asked: list[str] = []
    monkeypatch.setattr("click.confirm", lambda text: asked.append(text) or False)
    quiet = Console(quiet=True, force_terminal=False)
    sized(85).ask(quiet)
    assert capsys.readouterr().err == "" and not asked
    sized(8640).ask(quiet)
    text = "this takes about 100.0 days; what takes longest is search.generations (now 8640)"
    assert capsys.readouterr().err == f"warning: {text}\n" and not asked
    monkeypatch.setattr(door.sys, "stdin", Terminal)
    with pytest.raises(ValueError, match="not begun"):
        sized(8640).ask(Terminal)
    assert asked == [f"{text}. Begin?"]


def test_a_long_search_says_so_and_begins(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "DAY_S", 1e-3)
    code, printed, error = invoke("search", "tiny.yaml", "--name", "x")
    assert code == 0 and "report" in printed and "what takes longest is " in error


def test_estimate_of_a_long_search_times_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metalearn.runs.estimate.pace", None)
    monkeypatch.setattr("metalearn.runs.estimate.LONG_S", 1e-6)
    code, printed, _ = invoke("estimate", "tiny.yaml")
    assert code == 0 and "from sizes alone" in printed and "memory " in printed


def test_processes_of_a_stage_add_up() -> None:
    one, two = Size(1e9, 2e9, 5.0, 1), Size(3e9, 0.5e9, 7.0, 1)
    assert one.bytes == MAIN + 3e9 and in_turn([one, two]) == Size(3e9, 0.5e9, 12.0, 1)
    three, four = Size(1e9, 2e9, 5.0, 4), Size(3e9, 0.5e9, 7.0, 4)
    assert three.bytes == MAIN + 1e9 + 4 * (WORKER + 2e9) and in_turn([three, four]) == Size(3e9, 2e9, 12.0, 4)


def test_numbers_of_a_config_are_found_and_halved() -> None:
    plain = {"search": {"popsize": 8, "sigma": 0.3, "flag": True}, "life": {"steps": [100, 301]}, "seed": 7, "main": [{"steps": 5}]}
    found = dict(numbers(plain))
    assert found == {("search", "popsize"): 8, ("life", "steps"): [100, 301], ("main", 0, "steps"): 5}
    assert halved(plain, ("life", "steps"))["life"]["steps"] == [50, 151]
    assert halved(plain, ("main", 0, "steps"))["main"] == [{"steps": 3}] and plain["main"] == [{"steps": 5}]
    assert gigabytes(2.5e9) == "2.5 GB" and days(1e11) == "3,171 years" and days(2 * 86400) == "2.0 days"


def test_a_container_has_its_own_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = machine.total()
    assert 0 < machine.free() <= whole
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "LIMITS", (str(limit), str(tmp_path / "none")))
    for text, expected in (("max\n", whole), ("1000000\n", 1e6)):
        limit.write_text(text, encoding="ascii")
        assert machine.total() >= expected and (text == "max\n" or machine.total() == 1e6)
    assert machine.free() == 1e6
