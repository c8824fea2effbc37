"""The interface of a study: an experiment of its own, in parts that do not depend on each other.

A part is a function of the options, the seed and its name, so that an interrupted study goes on with the parts that it
lacks and ends with the same bits.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

Tell = Callable[[int, int], None]  # (done, total) of the part's own steps
Results = dict[str, Any]  # of a part, in JSON types
Panel = dict[str, Any]  # lines on one pair of axes, in JSON types: see metalearn/pictures/line_panels.py
Notes = MutableMapping[str, Any]  # of a long part, JSON types: what it needs to go on after an interruption


@dataclass(frozen=True)
class Summary:
    """The summary of a study: a sentence, a table, pictures of panels (metalearn/pictures/line_panels.py)."""

    headline: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    pictures: Mapping[str, list[Panel]]


class Study(ABC):
    """Options are the fields of a frozen dataclass `Study` in each file."""

    def check(self) -> None:
        """Raise ValueError, in one line, where something is missing that the parts will need, such as a data set."""
        return

    def size(self) -> tuple[float, float]:
        """Bytes that the study takes at its peak, and seconds that all of its parts take, roughly; 0 where it is small."""
        return 0.0, 0.0

    @abstractmethod
    def parts(self) -> tuple[str, ...]:
        """Names of the parts, in the order in which they are run."""

    @abstractmethod
    def run(self, part: str, seed: int, tell: Tell) -> Results:
        """The results of one part, as JSON types."""

    def go_on(self, part: str, seed: int, tell: Tell, notes: Notes) -> Results:
        """As `run`, from where `notes` stop, with the same bits. A study of short parts keeps none and starts them again."""
        return self.run(part, seed, tell)

    @abstractmethod
    def summary(self, results: Mapping[str, Mapping[str, Any]]) -> Summary:
        """The summary of the results of all parts."""


LISTED = 100.0  # bytes of a number of the results: in an array, in a list, and as text


def numbers(name: str, values: object, least: float, above: bool = False) -> tuple[float, ...]:
    """An option that is a list of finite numbers >= `least`, or > `least` with `above`. Raises ValueError."""
    if isinstance(values, (list, tuple)) and values and all(type(v) in (int, float) for v in values):
        if all(least <= v < math.inf and not (above and v == least) for v in values):
            return tuple(float(v) for v in values)
    raise ValueError(f"study.{name}: expected a list of numbers {'>' if above else '>='} {least:g}, got {values!r}")
