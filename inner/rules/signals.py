"""The catalogue of signals: everything that a synapse may see, and so everything that a rule may be written with.

Indices: i is the presynaptic unit, j the postsynaptic unit, w_ij the synapse between them. Locality classes:
"local" is known at the synapse or at one of its two units, "layer" needs a sum over the units of one adjacent layer,
"network" is one number broadcast to the whole network. A signal of side "global" is one number per layer or network.
Names that are not in this table (and are not declared traces or functions) are coefficients of the rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Signal:
    """One row of the catalogue; `source` names the paper that the signal is usually credited to."""

    name: str
    meaning: str
    side: str  # "pre" | "post" | "synapse" | "global"
    locality: str  # "local" | "layer" | "network"
    source: str
    output_only: bool = False  # defined at the output layer only
    needs: tuple[str, ...] = ()  # the signals that this one is summed from
    per_sample: bool = False  # a synapse-side signal with a value for every sample, [N, B, I, O]

    def __post_init__(self) -> None:
        if self.side not in SIDES:
            raise ValueError(f"signal {self.name}: side: expected one of {', '.join(SIDES)}, got {self.side!r}")
        if self.locality not in LOCALITIES:
            raise ValueError(
                f"signal {self.name}: locality: expected one of {', '.join(LOCALITIES)}, got {self.locality!r}"
            )


SIDES = ("pre", "post", "synapse", "global")
LOCALITIES = ("local", "layer", "network")

_CATALOGUE = (
    Signal("pre", "activity of the presynaptic unit i", "pre", "local", "Hebb 1949"),
    Signal("post", "activity of the postsynaptic unit j", "post", "local", "Hebb 1949"),
    Signal("w", "the weight w_ij before the update", "synapse", "local", "Oja 1982"),
    Signal(
        "err",
        "delta at unit j: what the feedback pathway delivers times the slope; target - output at the output layer",
        "post",
        "local",
        "Rumelhart, Hinton & Williams 1986",
    ),
    Signal(
        "feedback",
        "what the feedback pathway delivers to unit j, before the slope",
        "post",
        "local",
        "Lillicrap et al. 2016",
    ),
    Signal("pre_err", "delta at the presynaptic unit i", "pre", "local", "Rumelhart, Hinton & Williams 1986"),
    Signal("recon", "sum over j of post_j * w_ij: what layer j says back to unit i", "pre", "layer", "Oja 1989"),
    Signal("drive", "pre-activation of unit j: weighted input plus bias", "post", "local", "Widrow & Hoff 1960"),
    Signal(
        "slope",
        "derivative of unit j's activation function at its drive",
        "post",
        "local",
        "Rumelhart, Hinton & Williams 1986",
    ),
    Signal("reward", "one number for the whole network and time step", "global", "network", "Williams 1992"),
    Signal("target", "the wanted activity of unit j", "post", "local", "Widrow & Hoff 1960", output_only=True),
    Signal("pre_sum", "sum over i of pre_i", "global", "layer", "Miller & MacKay 1994", needs=("pre",)),
    Signal(
        "post_sum", "sum over j of post_j", "global", "layer", "Shervani-Tabar & Rosenbaum 2023, F5", needs=("post",)
    ),
    Signal(
        "drive_err",
        "sum over j of drive_j * err_j",
        "global",
        "layer",
        "Shervani-Tabar & Rosenbaum 2023, F8",
        needs=("drive", "err"),
    ),
    Signal(
        "recon_err",
        "sum over i of recon_i * pre_err_i",
        "global",
        "layer",
        "Shervani-Tabar & Rosenbaum 2023, F6 and F7",
        needs=("recon", "pre_err"),
    ),
    Signal(
        "recon_ordered",
        "sum over units k = 0 .. j of post_k * w_ik: what unit j and the units before it say back to unit i",
        "synapse",
        "layer",
        "Sanger 1989",
        needs=("post",),
        per_sample=True,
    ),
)

SIGNALS: dict[str, Signal] = {signal.name: signal for signal in _CATALOGUE}


def observed(names: Iterable[str]) -> frozenset[str]:
    """The signals of the catalogue among `names`, and those that they are summed from."""
    used = {name for name in names if name in SIGNALS}
    return frozenset(used.union(*(SIGNALS[name].needs for name in used)))
