"""CMA-ES (Hansen & Ostermeier 2001) through pycma, with its own addressed stream so that a replay is exact.

Above FULL_UP_TO coefficients the covariance is kept diagonal (Ros & Hansen 2008): memory then grows with D and not
with its square. Restarts (`_restarts.py`) and re-evaluation under noise (`_reevaluation.py`) are options.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from inner.components import suggest
from inner.random import stream
from outer.objective import Evaluation
from outer.searches import base
from outer.searches._reevaluation import Reevaluation
from outer.searches._restarts import Restarts
from outer.searches.base import check_range, finite

FULL_UP_TO = 300  # coefficients with a full covariance under `auto`: its update costs D^2, its decomposition D^3
CHOICES = {"covariance": ("auto", "full", "diagonal"), "restarts": ("none", "ipop", "bipop")}
NOT_BY_CHANCE = ("tolxup", "conditioncov", "noeffectcoord")  # reasons that a noisy or flat fitness does not trigger


@dataclass(frozen=True)
class Search(base.Search):
    """Covariance matrix adaptation."""

    popsize: int = 16
    generations: int = 60
    sigma0: float = 1.0
    covariance: str = "auto"  # full, diagonal (separable CMA-ES), or auto: diagonal above 300 coefficients
    restarts: str = "none"  # ipop: population doubled after each stop; bipop: small populations in between
    reevaluate: int = 1  # most generations in which the same candidates are scored before an update (1: never again)
    rank_based: ClassVar[bool] = True

    def __post_init__(self) -> None:
        base.check_options(self.popsize, self.generations, least=4)
        check_range("sigma0", self.sigma0, 0)
        for name, choices in CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise ValueError(
                    f"search.{name}: expected one of {', '.join(choices)}, got '{value}'{suggest(value, choices)}"
                )
        if self.reevaluate < 1:
            raise ValueError(f"search.reevaluate: expected at least 1, got {self.reevaluate}")

    def start(self, origin: np.ndarray, seed: int) -> Running:
        """Start at `origin` [D]; a single coefficient gets a silent second one, which pycma needs."""
        return Running(self, np.array(origin, dtype=np.float64), seed)


class Running(base.Running):
    """A pycma strategy that minimises -fitness, with re-evaluation and restarts."""

    def __init__(self, options: Search, origin: np.ndarray, seed: int) -> None:
        self.options, self.origin, self.seed, self.size = options, origin, seed, origin.size
        self.updates = 0  # of any strategy: the address of the next batch
        self._normal = stream(seed, "cma", 0)
        self._restarts = Restarts(options.restarts, options.popsize, options.sigma0, seed)
        self._again = Reevaluation(options.reevaluate, origin.size)
        self._asked: list[np.ndarray] | None = None  # the batch that waits for its fitness
        self.strategy = self._strategy(origin, options.popsize, options.sigma0)

    def _strategy(self, origin: np.ndarray, popsize: int, sigma0: float) -> Any:
        import cma  # a second of import that `--help` must not pay

        def randn(*shape: int) -> np.ndarray:
            return self._normal.standard_normal(shape)

        auto = self.options.covariance == "auto"
        settings = {
            "popsize": popsize,
            "seed": np.nan,  # pycma then leaves numpy's global generator alone
            "randn": randn,
            "verbose": -9,
            "verb_log": 0,
            "verb_disp": 0,
            "signals_filename": None,
            "CMA_diagonal": self.size > FULL_UP_TO if auto else self.options.covariance == "diagonal",
            "maxiter": np.inf,
        }
        padded = origin if self.size > 1 else np.append(origin, 0.0)
        with warnings.catch_warnings():  # pycma 4.5 warns about its own default for signals_filename
            warnings.simplefilter("ignore")
            return cma.CMAEvolutionStrategy(padded, sigma0, settings)

    def ask(self) -> np.ndarray:
        """Candidates [P, D] of this generation, drawn from its own stream, or the last ones for another look."""
        if self._asked is None or not self._again.waiting:
            self._normal = stream(self.seed, "cma", self.updates)
            self._asked = self.strategy.ask()
        return np.array(self._asked)[:, : self.size]

    def tell(self, candidates: np.ndarray, evaluation: Evaluation) -> None:
        """One update of mean, step size and covariance, when the batch has been scored often enough."""
        fitness = self._again.add(finite(evaluation.fitness))
        if fitness is None:
            return
        self.strategy.tell(self._asked, [-float(f) for f in fitness])
        self._asked = None
        self.updates += 1
        self._restarts.count(len(fitness), float(np.sort(fitness)[len(fitness) // 2]), self.mean)
        if self.options.restarts != "none" and self.strategy.stop():
            popsize, sigma0, shift = self._restarts.next(self.size)
            self.strategy = self._strategy(self.origin + shift, popsize, sigma0)

    @property
    def mean(self) -> np.ndarray:
        """The mean [D] of the strategy that runs now."""
        return np.array(self.strategy.mean)[: self.size]

    def recommendation(self) -> np.ndarray:
        """The mean of the distribution: under noise a better bet than the best sample. With restarts, the best mean."""
        best = self._restarts.best
        return self.mean if best is None else best.copy()

    def stop(self) -> dict[str, float]:
        """pycma's reasons, except those that a noisy or flat fitness triggers by chance; none where it restarts."""
        if self.options.restarts != "none":
            return {}
        return {k: float(v) for k, v in self.strategy.stop().items() if k in NOT_BY_CHANCE}

    def metrics(self) -> dict[str, float]:
        """Step size and axis ratio; population and number of restarts; evaluations per candidate and rank changes."""
        axes = self.strategy.D
        found = {"sigma": float(self.strategy.sigma), "axis_ratio": float(axes.max() / axes.min())}
        return found | self._restarts.metrics() | self._again.metrics()
