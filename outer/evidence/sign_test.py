"""The exact sign test (Arbuthnott 1710): how likely so many positive signs are where each sign is a fair coin."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np


@dataclass(frozen=True)
class SignTest:
    """Positive signs among those that are not 0, and the one-sided probability of as many or more."""

    positive: int
    count: int
    p: float


def sign_test(values: np.ndarray, above: float = 0.0) -> SignTest:
    """The test of `values` (any shape) against `above`; equal values are left out (Dixon & Mood 1946)."""
    left = np.asarray(values, dtype=np.float64).ravel() - above
    count, positive = int((left != 0).sum()), int((left > 0).sum())
    p = sum(comb(count, k) for k in range(positive, count + 1)) / 2**count
    return SignTest(positive, count, float(p))
