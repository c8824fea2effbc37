"""Evolved weights: the genome is the weight vector of an inner network, scored as it is born, without any learning.

What Deep GA (Such et al. 2017) and OpenAI's ES (Salimans et al. 2017) search, and the Darwinian arm of every Baldwin
experiment: fitness before learning. A generation is scored on `batch` samples that all its candidates share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from inner.components import suggest
from inner.networks.mlp import Network
from inner.tasks.base import Label, LifeData, Task
from outer.objective import Evaluation
from outer.settings import Setting

MEASURES = ("score", "log_likelihood")


@dataclass(frozen=True)
class Genome:
    """All weights of one network as one vector, layer by layer, each [I (+ 1), O] in row order."""

    shapes: tuple[tuple[int, int], ...]
    origin: tuple[float, ...] = ()  # where a search starts; all 0 when empty

    @classmethod
    def of(cls, network: Network, task: Task, seed: int | None = None) -> Genome:
        """The genome of `network` on `task`; with a seed a search starts at initial weights, without one at 0."""
        sizes = network.sizes(task.inputs, task.outputs)
        shapes = tuple((i + network.bias, o) for i, o in zip(sizes, sizes[1:]))
        if seed is None:
            return cls(shapes)
        drawn = network.init(task.inputs, task.outputs, seed, [("origin",)])
        return cls(shapes, tuple(np.concatenate([w.numpy().ravel() for w in drawn]).astype(float).tolist()))

    @property
    def size(self) -> int:
        """D, the number of weights."""
        return sum(i * o for i, o in self.shapes)

    @property
    def names(self) -> tuple[str, ...]:
        """Weights have no names."""
        return ()

    def layers(self) -> tuple[tuple[int, int], ...]:
        """Nothing: no entry is the value of a coefficient in a layer."""
        return ()

    def start(self) -> np.ndarray:
        """Where a search starts [D]."""
        return np.array(self.origin) if self.origin else np.zeros(self.size)

    def values(self, vector: np.ndarray) -> dict[str, float]:
        """Nothing: weights have no names."""
        return {}

    def summary(self, vector: np.ndarray) -> dict[str, float]:
        """Nothing: weights have no names."""
        return {}

    def decode(self, vectors: np.ndarray) -> tuple[Tensor, ...]:
        """Vectors [P, D] -> weights per layer [P, I (+ 1), O] float32."""
        vectors = np.atleast_2d(np.asarray(vectors))
        if vectors.shape[1] != self.size:
            raise ValueError(f"candidates: expected [P, D] with D = {self.size}, got {list(vectors.shape)}")
        flat = torch.from_numpy(np.ascontiguousarray(vectors, dtype=np.float32))
        return self.split(flat)

    def split(self, flat: Tensor) -> tuple[Tensor, ...]:
        """The layers [P, I (+ 1), O] of a tensor [P, D]; differentiable."""
        ends = np.cumsum([i * o for i, o in self.shapes])
        parts = torch.tensor_split(flat, ends[:-1].tolist(), dim=1)
        return tuple(part.reshape(-1, i, o) for part, (i, o) in zip(parts, self.shapes))


@dataclass(frozen=True)
class Objective:
    """Scores weight vectors on samples of one task; for `evolve`, evaluators and searches like any other objective."""

    task: Task
    network: Network
    seed: int
    batch: int = 256  # samples that score a generation
    measure: str = "score"  # the task's own, or log_likelihood: mean log p(class), or minus half the squared error
    tier: str = "search"
    from_zero: bool = True  # a search starts at weights 0; otherwise at initial weights drawn from the seed

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise ValueError(
                f"fitness: unknown measure '{self.measure}'{suggest(self.measure, MEASURES)}; known: {', '.join(MEASURES)}"
            )
        if self.batch < 1:
            raise ValueError(f"batch: expected at least 1, got {self.batch}")

    @cached_property
    def genome(self) -> Genome:
        """What a search over this objective moves."""
        return Genome.of(self.network, self.task, None if self.from_zero else self.seed)

    def settings(self, generation: int, tier: str | None = None) -> tuple[Setting, ...]:
        """One setting: the samples that all candidates of a generation share."""
        label: Label = ("weights", generation)
        return (Setting(self.task, self.network, 1, self.batch, (label,), tier or self.tier),)

    def life_data(self, setting: Setting) -> LifeData:
        """The samples of a setting."""
        return self.task.life_data(setting.tier, setting.steps, setting.batch, self.seed, setting.labels)

    def scores(self, vectors: np.ndarray, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
        """Scores [P, 1] float64 of candidates [P, D] on the setting's samples, and whether they are finite [P, 1]."""
        lives = self.life_data(setting)
        shown = lives.order[0].reshape(-1)
        return self._judge(vectors, lives.x[0][shown], lives.y[0][shown], self.measure)

    def test(self, vectors: np.ndarray) -> np.ndarray:
        """The task's score [P] on the test samples of this tier: for a data set with official test images, on those."""
        lives = self.life_data(self.settings(0)[0])
        return self._judge(vectors, lives.test_x[0], lives.test_y[0], "score")[0][:, 0]

    def fitness(self, weights: Sequence[Tensor], x: Tensor, y: Tensor, measure: str) -> Tensor:
        """[P] for weights per layer [P, I (+ 1), O], x [B, I] and y [B, O]; log_likelihood is differentiable."""
        count = weights[0].shape[0]
        kind = self.network.resolve_output(self.task.kind)
        output = self.network.forward(weights, x.expand(count, -1, -1), kind).output
        y = y.expand(count, -1, -1)
        if measure == "score":
            return self.task.score(output, y)
        if self.task.kind == "classification":
            return torch.log((output * y).sum(-1).clamp_min(2.0**-100)).mean(-1)
        return -0.5 * ((y - output) ** 2).sum(-1).mean(-1)

    def _judge(self, vectors: np.ndarray, x: Tensor, y: Tensor, measure: str) -> tuple[np.ndarray, np.ndarray]:
        single = len(vectors) == 1  # torch multiplies a single matrix differently
        with torch.no_grad():
            weights = self.genome.decode(np.repeat(vectors, 2, 0) if single else vectors)
            value = self.fitness(weights, x, y, measure).to(torch.float64).numpy()[: len(vectors), None]
        alive = np.isfinite(value)
        worst = self.task.worst if measure == "score" else -100.0 * math.log(2)
        return np.where(alive, value, worst), alive

    def assemble(self, vectors: np.ndarray, parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> Evaluation:
        """Fitness from the scores per setting, in the order of `settings`."""
        scores = np.concatenate([score for score, _ in parts], axis=1)
        alive = np.concatenate([each for _, each in parts], axis=1)
        return Evaluation(scores.mean(1), scores, alive)
