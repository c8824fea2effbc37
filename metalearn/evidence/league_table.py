"""From fresh lives to the standings of a league: means, paired differences, ranks, and costs to a threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from inner.random import stream
from metalearn.evidence.comparison import interval_of
from metalearn.evidence.documents import Difference, Interval, verdict
from metalearn.evidence.league_documents import (
    CellPlan,
    Costs,
    LeagueLives,
    LeaguePlan,
    Place,
    Standing,
    ToThreshold,
    Tuning,
)  # fmt: skip
from outer.evidence.fresh_lives import RESAMPLES

Lived = Mapping[tuple[str, str], LeagueLives]  # (learner, cell) -> its lives


def first_crossing(steps: Sequence[int], curve: np.ndarray, level: float) -> np.ndarray:
    """Steps [L] at which curves [L, C] first reach a level, on the straight line between two tests; inf where they never do."""
    at, reached = np.asarray(steps, dtype=float), curve >= level
    k = reached.argmax(1)
    rows, before = np.arange(len(curve)), np.maximum(k - 1, 0)
    low, high = curve[rows, before], curve[rows, k]
    share = np.where(k > 0, (level - low) / np.where(high > low, high - low, 1.0), 0.0)
    found = at[before] + np.clip(share, 0.0, 1.0) * (at[k] - at[before])
    return np.where(reached.any(1), found, np.inf)


def to_threshold(found: np.ndarray, seed: int, *labels: str) -> ToThreshold:
    """The median of costs [L] with its 95 % bootstrap interval; inf where a life does not get there."""

    def told(value: float) -> float | None:
        return float(value) if np.isfinite(value) else None

    picks = stream(seed, "bootstrap", *labels).integers(0, len(found), (RESAMPLES, len(found)))
    medians = np.sort(found[picks], axis=1)[:, (len(found) - 1) // 2]
    low, high = np.quantile(medians, [0.025, 0.975], method="inverted_cdf")
    return ToThreshold(median=told(np.sort(found)[(len(found) - 1) // 2]), low=told(low), high=told(high))


def costs_of(lives: LeagueLives, cell: CellPlan, batch: int, seed: int, name: str) -> Costs:
    """Samples, passes and multiply-adds up to the threshold of a cell."""
    steps = first_crossing(lives.steps, np.array(lives.curve), cell.threshold)

    def scaled(factor: float) -> ToThreshold:
        return to_threshold(steps * factor, seed, name, cell.name)  # the same lives are drawn for all three

    return Costs(
        reached=int(np.isfinite(steps).sum()),
        samples=scaled(batch),
        passes=scaled(lives.price.passes),
        multiply_adds=scaled(batch * lives.price.multiply_adds),
    )


def ranks(scores: np.ndarray) -> np.ndarray:
    """Ranks [A, ...] of scores [A, ...] along the first axis, the highest score 1; equal scores share their mean rank."""
    higher = (scores[None] > scores[:, None]).sum(1)
    equal = (scores[None] == scores[:, None]).sum(1)
    return np.asarray(1 + higher + (equal - 1) / 2)


def standings(
    plan: LeaguePlan, lived: Lived, tuned: Mapping[str, Mapping[str, Tuning]], texts: Mapping[str, str], seed: int
) -> dict[str, Standing]:
    """Every learner over all cells, the best mean first. tuned: by learner and birth."""
    learners, cells = list(plan.entrants), list(plan.cells)
    scores = np.array([[lived[name, cell.name].scores for cell in cells] for name in learners])  # [A, C, L]
    means, places = scores.mean(1), ranks(scores).mean(1)  # [A, L]
    leader = int(np.argmax(means.mean(1)))
    found = {}
    for a in sorted(range(len(learners)), key=lambda a: (-means[a].mean(), a)):
        name = learners[a]
        first = lived[name, cells[0].name]
        chosen = tuned[name][first.birth]
        behind = None
        if a != leader:
            ahead = interval_of(means[leader] - means[a], seed, name, "behind")
            behind = Difference(**ahead, verdict=verdict(ahead["low"], ahead["high"]))
        found[name] = Standing(
            mean=Interval(**interval_of(means[a], seed, name, "mean")),
            rank=Interval(**interval_of(places[a], seed, name, "rank")),
            behind=behind,
            birth=first.birth,
            values=chosen.values,
            text=texts.get(name, ""),
            lifetimes=sum(each.lifetimes for each in tuned[name].values()),
            select=chosen.select,
            places={cell.name: _place(lived[name, cell.name], cell, plan.batch, seed, name) for cell in cells},
            curve=_curve([lived[name, cell.name] for cell in cells], plan.batch),
        )
    return found


def _place(lives: LeagueLives, cell: CellPlan, batch: int, seed: int, name: str) -> Place:
    scores = np.array(lives.scores)
    return Place(
        score=Interval(**interval_of(scores, seed, name, cell.name, "score")),
        costs=costs_of(lives, cell, batch, seed, name),
        failures=lives.alive.count(False),
        chance=int((scores <= cell.chance).sum()),
    )


def _curve(lives: Sequence[LeagueLives], batch: int) -> tuple[tuple[float, float, float], ...]:
    """Share of a life, mean score over cells, and mean multiply-adds so far, at the tests of the first cell."""
    rows = []
    shares = np.array(lives[0].steps) / lives[0].steps[-1]
    for each in lives:
        score = np.interp(shares, np.array(each.steps) / each.steps[-1], np.array(each.curve).mean(0))
        work = shares * each.price.steps * batch * each.price.multiply_adds
        rows.append((shares, score, work))
    return tuple(tuple(map(float, point)) for point in np.array(rows).mean(0).T)  # type: ignore[misc]
