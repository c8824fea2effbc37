"""The randomness inside a life: numbers at the address (key of the lifetime, step, site, element), never stored.

Element e of a draw takes word e mod 4 of Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3",
section 3.3) at the counter (e div 4, site, low and high half of the step), under the key of its lifetime. So a number depends
on nothing else: not on the population, the chunk, the order of the draws or the number of elements. All arithmetic is
integer up to one rounding to float32, so torch on any device and C (`engines/native/noise.h`) give the same bits.

A place in the life has a site of its own and asks it for one kind of number: two kinds at one address share their words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from inner.random import stream

HEADER = Path(__file__).parent / "engines" / "native" / "noise.h"
WORD = 0xFFFFFFFF
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)  # of words 0 and 2
WEYL = (0x9E3779B9, 0xBB67AE85)  # what a round adds to the two words of the key
ROUNDS = 10


@lru_cache(maxsize=8)
def _constants(device: torch.device) -> tuple[Tensor, Tensor]:
    """The multipliers [2, 1, 1] and the quantile function's table [4, 256] of the C header, int64 on the device."""
    found = re.search(r"noise_table\[256 \* 4\] = \{([^}]*)\}", HEADER.read_text(encoding="ascii"))
    assert found is not None
    table = torch.tensor([int(number) for number in re.findall(r"-?\d+", found[1])]).reshape(256, 4)
    return torch.tensor(MULTIPLIERS, device=device).reshape(2, 1, 1), table.T.contiguous().to(device)


def philox(even: Tensor, odd: Tensor, rounds: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Philox 4x32-10: words (0, 2) and words (1, 3), each [2, L, Q], of the counters `even` and `odd` in the same form.

    even, odd: int64 that hold 32 bits, broadcast to [2, L, Q]. rounds: ten keys [2, L, 1].
    """
    multipliers = _constants(even.device)[0]
    for key in rounds:
        product = (even * multipliers).flip(0)  # modulo 2^64: int64 keeps all of its bits
        even = ((product >> 32) ^ odd ^ key).bitwise_and_(WORD)
        odd = product  # its lower 32 bits are the word; the others are cleared after the next use
    return even, odd & WORD


@dataclass(frozen=True, eq=False)
class Noise:
    """Random numbers of N = population * L networks; network candidate * L + lifetime has the key of its lifetime.

    key: [L, 2], int64 with 32 bits in each. Raises ValueError for another shape or dtype.
    """

    key: Tensor
    population: int = 1
    rounds: tuple[Tensor, ...] = field(init=False, repr=False)  # ten of [2, L, 1]

    def __post_init__(self) -> None:
        if self.key.dtype != torch.int64 or self.key.ndim != 2 or self.key.shape[1] != 2:
            raise ValueError(f"key: expected int64 [L, 2], got {self.key.dtype} {list(self.key.shape)}")
        if self.population < 1:
            raise ValueError(f"population: expected at least 1, got {self.population}")
        weyl = torch.tensor(WEYL, device=self.key.device)
        rounds = tuple(((self.key + weyl * n) & WORD).T[..., None].contiguous() for n in range(ROUNDS))
        object.__setattr__(self, "rounds", rounds)
        _constants(self.key.device)  # here, because a step that is being recorded cannot copy from the host

    @classmethod
    def of(
        cls,
        seed: int,
        labels: Sequence[tuple[str | int, ...]],
        population: int = 1,
        device: torch.device | str = "cpu",
    ) -> Noise:
        """The noise of `population` candidates in the lifetimes `labels`, which is the same for every candidate."""
        raw = [int(stream(seed, "life", *label).bit_generator.random_raw()) for label in labels]
        pairs = [(number & WORD, number >> 32) for number in raw]
        return cls(torch.tensor(pairs, dtype=torch.int64, device=device).reshape(len(pairs), 2), population)

    @property
    def networks(self) -> int:
        """N."""
        return self.population * len(self.key)

    @property
    def keys(self) -> Tensor:
        """The key of every network, [N, 2]."""
        return self.key.repeat(self.population, 1)

    def take(self, networks: Tensor | slice) -> Noise:
        """The noise of some networks alone, in the order of their indices."""
        return Noise(self.keys[networks])

    def to(self, device: torch.device | str) -> Noise:
        """The same numbers, made on another device."""
        return Noise(self.key.to(device), self.population)

    def uniform(self, t: int | Tensor, site: int, shape: Sequence[int]) -> Tensor:
        """Uniform numbers of 24 bits in [0, 1), float32 [N, *shape]. t: the step, an int or one int64 on the key's device."""
        return self._folded((self.words(t, site, prod(shape)) >> 8).float() * 2.0**-24, shape)

    def signs(self, t: int | Tensor, site: int, shape: Sequence[int]) -> Tensor:
        """-1 or +1 with equal chances, float32 [N, *shape]."""
        return self._folded((self.words(t, site, prod(shape)) >> 31).mul_(-2).add_(1).float(), shape)

    def normal(self, t: int | Tensor, site: int, shape: Sequence[int]) -> Tensor:
        """Standard normals, float32 [N, *shape]; the largest is 6.34."""
        return self._folded(quantile(self.words(t, site, prod(shape))), shape)

    def words(self, t: int | Tensor, site: int, count: int) -> Tensor:
        """The 32-bit words of elements 0, 1, ..., at least `count` of them, int64 [L, 4 Q]."""
        if not 0 <= site <= WORD:
            raise ValueError(f"site: expected 0 to 2^32 - 1, got {site}")
        device = self.key.device
        if not isinstance(t, Tensor):
            t = torch.full((), t, dtype=torch.int64, device=device)
        elif t.dtype != torch.int64 or t.numel() != 1:
            raise ValueError(f"t: expected one int64, got {t.dtype} {list(t.shape)}")
        blocks = torch.arange(-(-count // 4), device=device)
        low, high = (t & WORD).reshape(1), ((t >> 32) & WORD).reshape(1)
        even = torch.stack((blocks, low.expand_as(blocks)))[:, None]
        odd = torch.cat((torch.full_like(high, site), high)).reshape(2, 1, 1)
        even, odd = philox(even, odd, self.rounds)
        return torch.stack((even, odd), 1).permute(2, 3, 0, 1).reshape(len(self.key), -1)

    def _folded(self, values: Tensor, shape: Sequence[int]) -> Tensor:
        """[L, at least prod(shape)] -> [N, *shape], once for every candidate."""
        values = values[:, : prod(shape)].reshape(len(self.key), *shape)
        return values if self.population == 1 else values.repeat(self.population, *[1] * len(shape))


def quantile(words: Tensor) -> Tensor:
    """Standard normals, float32, of 32-bit words, int64 of the same shape: `noise_quantile` of the C header.

    The quantile of p = (2 m + 1) 2^-33, m the lower 31 bits. The bits of 2 m + 1 as a float64 say which power of two,
    which of its eight intervals, and where in it.
    """
    table = _constants(words.device)[1]
    bits = ((words << 1).bitwise_or_(1).bitwise_and_(WORD)).double().view(torch.int64).flatten()
    interval = (bits >> 49).sub_(8 * 1023)
    y = (bits >> 18).bitwise_and_(0x7FFFFFF8)  # 28 bits, in units of 2^-31
    x = table[3].index_select(0, interval)
    for j in (2, 1, 0):
        x = (x.mul_(y) >> 32).add_(table[j].index_select(0, interval))
    x = x.view_as(words)
    return torch.where(words > 0x7FFFFFFF, -x, x).float() * 2.0**-28
