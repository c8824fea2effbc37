"""Tasks of a distribution: one, or several with weights, each with options that may be ranges; every world draws its own.

A single task without ranges draws nothing. Where there are several, the worlds of a generation are shared out by systematic
sampling: with S worlds and a task of weight share p, either floor(p S) or ceil(p S) of them have it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from inner.components import Plain
from inner.random import stream
from inner.tasks._altered import options_for, task_of
from inner.tasks.base import Label, Task
from outer import draws

WEIGHT = "weight"
TaskSpec = Mapping[str, Any] | Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Mixture:
    """Entries (name, options and weight) as a config gives them: one mapping, or a list of them.

    common: options that every entry gets which does not say otherwise (life.power and the like).
    """

    spec: TaskSpec
    common: tuple[tuple[str, Any], ...] = ()

    @cached_property
    def entries(self) -> tuple[Plain, ...]:
        """Name and options of every entry, without its weight."""
        given = [self.spec] if isinstance(self.spec, Mapping) else self.spec
        if not given:
            raise ValueError("task: expected at least one task, got an empty list")
        added = dict(self.common)
        return tuple({**added, **{k: v for k, v in e.items() if k != WEIGHT or not self.several}} for e in given)

    @property
    def several(self) -> bool:
        """True for a list, be it of one entry."""
        return not isinstance(self.spec, Mapping)

    @cached_property
    def weights(self) -> np.ndarray:
        """Shares of the entries [K], their sum 1. Raises ValueError, in one line, for a weight that is none."""
        if isinstance(self.spec, Mapping):
            return np.ones(1)
        found = [entry.get(WEIGHT, 1.0) for entry in self.spec]
        for k, weight in enumerate(found):
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < 1e9:
                raise ValueError(f"task[{k}].{WEIGHT}: expected a number above 0, got {weight!r}")
        shares: np.ndarray = np.array(found, dtype=float) / sum(found)
        return shares

    def where(self, k: int) -> str:
        """How messages call entry k: task, or task[k] in a list."""
        return f"task[{k}]" if self.several else "task"

    def shared_out(self, worlds: int, tier: str, seed: int, address: Label) -> list[int]:
        """The entry of each world, from the stream (seed, "mixture", tier, *address); nothing is drawn for one entry."""
        if len(self.entries) == 1:
            return [0] * worlds
        random = stream(seed, "mixture", tier, *address)
        points = (random.random() + np.arange(worlds)) / worlds
        found = np.searchsorted(np.cumsum(self.weights)[:-1], points, side="right")
        return [int(k) for k in random.permutation(found)]

    def task(self, k: int, seed: int, *address: str | int, **others: Any) -> Task:
        """Entry k with its ranges drawn at an address; `others` replace options. Raises ValueError, in one line."""
        options = self.entries[k]
        found = draws.drawn(self.fields(k), {**options, **others}, self.where(k), seed, *address)
        return self.made(k, found)

    def middle(self, k: int = 0) -> Plain:
        """Name and options of entry k with the middle of every range."""
        return draws.middle(self.fields(k), self.entries[k], self.where(k))

    @property
    def first(self) -> Task:
        """The first task, in the middle of its ranges."""
        return self.made(0, self.middle())

    def ends(self, k: int = 0) -> tuple[Plain, Plain]:
        """Name and options of entry k with the lower and the upper end of every range."""
        return draws.ends(self.fields(k), self.entries[k], self.where(k))

    def made(self, k: int, options: Mapping[str, Any]) -> Task:
        """The task of an entry; a message of a list's entry begins with its place, as in task[2].name."""
        with self._placed(k):
            return task_of(options)

    @cached_property
    def sizes(self) -> frozenset[tuple[int, int]]:
        """Inputs and outputs at both ends of every entry."""
        tasks = [self.made(k, options) for k in range(len(self.entries)) for options in self.ends(k)]
        return frozenset((task.inputs, task.outputs) for task in tasks)

    @property
    def varied(self) -> bool:
        """True where worlds differ in their task or its options."""
        return len(self.entries) > 1 or any(low != high for low, high in map(self.ends, range(len(self.entries))))

    @property
    def title(self) -> str:
        """The names of the tasks, each once."""
        return ", ".join(dict.fromkeys(str(entry["name"]) for entry in self.entries))

    def check(self) -> None:
        """Raise ValueError, in one line, for an entry that cannot work, or tasks whose scores mean different things."""
        kinds = []
        for k in range(len(self.entries)):
            kinds += [self.made(k, options).criterion.kind for options in self.ends(k)]
            if kinds[-1] != kinds[0]:
                name = self.entries[k]["name"]
                raise ValueError(
                    f"{self.where(k)}: expected a task of {kinds[0]} as the first, '{name}' is of {kinds[-1]}"
                )
        _ = self.weights

    def fields(self, k: int) -> draws.Fields:
        """The options that entry k may have, by name."""
        with self._placed(k):
            return options_for(str(self.entries[k].get("name")))

    @contextmanager
    def _placed(self, k: int) -> Iterator[None]:
        """Messages of a list's entry begin with its place; those of a single task stay as they are."""
        try:
            yield
        except ValueError as error:
            text, place = str(error), self.where(k)
            if not self.several or text.startswith(place):
                raise
            if text.startswith("task: unknown name"):
                raise ValueError(f"{place}.name: {text.removeprefix('task: ')}") from error
            if text.startswith(("task.", "task:")):
                raise ValueError(place + text.removeprefix("task")) from error
            raise ValueError(f"{place}.{text}") from error
