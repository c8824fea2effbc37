"""Addressed randomness: every draw in the system comes from `stream(seed, *labels)`, so nothing needs a stored generator.

A stream is a Philox counter generator keyed by a BLAKE2b hash of the seed and the labels. The same address always
yields the same numbers, on any worker, in any order and after any restart.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np


def stream(seed: int, *labels: str | int) -> np.random.Generator:
    """Return the generator at the address (seed, labels), for example `stream(0, "weights", generation, lifetime)`.

    Labels of different types never collide: 1 and "1" are different addresses.
    """
    address = "\x1f".join(f"{type(label).__name__}:{label}" for label in (int(seed), *labels))
    digest = blake2b(address.encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest, dtype=np.uint64)))
