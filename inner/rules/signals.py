"""The catalogue of signals: everything that a synapse may see, and so everything that a rule may be written with.

Indices: i is the presynaptic unit, j the postsynaptic unit, w_ij the synapse between them. Locality classes:
"local" is known at the synapse or at one of its two units, "layer" needs a sum over the units of one adjacent layer,
"network" is one number broadcast to the whole network. A signal of side "global" is one number per layer or network.
Names that are not in this table (and are not declared traces or functions) are coefficients of the rule.

A row holds all that is known of a signal: its meaning, its value in torch and whether the native engine has it. Every
signal with a value per sample also exists one step back, as NAME_before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from inner.rules.signal_values import SignalValues

SIDES = ("pre", "post", "synapse", "global")
LOCALITIES = ("local", "layer", "network")
BEFORE = "_before"
SUMMED = "sum over the units of a layer"


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
    # SUMMED for sums over a layer; empty: no kernel has it
    c: str = ""
    output_only: bool = False  # defined at the output layer only
    needs: tuple[str, ...] = ()  # the signals that this one is summed from
    per_sample: bool = False  # a synapse-side signal with a value for every sample, [N, B, I, O]
    feedback: bool = False  # whether it is made from what the pathway delivers
    before: str = ""  # the signal that this one was, one step back

    @property
    def native(self) -> bool:
        """True where generated kernels have it; `engines/native/kept.py` writes what lies one step back."""
        return bool(SIGNALS[self.before].c if self.before else self.c)

    def __post_init__(self) -> None:
        if self.side not in SIDES:
            raise ValueError(f"signal {self.name}: side: expected one of {', '.join(SIDES)}, got {self.side!r}")
        if self.locality not in LOCALITIES:
            raise ValueError(
                f"signal {self.name}: locality: expected one of {', '.join(LOCALITIES)}, got {self.locality!r}"
            )


_RUMELHART, _SHERVANI = "Rumelhart, Hinton & Williams 1986", "Shervani-Tabar & Rosenbaum 2023"
_CATALOGUE: tuple[Signal, ...] = (
    Signal(
        "pre", "activity of the presynaptic unit i", "pre", "local", "Hebb 1949",
        lambda v, k: v.record.pre[k], c="m->row[b]",
    ),
    Signal(
        "post", "activity of the postsynaptic unit j", "post", "local", "Hebb 1949",
        lambda v, k: v.record.post[k], c="load(m->post[k] + at)",
    ),
    Signal("w", "the weight w_ij before the update", "synapse", "local", "Oja 1982", c="w"),
    Signal(
        "err", "delta at unit j: what the feedback pathway delivers times the slope; target - output at the output layer",
        "post", "local", _RUMELHART, lambda v, k: v.err[v.target(k)], c="load(m->err[k + 1] + at)", feedback=True,
    ),
    Signal(
        "feedback", "what the feedback pathway delivers to unit j, before the slope",
        "post", "local", "Lillicrap et al. 2016", lambda v, k: v.feedback[v.target(k)],
        c="load((last ? m->err : m->heard)[k + 1] + at)", feedback=True,
    ),
    Signal(
        "pre_err", "delta at the presynaptic unit i", "pre", "local", _RUMELHART,
        lambda v, k: v.pre_err(k), c="m->err[k] + b * size", feedback=True,
    ),
    Signal(
        "recon", "sum over j of post_j * w_ij: what layer j says back to unit i", "pre", "layer", "Oja 1989",
        lambda v, k: v.record.post[k].bmm(v.weights[k].transpose(1, 2)), c="m->recon + b * size",
    ),
    Signal(
        "drive", "pre-activation of unit j: weighted input plus bias", "post", "local", "Widrow & Hoff 1960",
        lambda v, k: v.record.drive[k], c="load(m->drive[k] + at)",
    ),
    Signal(
        "slope", "derivative of unit j's activation function at its drive", "post", "local", _RUMELHART,
        lambda v, k: v.slope(k), c="last ? splat(1.0f) : slope_of(load(m->post[k] + at))",
    ),
    Signal(
        "reward", "one number for the whole network and time step", "global", "network", "Williams 1992",
        lambda v, k: v.reward, c="splat(m->reward[b])",
    ),
    Signal(
        "target", "the wanted activity of unit j", "post", "local", "Widrow & Hoff 1960",
        lambda v, k: v.wanted(k), c="last && SUPERVISED ? load_any(m->aim[b] + j) : (vec){0}", output_only=True,
    ),
    Signal(
        "pre_sum", "sum over i of pre_i", "global", "layer", "Miller & MacKay 1994",
        total=lambda s: s["pre"].sum(-1, keepdim=True), c=SUMMED, needs=("pre",),
    ),
    Signal(
        "post_sum", "sum over j of post_j", "global", "layer", f"{_SHERVANI}, F5",
        total=lambda s: s["post"].sum(-1, keepdim=True), c=SUMMED, needs=("post",),
    ),
    Signal(
        "drive_err", "sum over j of drive_j * err_j", "global", "layer", f"{_SHERVANI}, F8",
        total=lambda s: (s["drive"] * s["err"]).sum(-1, keepdim=True), c=SUMMED, needs=("drive", "err"),
    ),
    Signal(
        "recon_err", "sum over i of recon_i * pre_err_i", "global", "layer", f"{_SHERVANI}, F6 and F7",
        total=lambda s: (s["recon"] * s["pre_err"]).sum(-1, keepdim=True), c=SUMMED, needs=("recon", "pre_err"),
    ),
    Signal(
        "recon_ordered",
        "sum over units k = 0 .. j of post_k * w_ik: what unit j and the units before it say back to unit i",
        "synapse", "layer", "Sanger 1989",
        total=lambda s: (s["post"].unsqueeze(-2) * s["w"].unsqueeze(-3)).cumsum(-1),
        c="ordered", needs=("post",), per_sample=True,
    ),
    Signal(
        "noise", "noise added to the drive of unit j at this step", "post", "local", "Widrow & Lehr 1990, MRIII",
        lambda v, k: v.drive_noise(k), c="EXPLORES ? load(m->noise[k] + at) : (vec){0}",
    ),
    Signal(
        "surprise", "reward minus its baseline: its running mean, or the reward of the same sample without noise",
        "global", "network", "Williams 1992", lambda v, k: v.surprise,
        c="splat(m->surprise[b])",
    ),
    Signal(
        "action", "what the output unit j did: the output, or 1 for the chosen action and 0 for the others",
        "post", "local", "Williams 1992", lambda v, k: v.action(k), c="last ? load(m->post[k] + at) : (vec){0}",
        output_only=True,
    ),
)  # fmt: skip


def _one_step_back(signal: Signal) -> Signal:
    name = signal.name
    return replace(
        signal, name=name + BEFORE, meaning=f"{name} one step before (0 at the first step)", before=name, c="",
        value=lambda v, k: v.before[k][name], total=None, needs=(), feedback=False,
    )  # fmt: skip


SIGNALS: dict[str, Signal] = {signal.name: signal for signal in _CATALOGUE}
SIGNALS |= {
    row.name: row
    for signal in _CATALOGUE
    if signal.name != "w" and not signal.per_sample
    for row in (_one_step_back(signal),)
}


def observed(names: Iterable[str]) -> frozenset[str]:
    """The signals of the catalogue among `names`, those that they are summed from, and those that they were."""
    used = {name for name in names if name in SIGNALS}
    used |= {SIGNALS[name].before for name in used if SIGNALS[name].before}
    return frozenset(used.union(*(SIGNALS[name].needs for name in used)))


def before_names(traces: Iterable[str]) -> tuple[str, ...]:
    """The names of traces one step back."""
    return tuple(trace + BEFORE for trace in traces)


def totals(wanted: Iterable[str], signals: Mapping[str, Tensor]) -> dict[str, Any]:
    """The wanted signals that are summed from others; `signals` holds what they need, and `w`."""
    rows = (SIGNALS[name] for name in wanted)
    return {row.name: row.total(signals) for row in rows if row.total is not None}
