"""The objective of inheritance: networks are born with their genome, learn, are selected, and may pass on what they learned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from inner.engines.choice import choose, live
from inner.learners.base import Learner
from inner.life.request import Life
from inner.life.size import Bytes, Lives
from outer.fitness.base import WORST_BITS
from outer.generation import Curves
from outer.genome.network import NetworkGenome
from outer.gradient_estimators.base import GradientEstimator
from outer.inheritance.kinds import Inheritance
from outer.inheritance.measures import generation_measures
from outer.objective import Evaluation, Lived, Objective, made_finite
from outer.settings import Distribution, Setting

POINTS = 10  # of a learning curve, birth not counted


@dataclass(frozen=True)
class InheritanceObjective(Objective):
    """A genome, the settings that its networks are born into, and the kind of inheritance."""

    born: NetworkGenome  # the genome that networks are born with
    distribution: Distribution
    seed: int
    inheritance: Inheritance = Inheritance()
    lifetimes: int = 4
    learning: bool = True  # False: a life ends at birth
    threshold: float = 0.7  # the score that the measure steps_to_threshold waits for
    engine: str = "eager"  # only a genome that holds nothing but the rule has a choice
    device: str = "cpu"

    @property
    def genome(self) -> NetworkGenome:
        """The genome that a search over this objective moves."""
        return self.born

    @property
    def learner(self) -> Learner:
        """The learner that lives: the plain local rule where only the rule is inherited; the bits are the same."""
        inheriting = self.genome.learner
        plain = set(inheriting.layout.parts) == {"coefficients"} and not self.inheritance.writes
        return inheriting.inner if plain else inheriting

    def settings(self, generation: int, tier: str = "search", lifetimes: int | None = None) -> tuple[Setting, ...]:
        """The one setting that all candidates of a generation share; the same for every kind of inheritance."""
        return self.distribution.settings(tier, self.seed, (generation,), lifetimes or self.lifetimes, 1)

    def engine_in(self, setting: Setting) -> str:
        """Native where nothing but the rule is inherited, and asked for."""
        return choose(self.engine, self.learner, setting.spec, self.device)[0]

    @property
    def apart(self) -> bool:
        """What was learned is averaged over a candidate's lifetimes where it is written back: they live in one job."""
        return not self.inheritance.writes

    def sized(self, setting: Setting) -> Lives:
        """The sizes of lives in a setting."""
        steps, values = self._steps(setting), self.genome.layout.size
        return Lives(
            self.learner, setting.task, setting.tier, steps, setting.batch, POINTS + 1, self.engine, self.device, values
        )  # fmt: skip

    def bytes_in(self, setting: Setting, estimator: GradientEstimator | None = None) -> Bytes:
        """As of any learner; where learning is written back, the changes [N, W] in float32 and float64 too."""
        found = self.sized(setting)
        change = 28.0 * found.weights * self.inheritance.writes
        return lambda population, lifetimes: found.bytes(population, lifetimes) + population * lifetimes * change

    def lives(self, vectors: np.ndarray, setting: Setting) -> Lived:
        """Lives of candidates [P, D] in one setting; the curve's first column is birth, its last the end of life."""
        steps = self._steps(setting)
        data = setting.task.life_data(setting.tier, steps, setting.batch, self.seed, setting.labels)
        record = curve_steps(steps)
        distinct = sorted(set(record))  # a short life has fewer steps than points
        with torch.no_grad():
            theta = torch.from_numpy(self.genome.decode(vectors))
            life = Life(self.learner, setting.task, data, theta, self.seed, setting.labels, distinct, True, self.device)
            result = live(life, self.engine)
        samples = max(steps * setting.batch, 1)
        alive, bits = result.alive.numpy(), result.bits.numpy() / samples
        # the bound keeps one near-failure from dominating the mean
        bits = np.where(alive & np.isfinite(bits), bits, WORST_BITS).clip(max=WORST_BITS)
        change = None
        if self.inheritance.writes:
            p, count = len(vectors), len(setting.labels)
            learned = self.genome.learner.learned(result.state)[: p * count].reshape(p, count, -1).to(torch.float64)
            learned = torch.where(result.alive.unsqueeze(-1), learned, torch.zeros_like(learned))
            change = learned.mean(1).numpy()  # a life that failed has nothing to hand on
        curve = result.curve.numpy()[:, :, np.searchsorted(distinct, record)]
        return Lived(curve[:, :, -1 if self.inheritance.learns else 0], alive, curve, bits, change)

    def assemble(self, vectors: np.ndarray, settings: Sequence[Setting], lived: Sequence[Lived]) -> Evaluation:
        """Fitness by the kind of inheritance, the genomes that the search learns from, and the measures of inheritance."""
        (found,), (setting,) = lived, settings
        assert found.curve is not None and found.bits is not None
        learning_steps = self.genome.learning_steps(vectors) * float(self.learning)
        fitness = made_finite(self.inheritance.fitness(found.scores, learning_steps))
        told = vectors
        if self.inheritance.writes:
            assert found.change is not None
            told = self.genome.write_back(vectors, found.change)
        steps, chance = np.asarray(curve_steps(self._steps(setting))), setting.task.chance
        metrics = generation_measures(self.genome, vectors, found, steps, fitness, chance, self.threshold)
        best = found.curve[int(np.argmax(fitness))].mean(0)
        return Evaluation(
            fitness,
            found.scores,
            found.alive,
            steps=None if self.learning else 0.0,
            metrics=metrics,
            told=told,
            curves=Curves(steps, found.curve.mean((0, 1)), best),
        )

    def _steps(self, setting: Setting) -> int:
        """Steps of a life."""
        return setting.steps if self.learning else 0


def curve_steps(steps: int) -> list[int]:
    """0, then POINTS steps evenly up to the last; repeats in lives of fewer steps."""
    return [0, *(math.ceil(steps * (i + 1) / POINTS) for i in range(POINTS))]
