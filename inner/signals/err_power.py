"""Power of the errors of a layer: how much there is left to learn there, whatever its direction.

err_power = sum over j of err_j^2;    dw = post (pre - recon) err_power / (1 + err_power) fades with the error
"""

from __future__ import annotations

from inner.rules.signal import SUMMED, Signal

SIGNAL = Signal(
    "err_power",
    "sum over j of err_j^2",
    "global",
    "layer",
    "Rumelhart, Hinton & Williams 1986",
    total=lambda s: s["err"].square().sum(-1, keepdim=True),
    needs=("err",),
    c=SUMMED,
    torch_source="err[k + 1].square().sum(1, keepdim=True).unsqueeze(2)",
)
