"""Comparisons are paired, on the final tier only, and say what they left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from inner.rules.rule import Rule
from metalearn.build import Experiment
from metalearn.config import library
from metalearn.config.schema import CellConfig, Config, validate
from metalearn.evidence import comparison
from metalearn.evidence.arms import Arm
from metalearn.evidence.comparison import Arms, compare
from metalearn.evidence.documents import Difference
from outer.evaluators.serial import Evaluator
from outer.evidence.fresh_lives import FreshLives, bootstrap_interval, live_fresh

DIGITS = {"task": {"name": "digits", "test": 40}, "hidden": [8], "steps": 20}
MNIST = {"task": {"name": "mnist", "size": 8, "test": 40}, "hidden": [8], "steps": 20}
WINE = {"task": {"name": "wine", "test": 20}, "hidden": [4], "steps": 10}


def config(main: Sequence[Any] = (DIGITS,), transfer: Sequence[Any] = (), lifetimes: int = 3, seed: int = 0) -> Config:
    return validate(
        {
            "task": {"name": "digits", "test": 40},
            "rule": "backprop",
            "network": {"depth": [1, 3], "width": [4, 8]},
            "life": {"steps": [20, 40]},
            "seed": seed,
            "compare": {"lifetimes": lifetimes, "main": list(main), "transfer": list(transfer)},
        }
    )


def arms(**rates: float) -> Arms:
    """Backprop with these learning rates."""
    learner = library.learner("backprop")
    return {name: Arm(learner, {"eta": eta}, 8) for name, eta in rates.items()}


def run(given: Arms, chosen: Config, **options: Any) -> dict[str, Any]:
    with Evaluator() as evaluator:
        return compare(given, Experiment(chosen), evaluator, **options)


def test_all_arms_live_the_same_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    settings: list[Any] = []

    class Spy(Evaluator):
        def map(self, function: Any, jobs: Any, done: Any = None) -> Any:
            settings.extend((setting, seed) for _, _, setting, seed, *_ in jobs)
            return super().map(function, jobs, done)

    document = compare(arms(a=0.05, b=0.05, c=0.5), Experiment(config(seed=4)), Spy())
    assert len(settings) == 3 and settings[0] == settings[1] == settings[2]
    results = document.cells[0].arms
    assert results["a"].scores == results["b"].scores != results["c"].scores  # same rule, same lives: same bits
    assert document.cells[0].differences["b"] == Difference(mean=0.0, low=0.0, high=0.0, verdict="not distinguishable")


def test_an_arm_does_not_depend_on_its_company() -> None:
    alone = run(arms(a=0.05), config()).cells[0].arms["a"]
    assert run(arms(b=0.5, a=0.05), config()).cells[0].arms["a"] == alone
    assert run(arms(a=0.05), config([WINE, DIGITS])).cells[1].arms["a"] == alone


def test_scores_are_those_of_the_final_tier() -> None:
    chosen = config(seed=2)
    document = run(arms(a=0.05), chosen)
    setting = Experiment(chosen).setting(chosen.compare.main[0], 3)
    assert setting.tier == document.cells[0].tier == "final"
    assert setting.steps == 20 and tuple(setting.network.hidden) == (8,)
    expected = live_fresh(library.rule("backprop"), {"eta": 0.05}, setting, 2)
    assert document.cells[0].arms["a"].scores == tuple(expected.scores.tolist())
    curve = document.cells[0].arms["a"].curve
    assert curve is not None and curve.steps == expected.steps
    final, others = (setting.task.samples(tier) for tier in ("final", "search")), setting.task.samples("select")
    for samples in final:
        assert samples.isdisjoint(others)


def test_seeds_and_cells_have_lives_of_their_own() -> None:
    def lives(chosen: Config, cell: Any = DIGITS) -> np.ndarray:
        setting = Experiment(chosen).setting(CellConfig(**cell), 3)
        return setting.task.life_data(setting.tier, setting.steps, setting.batch, chosen.seed, setting.labels).x.numpy()

    assert (lives(config()) == lives(config())).all()
    assert (lives(config()) != lives(config(seed=1))).any()
    assert (lives(config()) != lives(config(), {**DIGITS, "hidden": [9]})).any()
    longer = Experiment(config()).setting(CellConfig(**DIGITS), 5)
    assert (
        longer.labels[:3] == Experiment(config()).setting(CellConfig(**DIGITS), 3).labels
    )  # more lives keep the first ones


def stub(monkeypatch: pytest.MonkeyPatch, scores: dict[float, Sequence[float]]) -> None:
    """Lives whose scores are known: eta -> scores."""

    def known(rule: Rule, values: Any, setting: Any, seed: int, *_: Any) -> FreshLives:
        found = np.array(scores[values["eta"]], dtype=np.float64)
        return FreshLives(found, np.arange(len(found)) > 0, (0, 20), np.stack([found * 0, found], 1))

    monkeypatch.setattr(comparison, "live_fresh", known)


def test_differences_are_the_reference_minus_the_arm_paired(monkeypatch: pytest.MonkeyPatch) -> None:
    base = [0.1, 0.5, 0.9, 0.3]
    stub(monkeypatch, {1.0: base, 2.0: [s - 0.05 for s in base], 3.0: [s + 0.05 for s in base], 4.0: base[::-1]})
    document = run(arms(ours=1.0, weak=2.0, strong=3.0, other=4.0), config(lifetimes=4))
    assert document.reference == next(iter(document.arms)) == "ours"
    cell = document.cells[0]
    assert "ours" not in cell.differences and list(cell.arms) == ["ours", "weak", "strong", "other"]
    for arm, expected, verdict in (("weak", 0.05, "better"), ("strong", -0.05, "worse"), ("other", 0.0, None)):
        found = cell.differences[arm]
        assert found.mean == pytest.approx(expected, abs=1e-12)
        assert verdict in (None, found.verdict)
    # a constant lead has no spread however much the lives differ: the interval is of the pairs
    assert cell.differences["weak"].low == pytest.approx(0.05) == cell.differences["weak"].high
    assert cell.arms["ours"].high - cell.arms["ours"].low > 0.3
    assert cell.differences["other"].verdict == "not distinguishable"
    assert cell.differences["other"].low < 0 < cell.differences["other"].high
    assert cell.arms["ours"].failures == 1
    assert cell.arms["ours"].curve.mean == pytest.approx([0.0, np.mean(base)])


def test_the_verdict_matches_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = [0.50, 0.52, 0.48, 0.51, 0.49, 0.50]
    shifts = {2.0 + k: shift for k, shift in enumerate(np.linspace(-0.06, 0.06, 13).tolist())}
    wobble = [0.03, -0.02, 0.01, -0.03, 0.02, 0.0]
    others = {eta: [s + shift + w for s, w in zip(ours, wobble)] for eta, shift in shifts.items()}
    stub(monkeypatch, {1.0: ours} | others)
    cell = run(arms(ours=1.0, **{f"arm{eta}": eta for eta in shifts}), config(lifetimes=6)).cells[0]
    verdicts = []
    for eta in shifts:
        found = cell.differences[f"arm{eta}"]
        differences = np.array(ours) - np.array(others[eta])
        assert (found.mean, found.low, found.high) == bootstrap_interval(differences, 0, cell.name, "difference")
        verdicts.append("better" if found.low > 0 else "worse" if found.high < 0 else "not distinguishable")
        assert found.verdict == verdicts[-1]
    assert verdicts[0] == "better" and verdicts[6] == "not distinguishable" and verdicts[-1] == "worse"


def test_missing_data_are_reported_and_do_not_end_the_comparison(
    without_data: None,
) -> None:
    document = run(arms(a=0.05), config(transfer=[MNIST, WINE]))
    assert [(cell.group, cell.task) for cell in document.cells] == [
        ("main", "digits (test 40)"),
        ("transfer", "wine (test 20)"),
    ]
    (skipped,) = document.skipped
    assert skipped.cell == "mnist (size 8, test 40), 1 x 8"
    assert "'mnist' is not on this machine" in skipped.why and "\n" not in skipped.why
    with pytest.raises(ValueError, match="'mnist' is not on this machine"):
        run(arms(a=0.05), config(main=[MNIST]))


def test_nothing_is_skipped_when_all_data_are_there() -> None:
    assert run(arms(a=0.05), config()).skipped == ()


def test_without_cells_the_middle_of_what_was_searched() -> None:
    ((group, cell),) = Experiment(config(main=[])).cells
    assert group == "main" and cell.hidden == (6, 6) and cell.steps == 30
    assert cell.task == {"name": "digits", "test": 40}


def test_progress_counts_every_arm_of_every_cell() -> None:
    seen: list[tuple[int, int]] = []
    run(arms(a=0.05, b=0.5), config([DIGITS, WINE]), progress=lambda ended, total: seen.append((ended, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_document_says_what_the_arms_are() -> None:
    document = run(arms(a=0.25), config())
    arm = document.arms["a"]
    assert (arm.pathway, arm.values, arm.lifetimes) == ("backprop", {"eta": 0.25}, 8)
    assert "0.25" in arm.formula and Rule.from_dict(arm.rule) == library.rule("backprop")
    cell = document.cells[0]
    assert (cell.network, cell.steps, cell.lifetimes, cell.metric) == ("1 x 8", 20, 3, "accuracy")
    assert 0.05 < cell.chance < 0.2
    found = cell.arms["a"]
    assert found.mean == pytest.approx(np.mean(found.scores))
    assert found.low <= found.mean <= found.high
