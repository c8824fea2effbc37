"""The only place where `outer` meets `inner`: candidates go in, the scores of their lifetimes come out.

One sign everywhere: `fitness`, higher is better, float64 and finite. A life that left the finite range has the worst score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch

from inner.components import suggest
from inner.engines.choice import check_engine, live
from inner.learners.local_rule import Learner
from inner.rules.rule import Rule
from inner.tasks.base import Task
from outer.genome.coefficients import Genome
from outer.settings import Distribution, Setting

MEASURES = ("final", "halvings", "area", "steps_to_threshold", "prequential_bits")
CURVE_POINTS = 10
WORST_BITS = 100.0  # per sample: what a failed life is charged


@dataclass(frozen=True)
class Evaluation:
    """What a generation of P candidates with L lifetimes each has earned."""

    fitness: np.ndarray  # [P] float64, finite
    scores: np.ndarray  # [P, L] float64
    alive: np.ndarray  # [P, L] bool
    steps: float | None = None  # inner steps lived by all candidates together; None: every life to its end
    # with a gradient estimator: [G, D] float64, the gradient of minus its loss, mean over
    # candidates and lifetimes, as one share per half of the lifetimes (G = 2, or 1 for one lifetime): it is their sum
    gradient: np.ndarray | None = None
    health: Mapping[str, float] = field(default_factory=dict)  # of the gradient: lives without one, lives clipped


@dataclass(frozen=True)
class Objective:
    """Scores the candidates of one rule over a distribution of settings; a value, so that any worker can hold a copy."""

    rule: Rule
    distribution: Distribution
    seed: int
    lifetimes: int = 6
    shapes: int = 2  # different settings per generation
    measure: str = "final"
    threshold: float = 0.8
    complexity: float = 0.0  # fitness lost per unit of sum |coefficient|
    engine: str = "auto"
    device: str = "cpu"  # or "cuda"
    fixed: bool = False  # so many lives in networks of one shape that they are worth a kernel of their own

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise ValueError(
                f"fitness: unknown measure '{self.measure}'{suggest(self.measure, MEASURES)}; known: {', '.join(MEASURES)}"
            )
        check_engine(self.engine)
        if self.lifetimes < 1 or self.shapes < 1:
            raise ValueError(f"lifetimes and shapes: expected at least 1, got {self.lifetimes} and {self.shapes}")

    @cached_property
    def genome(self) -> Genome:
        """What a search over this objective moves. Raises ValueError where its size would depend on the setting."""
        return Genome(self.rule.coefficients, self.distribution.counts(self.rule.coefficients))

    def learner(self, setting: Setting) -> Learner:
        """What lives in a setting."""
        return Learner(self.rule, setting.network)

    def settings(self, generation: int, tier: str = "search") -> tuple[Setting, ...]:
        """The settings that all candidates of a generation share."""
        return self.distribution.settings(tier, self.seed, (generation,), self.lifetimes, self.shapes)

    def scores(self, vectors: np.ndarray, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
        """Scores [P, lives of this setting] float64 and alive [P, lives] of candidates [P, D], in one setting."""
        return self.lived(self.learner(setting), self.genome.decode(vectors), setting)

    def lived(self, learner: Learner, values: np.ndarray, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
        """Scores and alive [P, lives of this setting] of a learner with coefficient values [P, C]."""
        theta = torch.from_numpy(values)
        lives = setting.task.life_data(setting.tier, setting.steps, setting.batch, self.seed, setting.labels)
        if setting.until is not None:
            lives = replace(lives, order=lives.order[:, : setting.until])
        steps = lives.order.shape[1]
        curve = self.measure in ("area", "steps_to_threshold")
        record = [round(steps * (i + 1) / CURVE_POINTS) for i in range(CURVE_POINTS)] if curve else []
        with torch.no_grad():
            prequential = self.measure == "prequential_bits"
            places = (self.engine, learner, setting.task, lives, theta, self.seed, setting.labels)
            result = live(*places, record, prequential, self.device, self.fixed)
        alive = result.alive.numpy()
        if self.measure == "final":
            value = result.score.numpy()
        elif self.measure == "halvings":
            value = halvings(result.score.numpy(), setting.task, lives.test_y.shape[1])
        elif self.measure == "area":
            value = result.curve.mean(-1).numpy()
        elif self.measure == "steps_to_threshold":
            over = (result.curve >= self.threshold).numpy()
            reached = np.asarray(record, dtype=np.float64)[over.argmax(-1)]
            value = -np.where(over.any(-1), reached, 2.0 * steps)
        else:
            shown = lives.order.shape[1] * lives.order.shape[2]
            bits = result.bits.numpy()
            value = -np.where(alive & np.isfinite(bits), bits, WORST_BITS * shown) / shown
        return value, alive

    def assemble(self, vectors: np.ndarray, parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> Evaluation:
        """Fitness from the scores per setting, in the order of `settings`."""
        scores = np.concatenate([score for score, _ in parts], axis=1)
        alive = np.concatenate([a for _, a in parts], axis=1)
        fitness = scores.mean(1)
        if self.complexity:
            fitness = fitness - self.complexity * np.abs(self.genome.decode(vectors)).sum(1)
        return Evaluation(np.where(np.isfinite(fitness), fitness, -1e9), scores, alive)


def halvings(score: np.ndarray, task: Task, samples: int) -> np.ndarray:
    """How often the error of chance has been halved: log2((best - chance) / (best - score)), higher is better.

    A gain counts the same where lives are easy and where they are hard. best is 1, or 0 for a regression's -MSE; half a
    test sample is added to either error so that a perfect life has a finite score.
    """
    best = 0.0 if task.kind == "regression" else 1.0
    span = best - task.chance
    spare = 0.5 * span / samples
    found: np.ndarray = np.log2((span + spare) / (np.maximum(best - score, 0.0) + spare))
    return found
