"""The interface of an evaluator: it maps jobs over its workers. The choice of evaluator changes no bit of an answer."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from outer.evaluators._cuts import Cut, cuts
from outer.gradient_estimators.base import GradientEstimator, gather
from outer.objective import Evaluation, Lived, Objective
from outer.reference import Remembered, lead
from outer.settings import Setting

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


def by_lifetimes(
    jobs: Sequence[Cut], found: Sequence[Any], settings: int, join: Callable[[list[Any]], Any]
) -> list[list[Any]]:
    """Per setting, for each of its slices of lifetimes, what jobs found of all candidates."""
    parts: list[dict[int, list[Any]]] = [{} for _ in range(settings)]
    for cut, part in zip(jobs, found, strict=True):
        parts[cut.owner].setdefault(cut.lifetimes.start, []).append(part)
    return [[join(rows) for rows in slices.values()] for slices in parts]


def joined(jobs: Sequence[Cut], found: Sequence[Lived], settings: int) -> list[Lived]:
    """The lives of all candidates and lifetimes per setting; none without jobs."""
    return [Lived.beside(rows) for rows in by_lifetimes(jobs, found, settings if jobs else 0, Lived.joined)]


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
        jobs = self._cuts(objective, len(some), settings)
        known = self.remembered.recall(objective, settings)
        beside = self._cuts(objective, 1, settings) if objective.has_reference and not known else []
        lived: list[Lived] = self.map(
            lives,
            [(objective, None, cut.setting(settings)) for cut in beside]
            + [(objective, some[cut.candidates], cut.setting(settings)) for cut in jobs],
        )
        references = known or joined(beside, lived[: len(beside)], len(settings))
        found = joined(jobs, lived[len(beside) :], len(settings))
        if references:
            self.remembered = Remembered(objective, tuple(settings), references)
            found = [lead(part, reference) for part, reference in zip(found, references, strict=True)]
        return found if some is candidates else [part.rows(copies) for part in found]

    def _cuts(self, objective: Objective, population: int, settings: Sequence[Setting]) -> list[Cut]:
        sized = [objective.bytes_in(setting) for setting in settings]
        return cuts(population, settings, self.workers, objective.device, sized, objective.apart)

    def _gradient(
        self, objective: Objective, candidates: np.ndarray, settings: Sequence[Setting], estimator: GradientEstimator
    ) -> tuple[np.ndarray, dict[str, float]]:
        """Shares of the gradient [G, D], and its health as metrics."""
        sized = [objective.bytes_in(setting, estimator) for setting in settings]
        jobs = cuts(len(candidates), settings, self.workers, "cpu", sized, objective.apart)
        each = self.map(
            gradients,
            [
                (
                    objective,
                    candidates[c.candidates],
                    range(c.candidates.start, c.candidates.stop),
                    c.setting(settings),
                    estimator,
                )
                for c in jobs
            ],
        )
        slopes = [np.concatenate(rows, 1) for rows in by_lifetimes(jobs, each, len(settings), np.concatenate)]
        return gather(slopes, estimator.clip)

    def close(self) -> None:
        """Release workers."""

    def __enter__(self) -> Evaluator:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
