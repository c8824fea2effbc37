"""Shared parts of classification tasks on data sets: the tiers of a data set, and the draw of one life from its tier.

A data set is cut once into the tiers search / select / final (40 / 25 / 35 %, stratified by class) at a fixed
address of the random stream, so that the cut depends on no run's seed. A life then draws, inside its tier, a
training pool and a disjoint test set, and with `permute` its own permutation of the inputs and of the labels:
such lives share no mapping that a rule could memorise.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from inner.criteria import CLASSES, Criterion
from inner.random import stream
from inner.tasks._common import accuracy, check_count, check_draw, check_flag, check_number, epochs, one_hot, stack
from inner.tasks.base import TIERS, Label, LifeData, Sizes, Task, check_tier

SHARES = (0.40, 0.25, 0.35)  # of TIERS, in that order


@dataclass(frozen=True, eq=False)
class DataSet:
    """Samples in their raw units, cut into tiers. `mean` and `std` are those of the search tier."""

    x: np.ndarray  # [M, I] any real dtype
    y: np.ndarray  # [M] int64, class 0..C-1
    tiers: dict[str, np.ndarray]  # tier -> [S] sorted sample indices
    mean: np.ndarray  # [I] float32
    std: np.ndarray  # [] or [I] float32, never 0
    held_out: np.ndarray | None = None  # [V] fixed test samples of the final tier (an official test set)

    def inputs(self, index: np.ndarray, scale: float) -> np.ndarray:
        """Standardised inputs float32 [S, I] of the samples `index` [S], times `scale`."""
        centred: np.ndarray = self.x[index].astype(np.float32) - self.mean
        return centred * (np.float32(scale) / self.std)

    def fixed_test(self, tier: str) -> np.ndarray | None:
        """The test samples [V] that every life of the tier is scored on, or None where each life draws its own."""
        return self.held_out if tier == "final" else None


def cut(y: np.ndarray, name: str) -> dict[str, np.ndarray]:
    """Cut the samples with labels `y` [M] into the tiers, each class in the same shares; the same cut in every run."""
    random = stream(0, "tiers", name)
    parts: dict[str, list[np.ndarray]] = {tier: [] for tier in TIERS}
    for label in np.unique(y):
        members = random.permutation(np.flatnonzero(y == label))
        ends = [round(len(members) * share) for share in np.cumsum(SHARES)[:-1]]
        for tier, part in zip(TIERS, np.split(members, ends), strict=True):
            parts[tier].append(part)
    return {tier: np.sort(np.concatenate(part)) for tier, part in parts.items()}


def data_set(x: np.ndarray, y: np.ndarray, name: str, per_feature: bool) -> DataSet:
    """Cut and measure the samples x [M, I] with classes y [M].

    Every input is centred; `per_feature` also gives each its own unit, images keep one unit for all pixels.
    """
    tiers = cut(y, name)
    seen = x[tiers["search"]]
    mean = seen.mean(axis=0, dtype=np.float64)
    variance = seen.var(axis=0, dtype=np.float64)
    std = np.sqrt(variance if per_feature else variance.mean())
    std = np.where(std == 0.0, 1.0, std)  # an input that never varies stays 0
    return DataSet(x, y.astype(np.int64), tiers, mean.astype(np.float32), std.astype(np.float32))


def check_options(permute: bool, scale: float, test: int) -> None:
    """Raise ValueError, in one line, for an option that no data set can use."""
    check_flag("permute", permute)
    check_number("scale", scale)
    check_count("test", test, 1)


@lru_cache(maxsize=4)
def _tensors(data: DataSet, samples: str, scale: float, outputs: int) -> tuple[Tensor, Tensor]:
    """Inputs [S, I] and targets [S, O] of a whole tier (or of the fixed test set, "held_out"), made once."""
    index = data.held_out if samples == "held_out" else data.tiers[samples]
    assert index is not None
    return torch.from_numpy(data.inputs(index, scale)), torch.from_numpy(one_hot(data.y[index], outputs))


class Classification(Task):
    """Abstract: classification of the samples of a data set. A concrete task gives `data`, sizes and options."""

    criterion: ClassVar[Criterion] = CLASSES
    permute: bool  # inputs and labels permuted anew for every life
    scale: float  # factor on the standardised inputs
    test: int  # V, test samples of a life
    classes: int | None = None  # k-way lives: how many classes each life draws (None: all)
    compact: bool = False  # k-way lives have k outputs instead of one per class of the data set
    relabel: bool = False  # classes renamed anew for every life, pixels left where they are

    @abstractmethod
    def data(self) -> DataSet:
        """The data set, loaded once per process."""

    @property
    def worst(self) -> float:
        return 0.0

    @property
    def chance(self) -> float:
        """Accuracy of always naming the largest class (1/k where each life draws k classes in equal shares)."""
        if self.classes is not None:
            return 1.0 / self.classes
        data = self.data()
        scored = data.tiers["final"] if data.held_out is None else data.held_out
        return float(np.bincount(data.y[scored]).max() / len(scored))

    def samples(self, tier: str) -> set[Hashable]:
        """Indices into the data set; where a tier has an official test set, the indices that it is scored on."""
        check_tier(tier)
        data = self.data()
        fixed = data.fixed_test(tier)
        return set((data.tiers[tier] if fixed is None else fixed).tolist())

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """Accuracy: [N, V, O], [N, V, O] -> [N] float64."""
        return accuracy(output, test_y)

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """Draw one lifetime per label.

        With `permute` each life holds the samples that it will see (S = min(pool, T*B)); without it `x` and `y` are
        views of the whole tier, expanded over L, and only `order` tells which samples a life trains on.
        Raises ValueError for an unknown tier or a test set that leaves nothing to train on.
        """
        check_draw(tier, steps, batch, labels)
        data = self.data()
        randoms = [stream(seed, "task", tier, *label) for label in labels]
        if self.permute or self.compact or self.relabel:
            return stack([self._own_life(data, tier, steps, batch, random) for random in randoms])
        rows = [self._shared_life(data, tier, steps, batch, random) for random in randoms]
        order, test = (torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True))
        x, y = (each.expand(len(labels), -1, -1) for each in _tensors(data, tier, self.scale, self.outputs))
        if data.fixed_test(tier) is None:
            return LifeData(x, y, order, x[0][test], y[0][test])
        fixed = _tensors(data, "held_out", self.scale, self.outputs)
        return LifeData(x, y, order, *(each.expand(len(labels), -1, -1) for each in fixed))

    def sizes(self, tier: str, steps: int, batch: int) -> Sizes:
        """Sizes of one life: of its own samples, or of the whole tier."""
        data, own = self.data(), self.permute or self.compact or self.relabel
        whole, fixed = len(data.tiers[tier]), data.fixed_test(tier)
        test = self.test if fixed is None else len(fixed)
        there = whole if fixed is not None else whole - test
        if self.classes is not None:  # equal shares of some classes
            scored, rarest = max(1, test // self.classes), int(np.bincount(data.y[data.tiers[tier]]).min())
            there, test = self.classes * (rarest - scored), self.classes * scored
        shown = min(there, max(1, steps * batch))
        return Sizes(shown, test, shown + test) if own else Sizes(whole, test, test, shared=True)

    def _shared_life(
        self, data: DataSet, tier: str, steps: int, batch: int, random: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Order [T, B] and test samples [V] of one life, as positions in its tier."""
        train, test, _ = self._draw(data, tier, random)
        return train[epochs(random, len(train), steps, batch)], test

    def _own_life(
        self, data: DataSet, tier: str, steps: int, batch: int, random: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """x [S, I], y [S, O], order [T, B], test_x [V, I], test_y [V, O] of one life, inputs and labels renamed."""
        index = data.tiers[tier]
        train, test, chosen = self._draw(data, tier, random)
        names = np.arange(data.y.max() + 1)  # class of the data set -> output unit
        if self.compact:
            names[chosen] = np.arange(len(chosen))  # drawn in a random order already
        pixels = np.arange(self.inputs)
        if self.permute:
            pixels = random.permutation(self.inputs)
            names = names if self.compact else random.permutation(self.outputs)
        elif self.relabel:
            names = random.permutation(self.outputs)
        order = epochs(random, len(train), steps, batch)
        fixed = data.fixed_test(tier)
        shown, scored = index[train[: max(1, steps * batch)]], index[test] if fixed is None else fixed
        x, test_x = (np.take(data.inputs(each, self.scale), pixels, axis=1) for each in (shown, scored))
        y, test_y = (one_hot(names[data.y[each]], self.outputs) for each in (shown, scored))
        return x, y, order, test_x, test_y

    def _draw(self, data: DataSet, tier: str, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Shuffled positions in the tier of the training pool and of the test set, and the classes of this life."""
        labels = data.y[data.tiers[tier]]
        every = np.arange(data.y.max() + 1)
        if data.fixed_test(tier) is not None:
            return random.permutation(len(labels)), np.empty(0, dtype=np.int64), every
        if self.classes is None:
            if self.test >= len(labels):
                raise ValueError(f"test: expected fewer than the {len(labels)} samples of '{tier}', got {self.test}")
            positions = random.permutation(len(labels))
            return positions[self.test :], positions[: self.test], every
        chosen = random.permutation(every)[: self.classes]
        each = int(np.bincount(labels).min())  # equal shares: as many of every class as the rarest one has
        scored = max(1, self.test // self.classes)
        if scored >= each:
            raise ValueError(f"test: expected fewer than {each * self.classes} in '{tier}', got {self.test}")
        members = np.stack([random.permutation(np.flatnonzero(labels == one))[:each] for one in chosen])  # [k, each]
        return random.permutation(members[:, scored:].ravel()), members[:, :scored].ravel(), chosen
