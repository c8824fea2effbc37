"""Building blocks of a config: sections that refuse unknown keys, components by name, ranges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WrapValidator

from inner.components import Plain as Plain
from inner.components import suggest
from outer.draws import DRAWS, Choice, Log, spread

MOST = 10**9


def _pair(value: Any) -> Any:
    """A single number stands for the pair (number, number)."""
    return (value, value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _range(value: Any, checked: Any) -> tuple[int, int]:
    """A number, a pair, or {low: ..., high: ..., draw: even or log}."""
    if not isinstance(value, Mapping):
        pair: tuple[int, int] = checked(_pair(value))
        return Log(pair) if isinstance(value, Log) else pair
    keys = ("low", "high", "draw")
    if unknown := next((key for key in value if key not in keys), None):
        raise ValueError(f"expected keys {', '.join(keys)}, got '{unknown}'{suggest(str(unknown), keys)}")
    if value.get("draw", "even") not in DRAWS:
        raise ValueError(f"expected draw: {' or '.join(DRAWS)}")
    pair = checked((value.get("low"), value.get("high")))
    return Log(pair) if value.get("draw") == "log" else pair


def _plain_range(value: tuple[int, int]) -> Any:
    return {"low": value[0], "high": value[1], "draw": "log"} if isinstance(value, Log) else tuple(value)


def _samples(value: Any) -> Any:
    """A whole number above 0, or a range or choice of those."""
    held = spread(value, "samples", whole=True)
    numbers = (value,) if held is None else held.values if isinstance(held, Choice) else (held.low, held.high)
    if any(isinstance(number, bool) or not isinstance(number, int) for number in numbers):
        raise ValueError("expected a whole number, a pair [low, high], or {of: [1, 4, 16]}")
    if not all(number >= 1 for number in numbers):
        raise ValueError("input should be greater than or equal to 1")
    if not all(number <= MOST for number in numbers):
        raise ValueError(f"input should be less than or equal to {MOST}")
    return value


def tasks(value: Any) -> Any:
    """A task, or a list of them with weights: [digits, {name: wine, weight: 2, option: ...}]."""
    if not isinstance(value, list | tuple):
        return component(value)
    if not value:
        raise ValueError("expected a task or a list of tasks, got an empty list")
    found = []
    for k, entry in enumerate(value):
        try:
            found.append(component(entry))
        except ValueError as error:
            raise ValueError(f"entry {k}: {error}") from None
    return found


def component(value: Any) -> Any:
    """`cma` and `{name: cma}` are the same component."""
    spec = {"name": value} if isinstance(value, str) else value
    name = spec.get("name") if isinstance(spec, dict) else ""
    if not isinstance(name, str) or name.startswith("."):
        raise ValueError("expected a name or {name: ..., option: ...}")
    return spec


def named(value: Any) -> Any:
    """`mlp` and `{name: mlp}` are the same section."""
    return {"name": value} if isinstance(value, str) else value


Count = Annotated[int, Field(le=MOST)]
IntRange = Annotated[tuple[Count, Count], WrapValidator(_range), PlainSerializer(_plain_range)]
Samples = Annotated[Any, BeforeValidator(_samples)]
FloatRange = Annotated[tuple[float, float], BeforeValidator(_pair)]
Component = Annotated[Plain, BeforeValidator(component)]
Tasks = Annotated[Plain | list[Plain], BeforeValidator(tasks)]


class Section(BaseModel):
    """Unknown keys are refused; a section never changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
