"""Power of the activity of a layer, by which a rule may divide what grows with its posts (Carandini & Heeger 2012).

post_power = sum over j of post_j^2;    dw = eta post (pre - recon) / (1 + post_power)
"""

from __future__ import annotations

from inner.rules.signal import SUMMED, Signal

SIGNAL = Signal(
    "post_power",
    "sum over j of post_j^2",
    "global",
    "layer",
    "Carandini & Heeger 2012",
    total=lambda s: s["post"].square().sum(-1, keepdim=True),
    needs=("post",),
    c=SUMMED,
    torch_source="post.square().sum(1, keepdim=True).unsqueeze(2)",
)
