"""`metalearn league` as a user meets it: tables, page, pictures, mistakes, and nothing lost by a kill."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result
from kills.contents import contents
from kills.scenarios import LEAGUE
from torch import Tensor

from inner.components import names
from inner.networks import mlp
from inner.pathways import backprop
from metalearn.cli import main
from metalearn.config.league import load_league, validate_league
from metalearn.evidence import baselines
from metalearn.evidence.league import League, everyone, lived, plan_of
from metalearn.evidence.league_documents import LeagueResult
from metalearn.evidence.league_table import first_crossing, ranks, to_threshold
from metalearn.report.league_tables import tables
from metalearn.runs import league as runs
from metalearn.store.run_store import RunStore

TINY = {**yaml.safe_load(LEAGUE), "engine": "eager"}
LEARNERS = {"backprop": 2, "sign": 2, "spsa": 3}  # passes of a step
CELLS = ("digits (test 40), 1 x 8", "digits (test 40), 2 x 8")


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("league")
    (folder / "tiny.yaml").write_text("# A test.\n" + yaml.safe_dump(TINY), encoding="utf-8")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("WANDB_MODE", raising=False)
        patch.setenv("METALEARN_CACHE", str(folder / "cache"))
        yield folder
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def whole(place: Path) -> LeagueResult:
    result = invoke("league", "tiny.yaml", "--name", "whole")
    assert result.exit_code == 0, result.output
    for word in (*LEARNERS, "What each synapse must know", "leads 3 learners"):
        assert word in result.output
    return LeagueResult.read(json.loads((place / "runs" / "whole" / "league.json").read_text(encoding="utf-8")), "league")


def test_document(whole: LeagueResult, place: Path) -> None:
    """Every learner in every cell, with one budget, equal passes, and the sums that follow from its lives."""
    assert set(whole.standings) == set(LEARNERS) and tuple(cell.name for cell in whole.plan.cells) == CELLS
    means = [found.mean.mean for found in whole.standings.values()]
    assert means == sorted(means, reverse=True) and whole.leader == next(iter(whole.standings))
    with RunStore.open(place / "runs" / "whole", write=False) as store:
        for name, passes in LEARNERS.items():
            found = whole.standings[name]
            assert found.lifetimes == whole.offered == 4 * 3 * 2 and found.select is not None
            lives = [store.get(f"lived/{name}/{cell}") for cell in CELLS]
            assert all(each["price"]["passes"] == passes and each["price"]["steps"] == 40 // passes for each in lives)
            assert found.mean.mean == pytest.approx(np.mean([each["scores"] for each in lives]))
            assert all(each["steps"][0] == 0 and each["steps"][-1] == 40 // passes for each in lives)
    assert sum(found.rank.mean for found in whole.standings.values()) == pytest.approx(6)
    assert set(whole.plan.entrants["sign"].knows) == {"local", "transported weights"}
    assert whole.plan.entrants["spsa"].source == "Spall 1992; Spall 1998"


def test_one_table_per_question(whole: LeagueResult, place: Path) -> None:
    found = {table.heading: table for table in tables(whole)}
    assert list(found) == [
        "Final score", "Samples to a threshold", "Passes to a threshold", "Multiply-adds to a threshold",
        "Peak memory against depth", "What each synapse must know", "Failures", "Tuning",
    ]  # fmt: skip
    text = (place / "runs" / "whole" / "league.md").read_text(encoding="utf-8")
    for table in found.values():
        assert [row[0] for row in table.rows] == list(whole.standings) and f"## {table.heading}" in text
        assert all(len(row) == len(table.header) for row in table.rows)


def test_page_has_pictures_with_alternative_texts(whole: LeagueResult, place: Path) -> None:
    page = (place / "runs" / "whole" / "report.html").read_text(encoding="utf-8")
    said = re.findall(r'<svg role="img" aria-label="([^"]+)"', page)
    assert len(said) == 5
    for word in ("against the information that a synapse needs", "against cost in multiply-adds", "Mean rank of 3 learners"):
        assert any(word in text for text in said)
    for name in ("ranks", "knowledge", "passes", "multiply_adds", "memory"):
        assert (place / "runs" / "whole" / f"{name}.svg").read_text(encoding="utf-8").startswith("<svg")
    assert "metalearn league tiny.yaml --name whole" in page


def test_report_and_show_know_it(whole: LeagueResult, place: Path) -> None:
    folder = place / "runs" / "whole"
    before = (folder / "report.html").read_text(encoding="utf-8")
    (folder / "report.html").unlink()
    assert invoke("report", "whole").exit_code == 0
    assert (folder / "report.html").read_text(encoding="utf-8") == before
    shown = invoke("show", "whole")
    assert shown.exit_code == 0 and all(name in shown.output for name in LEARNERS)


@pytest.mark.parametrize("key", ["tuned/sign/of its own", f"lived/sign/{CELLS[1]}", "memory/sign", "league", "status"])
def test_a_kill_loses_nothing(whole: LeagueResult, place: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before a document of each stage is stored, then gone on with: the same documents and files."""
    put = RunStore.put

    def stop(self: RunStore, name: str, value: Any) -> None:
        if name == key:
            os.kill(os.getpid(), signal.SIGTERM)
        put(self, name, value)

    run = "killed-" + key.split("/")[0]
    monkeypatch.setattr(RunStore, "put", stop)
    result = invoke("league", "tiny.yaml", "--name", run)
    assert result.exit_code == 128 + signal.SIGTERM and f"metalearn resume runs/{run}" in result.stderr
    monkeypatch.setattr(RunStore, "put", put)
    if key.startswith("tuned"):
        assert f"run runs/{run}: " in invoke("show", run).output and "of 3 tuned, in progress" in invoke("show", run).output
        assert invoke("report", run).exit_code == 0
    assert invoke("resume", run).exit_code == 0
    mine, other = contents(place / "runs" / run), contents(place / "runs" / "whole")
    named = {"run.sqlite: command", "config.yaml", "league.json", "run.sqlite: league"}  # which hold the name of the run
    assert {k: v for k, v in mine.parts.items() if k not in named} == {k: v for k, v in other.parts.items() if k not in named}
    found = json.loads((place / "runs" / run / "league.json").read_text(encoding="utf-8"))
    assert LeagueResult.read(found, "league").standings == whole.standings


