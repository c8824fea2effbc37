"""What an evaluator is: it maps jobs over what it has; which evaluator is used changes no bit of any answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from outer.gradient_estimators.base import GradientEstimator, gather
from outer.objective import Evaluation, Objective
from outer.settings import Setting

CHUNK = 256  # networks that run in lockstep at most: their weights should stay in the processor's cache
TINY = 2**15  # weights that always may: networks of a few synapses run in larger chunks
ON_GPU = 2**26  # the same on a GPU, which has no use for a few

Part = tuple[np.ndarray, np.ndarray]
Done = Callable[[int, Any], None]


def scores(objective: Objective, candidates: np.ndarray, setting: Setting) -> Part:
    """One job: the scores and survival of some candidates in one setting."""
    return objective.scores(candidates, setting)


def gradients(
    objective: Objective, candidates: np.ndarray, rows: range, setting: Setting, estimator: GradientEstimator
) -> np.ndarray:
    """One job: the gradient of every life of some candidates, which stand at `rows` of their generation, in one setting."""
    return estimator.gradient(objective, candidates, rows, setting)


def chunks(population: int, lives: int, parts: int = 1, limit: int | None = None) -> list[slice]:
    """Cut P candidates into slices of at most `limit` (CHUNK) networks, and into at least `parts` where there are enough."""
    size = max(1, min((limit or CHUNK) // max(lives, 1), -(-population // parts)))
    return [slice(start, min(start + size, population)) for start in range(0, population, size)]


def limit_of(setting: Setting, device: str = "cpu") -> int:
    """Networks of this setting that run in lockstep at most."""
    sizes = setting.network.sizes(setting.task.inputs, setting.task.outputs)
    return max(CHUNK, (TINY if device == "cpu" else ON_GPU) // sum(i * o for i, o in zip(sizes, sizes[1:])))


def distinct(candidates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows [U] of candidates [P, D] that differ in some bit, and for each of the P rows its place among them."""
    if not candidates.shape[1]:  # a rule without free coefficients: nothing to tell rows apart by
        return np.arange(min(len(candidates), 1)), np.zeros(len(candidates), dtype=np.intp)
    whole = candidates.view(np.dtype((np.void, candidates.itemsize * candidates.shape[1])))[:, 0]
    _, first, copies = np.unique(whole, return_index=True, return_inverse=True)
    return first, copies


class Evaluator(ABC):
    """Concrete evaluators are dataclasses named `Evaluator`; used as context managers."""

    workers: int

    @abstractmethod
    def map(self, function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], done: Done | None = None) -> list[Any]:
        """The results of function(*job), in the order of jobs; done(j, result) is called as each one ends."""

    def evaluate(
        self,
        objective: Objective,
        candidates: np.ndarray,
        settings: Sequence[Setting],
        estimator: GradientEstimator | None = None,
    ) -> Evaluation:
        """Score candidates [P, D]: a job per setting and chunk, put together in the order of the settings.

        Candidates that are equal to the last bit live once: their scores are equal to the last bit. With a gradient estimator the
        evaluation holds the gradient too.
        """
        candidates = np.ascontiguousarray(candidates)
        if estimator is not None:
            return replace(
                self.evaluate(objective, candidates, settings),
                **self._gradient(objective, candidates, settings, estimator),
            )
        first, copies = distinct(candidates)
        if len(first) < len(candidates):
            once = self.evaluate(objective, candidates[first], settings)
            return Evaluation(once.fitness[copies], once.scores[copies], once.alive[copies])
        device = getattr(objective, "device", "cpu")  # an objective without lives has none
        cuts = self._cuts(len(candidates), settings, device)
        found: list[Part] = self.map(scores, [(objective, candidates[cut], settings[w]) for w, cut in cuts])
        joined = []
        for w in range(len(settings)):
            own = [part for (owner, _), part in zip(cuts, found) if owner == w]
            joined.append((np.concatenate([s for s, _ in own]), np.concatenate([a for _, a in own])))
        return objective.assemble(candidates, joined)

    def _cuts(self, population: int, settings: Sequence[Setting], device: str = "cpu") -> list[tuple[int, slice]]:
        """(setting, candidates) of every job."""
        parts = -(-self.workers // len(settings))
        return [
            (w, cut)
            for w, setting in enumerate(settings)
            for cut in chunks(population, len(setting.labels), parts, limit_of(setting, device))
        ]

    def _gradient(
        self, objective: Objective, candidates: np.ndarray, settings: Sequence[Setting], estimator: GradientEstimator
    ) -> dict[str, Any]:
        """What a gradient estimator adds to an evaluation: `gradient` and `health`."""
        cuts = self._cuts(len(candidates), settings)
        jobs = [(objective, candidates[c], range(c.start, c.stop), settings[w], estimator) for w, c in cuts]
        each = self.map(gradients, jobs)
        slopes = [np.concatenate([g for (owner, _), g in zip(cuts, each) if owner == w]) for w in range(len(settings))]
        shares, health = gather(slopes, estimator.clip)
        return {"gradient": shares, "health": health}

    def close(self) -> None:
        """Give back what the evaluator holds."""

    def __enter__(self) -> Evaluator:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
