"""When a CMA-ES run has stopped: which population and step size the next one has (IPOP and BIPOP), and which mean to trust.

IPOP (Auger & Hansen 2005) doubles the population at every restart. BIPOP (Hansen 2009) also spends half of the
evaluations on small populations floor(P (P_large / P / 2)^(u^2)) with step sizes sigma0 10^(-2 u').
"""

from __future__ import annotations

import numpy as np

from inner.random import stream

MOST_DOUBLINGS = 9  # of the population, as in pycma: more would be too many candidates for any generation


class Restarts:
    """The schedule of one search; numbers only, every draw from an addressed stream."""

    def __init__(self, kind: str, popsize: int, sigma0: float, seed: int) -> None:
        self.kind, self.popsize0, self.sigma0, self.seed = kind, popsize, sigma0, seed
        self.popsize = popsize  # of the run that goes on now
        self.restarts = 0
        self.large = 0  # restarts with a doubled population
        self.spent = {"large": 0, "small": 0}  # evaluations
        self.regime = "first"
        self.best: np.ndarray | None = None  # [D] mean of the run with the best median fitness; None without restarts
        self.best_median = -np.inf

    def count(self, evaluations: int, median: float, mean: np.ndarray) -> None:
        """Record a generation: its cost, the median fitness of its candidates and the mean [D] after it."""
        if self.kind == "none":
            return
        if self.regime != "first":
            self.spent[self.regime] += evaluations
        if median >= self.best_median:
            self.best_median, self.best = median, mean

    def next(self, size: int) -> tuple[int, float, np.ndarray]:
        """Population, step size and shift [D] from the origin of the run that starts now."""
        self.restarts += 1
        rng = stream(self.seed, "cma restart", self.restarts)
        shift = self.sigma0 * rng.standard_normal(size)
        spread = rng.random(2)
        grown = self.popsize0 * 2 ** min(self.large + 1, MOST_DOUBLINGS)
        if self.kind == "bipop" and self.large and self.spent["small"] < self.spent["large"]:
            self.regime = "small"
            half = 2 ** (min(self.large, MOST_DOUBLINGS) - 1)
            self.popsize = max(4, int(self.popsize0 * half ** (spread[0] ** 2)))
            return self.popsize, float(self.sigma0 * 10 ** (-2 * spread[1])), shift
        self.regime, self.popsize = "large", grown
        self.large += 1
        return self.popsize, self.sigma0, shift

    def metrics(self) -> dict[str, float]:
        """Restarts so far and the population now; nothing without restarts."""
        return {} if self.kind == "none" else {"restarts": float(self.restarts), "population_now": float(self.popsize)}
