"""The parity of b bits, which xor (b = 2) and parity share: is the number of bits that are on odd?

There are only 2**b patterns, so a life trains on all of them and is scored on all of them: what is scored is whether
the mapping was learned, not whether it generalises, and tiers share the patterns. Lives differ in the order of the
patterns and, with `permute`, in which output unit stands for odd; tiers differ in the addresses of these draws.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inner.random import stream
from inner.tasks._common import check_draw, epochs, one_hot, stack
from inner.tasks.base import Label, LifeData


def parity_lives(
    bits: int, permute: bool, scale: float, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]
) -> LifeData:
    """One lifetime per label: inputs -scale (off) and +scale (on), two outputs (even, odd, or the reverse)."""
    check_draw(tier, steps, batch, labels)
    patterns = np.arange(2**bits)
    on = (patterns[:, None] >> np.arange(bits)) & 1  # [2**bits, bits]
    inputs = ((2 * on - 1) * scale).astype(np.float32)
    odd = on.sum(1) % 2
    rows = []
    for label in labels:
        random = stream(seed, "task", tier, *label)
        pool = random.permutation(patterns)
        target = one_hot(odd ^ int(random.integers(2)) if permute else odd, 2)
        rows.append((inputs[pool], target[pool], epochs(random, len(pool), steps, batch), inputs, target))
    return stack(rows)
