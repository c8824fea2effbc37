"""The loop over generations with inheritance, a generator without files or printing: ask, live, inherit, tell, yield."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np

from outer.evaluators.base import Evaluator
from outer.generation import Generation, standing
from outer.inheritance.kinds import Inheritance
from outer.inheritance.lives import Habitat, Lives, lives
from outer.inheritance.measures import of_generation
from outer.objective import Evaluation
from outer.searches.base import Search


@dataclass(frozen=True, eq=False)
class Step:
    """A generation as it is stored, and the lives behind it."""

    generation: (
        Generation  # `candidates` are what the search was told: with learning written back where it was (see light)
    )
    lives: Lives
    top: int  # the fittest candidate


def fingerprint(vectors: np.ndarray) -> float:
    """48 bits of a hash of the asked candidates, which a float holds exactly: what a replay is checked against."""
    return float(int.from_bytes(blake2b(np.ascontiguousarray(vectors).tobytes(), digest_size=6).digest(), "big"))


def evolve(
    habitat: Habitat,
    inheritance: Inheritance,
    search: Search,
    evaluator: Evaluator,
    threshold: float,
    history: Iterable[Generation] = (),
) -> Iterator[Step]:
    """Yield the generations that follow `history`; with a history the search is first told all of it again.

    Raises ValueError when a replayed search asks other candidates than it did, and when every life has failed.
    """
    habitat = replace(habitat, keep_change=inheritance.writes)
    organism = habitat.organism
    running = search.start(organism.segments.start(), habitat.seed)
    best, count, first = -np.inf, 0, 0
    for past in history:
        asked = running.ask()
        if fingerprint(asked) != past.metrics["asked"]:
            raise ValueError(
                f"resume: generation {past.index} does not replay bit for bit here; the library versions or the machine differ"
            )
        told = past.candidates if past.digest is None else asked
        running.tell(told, Evaluation(past.fitness, past.scores, past.alive))
        best, count = max(best, float(past.fitness.max())), count + past.scores.size
        first = past.index + 1
    for index in range(first, search.generations):
        if running.stop():
            return
        started = time.perf_counter()
        asked = running.ask()
        settings = habitat.settings(index)
        found = lives(evaluator, habitat, asked, settings)
        if not found.alive.any():
            raise ValueError(
                f"generation {index}: every network of every candidate left the finite range; lower the learning rate"
            )
        evaluation = inheritance.evaluation(found, organism.learning_steps(asked) * float(habitat.learning))
        told = inheritance.heirs(habitat, asked, found)
        running.tell(told, evaluation)
        fitness = evaluation.fitness
        best, count = max(best, float(fitness.max())), count + evaluation.scores.size
        metrics = standing(fitness, evaluation.alive, best, count) | {"asked": fingerprint(asked)}
        metrics |= of_generation(organism, asked, found, fitness, settings[0].task.chance, threshold)
        metrics |= running.metrics() | {"seconds": time.perf_counter() - started}
        favourite = running.favourite()
        names = [c.name for c in organism.rule.coefficients]
        values = organism.segments.decode(favourite[None])["rule"][0]
        metrics |= {f"theta/{name}": float(value) for name, value in zip(names, values)}
        kept = Generation(index, told, fitness, evaluation.scores, evaluation.alive, favourite, metrics)
        if told is asked or fingerprint(told) == metrics["asked"]:
            kept = kept.light()  # a replay asks for them again; what was written back it could not ask for
        yield Step(kept, found, int(np.argmax(fitness)))
