"""What an evaluator is: it maps jobs over what it has; which evaluator is used changes no bit of any answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from outer.objective import Evaluation, Objective
from outer.worlds import World

CHUNK = 256  # networks that run in lockstep at most: their weights should stay in the processor's cache
TINY = 2**15  # weights that always may: networks of a few synapses run in larger chunks

Part = tuple[np.ndarray, np.ndarray]
Done = Callable[[int, Any], None]


def scores(objective: Objective, candidates: np.ndarray, world: World) -> Part:
    """One job: the scores and survival of some candidates in one world."""
    return objective.scores(candidates, world)


def chunks(population: int, lives: int, parts: int = 1, limit: int | None = None) -> list[slice]:
    """Cut P candidates into slices of at most `limit` (CHUNK) networks, and into at least `parts` where there are enough."""
    size = max(1, min((limit or CHUNK) // max(lives, 1), -(-population // parts)))
    return [slice(start, min(start + size, population)) for start in range(0, population, size)]


def limit_of(world: World) -> int:
    """Networks of this world that run in lockstep at most."""
    sizes = world.network.sizes(world.task.inputs, world.task.outputs)
    return max(CHUNK, TINY // sum(i * o for i, o in zip(sizes, sizes[1:])))


class Evaluator(ABC):
    """Concrete evaluators are dataclasses named `Evaluator`; used as context managers."""

    workers: int

    @abstractmethod
    def map(self, function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], done: Done | None = None) -> list[Any]:
        """The results of function(*job), in the order of jobs; done(j, result) is called as each one ends."""

    def evaluate(self, objective: Objective, candidates: np.ndarray, worlds: Sequence[World]) -> Evaluation:
        """Score candidates [P, D]: a job per world and chunk, put together in the order of the worlds.

        Candidates that are equal to the last bit live once: their scores are equal to the last bit.
        """
        rows = [row.tobytes() for row in candidates]
        places = {row: place for place, row in enumerate(dict.fromkeys(rows))}
        if len(places) < len(rows):
            first, copies = [rows.index(row) for row in places], [places[row] for row in rows]
            once = self.evaluate(objective, candidates[first], worlds)
            return Evaluation(once.fitness[copies], once.scores[copies], once.alive[copies])
        parts = -(-self.workers // len(worlds))
        cuts = [
            (w, cut)
            for w, world in enumerate(worlds)
            for cut in chunks(len(candidates), len(world.labels), parts, limit_of(world))
        ]
        found: list[Part] = self.map(scores, [(objective, candidates[cut], worlds[w]) for w, cut in cuts])
        joined = []
        for w in range(len(worlds)):
            own = [part for (owner, _), part in zip(cuts, found) if owner == w]
            joined.append((np.concatenate([s for s, _ in own]), np.concatenate([a for _, a in own])))
        return objective.assemble(candidates, joined)

    def close(self) -> None:
        """Give back what the evaluator holds."""

    def __enter__(self) -> Evaluator:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
