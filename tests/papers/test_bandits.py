"""The evolved bandit rule against players that know what a bandit is (`pytest -m paper -s tests/papers/test_bandits.py`).

Three worlds: independent arms of Duan et al. 2016, (100 pulls, 10 arms) and (100, 5), and arms that are all drawn anew every
50 of 200 pulls. Each of 5 searches evolves five numbers (CMA-ES, 24 candidates, 80 generations, 128 lives each) and its winner
lives 8,000 fresh worlds of the final tier; players live the first 2,000 of them, gradient bandits and UCB after tuning.
Duan's table has 78.3 (Gittins), 74.7 (Thompson) and 78.0 (UCB1) at (100, 5); 82.8, 76.7 and 82.4 at (100, 10).
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import numpy as np
import pytest

from metalearn.build import Experiment
from metalearn.config import library
from metalearn.config.load import load
from metalearn.config.schema import CellConfig, Config, validate
from metalearn.config.variants import merged
from metalearn.makers import make_search
from outer.evidence.fresh_lives import FreshLives, live_fresh
from outer.evidence.tuning import tune

pytestmark = pytest.mark.paper
SEEDS, WORLDS, PLAYED = 5, 8_000, 2_000
PLACES: dict[str, tuple[dict[str, Any], int]] = {
    "100 x 10": ({"name": "bandit", "arms": 10}, 100),
    "100 x 5": ({"name": "bandit", "arms": 5}, 100),
    "switching": ({"name": "bandit", "arms": 5, "switch": 50}, 200),
}


def config(place: str, seed: int) -> Config:
    task, steps = PLACES[place]
    plain = load("papers/bandits").plain()
    plain.pop("variants")
    return validate(merged(plain, {"task": task, "life": {"steps": steps}, "seed": seed, "compare": {"main": [], "transfer": []}}))


def lived(experiment: Experiment, learner: Any, values: Any, place: str, worlds: int) -> FreshLives:
    """The same fresh worlds for all, whatever the seed of the search."""
    task, steps = PLACES[place]
    setting = experiment.setting(CellConfig(task=task, hidden=(), steps=steps), worlds)
    return live_fresh(learner, values, setting, 0, 2)


@cache
def evolved(place: str) -> list[tuple[Any, float, float]]:
    """Per search seed: the values, the mean reward of a fresh life, the seconds of the search."""
    found = []
    for seed in range(SEEDS):
        experiment, started = Experiment(config(place, seed)), time.perf_counter()
        tuned = tune(experiment.objective, experiment.search, 4, 1000, 1)
        seconds = time.perf_counter() - started
        steps = PLACES[place][1]
        mean = float(lived(experiment, experiment.learner, tuned.values, place, WORLDS).scores.mean()) * steps
        shown = ", ".join(f"{name} {value:.3f}" for name, value in tuned.values.items())
        print(f"{place}, seed {seed}: {mean:.2f} of {steps} in {seconds:.1f} s; {shown}", flush=True)
        found.append((tuned.values, mean, seconds))
    return found


@cache
def player(place: str, name: str, generations: int = 0) -> float:
    """Mean reward of a life of a learner of the library, tuned for so many generations of 24 candidates."""
    experiment = Experiment(config(place, 0))
    learner = library.learner(name)
    values: Any = {c.name: c.init for c in learner.coefficients}
    if generations:
        search = make_search({"name": "cma", "popsize": 24, "generations": generations, "sigma0": 0.5})
        values = tune(experiment.objective_of(learner), search, 2, 400, 1).values
    scores = lived(experiment, learner, values, place, PLAYED).scores * PLACES[place][1]
    error = scores.std(ddof=1) / PLAYED**0.5
    print(f"{place}, {name}: {scores.mean():.2f} +- {error:.2f}; {values}", flush=True)
    return float(scores.mean())


@pytest.mark.parametrize("place, least", [("100 x 10", 81.8), ("100 x 5", 77.3), ("switching", 144.5)])
def test_the_evolved_rule_reaches_the_anchor(place: str, least: float) -> None:
    assert np.mean([mean for _, mean, _ in evolved(place)]) >= least


@pytest.mark.parametrize(
    "place, name, ahead",
    [("100 x 10", "thompson_sampling", 2.0), ("100 x 10", "gittins", -1.0), ("100 x 5", "gittins", -1.0)],
)
def test_the_evolved_rule_against_players(place: str, name: str, ahead: float) -> None:
    assert np.mean([mean for _, mean, _ in evolved(place)]) > player(place, name) + ahead


def test_the_evolved_rule_is_far_ahead_of_the_gradient_bandit_where_worlds_switch() -> None:
    means = [mean for _, mean, _ in evolved("switching")]
    assert np.mean(means) > player("switching", "gradient_bandit", 30) + 20
    player("switching", "discounted_ucb", 6)


def unchosen(values: Any) -> float:
    """The change of an arm that was pulled once, was not paid, and is left alone since: lift - leak*w at w = -eta*prior."""
    return float(values["lift"] + values["leak"] * values["eta"] * values["prior"])


def test_what_happens_to_unchosen_arms_flips_its_sign() -> None:
    """They sink where worlds stay, and rise where worlds switch: in all searches of the one and of the other."""
    assert max(unchosen(values) for values, _, _ in evolved("100 x 10")) < 0
    assert min(unchosen(values) for values, _, _ in evolved("switching")) > 0