def test_what_was_tuned_before_is_remembered(whole: LeagueResult, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: object) -> None:
        raise AssertionError("tuned again")

    monkeypatch.setattr(runs, "tune", never)
    assert invoke("league", "tiny.yaml", "--name", "again", "memory=1").exit_code == 0
    monkeypatch.setattr(baselines, "CACHE_VERSION", 0)
    assert isinstance(invoke("league", "tiny.yaml", "--name", "anew").exception, AssertionError)


def test_numbers_do_not_depend_on_who_else_is_there(whole: LeagueResult, place: Path) -> None:
    assert invoke("league", "tiny.yaml", "learners=[spsa, hebb]", "--name", "other").exit_code == 0
    with RunStore.open(place / "runs/whole", write=False) as a, RunStore.open(place / "runs/other", write=False) as b:
        for cell in CELLS:
            assert a.get(f"lived/spsa/{cell}") == b.get(f"lived/spsa/{cell}")


@pytest.mark.parametrize("name", LEARNERS)
def test_a_life_has_as_many_passes_as_it_may(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted: minibatches that go through the network while a life is lived, forward and back."""
    config = validate_league({**TINY, "fresh": 2, "passes": 41})
    plan = plan_of(config)
    counts = {"forward": 0.0, "back": 0.0}

    def seen(real: Any) -> Any:
        def run(self: mlp.Network, weights: Any, x: Tensor, *rest: Any, **more: Any) -> Any:
            if x.shape[1] == config.batch:  # no test
                counts["forward"] += x.shape[0] / config.fresh
            return real(self, weights, x, *rest, **more)

        return run

    for method in ("forward", "outputs"):
        monkeypatch.setattr(mlp.Network, method, seen(getattr(mlp.Network, method)))
    for module in (backprop, __import__("inner.pathways.sign", fromlist=["sign"])):
        real = module.Pathway.feedback

        def back(self: Any, k: int, at: Any, real: Any = real) -> Any:
            counts["back"] += 1 / (len(at.weights) - 1)  # a sweep asks every hidden layer once
            return real(self, k, at)

        monkeypatch.setattr(module.Pathway, "feedback", back)
    cell = plan.cells[1]
    values = {c.name: c.init for c in League(config, plan).learners[name].coefficients}
    found = lived((config, plan), name, cell, values, "")
    whole = LEARNERS[name] * (41 // LEARNERS[name])
    assert counts["forward"] + counts["back"] == pytest.approx(whole) and found.steps[-1] == 41 // LEARNERS[name]


def test_ranks() -> None:
    """Against a sort: equal scores share the mean of their places."""
    scores = np.array([[0.5, 0.9], [0.7, 0.9], [0.7, 0.1]])
    assert ranks(scores).tolist() == [[3, 1.5], [1.5, 1.5], [1.5, 3]]


def test_costs_to_a_threshold() -> None:
    """On the line between two tests; never reached is infinite; the median and its interval know that."""
    curves = np.array([[0.0, 0.4, 0.8], [0.9, 0.1, 0.1], [0.0, 0.1, 0.2]])
    found = first_crossing((0, 10, 30), curves, 0.6)
    assert found.tolist() == [20.0, 0.0, np.inf]
    cost = to_threshold(np.array([5.0, 7.0, 9.0]), 0, "a")
    assert (cost.median, cost.low, cost.high) == (7.0, 5.0, 9.0)
    cost = to_threshold(np.array([5.0, np.inf, np.inf]), 0, "a")
    assert cost.median is None and cost.high is None


def test_the_house_is_open() -> None:
    """What lands later is known by its name: every learner, rule and pathway; `all` asks for each once."""
    listed = everyone()
    assert len(set(listed)) == len(listed) and set(names("learner")) - {"local_rule"} <= set(listed)
    assert {"learned", "reward", "sign", "backprop", "node_perturbation"} <= set(listed) and "direct" not in listed
    for pathway in names("pathway"):
        plan = plan_of(validate_league({**TINY, "learners": [pathway, "decay"]}))
        assert list(plan.entrants) == [pathway, "decay"]


def test_all_leaves_out_what_cannot_live_there() -> None:
    plan = plan_of(validate_league({**TINY, "learners": "all"}))
    assert "one shape" in plan.left_out["synapse_rates"] and len(plan.entrants) > 50


@pytest.mark.parametrize("name", ["league", "league_full"])
def test_shipped_leagues(name: str) -> None:
    config = load_league(name)
    assert validate_league(config.plain()) == config and config.search["popsize"] * config.lifetimes > 0
    budget = config.search["popsize"] * config.search["generations"] * config.lifetimes * len(config.births)
    assert budget >= 500
    if name == "league":
        assert len(plan_of(config).entrants) >= 15 and config.batch == 32 and config.passes == (2000,)
        assert len(config.tasks) == 2 and len(config.depths) == 2 and budget == 512


def test_a_row_per_learner_is_mirrored_once(whole: LeagueResult, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, Any]] = []

    class Fake:
        def row(self, index: int, metrics: dict[str, float]) -> None:
            sent.append(("row", metrics))

        def finish(self, rule: object, top: list[Any], summary: dict[str, Any]) -> None:
            sent.append(("finish", (top, summary)))

        def close(self, code: int) -> None:
            sent.append(("close", code))

    monkeypatch.setattr(runs, "mirror", lambda *arguments: Fake())
    assert invoke("league", "tiny.yaml", "--name", "mirrored").exit_code == 0
    assert [kind for kind, _ in sent] == ["row"] * 3 + ["finish", "close"]
    assert sent[0][1]["place"] == 1 and f"final/{CELLS[0]}" in sent[0][1] and sent[3][1][1]["leader"] == whole.leader
    assert invoke("resume", "mirrored").exit_code == 0 and [kind for kind, _ in sent][5:] == ["close"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("learners=[backprop, bakprop]",), r"no rule, learner or pathway named 'bakprop' \(did you mean 'backprop'\?\)"),
        (("learners=[backprop, backprop]",), "learners: 'backprop' stands there twice"),
        (("learners=[backprop]",), "learners: expected at least 2, got 1"),
        (("learners=[backprop, 3]",), "learners: expected a list of names and"),
        (("learners=[backprop, {name: spsa, sigm: 1}]",), "learner.sigm: 'spsa' has no such option"),
        (("learners=[backprop, synapse_rates]",), "share 'synapse' needs networks of one shape, got several"),
        (("passes=2",), "passes: expected at least 3, a step of 'spsa', got 2"),
        (("passes=[40, 40]",), r"league: passes: expected numbers >= 1, each once, got \[40, 40\]"),
        (("depths=[]",), "league: depths: expected numbers >= 0, each once"),
        (("tasks=[digits, digit]",), r"task: unknown name 'digit' \(did you mean 'digits'\?\)"),
        (("tasks=[digits, sines]",), r"task\[1\]: expected a task of classes as the first"),
        (("tasks=bandit",), "'bandit': expected a task of samples with targets that stand alone"),
        (("tasks=[digits, digits]",), "tasks: expected each once"),
        (("bach=3",), r"league: unknown key 'bach' \(did you mean 'batch'\?\)"),
        (("selection.finalist=3",), r"unknown key 'selection.finalist' \(did you mean 'finalists'\?\)"),
        (("threshold=2",), "league: threshold: input should be less than or equal to 1, got 2"),
        (("births=[orthogonl]",), "orthogonl"),
        (("search.popsiz=3",), r"'cma' has no such option \(did you mean 'popsize'\?\)"),
        (("engine=native",), "engine: native cannot run this"),
        (("width=20000000",), "memory: this would take about .*; lower width"),
        (("selection.lifetimes=1000000000",), "memory: this would take about .*; lower selection.lifetimes"),
        (("fresh=1000000000",), "memory: this would take about .*; lower fresh"),
        (("passes=1000000000",), "memory: this would take about .*; lower passes"),
        (("tiny.yaml",), "expected one config, got tiny.yaml, tiny.yaml"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(place: Path, arguments: tuple[str, ...], message: str) -> None:
    result = invoke("league", "tiny.yaml", *arguments, "--name", "wrong")
    assert result.exit_code == 2 and re.search(message, result.output), result.output
    assert len(result.output.strip().splitlines()) == 1 and not (place / "runs" / "wrong").exists()


def test_a_wrong_name_is_refused_without_torch() -> None:
    text = (
        "import sys\nfrom metalearn.cli import main\ntry:\n    main(['league', 'league', 'learners=[oja, bakprop]'])\n"
        "except SystemExit as end:\n    assert end.code == 2\nassert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "did you mean 'backprop'" in done.stderr, done.stderr


def test_other_configs_say_where_they_belong(place: Path) -> None:
    result = invoke("league", "digits")
    assert result.exit_code == 2 and "'digits' is no league: it has no 'learners'" in result.output
    result = invoke("search", "tiny.yaml")
    assert result.exit_code == 2 and "this is a league, not a search; run it with metalearn league" in result.output
