"""The loop over generations, a generator without files or printing: ask, evaluate, tell, yield what happened."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from outer.evaluators.base import Evaluator
from outer.generation import Generation, standing
from outer.objective import Evaluation, Objective
from outer.racing import Racing, race
from outer.searches.base import Search
from outer.settings import Setting

NAMED = 200  # numbers whose values are metrics of every generation; more would be a flood


def evolve(
    objective: Objective,
    search: Search,
    evaluator: Evaluator,
    history: Sequence[Generation] = (),
    racing: Racing | None = None,
) -> Iterator[Generation]:
    """Yield the generations that follow `history`; with a history the search is first told all of it again.

    racing: hopeless candidates of a generation stop early (outer/racing.py).

    Raises ValueError when the replayed search asks other candidates than the stored ones (another version or machine),
    and when nothing has lived yet and every life of a generation fails; draws that do not build on each other go on.
    """
    genome = objective.genome
    running = search.start(genome.start(), objective.seed)
    running.place(genome.layers())
    best, lifetimes, steps = -np.inf, 0, 0.0
    lived = search.independent or any(past.alive.any() for past in history)
    for past in history:
        asked = running.ask()
        if not past.asked(asked):
            raise ValueError(
                f"resume: generation {past.index} does not replay bit for bit here; the library versions or the machine differ"
            )
        running.tell(asked, Evaluation(past.fitness, past.scores, past.alive, gradient=past.gradient))
        best, lifetimes = max(best, float(past.fitness.max())), lifetimes + past.scores.size
        steps = past.metrics.get("inner_steps", steps)
    for index in range(len(history), search.generations):
        if running.stop():
            return
        started = time.perf_counter()
        candidates, settings = running.ask(), objective.settings(index)
        estimator = running.estimator()
        if racing is None:
            evaluation = evaluator.evaluate(objective, candidates, settings, estimator)
        elif estimator is None:
            evaluation = race(racing, evaluator, objective, candidates, settings)
        else:
            raise ValueError("racing: a search that is handed gradients needs every life whole; leave racing out")
        lived = lived or bool(evaluation.alive.any())
        if not lived:
            raise ValueError(
                f"generation {index}: every network of every candidate left the finite range; "
                "lower the coefficients' initial values or scales, or search.sigma0"
            )
        steps += consumed(len(candidates), settings, evaluation) * running.cost
        running.tell(candidates, evaluation)
        best, lifetimes = max(best, float(evaluation.fitness.max())), lifetimes + evaluation.scores.size
        favourite = running.favourite()
        fitness = evaluation.fitness
        metrics = standing(fitness, evaluation.alive, best, lifetimes)
        metrics |= {"inner_steps": float(steps), "seconds": time.perf_counter() - started}
        metrics |= {**evaluation.health, **running.metrics()}
        if genome.size <= NAMED:
            metrics |= {f"theta/{name}": value for name, value in genome.summary(favourite).items()}
        yield Generation(
            index,
            candidates,
            fitness,
            evaluation.scores,
            evaluation.alive,
            favourite,
            metrics,
            gradient=evaluation.gradient,
        ).light()


def consumed(population: int, settings: Sequence[Setting], evaluation: Evaluation) -> float:
    """Inner steps of one generation: what the evaluation counted, or every step of every life of its settings."""
    if evaluation.steps is not None:
        return evaluation.steps
    return float(population * sum(setting.steps * len(setting.labels) for setting in settings))


@dataclass(frozen=True)
class Selection:
    """The winner, and how it and its rivals did on fresh lifetimes of the select tier."""

    vector: np.ndarray  # [D]
    finalists: np.ndarray  # [K, D]
    scores: np.ndarray  # [K, L] on the select tier
    chosen: int


def finalists(history: Sequence[Generation], count: int) -> np.ndarray:
    """The search's latest recommendations and the best candidates of its last third [K, D], without repeats."""
    last = history[-max(1, len(history) // 3) :]
    favourites = [last[-1].favourite, last[len(last) // 2].favourite, np.mean([g.favourite for g in last], axis=0)]
    pairs = sorted(  # candidates that a digest replaced cannot run; the favourites are there
        ((float(g.fitness[p]), g.index, p) for g in last for p in range(len(g.candidates))),
        key=lambda t: (-t[0], t[1:]),
    )
    by_index = {g.index: g for g in last}
    best = [by_index[index].candidates[p] for _, index, p in pairs[:count]]
    unique = {vector.tobytes(): vector for vector in favourites + best}
    return np.stack(list(unique.values())[:count])


def select(
    objective: Objective, evaluator: Evaluator, history: Sequence[Generation], count: int, lifetimes: int, shapes: int
) -> Selection:
    """Score `count` finalists on fresh lifetimes of the select tier and take the best mean: no winner's curse."""
    vectors = finalists(history, count)
    settings = objective.distribution.settings("select", objective.seed, (0,), lifetimes, shapes)
    evaluation = evaluator.evaluate(objective, vectors, settings)
    chosen = int(np.argmax(evaluation.scores.mean(1)))
    return Selection(vectors[chosen], vectors, evaluation.scores, chosen)
