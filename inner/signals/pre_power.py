"""Power of the input of a layer, by which normalised LMS divides its step (Nagumo & Noda 1967).

    pre_power = sum over i of pre_i^2;    dw = eta err pre / (1 + pre_power)

Steps are then of a length that does not depend on how strong the input is.
"""

from __future__ import annotations

from inner.rules.signal import SUMMED, Signal

SIGNAL = Signal(
    "pre_power",
    "sum over i of pre_i^2",
    "global",
    "layer",
    "Nagumo & Noda 1967",
    total=lambda s: s["pre"].square().sum(-1, keepdim=True),
    needs=("pre",),
    c=SUMMED,
    torch_source="pres[k].square().sum(1, keepdim=True).unsqueeze(2)",
)
