"""Estimators of a life's gradient on toys with known answers: unbiased or not, and how noisy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from inner.components import build
from inner.learners import base
from inner.learners.base import Spec
from inner.life.unroll import Unroll
from inner.random import stream
from inner.rules.rule import Coefficient
from inner.sources import Told
from inner.tasks.base import Label, LifeData
from inner.tasks.sinusoid import Task as Sinusoid
from outer.genome.coefficients import CoefficientGenome
from outer.gradient_estimators import backprop, forward, persistent
from outer.gradient_estimators.base import GradientEstimator, gather
from outer.objective import Evaluation

STEPS = 100  # of a life of the influence toy, when it is climbed


@dataclass(frozen=True)
class Bowl(base.Learner):
    """A life of one step that ends at 'output' |theta - c|^2 / 2: its gradient is theta - c."""

    size: int

    @property
    def coefficients(self) -> tuple[Coefficient, ...]:
        return tuple(Coefficient(f"c{d}", 0.0, "linear", 1.0) for d in range(self.size))

    def init(
        self, spec: Spec, theta: Tensor, population: int, seed: int, labels: Sequence[Label], born: Any = None
    ) -> Any:
        return theta, theta.new_zeros(theta.shape[0], 1, 1)

    def act(self, state: Any, x: Tensor, fresh: Tensor | None, t: Any) -> tuple[Any, Tensor]:
        return state, torch.zeros_like(x)

    def learn(self, state: Any, told: Told, t: Any, into: bool = False) -> Any:
        theta, _ = state
        centre = torch.arange(self.size, dtype=theta.dtype) / self.size
        return theta, ((theta - centre) ** 2).sum(1).reshape(-1, 1, 1) / 2

    def predict(self, state: Any, x: Tensor) -> Tensor:
        return (2 * state[1]).sqrt().expand(-1, x.shape[1], 1)  # the loss is half its square

    def alive(self, state: Any) -> Tensor:
        return torch.isfinite(state[1]).all(-1).all(-1)

    def freeze(self, state: Any, alive: Tensor) -> Any:
        return state

    def with_theta(self, state: Any, theta: Tensor) -> Any:
        return theta, state[1]


@dataclass(frozen=True)
class Influence(Bowl):
    """Influence balancing (Tallec & Ollivier 2017, section 4.1): s <- A s + theta * signs, the output is s_1, wanted 1.

    A_ii = A_i,i+1 = 1/2; 10 units are pushed up by theta, 13 down: at first sight a larger theta raises s_1, but the
    influence that arrives later is negative and larger.
    """

    size: int = 1
    units: ClassVar[int] = 23
    positive: ClassVar[int] = 10

    def init(
        self, spec: Spec, theta: Tensor, population: int, seed: int, labels: Sequence[Label], born: Any = None
    ) -> Any:
        return theta, theta.new_ones(theta.shape[0], 1, self.units)

    def act(self, state: Any, x: Tensor, fresh: Tensor | None, t: Any) -> tuple[Any, Tensor]:
        theta, s = state
        signs = torch.ones(self.units, dtype=theta.dtype)
        signs[self.positive :] = -1
        later = torch.cat([s[..., 1:], torch.zeros_like(s[..., :1])], -1)
        s = 0.5 * s + 0.5 * later + theta.reshape(-1, 1, 1) * signs
        return (theta, s), s[..., :1]

    def learn(self, state: Any, told: Told, t: Any, into: bool = False) -> Any:
        return state

    def predict(self, state: Any, x: Tensor) -> Tensor:
        return state[1][..., :1].expand(-1, x.shape[1], 1)


def unroll(learner: base.Learner, lives: int, steps: int, loss: str, target: float = 0.0) -> Unroll:
    ones = torch.ones(lives, 1, 1, dtype=torch.float64)
    data = LifeData(ones, ones * target, torch.zeros(lives, steps, 1, dtype=torch.int64), ones, ones * target)
    return Unroll(learner, Sinusoid(), data, 0, [("toy", n) for n in range(lives)], loss)


def estimate(
    estimator: GradientEstimator, learner: base.Learner, vector: np.ndarray, lives: int, steps: int, loss: str
) -> np.ndarray:
    """Estimates [lives, D] at one vector; the influence toy wants an output of 1."""
    target = 1.0 if isinstance(learner, Influence) else 0.0
    where = unroll(learner, lives, steps, loss, target)
    return estimator.estimate(where, CoefficientGenome(learner.coefficients), np.repeat(vector[None], lives, 0), [0])


@lru_cache(maxsize=4)
def forward_sample(kind: str, draws: int = 100_000, size: int = 50) -> np.ndarray:
    """Forward gradients [draws, size] of the bowl at one point, a direction each."""
    estimator = forward.GradientEstimator(0, 0, "test", 1, kind, double=True)
    point = stream(0, "point").standard_normal(size)
    lives = 10_000
    parts = [
        estimate(replace(estimator, generation=g), Bowl(size), point, lives, 1, "test") for g in range(draws // lives)
    ]
    return np.concatenate(parts)


@pytest.mark.parametrize("kind, kurtosis", [("gaussian", 3.0), ("signs", 1.0)])
def test_forward_gradient_moments(kind: str, kurtosis: float) -> None:
    """n = 50, 100,000 directions: the mean is the gradient, E|g|^2 = (n - 1 + E v^4) |grad|^2, within 3 standard errors."""
    n, found = 50, forward_sample(kind)
    gradient = -(stream(0, "point").standard_normal(n) - np.arange(n) / n)
    error = found.std(0) / np.sqrt(len(found))
    z = (found.mean(0) - gradient) / error
    assert abs(z @ gradient / np.linalg.norm(gradient)) < 3 and np.abs(z).max() < 4.5  # 50 entries: 4.5 is p = 3e-4
    squares = np.square(found).sum(1)
    expected = (n - 1 + kurtosis) * gradient @ gradient
    assert abs(squares.mean() - expected) < 3 * squares.std() / np.sqrt(len(found))
    other = (n - 1 + 4 - kurtosis) * gradient @ gradient
    assert abs(squares.mean() - other) > 3 * squares.std() / np.sqrt(len(found)), "tells one kind from the other"


def test_several_directions_are_the_mean_of_single_ones() -> None:
    """K directions divide the variance by K."""
    point = np.ones(8)
    spread = [
        estimate(forward.GradientEstimator(0, 0, "test", k, "gaussian", double=True), Bowl(8), point, 2000, 1, "test")
        .var(0)
        .sum()
        for k in (1, 8)
    ]
    assert 6.5 < spread[0] / spread[1] < 9.5


@pytest.mark.parametrize("window", [1, 10, 40])
def test_persistent_es_is_unbiased_and_truncated_es_is_not(window: int) -> None:
    """Influence balancing over 40 steps, 10,000 pairs of particles: PES has the full gradient, truncated ES the truncated one."""
    learner, vector, steps, lives = Influence(), np.array([0.5]), 40, 10_000

    def exact(**options: Any) -> float:
        estimator = backprop.GradientEstimator("prequential", double=True, checkpoint=False, **options)
        return float(estimate(estimator, learner, vector, 1, steps, "prequential")[0, 0])

    def sample(persists: bool) -> np.ndarray:
        estimator = persistent.GradientEstimator(0, 0, "prequential", window, 0.01, 1, persists, double=True)
        return estimate(estimator, learner, vector, lives, steps, "prequential")[:, 0]

    full, cut = exact(), exact(truncate=window)
    for persists, expected in ((True, full), (False, cut)):
        found = sample(persists)
        assert abs(found.mean() - expected) < 3 * found.std() / np.sqrt(lives)
    if window == 1:
        assert abs(full - cut) > 0.5 * abs(full)
    if window == 40:
        assert full == pytest.approx(cut)


def climb(search: str, generations: int = 60, **options: Any) -> float:
    """theta after a search of the influence toy, from 0.5; loss smoothed over a tiny sigma."""
    spec = {"name": search, "popsize": 1, "generations": generations, "loss": "prequential", "lr": 0.03, "clip": 0.0}
    running = build("search", {**spec, **options}).start(np.array([0.5]), 0)
    for _ in range(generations):
        estimator = replace(running.estimator(), double=True)
        shares, _ = gather([estimate(estimator, Influence(), running.ask()[0], 2, STEPS, "prequential")[None]], 0.0)
        running.tell(
            running.ask(), Evaluation(np.zeros(1), np.zeros((1, 2)), np.ones((1, 2), dtype=bool), gradient=shares)
        )
    return float(running.recommendation()[0])


def loss_at(theta: float) -> float:
    where = unroll(Influence(), 1, STEPS, "prequential", 1.0)
    vector = torch.tensor([[theta]], dtype=torch.float64)
    return float(where.advance(where.begin(vector), 0, STEPS, vector)[1][0])


def test_pes_converges_where_truncation_does_not() -> None:
    """Windows of one step: PES ends near the optimum of the whole life, truncated backprop and truncated ES walk away."""
    grid = np.linspace(-0.6, 0.9, 301)
    best = float(grid[np.argmin([loss_at(t) for t in grid])])
    assert abs(climb("gradient") - best) < 0.1
    assert abs(climb("pes", window=1, noise=0.05, pairs=25) - best) < 0.1
    assert climb("gradient", truncate=1) > 0.7
    assert climb("pes", window=1, noise=0.05, pairs=25, persistent=False) > 0.7
