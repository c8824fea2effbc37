"""What a population of organisms lives through in one generation: birth, curve, adulthood, code length, what was learned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from inner.engines.choice import live
from inner.learners.base import Learner
from outer.evaluators.base import Evaluator, chunks
from outer.genome.network import Organism
from outer.settings import Distribution, Setting

WORST_BITS = 100.0  # per sample: what a failed life is charged, and no life more: one near failure would rule all means
POINTS = 10  # of a learning curve, birth not counted


@dataclass(frozen=True, eq=False)
class Lives:
    """P candidates with L lives each; the last column of `curve` is adulthood, the first is birth."""

    curve: np.ndarray  # [P, L, C] float64, scores
    steps: np.ndarray  # [C] steps at which they were taken
    bits: np.ndarray  # [P, L] prequential bits per sample
    alive: np.ndarray  # [P, L] bool
    change: np.ndarray | None  # [P, W] float64, weights learned, mean over lives; None unless asked for

    @property
    def birth(self) -> np.ndarray:
        """[P, L] scores before any learning."""
        return self.curve[:, :, 0]

    @property
    def adult(self) -> np.ndarray:
        """[P, L] scores at the end of life."""
        return self.curve[:, :, -1]


@dataclass(frozen=True)
class Habitat:
    """The organism and the distribution of settings that it is born into; a value that any worker can hold."""

    organism: Organism
    distribution: Distribution
    seed: int
    lifetimes: int = 4
    learning: bool = True  # without it a life ends at birth
    keep_change: bool = False  # learned weights are brought home
    engine: str = "eager"  # see inner/engines/choice.py; only a genome that holds nothing but the rule has a choice
    device: str = "cpu"  # or "cuda"

    @property
    def learner(self) -> Learner:
        """What lives: the plain local rule where nothing but the rule is inherited, which is the same bit for bit."""
        inheriting = self.organism.learner
        plain = set(inheriting.layout.parts) == {"coefficients"} and not self.keep_change
        return inheriting.inner if plain else inheriting

    def settings(self, generation: int, tier: str = "search", lifetimes: int | None = None) -> tuple[Setting, ...]:
        """The settings that all candidates of a generation share; the same for every kind of inheritance."""
        return self.distribution.settings(tier, self.seed, (generation,), lifetimes or self.lifetimes, 1)

    def live(self, vectors: np.ndarray, setting: Setting) -> Lives:
        """The lives of candidates [P, D] in one setting."""
        steps = setting.steps if self.learning else 0
        lives = setting.task.life_data(setting.tier, steps, setting.batch, self.seed, setting.labels)
        record = curve_steps(steps)
        distinct = sorted(set(record))  # a short life has fewer steps than points
        learner = self.learner
        with torch.no_grad():
            theta = self.organism.phenotype(vectors)
            places = (self.engine, learner, setting.task, lives, theta, self.seed, setting.labels)
            result = live(*places, distinct, True, self.device)
        shown = max(steps * setting.batch, 1)
        alive, bits = result.alive.numpy(), result.bits.numpy() / shown
        bits = np.where(alive & np.isfinite(bits), bits, WORST_BITS).clip(max=WORST_BITS)
        change = None
        if self.keep_change:
            p, count = len(vectors), len(setting.labels)
            learned = self.organism.learner.learned(result.state)[: p * count].reshape(p, count, -1).to(torch.float64)
            learned = torch.where(result.alive.unsqueeze(-1), learned, torch.zeros_like(learned))
            change = learned.mean(1).numpy()  # a life that failed has nothing to hand on
        curve = result.curve.numpy()[:, :, np.searchsorted(distinct, record)]
        return Lives(curve, np.asarray(record), bits, alive, change)


def curve_steps(steps: int) -> list[int]:
    """0, then POINTS steps evenly up to the last."""
    return [0, *(math.ceil(steps * (i + 1) / POINTS) for i in range(POINTS))]


def _job(habitat: Habitat, vectors: np.ndarray, setting: Setting) -> Lives:
    return habitat.live(vectors, setting)


def lives(evaluator: Evaluator, habitat: Habitat, vectors: np.ndarray, settings: Sequence[Setting]) -> Lives:
    """All lives of a generation, in jobs of a chunk of candidates each; bits do not depend on the cuts."""
    (setting,) = settings
    cuts = chunks(len(vectors), len(setting.labels), evaluator.workers)
    parts: list[Lives] = evaluator.map(_job, [(habitat, vectors[cut], setting) for cut in cuts])
    change = None
    if habitat.keep_change:
        change = np.concatenate([part.change for part in parts if part.change is not None])
    return Lives(
        np.concatenate([part.curve for part in parts]),
        parts[0].steps,
        np.concatenate([part.bits for part in parts]),
        np.concatenate([part.alive for part in parts]),
        change,
    )
