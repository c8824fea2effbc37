"""Mutation and selection is noisy gradient descent (Whitelam et al. 2021): the mean accepted step at a fixed point."""

from __future__ import annotations

import math

import numpy as np
import pytest
from drive import advance, evaluation, sphere, start

from inner.components import build

CHAINS, SIZE, SIGMA = 200_000, 5, 1e-4
SCALES = np.array([1.0, 2.0, 0.5, 3.0, 1.5])  # of a quadratic bowl; the gradient at x is -SCALES x
POINT = np.array([1.0, -0.5, 2.0, 0.3, -1.0])


def bowl(x: np.ndarray) -> np.ndarray:
    return -0.5 * np.square(x) @ SCALES


def first_steps(temperature: float) -> tuple[np.ndarray, float]:
    """The first step of many chains from POINT, in units of sigma [C, D], and the share accepted."""
    options = {"name": "hillclimb", "popsize": 2 * CHAINS, "chains": CHAINS, "sigma": SIGMA, "temperature": temperature}
    running = build("search", options).start(POINT, 0)
    candidates = running.ask()
    running.tell(candidates, evaluation(bowl(candidates)))
    return (running.parents - POINT) / SIGMA, running.metrics()["acceptance"]


def along_and_across(steps: np.ndarray) -> tuple[float, float]:
    """Mean step along the gradient, and the length of the mean step across it."""
    estimate = -SCALES * POINT
    estimate = estimate / np.linalg.norm(estimate)
    mean = steps.mean(0)
    return float(mean @ estimate), float(np.linalg.norm(mean - (mean @ estimate) * estimate))


def test_mean_step_without_temperature() -> None:
    """sigma / sqrt(2 pi) g / |g| within 2 %, half of the children accepted, variance sigma^2 / 2 across the gradient."""
    steps, acceptance = first_steps(0.0)
    along, across = along_and_across(steps)
    assert abs(along * math.sqrt(2 * math.pi) - 1) < 0.02
    assert across < 5 * math.sqrt(0.5 * SIZE / CHAINS)
    assert abs(acceptance - 0.5) < 4 * 0.5 / math.sqrt(CHAINS)
    assert abs(np.square(steps).sum(1).mean() / SIZE - 0.5) < 0.01


@pytest.mark.parametrize("ratio", [0.5, 1.0])
def test_mean_step_at_a_finite_temperature(ratio: float) -> None:
    """For a = sigma |g| / T: mean a exp(a^2 / 2) Phi(-a) (exact for a linear fitness), which is sigma^2 g / (2 T) for small a."""
    steps, acceptance = first_steps(SIGMA * float(np.linalg.norm(SCALES * POINT)) / ratio)
    along, across = along_and_across(steps)
    tail = 0.5 * math.erfc(ratio / math.sqrt(2))
    weight = math.exp(ratio**2 / 2) * tail
    assert abs(along / (ratio * weight) - 1) < 0.035
    assert across < 5 * math.sqrt(SIZE / CHAINS)
    assert abs(acceptance - (0.5 + weight)) < 0.006
    small = 1e-3
    assert abs(math.exp(small**2 / 2) * 0.5 * math.erfc(small / math.sqrt(2)) * 2 - 1) < 1e-3


def test_parents_never_get_worse_and_chains_are_independent() -> None:
    running = start("hillclimb", popsize=12, chains=3)
    before = np.full(3, -np.inf)
    for _ in range(40):
        advance(running, sphere, 1)
        now = sphere(running.parents)
        assert (now >= before).all()
        before = now
    assert len(np.unique(running.parents, axis=0)) == 3 and before.min() > -5
    assert float(sphere(running.recommendation()[None])[0]) == before.max()


def test_a_child_that_is_not_worse_is_kept() -> None:
    """A tie moves the parent (neutral drift), a worse child does not; acceptance counts both."""
    running = start("hillclimb", popsize=4, chains=2)
    candidates = running.ask()
    running.tell(candidates, evaluation(np.array([1.0, 1.0, 1.0, 0.9])))
    assert running.parents[0].tobytes() == candidates[2].tobytes()
    assert running.parents[1].tobytes() == candidates[1].tobytes()
    assert running.metrics()["acceptance"] == 0.5


def test_one_fifth_rule() -> None:
    """Sigma grows by 1.5 after a success and shrinks by its fourth root after a failure."""
    running = start("hillclimb", popsize=4, adapt=True, sigma=0.2)
    for better, factor in ((True, 1.5), (False, 1.5**-0.25), (True, 1.5)):
        before = running.metrics()["sigma"]
        candidates = running.ask()
        running.tell(candidates, evaluation(np.array([0.0, -1.0, 1.0 if better else -1.0, -2.0])))
        assert math.isclose(running.metrics()["sigma"] / before, factor)
        if better:
            assert running.recommendation().tobytes() == candidates[2].tobytes()


@pytest.mark.parametrize(
    "options", [{"chains": 0}, {"chains": 3}, {"chains": 16}, {"temperature": 0.1}, {"temperature": -1.0, "chains": 8}]
)
def test_refuses(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="search.(chains|temperature): ") as caught:
        build("search", {"name": "hillclimb", **options})
    assert "\n" not in str(caught.value)
