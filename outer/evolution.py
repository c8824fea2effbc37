"""The loop over generations, a generator without files or printing: ask, evaluate, tell, yield the generation."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from outer.evaluators.base import Evaluator
from outer.generation import ASKED, Generation, fingerprint, generation_metrics
from outer.objective import Evaluation, Objective
from outer.plateau import NEVER, Plateau, Watch
from outer.racing import Racing, race
from outer.searches.base import Running, Search
from outer.settings import Setting

NAMED = 200  # the most named numbers that are metrics of every generation


def evolve(
    objective: Objective,
    search: Search,
    evaluator: Evaluator,
    history: Iterable[Generation] = (),
    racing: Racing | None = None,
    plateau: Plateau = NEVER,
) -> Iterator[Generation]:
    """Yield the generations that follow `history`; the search is first told that history again.

    racing: the worst candidates of a generation stop early (outer/racing.py).
    plateau: the search ends where its recommendation no longer gains (outer/plateau.py).

    Raises ValueError when the replayed search asks other candidates than the stored ones (another version or machine),
    and when every life failed so far; searches whose draws do not build on each other go on.
    """
    genome = objective.genome
    running = search.start(genome.start(), objective.seed)
    running.set_layers(genome.layers())
    best, lifetimes, first, lived = -np.inf, 0, 0, search.independent
    steps: float | None = 0.0  # None: unknown, after generations that were stored without
    watch = Watch(plateau, objective, evaluator, genome.start())
    for past in history:
        watch.ends(past.index)  # it did not
        asked = running.ask()
        if not past.asked(asked):
            raise ValueError(
                f"resume: generation {past.index} does not replay bit for bit here; the library versions or the machine differ"
            )
        running.tell(past.told(asked), Evaluation(past.fitness, past.scores, past.alive, gradient=past.gradient))
        best, lifetimes = max(best, float(past.fitness.max())), lifetimes + past.scores.size
        steps, first, lived = past.metrics.get("inner_steps"), past.index + 1, lived or bool(past.alive.any())
        watch.now, lifetimes = past.recommendation, lifetimes + plateau.lives(past.index)
    for index in range(first, search.generations):
        if running.stop() or watch.ends(index):
            return
        started = time.perf_counter()
        candidates, settings = running.ask(), objective.settings(index)
        evaluation = evaluate(objective, running, evaluator, candidates, settings, racing)
        lived = lived or bool(evaluation.alive.any())
        if not lived:
            raise ValueError(
                f"generation {index}: every network of every candidate left the finite range; "
                "lower the coefficients' initial values or scales, or search.sigma0"
            )
        cost = consumed(len(candidates), settings, evaluation) * running.cost
        steps = None if steps is None else steps + watch.steps + cost
        told = candidates if evaluation.told is None else evaluation.told
        running.tell(told, evaluation)
        best = max(best, float(evaluation.fitness.max()))
        lifetimes += evaluation.scores.size + plateau.lives(index)
        recommendation = watch.now = running.recommendation()
        metrics = generation_metrics(evaluation.fitness, evaluation.alive, best, lifetimes)
        metrics |= {} if evaluation.told is None else {ASKED: fingerprint(candidates)}
        metrics |= {} if steps is None else {"inner_steps": steps}
        metrics |= {"seconds": time.perf_counter() - started, **evaluation.metrics, **running.metrics()}
        if len(genome.names) <= NAMED:
            metrics |= {f"theta/{name}": value for name, value in genome.summary(recommendation).items()}
        generation = Generation(
            index,
            told,
            evaluation.fitness,
            evaluation.scores,
            evaluation.alive,
            recommendation,
            metrics,
            gradient=evaluation.gradient,
            curves=evaluation.curves,
        )
        replayable = evaluation.told is None or told is candidates or fingerprint(told) == metrics[ASKED]
        yield generation.compact() if replayable else generation  # a replay could not ask for what was written back


def evaluate(
    objective: Objective,
    running: Running,
    evaluator: Evaluator,
    candidates: np.ndarray,
    settings: Sequence[Setting],
    racing: Racing | None,
) -> Evaluation:
    """Score the candidates [P, D] of a generation, raced or with the gradient that the search asks for."""
    estimator = running.estimator()
    if racing is None:
        return evaluator.evaluate(objective, candidates, settings, estimator)
    if estimator is None:
        return race(racing, evaluator, objective, candidates, settings)
    raise ValueError("racing: a search that uses gradients needs every life whole; leave racing out")


def consumed(population: int, settings: Sequence[Setting], evaluation: Evaluation) -> float:
    """Inner steps of one generation: those that the evaluation counted, or every step of every life of its settings."""
    if evaluation.steps is not None:
        return evaluation.steps
    return float(population * sum(setting.steps * len(setting.labels) for setting in settings))
