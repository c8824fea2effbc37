"""Options of a learner without a formula: `values`, which changes its coefficients; choices among words; counts.

    values: {eta: 0.05, sigma: {init: 0.01, fixed: true}}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inner.components import suggest
from inner.rules.coefficient import Coefficient


def adjusted(defaults: Sequence[Coefficient], values: Mapping[str, Any]) -> tuple[Coefficient, ...]:
    """The default coefficients with what `values` says of them: a number is an initial value, a mapping some fields.

    Raises ValueError, in one line, for a name that is no coefficient or a field that makes no sense.
    """
    known = {coefficient.name: coefficient for coefficient in defaults}
    if not isinstance(values, Mapping):
        raise ValueError(f"learner.values: expected a mapping of {', '.join(known)}, got {type(values).__name__}")
    for name, given in values.items():
        if name not in known:
            near = suggest(str(name), known)
            raise ValueError(f"learner.values: no coefficient {str(name)[:40]!r}{near}; known: {', '.join(known)}")
        spec = given if isinstance(given, Mapping) else {"init": given}
        known[name] = Coefficient.from_dict(name, {**known[name].to_dict(), **spec})
    return tuple(known.values())


def chosen(option: str, value: str, known: Sequence[str]) -> None:
    """Raise ValueError, in one line, for a choice that is not known."""
    if value not in known:
        near = suggest(str(value), known)
        raise ValueError(f"learner.{option}: expected one of {', '.join(known)}, got {str(value)[:40]!r}{near}")


def whole(option: str, value: int, low: int = 1) -> None:
    """Raise ValueError, in one line, unless an option is a whole number of at least `low`."""
    if type(value) is not int or value < low:
        raise ValueError(f"learner.{option}: expected a whole number of at least {low}, got {str(value)[:40]}")
