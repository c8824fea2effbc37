"""The gradient searches' common part: a smoothed point that follows the estimated gradient with Adam.

Candidates are mirrored pairs around the point, so that a generation yields two estimates of one slope, that of the
objective smoothed over N(point, sigma^2): the gradient estimator's, and an evolution strategy's from the fitness alone (Metz et al.
2019). Their cosine, and that between the halves of the lifetimes, say whether the gradient can be trusted. Told of no
gradient (by an objective that has none), the search climbs the second.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from inner.random import stream
from outer.gradient_estimators.base import GradientEstimator
from outer.hypernetwork import Hypernetwork
from outer.objective import Evaluation
from outer.searches import base


class Search(base.Search):
    """The options that all of them have."""

    sigma: float
    lr: float

    @abstractmethod
    def estimator(self, seed: int, generation: int) -> GradientEstimator:
        """The gradient estimator of a generation."""

    def network(self, origin: np.ndarray, seed: int, layers: Sequence[tuple[int, int]] = ()) -> Hypernetwork | None:
        """The hypernetwork that writes the point, where the search has one."""
        return None


def check(popsize: int, generations: int, sigma: float, lr: float, clip: float) -> None:
    """Raise ValueError for options that cannot work."""
    base.check_options(popsize, generations, least=1)
    if popsize > 1 and popsize % 2:
        raise ValueError(f"search.popsize: expected 1 (the point itself) or an even number (pairs), got {popsize}")
    for name, value, least in (("sigma", sigma, "above"), ("lr", lr, "above"), ("clip", clip, "at least")):
        if not (value > 0 or (value == 0 and least == "at least")) or not np.isfinite(value):
            raise ValueError(f"search.{name}: expected a finite number {least} 0, got {value}")


class Running(base.Running):
    """The point (or the weights that write it) and Adam's moments."""

    def __init__(self, options: Search, name: str, origin: np.ndarray, seed: int) -> None:
        self.options, self.name, self.seed = options, name, seed
        self.generation = 0
        self.best, self.best_fitness, self.guided = origin, -np.inf, False
        self.health: dict[str, float] = {}
        self.set_layers(())

    def set_layers(self, layers: Sequence[tuple[int, int]]) -> None:
        """Let the hypernetwork read the layers' codes too."""
        origin = self.best
        self.network = self.options.network(origin, self.seed, layers)
        self.weights = origin if self.network is None else self.network.start(self.seed)
        self.first, self.second = np.zeros_like(self.weights), np.zeros_like(self.weights)

    @property
    def cost(self) -> float:
        """A life for the fitness, and what the gradient estimator adds."""
        return 1.0 + self.estimator().cost

    @property
    def point(self) -> np.ndarray:
        """The current point [D]."""
        return self.weights if self.network is None else self.network.write(self.weights)

    def ask(self) -> np.ndarray:
        """Mirrored pairs around the point [P, D]; the point itself when P = 1."""
        point, count = self.point, self.options.popsize
        if count == 1:
            return point[None].copy()
        half = stream(self.seed, self.name, self.generation).standard_normal((count // 2, point.size))
        return point + self.options.sigma * np.concatenate([half, -half])

    def estimator(self) -> GradientEstimator:
        """This generation's."""
        return self.options.estimator(self.seed, self.generation)

    def tell(self, candidates: np.ndarray, evaluation: Evaluation) -> None:
        """One Adam step uphill (Kingma & Ba 2015, betas 0.9 and 0.999)."""
        fitness = base.finite(evaluation.fitness)
        top = int(np.argmax(fitness))
        if np.isfinite(evaluation.fitness[top]) and fitness[top] > self.best_fitness:
            self.best, self.best_fitness = candidates[top].copy(), float(fitness[top])
        directions = (candidates - self.point) / self.options.sigma
        estimate = base.centred_ranks(fitness) @ directions / len(candidates)
        self.guided = evaluation.gradient is not None
        gradient, self.health = estimate, {}
        if evaluation.gradient is not None:
            halves = evaluation.gradient  # [G, D]
            gradient = halves.sum(0)
            self.health = {"gradient/norm": _norm(gradient)}
            if len(halves) == 2:
                self.health["gradient/cosine_halves"] = _cosine(*halves)
            if len(candidates) > 1:
                self.health["gradient/cosine_es"] = _cosine(gradient, estimate)
        if self.network is not None:
            gradient = self.network.pull(self.weights, gradient)
        gradient = np.where(np.isfinite(gradient), gradient, 0.0)
        self.generation += 1
        self.first = 0.9 * self.first + 0.1 * gradient
        self.second = 0.999 * self.second + 0.001 * gradient**2
        first, second = self.first / (1 - 0.9**self.generation), self.second / (1 - 0.999**self.generation)
        self.weights = self.weights + self.options.lr * first / (np.sqrt(second) + 1e-8)

    def recommendation(self) -> np.ndarray:
        """The point [D]; without a gradient to trust, the best candidate seen."""
        return self.point.copy() if self.guided else self.best.copy()

    def metrics(self) -> dict[str, float]:
        """The health of the last gradient: its norm, and its cosines."""
        return dict(self.health)


def _norm(vector: np.ndarray) -> float:
    return float(np.sqrt(np.square(vector).sum()))


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of the angle between two vectors; 0 where one of them is 0."""
    a, b = a / max(np.abs(a).max(initial=0.0), 1e-300), b / max(np.abs(b).max(initial=0.0), 1e-300)
    size = _norm(a) * _norm(b)
    return float((a * b).sum() / size) if size > 0 else 0.0
