"""Number of the step, for corrections of the beginning: dw = eta m / (1 - beta^updates), m a running mean.

updates = t + 1: 1 at the first step, T at the last
"""

from __future__ import annotations

from inner.rules.signal import Signal

SIGNAL = Signal(
    "updates",
    "number of updates so far with this one: 1 at the first step",
    "global",
    "network",
    "Kingma & Ba 2015",
    lambda v, k: v.updates(),
    c="updates",
    per_step=True,
    torch_source="float(self.now)",
)
