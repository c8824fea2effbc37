"""The noise of a life one number at a time, in plain Python integers and math.erfc: slow, and without the product's tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

WORD = 2**32


def philox(counter: Sequence[int], key: Sequence[int]) -> tuple[int, int, int, int]:
    """Philox 4x32-10 as figure 2 of Salmon et al. 2011 draws it."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c0, WORD)
        high1, low1 = divmod(0xCD9E8D57 * c2, WORD)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) % WORD, (k1 + 0xBB67AE85) % WORD
    return c0, c1, c2, c3


def word(key: Sequence[int], t: int, site: int, e: int) -> int:
    """The word of element e."""
    return philox((e // 4, site, t % WORD, t // WORD), key)[e % 4]


def uniform(word: int) -> float:
    return (word // 2**8) / 2**24


def sign(word: int) -> int:
    return -1 if word >= 2**31 else 1


def normal(word: int) -> float:
    """The normal of a word, not rounded to float32."""
    return sign(word) * quantile((2 * (word % 2**31) + 1) / 2**33)


def quantile(p: float) -> float:
    """x >= 0 with P(normal > x) = p, for p <= 1/2: the library's value, mended by Newton steps on erfc."""
    x = -NormalDist().inv_cdf(p)
    for _ in range(2):
        x += (math.erfc(x / math.sqrt(2)) / 2 - p) / NormalDist().pdf(x)
    return x


def cubic(start: float, width: float) -> list[int]:
    """Coefficient j of y, in units of 2^-(28 + j), of the cubic through `quantile(start + width * y)` at four Chebyshev points."""
    nodes = [(1 + math.cos(math.pi * (2 * i + 1) / 8)) / 2 for i in range(4)]
    table = [quantile(start + width * y) for y in nodes]
    for level in range(1, 4):  # Newton's divided differences, in place
        for i in range(3, level - 1, -1):
            table[i] = (table[i] - table[i - 1]) / (nodes[i] - nodes[i - level])
    powers = [table[3], 0.0, 0.0, 0.0]
    for i in (2, 1, 0):  # p(y) <- p(y) (y - node) + difference
        powers = [(powers[j - 1] if j else 0.0) - powers[j] * nodes[i] for j in range(4)]
        powers[0] += table[i]
    return [round(c * 2 ** (28 + j)) for j, c in enumerate(powers)]
