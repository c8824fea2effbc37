"""What an option of a component may say in place of one value: a range or a choice, from which every world draws its own.

    inputs: [16, 64]                          evenly from low to high, both included
    inputs: {low: 16, high: 64, draw: log}    log-evenly
    birth: [gaussian, orthogonal]             one of these; numbers: {of: [1, 4, 16]}, or a list of more than two

An option that takes a list of values of its own (such as the variances of `oja`) is left as it is.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

from inner.components import suggest

KEYS = ("low", "high", "draw", "of")
DRAWS = ("even", "log")
DIGITS = 4  # significant digits of a drawn number, so that a title can show it
Fields = Mapping[str, dataclasses.Field[Any]]


class Log(tuple[int, int]):
    """A pair (low, high) of whole numbers that is drawn log-evenly; other pairs are drawn evenly."""

    __slots__ = ()


@dataclasses.dataclass(frozen=True)
class Spread:
    """A range of numbers, both ends included."""

    low: float
    high: float
    draw: str = "even"
    whole: bool = False

    def at(self, u: float) -> float:
        """The number at position u in [0, 1)."""
        if self.whole:
            low, high = int(self.low), int(self.high)
            if self.draw == "even":
                return low + int(u * (high - low + 1))
            return min(high, int(low * ((high + 1) / low) ** u))
        value = self.low + u * (self.high - self.low) if self.draw == "even" else self.low * (self.high / self.low) ** u
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)

    @property
    def middle(self) -> float:
        """The mean of the ends, arithmetic or geometric."""
        found = (self.low + self.high) / 2 if self.draw == "even" else math.sqrt(self.low * self.high)
        return int(found) if self.whole else float(f"{found:.{DIGITS}g}")

    @property
    def mean(self) -> float:
        """The mean of what is drawn, in the limit of a wide range."""
        if self.draw == "even" or self.low == self.high:
            return (self.low + self.high) / 2
        return (self.high - self.low) / math.log(self.high / self.low)


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple[Any, ...]

    def at(self, u: float) -> Any:
        """The value at position u in [0, 1)."""
        return self.values[int(u * len(self.values))]

    @property
    def low(self) -> Any:
        return self.values[0]

    @property
    def high(self) -> Any:
        return self.values[-1]

    @property
    def middle(self) -> Any:
        """The first one."""
        return self.values[0]


def middle_of(pair: tuple[int, int]) -> int:
    """The middle of a pair of whole numbers, arithmetic or geometric."""
    return int(Spread(*pair, "log" if isinstance(pair, Log) else "even", True).middle)


def mean_of(pair: tuple[int, int]) -> float:
    """The mean of what is drawn from a pair of whole numbers."""
    return Spread(*pair, "log" if isinstance(pair, Log) else "even", True).mean


def types_of(field: dataclasses.Field[Any]) -> set[str]:
    """Names of the types that an option may have, such as {"int", "None"}."""
    text = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", str(field.type))
    return {part.strip() for part in text.split("|")}


def spread_of(field: dataclasses.Field[Any], value: Any, where: str) -> Spread | Choice | None:
    """The range or choice that a value of this option stands for; None: it is one value.

    Raises ValueError, in one line that begins with `where`, for a range that is none.
    """
    types = types_of(field)
    if not types & {"int", "float", "str", "bool"} or any("tuple" in t or "Sequence" in t for t in types):
        return None
    return spread(value, where, "int" in types and "float" not in types, bool(types & {"int", "float"}))


def spread(value: Any, where: str, whole: bool, numbers: bool = True) -> Spread | Choice | None:
    """The same for a number, or for a word or flag; `whole` numbers only."""
    first: Any
    last: Any
    if isinstance(value, Mapping):
        if unknown := next((key for key in value if key not in KEYS), None):
            raise ValueError(f"{where}: unknown key '{unknown}'{suggest(str(unknown), KEYS)}; known: {', '.join(KEYS)}")
        if "of" in value:
            return _choice(value["of"], where)
        first, last, draw = value.get("low"), value.get("high"), value.get("draw", "even")
    elif isinstance(value, list | tuple):
        if not numbers or len(value) != 2:
            return _choice(value, where)
        first, last, draw = value[0], value[1], "log" if isinstance(value, Log) else "even"
    else:
        return None
    if draw not in DRAWS:
        raise ValueError(f"{where}.draw: expected {' or '.join(DRAWS)}, got {draw!r}{suggest(str(draw), DRAWS)}")
    kinds = (int,) if whole else (int, float)
    right = numbers and not any(isinstance(end, bool) or not isinstance(end, kinds) for end in (first, last))
    if not right or not first <= last:
        what = "whole numbers" if whole else "numbers"
        raise ValueError(f"{where}: expected {what} low <= high, got {first!r} and {last!r}")
    if draw == "log" and not first > 0:
        raise ValueError(f"{where}: expected low > 0 for draw: log, got {first!r}")
    return Spread(first, last, draw, whole)


def _choice(values: Any, where: str) -> Choice:
    if not isinstance(values, list | tuple) or not values or any(isinstance(v, list | tuple | Mapping) for v in values):
        raise ValueError(f"{where}: expected a list of single values to choose from, got {values!r}"[:300])
    return Choice(tuple(values))


def resolved(fields: Fields, options: Mapping[str, Any], where: str, pick: Callable[[str, Any], Any]) -> dict[str, Any]:
    """Options in which pick(option, range or choice) stands in place of every range and choice."""
    found = {}
    for key, value in options.items():
        held = spread_of(fields[key], value, f"{where}.{key}") if key in fields else None
        found[key] = value if held is None else pick(key, held)
    return found


def drawn(fields: Fields, options: Mapping[str, Any], where: str, seed: int, *address: str | int) -> dict[str, Any]:
    """Options with every range and choice drawn, each from the stream (seed, "drawn", *address, option)."""
    from inner.random import stream  # numpy is slow to import, and a config is checked without it

    return resolved(fields, options, where, lambda key, held: held.at(stream(seed, "drawn", *address, key).random()))


def middle(fields: Fields, options: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Options with the middle of every range and the first of every choice."""
    return resolved(fields, options, where, lambda key, held: held.middle)


def ends(fields: Fields, options: Mapping[str, Any], where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options with the lower and with the upper end of every range, the first and the last of every choice."""
    low = resolved(fields, options, where, lambda key, held: held.low)
    return low, resolved(fields, options, where, lambda key, held: held.high)
