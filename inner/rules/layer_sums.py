"""The signals of the catalogue that are sums over a layer, computed from the signals that they are summed from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from torch import Tensor

# name -> its value from pre-side signals [N, B, I], post-side signals [N, B, O] and w [N, I, O]
SUMS: dict[str, Callable[[Mapping[str, Tensor]], Tensor]] = {
    "pre_sum": lambda s: s["pre"].sum(-1, keepdim=True),  # [N, B, 1]
    "post_sum": lambda s: s["post"].sum(-1, keepdim=True),  # [N, B, 1]
    "drive_err": lambda s: (s["drive"] * s["err"]).sum(-1, keepdim=True),  # [N, B, 1]
    "recon_err": lambda s: (s["recon"] * s["pre_err"]).sum(-1, keepdim=True),  # [N, B, 1]
    "recon_ordered": lambda s: (s["post"].unsqueeze(-2) * s["w"].unsqueeze(-3)).cumsum(-1),  # [N, B, I, O]
}


def layer_sums(wanted: Iterable[str], signals: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The wanted ones among SUMS; `signals` holds what they need (`inner.rules.signals.observed`) and `w`."""
    return {name: SUMS[name](signals) for name in wanted if name in SUMS}
