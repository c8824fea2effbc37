"""The interface of an objective: candidates go in, the fitness that their lives earn comes out.

One sign everywhere: `fitness`, higher is better, float64 and finite. A life that left the finite range has the worst score.
An objective is a value, so that any worker can hold a copy; a job of a worker is some candidates in one setting.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np

from inner.life.size import Bytes
from inner.life.unroll import Unroll
from outer.generation import Curves
from outer.genome.base import Genome
from outer.settings import Distribution, Setting

if TYPE_CHECKING:
    from outer.gradient_estimators.base import GradientEstimator

WORST_FITNESS = -1e9  # takes the place of a fitness that is not finite


@dataclass(frozen=True, eq=False)
class Lived:
    """Lives of P candidates in one setting of L lifetimes; arrays that an objective does not need are None."""

    scores: np.ndarray  # [P, L] float64, of every life
    alive: np.ndarray  # [P, L] bool, False where the network left the finite range
    curve: np.ndarray | None = None  # [P, L, C] float64, scores at C steps
    bits: np.ndarray | None = None  # [P, L] float64, prequential bits per sample
    change: np.ndarray | None = None  # [P, W] float64, weights learned, mean over lives

    @classmethod
    def joined(cls, parts: Sequence[Lived]) -> Lived:
        """The parts of a population, one after the other."""
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in parts[0].present})

    @classmethod
    def beside(cls, parts: Sequence[Lived]) -> Lived:
        """Some lifetimes of all candidates after the others. A mean over lives cannot be put together: there is one part."""
        if len(parts) == 1:
            return parts[0]
        assert all(part.change is None for part in parts)
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts], 1) for name in parts[0].present})

    def rows(self, index: np.ndarray) -> Lived:
        """The lives of the candidates `index` [Q], repeats allowed."""
        return Lived(**{name: getattr(self, name)[index] for name in self.present})

    @property
    def present(self) -> tuple[str, ...]:
        """Names of the arrays that are not None."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name) is not None)


@dataclass(frozen=True)
class Evaluation:
    """Fitness of a generation of P candidates with L lifetimes each."""

    fitness: np.ndarray  # [P] float64, finite
    scores: np.ndarray  # [P, L] float64
    alive: np.ndarray  # [P, L] bool
    steps: float | None = None  # inner steps lived by all candidates together; None: every life to its end
    # with a gradient estimator: [G, D] float64, the gradient of minus its loss, mean over
    # candidates and lifetimes, as one share per half of the lifetimes (G = 2, or 1 for one lifetime): it is their sum
    gradient: np.ndarray | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)  # of this generation, beside those that every one has
    told: np.ndarray | None = (
        None  # [P, D] that the search learns from in place of the candidates; None: the candidates
    )
    curves: Curves | None = None


class Objective(ABC):
    """Concrete objectives are frozen dataclasses."""

    seed: int  # addresses every draw
    distribution: Distribution  # of the settings in which candidates live
    device: str  # "cpu" or "cuda"

    @property
    @abstractmethod
    def genome(self) -> Genome:
        """The genome that a search moves. Raises ValueError where its size would depend on the setting."""

    @abstractmethod
    def settings(self, generation: int, tier: str = "search", lifetimes: int | None = None) -> tuple[Setting, ...]:
        """The settings that all candidates of a generation share; None: as many lifetimes as the objective has."""

    @abstractmethod
    def engine_in(self, setting: Setting) -> str:
        """The name of the engine that lives of this setting run on."""

    @abstractmethod
    def lives(self, vectors: np.ndarray, setting: Setting) -> Lived:
        """Let candidates [P, D] live in one setting: the job of a worker. Bits do not depend on how P was cut into jobs."""

    @property
    def apart(self) -> bool:
        """True where the lifetimes of a candidate may be lived in several jobs."""
        return True

    def bytes_in(self, setting: Setting, estimator: GradientEstimator | None = None) -> Bytes | None:
        """Predicts the bytes of a job in a setting, of lives or of their gradients; None: jobs are not cut by bytes."""
        return None

    def reference_lives(self, setting: Setting) -> Lived | None:
        """The lives [1, L] of the reference learner in one setting, a job of a worker too; None without a reference."""
        return None

    @property
    def has_reference(self) -> bool:
        """True where scores are leads over a reference learner."""
        return False

    def reduced(self, scores: np.ndarray, settings: Sequence[Setting]) -> np.ndarray:
        """One number [P] from the scores [P, L] of lives in these settings: the fitness before any price."""
        found: np.ndarray = scores.mean(1)
        return found

    @abstractmethod
    def assemble(self, vectors: np.ndarray, settings: Sequence[Setting], lived: Sequence[Lived]) -> Evaluation:
        """The evaluation of candidates [P, D] from their lives in each of the settings."""

    def unroll(self, setting: Setting, loss: str) -> Unroll:
        """The lives of a setting as a function of theta that can be differentiated. Raises ValueError where there is none."""
        raise ValueError(
            f"gradients: lives of {type(self).__name__} are not differentiated; expected a search that needs no gradient"
        )


def side_by_side(lived: Sequence[Lived]) -> tuple[np.ndarray, np.ndarray]:
    """Scores and alive [P, L] of all settings together, in their order."""
    return np.concatenate([part.scores for part in lived], axis=1), np.concatenate(
        [part.alive for part in lived], axis=1
    )


def made_finite(fitness: np.ndarray) -> np.ndarray:
    """Fitness [P] with WORST_FITNESS where it is not finite."""
    return np.where(np.isfinite(fitness), fitness, WORST_FITNESS)
