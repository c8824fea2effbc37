"""Share of the life that has passed, for schedules: dw = eta (1 - progress) err pre is a rate that falls to 0.

progress = t / T, from 0 at the first of T steps to 1 - 1 / T at the last; 1 for whoever goes on beyond them
"""

from __future__ import annotations

from inner.rules.signal import Signal

SIGNAL = Signal(
    "progress",
    "share of the life that has passed before this step, t / T; 0 at the first step",
    "global",
    "network",
    "Robbins & Monro 1951",
    lambda v, k: v.progress(),
    c="progress",
    per_step=True,
    torch_source="min((self.now - 1) / self.life, 1.0)",
)
