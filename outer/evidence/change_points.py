"""Jumps against drift: steps in a series that a straight line does not explain, so that punctuated equilibrium can be seen.

Test. Null hypothesis: the series is a straight line plus exchangeable noise (drift). Alternative: the same line plus a
step between two neighbours. The statistic is the largest F of a step over all places (sup-F, Andrews 1993), its p-value
the share of PERMUTATIONS shuffles of the line's residuals that reach it. A step that is significant at ALPHA is kept
and both sides are tested again (binary segmentation). Noise that is correlated in time makes the test too eager.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.random import stream

ALPHA = 0.01
PERMUTATIONS = 499
LEAST = 8  # points on each side of a step


@dataclass(frozen=True)
class Jump:
    """A step between generation - 1 and generation."""

    generation: int
    size: float  # height of the step: least squares of one straight line and all steps together
    p: float


def jumps(values: np.ndarray, seed: int = 0, alpha: float = ALPHA) -> list[Jump]:
    """The significant steps of a series [T], in order; none for a series shorter than 2 * LEAST."""
    values, found = np.asarray(values, dtype=float), list[tuple[int, float]]()
    _segment(values, 0, seed, alpha, found)
    found.sort()
    time = np.arange(len(values))
    design = np.stack([np.ones(len(values)), time, *((time >= place) for place, _ in found)], 1)
    sizes = np.linalg.lstsq(design, values, rcond=None)[0][2:] if found else []
    return [Jump(place, float(size), p) for (place, p), size in zip(found, sizes)]


def _segment(values: np.ndarray, offset: int, seed: int, alpha: float, found: list[tuple[int, float]]) -> None:
    n = len(values)
    if n < 2 * LEAST:
        return
    line = np.linalg.qr(np.stack([np.ones(n), np.arange(n)], 1))[0]
    places = np.arange(LEAST, n - LEAST + 1)
    steps = (np.arange(n)[None] >= places[:, None]).astype(float)  # [places, T]
    steps -= (steps @ line) @ line.T
    norms = np.square(steps).sum(1)
    residual = values - line @ (line.T @ values)
    total = float(residual @ residual)
    if total <= 1e-18 * max(float(values @ values), 1e-300):
        return
    gains = np.square(steps @ residual) / norms  # sum of squares that a step at each place explains
    best = int(np.argmax(gains))
    rng = stream(seed, "change points", offset, n)
    shuffled = np.stack([rng.permutation(residual) for _ in range(PERMUTATIONS)], 1)  # [T, permutations]
    shuffled -= line @ (line.T @ shuffled)
    null = (np.square(steps @ shuffled) / norms[:, None]).max(0) / np.square(shuffled).sum(0)
    p = (1 + int((null >= gains[best] / total).sum())) / (PERMUTATIONS + 1)
    if p > alpha:
        return
    place = int(places[best])
    found.append((offset + place, p))
    _segment(values[:place], offset, seed, alpha, found)
    _segment(values[place:], offset + place, seed, alpha, found)
