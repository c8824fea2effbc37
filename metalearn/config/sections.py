"""Building blocks of a config: sections that refuse unknown keys, components by name, ranges."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from inner.components import Plain as Plain


def _pair(value: Any) -> Any:
    """A single number stands for the pair (number, number)."""
    return (value, value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


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


MOST = 10**9
Count = Annotated[int, Field(le=MOST)]
IntRange = Annotated[tuple[Count, Count], BeforeValidator(_pair)]
FloatRange = Annotated[tuple[float, float], BeforeValidator(_pair)]
Component = Annotated[Plain, BeforeValidator(component)]


class Section(BaseModel):
    """Unknown keys are refused; a section never changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
