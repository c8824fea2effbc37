"""CMA-ES (Hansen & Ostermeier 2001) through pycma, with its own addressed stream so that a replay is exact."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from inner.random import stream
from outer.objective import Evaluation
from outer.searches import base


@dataclass(frozen=True)
class Search(base.Search):
    """Covariance matrix adaptation."""

    popsize: int = 16
    generations: int = 60
    sigma0: float = 1.0
    diagonal: bool = False  # separable CMA-ES, for hundreds of coefficients and more

    def __post_init__(self) -> None:
        base.check_options(self.popsize, self.generations, least=4)
        if not self.sigma0 > 0:
            raise ValueError(f"search.sigma0: expected a number > 0, got {self.sigma0}")

    def start(self, origin: np.ndarray, seed: int) -> Running:
        """Start at `origin` [D]; a single coefficient gets a silent second one, which pycma needs."""
        return Running(self, np.asarray(origin, dtype=np.float64), seed)


class Running(base.Running):
    """A pycma strategy that minimises -fitness."""

    def __init__(self, options: Search, origin: np.ndarray, seed: int) -> None:
        import cma  # a second of import that `--help` must not pay

        self.size = origin.size
        self.generation = 0
        self._normal = stream(seed, "cma", 0)

        def randn(*shape: int) -> np.ndarray:
            return self._normal.standard_normal(shape)

        settings = {
            "popsize": options.popsize,
            "seed": np.nan,  # pycma then leaves numpy's global generator alone
            "randn": randn,
            "verbose": -9,
            "verb_log": 0,
            "verb_disp": 0,
            "signals_filename": None,
            "CMA_diagonal": options.diagonal,
            "maxiter": np.inf,
        }
        padded = origin if self.size > 1 else np.append(origin, 0.0)
        self.seed = seed
        with warnings.catch_warnings():  # pycma 4.5 warns about its own default for signals_filename
            warnings.simplefilter("ignore")
            self.strategy = cma.CMAEvolutionStrategy(padded, options.sigma0, settings)

    def ask(self) -> np.ndarray:
        """Candidates [P, D] of this generation, drawn from its own stream."""
        self._normal = stream(self.seed, "cma", self.generation)
        self._asked = self.strategy.ask()
        return np.array(self._asked)[:, : self.size]

    def tell(self, candidates: np.ndarray, evaluation: Evaluation) -> None:
        """One update of mean, step size and covariance."""
        self.strategy.tell(self._asked, [-float(f) for f in evaluation.fitness])
        self.generation += 1

    def favourite(self) -> np.ndarray:
        """The mean of the distribution: under noise a better bet than the best sample."""
        return np.array(self.strategy.mean)[: self.size]

    def stop(self) -> dict[str, float]:
        """pycma's reasons, except those that a noisy or flat fitness triggers by chance."""
        return {
            k: float(v) for k, v in self.strategy.stop().items() if k in ("tolxup", "conditioncov", "noeffectcoord")
        }

    def metrics(self) -> dict[str, float]:
        """Step size and axis ratio."""
        return {"sigma": float(self.strategy.sigma), "axis_ratio": float(self.strategy.D.max() / self.strategy.D.min())}
