"""The catalogue of signals: everything that a synapse may see, and so everything that a rule may be written with.

Indices: i is the presynaptic unit, j the postsynaptic unit, w_ij the synapse between them. Locality classes:
"local" is known at the synapse or at one of its two units, "layer" needs a sum over the units of one adjacent layer,
"network" is one number broadcast to the whole network. A signal of side "global" is one number per layer or network.
Names that are not in this table (and are not declared traces or functions) are coefficients of the rule.

A row holds all that is known of a signal: its meaning, its value in torch and whether the native engine has it. The
files of `inner/signals/` are rows too, after those of this table. Every signal with a value per sample also exists one
step back, as NAME_before.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import inner.signals
from inner.rules.signal import SUMMED, Signal

if TYPE_CHECKING:
    from torch import Tensor

BEFORE = "_before"

_RUMELHART, _SHERVANI = "Rumelhart, Hinton & Williams 1986", "Shervani-Tabar & Rosenbaum 2023"
_CATALOGUE: tuple[Signal, ...] = (
    Signal(
        "pre", "activity of the presynaptic unit i", "pre", "local", "Hebb 1949",
        lambda v, k: v.record.pre[k], c="m->row[b]",
        torch_source="pres[k].unsqueeze(2)",
    ),
    Signal(
        "post", "activity of the postsynaptic unit j", "post", "local", "Hebb 1949",
        lambda v, k: v.record.post[k], c="load(m->post[k] + at)",
        torch_source="post.unsqueeze(1)",
    ),
    Signal("w", "the weight w_ij before the update", "synapse", "local", "Oja 1982", c="w", torch_source="w"),
    Signal(
        "err", "delta at unit j: what the feedback pathway delivers times the slope; target - output at the output layer",
        "post", "local", _RUMELHART, lambda v, k: v.err[v.target(k)], c="load(m->err[k + 1] + at)", feedback=True,
        torch_source="err[k + 1].unsqueeze(1)",
    ),
    Signal(
        "feedback", "what the feedback pathway delivers to unit j, before the slope",
        "post", "local", "Lillicrap et al. 2016", lambda v, k: v.feedback[v.target(k)],
        c="load((last ? m->err : m->heard)[k + 1] + at)", feedback=True,
        torch_source="feedback[k + 1].unsqueeze(1)",
    ),
    Signal(
        "pre_err", "delta at the presynaptic unit i", "pre", "local", _RUMELHART,
        lambda v, k: v.pre_err(k), c="m->err[k] + b * size", feedback=True,
        torch_source="torch.cat([err[k], torch.zeros_like(err[k][:, :1])], 1).unsqueeze(2)",
    ),
    Signal(
        "recon", "sum over j of post_j * w_ij: what layer j says back to unit i", "pre", "layer", "Oja 1989",
        lambda v, k: v.record.post[k].bmm(v.weights[k].transpose(1, 2)), c="m->recon + b * size",
        torch_source="(post @ w.T).unsqueeze(2)",
    ),
    Signal(
        "drive", "pre-activation of unit j: weighted input plus bias", "post", "local", "Widrow & Hoff 1960",
        lambda v, k: v.record.drive[k], c="load(m->drive[k] + at)",
        torch_source="drives[k].unsqueeze(1)",
    ),
    Signal(
        "slope", "derivative of unit j's activation function at its drive", "post", "local", _RUMELHART,
        lambda v, k: v.slope(k), c="last ? splat(1.0f) : slope_of(load(m->post[k] + at))",
        torch_source="slopes[k + 1].unsqueeze(1)",
    ),
    Signal(
        "reward", "one number for the whole network and time step", "global", "network", "Williams 1992",
        lambda v, k: v.reward, c="splat(m->reward[b])",
        torch_source="reward.unsqueeze(2)",
    ),
    Signal(
        "target", "the wanted activity of unit j", "post", "local", "Widrow & Hoff 1960",
        lambda v, k: v.wanted(k), c="last && SUPERVISED ? load_any(m->aim[b] + j) : (vec){0}", output_only=True,
        torch_source="(target if k + 1 == top else torch.zeros_like(post)).unsqueeze(1)",
    ),
    Signal(
        "pre_sum", "sum over i of pre_i", "global", "layer", "Miller & MacKay 1994",
        total=lambda s: s["pre"].sum(-1, keepdim=True), c=SUMMED, needs=("pre",),
        torch_source="pres[k].sum(1, keepdim=True).unsqueeze(2)",
    ),
    Signal(
        "post_sum", "sum over j of post_j", "global", "layer", f"{_SHERVANI}, F5",
        total=lambda s: s["post"].sum(-1, keepdim=True), c=SUMMED, needs=("post",),
        torch_source="post.sum(1, keepdim=True).unsqueeze(2)",
    ),
    Signal(
        "drive_err", "sum over j of drive_j * err_j", "global", "layer", f"{_SHERVANI}, F8",
        total=lambda s: (s["drive"] * s["err"]).sum(-1, keepdim=True), c=SUMMED, needs=("drive", "err"),
        torch_source="(drives[k] * err[k + 1]).sum(1, keepdim=True).unsqueeze(2)",
    ),
    Signal(
        "recon_err", "sum over i of recon_i * pre_err_i", "global", "layer", f"{_SHERVANI}, F6 and F7",
        total=lambda s: (s["recon"] * s["pre_err"]).sum(-1, keepdim=True), c=SUMMED, needs=("recon", "pre_err"),
        torch_source="((post @ w[: err[k].shape[1]].T) * err[k]).sum(1, keepdim=True).unsqueeze(2)",
    ),
    Signal(
        "recon_ordered",
        "sum over units k = 0 .. j of post_k * w_ik: what unit j and the units before it say back to unit i",
        "synapse", "layer", "Sanger 1989",
        total=lambda s: (s["post"].unsqueeze(-2) * s["w"].unsqueeze(-3)).cumsum(-1),
        c="ordered", needs=("post",), per_sample=True,
        torch_source="(post.unsqueeze(1) * w).cumsum(2)",
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
        torch_source="(output if k + 1 == top else torch.zeros_like(post)).unsqueeze(1)",
    ),
)  # fmt: skip


def _files() -> tuple[Signal, ...]:
    """The signals of `inner/signals/`, in the order of their names. Raises ValueError for a file that defines none."""
    found = []
    for name in sorted(module.name for module in pkgutil.iter_modules(inner.signals.__path__)):
        row = getattr(importlib.import_module(f"inner.signals.{name}"), "SIGNAL", None)
        if not isinstance(row, Signal) or row.name != name:
            got = f"one named '{row.name}'" if isinstance(row, Signal) else "none"
            raise ValueError(f"signal: inner/signals/{name}.py: expected SIGNAL, a Signal named '{name}', got {got}")
        if any(name == other.name for other in _CATALOGUE):
            raise ValueError(
                f"signal: inner/signals/{name}.py: expected a new name, got that of a row of the catalogue"
            )
        found.append(row)
    return tuple(found)


def _one_step_back(signal: Signal) -> Signal:
    name = signal.name
    return replace(
        signal, name=name + BEFORE, meaning=f"{name} one step before (0 at the first step)", before=name, c="", torch_source="",
        kept=bool(signal.c), value=lambda v, k: v.before[k][name], total=None, needs=(), feedback=False,
    )  # fmt: skip


_ROWS = (*_CATALOGUE, *_files())
SIGNALS: dict[str, Signal] = {signal.name: signal for signal in _ROWS}
SIGNALS |= {
    row.name: row
    for signal in _ROWS
    if signal.name != "w" and not signal.per_sample and not signal.per_step
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
