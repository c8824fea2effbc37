"""A signal of the formula language with all its renderings: one row of the catalogue, or one file of `inner/signals/`.

Reading a rule imports every signal but not torch: values are methods of the tensors that they are given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from inner.rules.signal_values import SignalValues

SIDES = ("pre", "post", "synapse", "global")
LOCALITIES = ("local", "layer", "network")
SUMMED = "sum over the units of a layer"
CLOCK = ("progress", "updates")  # what a step is told of its time; in C behind the coefficients, in this order


@dataclass(frozen=True)
class Signal:
    """One row of the catalogue; `source` names the paper that the signal is usually credited to.

    value(values, k) is the signal of group k of synapses in torch: pre-side [N, B, I], post-side [N, B, O], global
    [N, B, 1]. A signal that is summed from others has `total` instead, of those others by name (and w [N, I, O]).
    """

    name: str
    meaning: str
    side: str  # "pre" | "post" | "synapse" | "global"
    locality: str  # "local" | "layer" | "network"
    source: str
    value: Callable[[SignalValues, int], Tensor] | None = None
    total: Callable[[Mapping[str, Tensor]], Tensor] | None = None
    # in generated C: where its row of a sample lies (pre side), its vector at units `at` of layer k (post side, global),
    # SUMMED for sums over a layer, a name in CLOCK for one number a step; empty: no kernel has it
    c: str = ""
    output_only: bool = False  # defined at the output layer only
    needs: tuple[str, ...] = ()  # the signals that this one is summed from
    per_sample: bool = False  # a synapse-side signal with a value for every sample, [N, B, I, O]
    per_step: bool = False  # one number for all samples of a step, [N, 1, 1]; formulas take it like a coefficient
    feedback: bool = False  # whether it is made from what the pathway delivers
    before: str = ""  # the signal that this one was, one step back
    # in an exported torch file, of one network: pre side [B, I, 1], post side [B, 1, O], global [B, 1, 1], sampled
    # [B, I, O]; an expression of what `step` there has for the group k of synapses; empty: no file can hold it
    torch_source: str = ""
    kept: bool = False  # one step back of a signal that kernels have

    @property
    def native(self) -> bool:
        """True where generated kernels have it; `engines/native/kept.py` writes what lies one step back."""
        return bool(self.c) or self.kept

    def __post_init__(self) -> None:
        if self.side not in SIDES:
            raise ValueError(f"signal {self.name}: side: expected one of {', '.join(SIDES)}, got {self.side!r}")
        if self.locality not in LOCALITIES:
            raise ValueError(
                f"signal {self.name}: locality: expected one of {', '.join(LOCALITIES)}, got {self.locality!r}"
            )
