"""The probability of every choice under a reward, which the policy gradient holds against what was done.

    policy_j = exp(post_j) / sum_k exp(post_k);    dw = eta surprise pre (action - policy)    (Williams 1992, section 4)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inner.rules.signal import Signal

if TYPE_CHECKING:
    from torch import Tensor

    from inner.rules.signal_values import SignalValues


def _value(values: SignalValues, k: int) -> Tensor:
    """[N, B, O]; 0 for hidden units."""
    post = values.record.post[k]
    return post.softmax(-1) if values.target(k) == values.top else post * 0


SIGNAL = Signal(
    "policy",
    "probability of choosing output unit j: the softmax of the outputs",
    "post",
    "layer",
    "Williams 1992",
    _value,
    output_only=True,
)
