"""Drives a search by hand over test functions: what the tests of searches share."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from inner.components import build
from outer.objective import Evaluation
from outer.searches.base import Running, Search

Function = Callable[[np.ndarray], np.ndarray]  # [P, D] -> [P], higher is better


def sphere(x: np.ndarray) -> np.ndarray:
    return -np.square(x).sum(1)


def ellipsoid(x: np.ndarray) -> np.ndarray:
    """Condition number 1e6."""
    scales = 10.0 ** (6 * np.arange(x.shape[1]) / max(x.shape[1] - 1, 1))
    return -(np.square(x) * scales).sum(1)


def evaluation(fitness: np.ndarray) -> Evaluation:
    return Evaluation(fitness, fitness[:, None], np.ones((len(fitness), 1), dtype=bool))


def start(name: str, size: int = 10, seed: int = 0, **options: object) -> Running:
    return cast(Search, build("search", {"name": name, **options})).start(np.ones(size), seed)


def advance(running: Running, function: Function, generations: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Run; the history of (candidates, fitness)."""
    history = []
    for _ in range(generations):
        candidates = running.ask()
        fitness = function(candidates)
        running.tell(candidates, evaluation(fitness))
        history.append((candidates, fitness))
    return history
