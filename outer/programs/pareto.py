"""Choice among the programs of a search: different functions, good for their complexity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from outer.generation import Generation
from outer.programs.cgp import fingerprint
from outer.programs.objective import ProgramObjective


def distinct_finalists(objective: ProgramObjective, history: Sequence[Generation], count: int) -> np.ndarray:
    """At most `count` vectors [K, D]: the last recommendations, the best of each complexity, then the best; no function twice.

    Fitness is compared within a generation only, less the generation's best: lives differ between generations.
    """
    last = history[-max(1, len(history) // 3) :]
    seen: dict[tuple[int, bytes], tuple[float, np.ndarray]] = {}
    for g in last:
        for vector, fitness in zip(g.candidates, g.fitness - g.fitness.max()):
            (program,) = objective.programs(vector[None])
            key = fingerprint(program)
            if key is not None and (program.complexity, key) not in seen:
                seen[program.complexity, key] = (float(fitness), vector)
    ranked = sorted(seen.items(), key=lambda item: -item[1][0])
    firsts: dict[int, np.ndarray] = {}
    for (complexity, _), (_, vector) in ranked:
        firsts.setdefault(complexity, vector)
    ordered = [
        last[-1].recommendation,
        last[len(last) // 2].recommendation,
        *firsts.values(),
        *(v for _, (_, v) in ranked),
    ]
    chosen: dict[bytes, np.ndarray] = {}
    for vector in ordered:
        chosen.setdefault(fingerprint(objective.programs(vector[None])[0]) or vector.tobytes(), vector)
    return np.stack(list(chosen.values())[:count])


def front(complexities: Sequence[int], scores: np.ndarray) -> list[int]:
    """Rows that no other beats with as few operations, from simple to complex."""
    rows, best = [], -np.inf
    for k in sorted(range(len(scores)), key=lambda k: (complexities[k], -scores[k])):
        if scores[k] > best:
            rows.append(k)
            best = float(scores[k])
    return rows


def simplest(complexities: Sequence[int], scores: np.ndarray, tolerance: float = 0.0) -> int:
    """The row of scores [K, L] with the fewest operations that is within one standard error, or `tolerance`, of the best mean.

    The error is that of the difference to the best on the same lives (one-standard-error rule, Breiman et al. 1984).
    """
    means = scores.mean(1)
    behind = scores[int(np.argmax(means))] - scores  # [K, L]
    error = behind.std(1, ddof=1) / np.sqrt(scores.shape[1]) if scores.shape[1] > 1 else np.zeros(len(scores))
    near = np.flatnonzero(behind.mean(1) <= np.maximum(error, tolerance)).tolist()
    return min(near, key=lambda k: (complexities[k], -float(means[k])))
