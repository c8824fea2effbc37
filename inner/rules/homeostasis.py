"""Homeostasis: what keeps the weights of a unit in bounds after every update, declared beside the formula of a rule.

    max_norm:   w_:j <- w_:j * min(1, c / |w_:j|)      normalise: w_:j <- w_:j * c / |w_:j|
    max_weight: w_ij <- min(c, max(-c, w_ij))

w_:j are the incoming weights of unit j, the weight from the bias unit among them, |.| is the Euclidean norm (Oja 1982
approximates `normalise` with c = 1). A unit without weights (norm 0) keeps them. A sum over a unit's own synapses: in
terms of the catalogue its locality is that of the postsynaptic unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inner.components import suggest

if TYPE_CHECKING:
    from torch import Tensor

KINDS = ("max_norm", "normalise", "max_weight")
TINY = 1e-30  # below this square of a norm the weights are left to be scaled as if they were longer


@dataclass(frozen=True)
class Homeostasis:
    """One bound on the weights. Raises ValueError for a kind or bound that makes no sense."""

    kind: str
    bound: float

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            near = suggest(str(self.kind), KINDS)
            raise ValueError(f"rule.homeostasis: unknown key {str(self.kind)[:40]!r}{near}; known: {', '.join(KINDS)}")
        number = isinstance(self.bound, int | float) and not isinstance(self.bound, bool)
        if not number or not 1e-6 <= self.bound <= 1e6:
            raise ValueError(
                f"rule.homeostasis.{self.kind}: expected a number from 1e-6 to 1e6, got {repr(self.bound)[:40]}"
            )
        object.__setattr__(self, "bound", float(self.bound))

    @classmethod
    def from_dict(cls, mapping: Any) -> Homeostasis | None:
        """From `{max_norm: 1.0}` or one of the others; nothing gives None."""
        if mapping is None or mapping == {}:
            return None
        if not isinstance(mapping, Mapping) or len(mapping) != 1:
            raise ValueError(
                f"rule.homeostasis: expected one of {', '.join(KINDS)} with its bound, got {mapping!r}"[:200]
            )
        (kind, bound) = next(iter(mapping.items()))
        return cls(kind, bound)

    def to_dict(self) -> dict[str, float]:
        """Such that `from_dict(to_dict())` is the same."""
        return {self.kind: self.bound}

    def apply(self, w: Tensor) -> Tensor:
        """The weights [..., I, O] after the step. What has left the finite range, or whose norm has, becomes nan."""
        if self.kind == "max_weight":
            return w.clamp(-self.bound, self.bound)
        norm = (w * w).sum(-2, keepdim=True).clamp(min=TINY).sqrt()
        shrunk = norm.clamp(min=self.bound) if self.kind == "max_norm" else norm
        return w * (self.bound / shrunk + (norm - norm))  # inf - inf is nan: an overflow is never scaled to 0

    @property
    def text(self) -> str:
        """The step in words of the formula language."""
        c = f"{self.bound:g}"
        return {
            "max_norm": f"w <- w*min(1, {c}/norm), norm: of the incoming weights of each unit",
            "normalise": f"w <- {c}*w/norm, norm: of the incoming weights of each unit",
            "max_weight": f"w <- min({c}, max(-{c}, w))",
        }[self.kind]

    @property
    def latex(self) -> str:
        """The step in LaTeX."""
        c = f"{self.bound:g}"
        return {
            "max_norm": rf"w_{{ij}} \leftarrow w_{{ij}} \min\left(1, \frac{{{c}}}{{\|w_{{:j}}\|}}\right)",
            "normalise": rf"w_{{ij}} \leftarrow \frac{{{c}\, w_{{ij}}}}{{\|w_{{:j}}\|}}",
            "max_weight": rf"w_{{ij}} \leftarrow \min\left({c}, \max\left(-{c}, w_{{ij}}\right)\right)",
        }[self.kind]
