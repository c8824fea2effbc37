"""A coefficient of a rule: its value, and how the search's unbounded number z becomes that value.

    linear: value = scale * z        sinh: value = scale * sinh(z)        log: value = exp(z)

sinh is linear near 0 and exponential far away, so that one step size of the search serves small and large values of
both signs. Bounds clip the value after the transform.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inner.components import Plain, suggest
from inner.rules.parse import check_name
from inner.rules.signals import SIGNALS

TRANSFORMS = ("linear", "log", "sinh")
SHARES = ("rule", "layer", "neuron", "pre_neuron", "synapse")
DEFAULT_SCALE = 0.02
DEFAULT_LOG_INIT = 0.01
_MAX_Z = 700.0  # exp and sinh stay finite in float64

Values = dict[str, Any]  # per coefficient a number, or a list of numbers where it has a value per layer or synapse


@dataclass(frozen=True)
class Coefficient:
    """One number of a rule that a search may move. Raises ValueError, in one line, for a field that makes no sense."""

    name: str
    init: float = 0.0
    transform: str = "sinh"
    scale: float = DEFAULT_SCALE  # not used by "log"
    low: float | None = None
    high: float | None = None
    fixed: bool = False  # stays at `init`
    share: str = "rule"  # one value per rule, layer, postsynaptic unit, presynaptic unit, or synapse

    def __post_init__(self) -> None:
        check_name(self.name, "coefficient")
        here = f"coefficients.{self.name}"
        if self.name in SIGNALS:
            raise ValueError(f"{here}: '{self.name}' is a signal, not a coefficient")
        for field, choices in (("transform", TRANSFORMS), ("share", SHARES)):
            value = getattr(self, field)
            if value not in choices:
                near = suggest(value, choices)
                raise ValueError(f"{here}.{field}: expected one of {', '.join(choices)}, got {_shown(value)}{near}")
        if not isinstance(self.fixed, bool):
            raise ValueError(f"{here}.fixed: expected true or false, got {_shown(self.fixed)}")
        for field in ("init", "scale", "low", "high"):
            value = getattr(self, field)
            if value is None and field in ("low", "high"):
                continue
            number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
            if not number or not abs(value) <= 1e30:  # also refuses nan, inf and whole numbers that float cannot hold
                raise ValueError(f"{here}.{field}: expected a finite number within 1e30, got {_shown(value)}")
            object.__setattr__(self, field, float(value))
        if not self.scale > 0:
            raise ValueError(f"{here}.scale: expected a number above 0, got {self.scale:g}")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"{here}: expected low < high, got low {self.low:g} and high {self.high:g}")
        below = self.low is not None and self.init < self.low
        if below or (self.high is not None and self.init > self.high):
            raise ValueError(f"{here}.init: expected a value within [{self.low}, {self.high}], got {self.init:g}")
        if self.transform == "log":
            for field in ("init", "low", "high"):
                value = getattr(self, field)
                if value is not None and not value > 0:
                    raise ValueError(f"{here}.{field}: transform 'log' needs a number above 0, got {value:g}")

    @classmethod
    def from_dict(cls, name: str, spec: Any) -> Coefficient:
        """From a number (its `init`) or a mapping of fields; a missing `init` is the default nearest to the bounds."""
        if not isinstance(spec, Mapping):
            return cls(name, spec)
        here = f"coefficients.{name}"
        known = [field for field in cls.__dataclass_fields__ if field != "name"]
        for key in spec:
            if key not in known:
                raise ValueError(f"{here}: unknown key {_shown(key)}{suggest(key, known)}; known: {', '.join(known)}")
        fields = dict(spec)
        if fields.get("transform") == "log" and "scale" in fields:
            raise ValueError(f"{here}.scale: transform 'log' has no scale (value = exp(z))")
        if "init" not in fields:
            fields["init"] = DEFAULT_LOG_INIT if fields.get("transform") == "log" else 0.0
            for bound, nearer in (("low", max), ("high", min)):
                if isinstance(fields.get(bound), int | float):
                    fields["init"] = nearer(fields["init"], fields[bound])
        return cls(name, **fields)

    def to_dict(self) -> Plain:
        """The fields as plain JSON types, without the name and without a scale that is not used."""
        fields: Plain = {"init": self.init, "transform": self.transform}
        if self.transform != "log":
            fields["scale"] = self.scale
        fields |= {"low": self.low, "high": self.high, "fixed": self.fixed, "share": self.share}
        return {key: value for key, value in fields.items() if value is not None}

    def decode(self, z: np.ndarray | float) -> np.ndarray:
        """Search numbers of any shape to values of the same shape (float64), clipped to the bounds."""
        z = np.clip(np.asarray(z, dtype=np.float64), -_MAX_Z, _MAX_Z) if self.transform != "linear" else np.asarray(z)
        if self.transform == "linear":
            value = self.scale * np.asarray(z, dtype=np.float64)
        elif self.transform == "log":
            value = np.exp(z)
        else:
            value = self.scale * np.sinh(z)
        return self._clip(value)

    def encode(self, value: np.ndarray | float) -> np.ndarray:
        """Inverse of `decode` within the bounds; values outside are clipped first.

        Raises ValueError for a value <= 0 under "log".
        """
        clipped = self._clip(np.asarray(value, dtype=np.float64))
        if self.transform == "log":
            if not np.all(clipped > 0):
                raise ValueError(f"coefficients.{self.name}: transform 'log' needs values above 0")
            return np.asarray(np.log(clipped))
        scaled = np.asarray(clipped / self.scale)
        return scaled if self.transform == "linear" else np.asarray(np.arcsinh(scaled))

    def slope(self, z: np.ndarray | float) -> np.ndarray:
        """d value / d z, of any shape (float64); 0 where a bound holds the value."""
        z = np.asarray(z, dtype=np.float64)
        if self.transform == "linear":
            slope = np.full(z.shape, self.scale)
        elif self.transform == "log":
            slope = np.exp(np.clip(z, -_MAX_Z, _MAX_Z))
        else:
            slope = self.scale * np.cosh(np.clip(z, -_MAX_Z, _MAX_Z))
        value = self.decode(z)
        free = (value > (-math.inf if self.low is None else self.low)) & (
            value < (math.inf if self.high is None else self.high)
        )
        return np.where(free, slope, 0.0)

    def _clip(self, value: np.ndarray) -> np.ndarray:
        low, high = -math.inf if self.low is None else self.low, math.inf if self.high is None else self.high
        return np.asarray(np.clip(value, low, high))


def _shown(value: object) -> str:
    """A value for an error message: one line, not long."""
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**40 else "a whole number of over 40 digits"
    return text if len(text) <= 40 else text[:37] + "..."
