"""Tuning for one setting: the grid finds what a search in plain Python finds, within bounds, on select-tier lives alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from inner.components import build
from inner.learners.local_rule import Learner
from inner.rules.coefficient import Coefficient
from inner.rules.rule import Rule
from outer.evidence.setting_tuning import GRIDS, gridded, points_of, tune_setting
from outer.learner_objective import LearnerObjective
from outer.objective import Lived
from outer.plateau import NEVER
from outer.searches.base import Search
from outer.settings import Distribution, Setting

ONE = Rule.from_dict(
    {"dw": "eta*err*pre", "pathway": "backprop", "coefficients": {"eta": {"init": 0.03, "transform": "log"}}}
)
TWO = Rule.from_dict(
    {
        "dw": "eta*err*pre - decay*w",
        "pathway": "backprop",
        "coefficients": {"eta": {"init": 0.03, "transform": "log"}, "decay": {"init": 0.01, "transform": "log"}},
    }
)
SIGNED = Rule.from_dict({"dw": "a*err*pre", "pathway": "backprop", "coefficients": {"a": {"init": 0.01}}})
CELL = Distribution({"name": "digits", "test": 40}, hidden=(6,), steps=(30, 30))
SEARCH = cast(Search, build("search", {"name": "cma", "popsize": 4, "generations": 2}))


def tuned(objective: LearnerObjective, lifetimes: int = 4) -> Any:
    return tune_setting(objective, SEARCH, 2, lifetimes, NEVER, "here")


class Peak:
    """In place of lives: a score that falls with the distance, in decades, from a place."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, place: dict[str, float]) -> None:
        self.settings: list[Setting] = []
        self.values: list[np.ndarray] = []

        def lives(objective: LearnerObjective, vectors: np.ndarray, setting: Setting) -> Lived:
            theta = objective.genome.decode(vectors)
            far = np.square(np.log10(theta) - np.log10(list(place.values()))).sum(1)
            self.settings.append(setting)
            self.values.append(theta)
            scores = np.repeat(-far[:, None], len(setting.labels), axis=1)
            return Lived(scores, scores <= 0)

        monkeypatch.setattr(LearnerObjective, "lives", lives)


@pytest.mark.parametrize(("rule", "place"), [(ONE, {"eta": 0.4567}), (TWO, {"eta": 0.7, "decay": 0.0011})])
def test_the_peak_is_found_to_a_few_percent(
    monkeypatch: pytest.MonkeyPatch, rule: Rule, place: dict[str, float]
) -> None:
    peak = Peak(monkeypatch, place)
    found = tuned(LearnerObjective(rule, CELL, 1))
    for name, value in place.items():
        assert found.values[name] == pytest.approx(value, rel=0.06)
    assert found.select_score == max(
        -np.square(np.log10(v) - np.log10(list(place.values()))).sum(1).min() for v in peak.values
    )
    assert {setting.tier for setting in peak.settings} == {"select"} and len(peak.settings[0].labels) == 4
    assert all(setting == peak.settings[0] for setting in peak.settings), "all points live the same lives"
    grid = GRIDS[len(place)]
    assert found.lifetimes == 4 * (grid.first ** len(place) + 2 * grid.then ** len(place))


def test_a_peak_beyond_the_grid_moves_the_finer_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    Peak(monkeypatch, {"eta": 4.0})  # the grid ends at 3
    assert tuned(LearnerObjective(ONE, CELL, 1)).values["eta"] == pytest.approx(4.0, rel=0.06)


def test_bounds_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    Peak(monkeypatch, {"eta": 0.4})
    bounded = replace(ONE, coefficients=(Coefficient("eta", 0.03, "log", high=0.1),))
    assert tuned(LearnerObjective(bounded, CELL, 1)).values["eta"] == pytest.approx(0.1)
    points = points_of(np.array([-1.0]), 3, 0.5, bounded.coefficients)
    assert points.ravel() == pytest.approx([10**-1.5, 0.1])


def test_others_are_searched() -> None:
    """A coefficient of any sign, three of them, or one that is fixed beside a free one."""
    assert not gridded(Learner(SIGNED).coefficients)
    three = [Coefficient(name, 0.1, "log") for name in "abc"]
    assert not gridded(three)
    assert [c.name for c in gridded([three[0], replace(three[1], fixed=True)])] == ["a"]
    found = tuned(LearnerObjective(SIGNED, CELL, 1, lifetimes=3, shapes=1))
    assert found.lifetimes == 2 * 4 * 3 and len(found.fitness) == 2


def test_real_lives_are_repeated_to_the_bit() -> None:
    first, again = (tuned(LearnerObjective(ONE, CELL, 1)) for _ in range(2))
    assert first == again and 0 < first.values["eta"] < 3
