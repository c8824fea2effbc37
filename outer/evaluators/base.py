"""The interface of an evaluator: it maps jobs over its workers. The choice of evaluator changes no bit of an answer."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from outer.gradient_estimators.base import GradientEstimator, gather
from outer.objective import Evaluation, Lived, Objective
from outer.reference import Remembered, lead
from outer.settings import Setting

CHUNK = 256  # networks in lockstep at most, so that their weights stay in the processor's cache
TINY = 2**15  # weights in lockstep that are always allowed: small networks run in larger chunks
ON_GPU = 2**26  # the same on a GPU, where small chunks are slow

Done = Callable[[int, Any], None]


def counting(progress: Callable[[int, int], None] | None, jobs: int) -> Done:
    """Calls progress(ended, jobs) as each job ends; None: nothing is called."""
    ended = itertools.count(1)

    def done(j: int, result: Any) -> None:
        if progress is not None:
            progress(next(ended), jobs)

    return done


def lives(objective: Objective, candidates: np.ndarray | None, setting: Setting) -> Lived | None:
    """One job: some candidates, or the reference learner (None), live in one setting."""
    return objective.reference_lives(setting) if candidates is None else objective.lives(candidates, setting)


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
    """The most networks of this setting that run in lockstep."""
    synapses = setting.network.synapses(setting.task.inputs, setting.task.outputs)
    return max(CHUNK, (TINY if device == "cpu" else ON_GPU) // synapses)


def distinct_rows(candidates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows [U] of candidates [P, D] that differ in some bit, and for each of the P rows its place among them."""
    if not candidates.shape[1]:  # without free coefficients all rows are equal
        return np.arange(min(len(candidates), 1)), np.zeros(len(candidates), dtype=np.intp)
    whole = candidates.view(np.dtype((np.void, candidates.itemsize * candidates.shape[1])))[:, 0]
    _, first, copies = np.unique(whole, return_index=True, return_inverse=True)
    return first, copies


@dataclass
class Evaluator(ABC):
    """Concrete evaluators are dataclasses named `Evaluator`; used as context managers."""

    workers: int
    remembered: Remembered = field(default_factory=Remembered, init=False, repr=False, compare=False)

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

        With a gradient estimator the evaluation holds the gradient too.
        """
        candidates = np.ascontiguousarray(candidates)
        evaluation = objective.assemble(candidates, settings, self.lives(objective, candidates, settings))
        if estimator is None:
            return evaluation
        shares, health = self._gradient(objective, candidates, settings, estimator)
        return replace(evaluation, gradient=shares, metrics={**evaluation.metrics, **health})

    def lives(self, objective: Objective, candidates: np.ndarray, settings: Sequence[Setting]) -> list[Lived]:
        """The lives of candidates [P, D], per setting; scores are leads where the objective has a reference.

        Candidates that are equal to the last bit live once, and so does the reference.
        """
        candidates = np.ascontiguousarray(candidates)
        first, copies = distinct_rows(candidates)
        some = candidates[first] if len(first) < len(candidates) else candidates
        cuts = self._cuts(len(some), settings, objective.device)
        known = self.remembered.recall(objective, settings)
        beside = [(objective, None, setting) for setting in settings] if objective.has_reference and not known else []
        jobs = beside + [(objective, some[cut], settings[w]) for w, cut in cuts]
        lived: list[Lived] = self.map(lives, jobs)
        references, found = known or lived[: len(beside)], lived[len(beside) :]
        joined = [
            Lived.joined([part for (owner, _), part in zip(cuts, found) if owner == w]) for w in range(len(settings))
        ]
        if references:
            self.remembered = Remembered(objective, tuple(settings), references)
            joined = [lead(part, reference) for part, reference in zip(joined, references, strict=True)]
        return joined if some is candidates else [part.rows(copies) for part in joined]

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
    ) -> tuple[np.ndarray, dict[str, float]]:
        """Shares of the gradient [G, D], and its health as metrics."""
        cuts = self._cuts(len(candidates), settings)
        jobs = [(objective, candidates[c], range(c.start, c.stop), settings[w], estimator) for w, c in cuts]
        each = self.map(gradients, jobs)
        slopes = [np.concatenate([g for (owner, _), g in zip(cuts, each) if owner == w]) for w in range(len(settings))]
        return gather(slopes, estimator.clip)

    def close(self) -> None:
        """Release workers."""

    def __enter__(self) -> Evaluator:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
