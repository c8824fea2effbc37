"""Noise inside a life: the published words of Philox, the distributions, and numbers that depend on their address alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import noise_oracle as oracle
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from inner import noise
from inner.noise import Noise
from inner.random import stream

LABELS = (("t", 0), ("t", 1), ("t", 2))
KINDS = ("uniform", "signs", "normal")
MANY = 2**20
PUBLISHED = {  # Random123's kat_vectors: counter, key, words
    "zeros": ("00000000 " * 4, "00000000 " * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    "ones": ("ffffffff " * 4, "ffffffff " * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    "pi": ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
}


def draw(kind: str, source: Noise, *address: Any) -> Tensor:
    return getattr(source, kind)(*address)


def tail(x: float) -> float:
    return math.erfc(x / math.sqrt(2)) / 2


@pytest.mark.parametrize("name", PUBLISHED)
def test_philox_gives_the_published_words(name: str) -> None:
    counter, key, words = ([int(word, 16) for word in text.split()] for text in PUBLISHED[name])
    assert list(oracle.philox(counter, key)) == words
    rounds = Noise(torch.tensor([key])).rounds
    even, odd = noise.philox(*(torch.tensor(counter[i::2]).reshape(2, 1, 1) for i in (0, 1)), rounds)
    assert [int(part[i]) for i in (0, 1) for part in (even, odd)] == words


@pytest.mark.parametrize("t, site", [(0, 0), (7, 3), (2**32 - 1, 2**32 - 1), (2**40 + 5, 1)])
def test_every_number_is_that_of_its_address(t: int, site: int) -> None:
    made = Noise.of(3, LABELS, population=2)
    for lifetime, label in enumerate(LABELS):
        raw = int(stream(3, "life", *label).bit_generator.random_raw())
        words = [oracle.word((raw % 2**32, raw // 2**32), t, site, e) for e in range(10)]
        for network in (lifetime, 3 + lifetime):
            assert made.uniform(t, site, (2, 5))[network].flatten().tolist() == [oracle.uniform(w) for w in words]
            assert made.signs(t, site, (2, 5))[network].flatten().tolist() == [oracle.sign(w) for w in words]
            normals = made.normal(t, site, (2, 5))[network].flatten().tolist()
            assert normals == pytest.approx([oracle.normal(w) for w in words], abs=3e-7)


def test_table_of_the_header_is_the_quantile_function() -> None:
    table = noise._constants(torch.device("cpu"))[1].T.tolist()
    starts = [(2.0**power * (1 + part / 8), 2.0**power / 8) for power in range(32) for part in range(8)]
    wanted = [oracle.cubic(start / 2**33, width / 2**33) for start, width in starts]
    assert np.abs(np.array(table) - np.array(wanted)).max() <= 1  # a half rounds either way


def test_quantile_is_right_to_its_last_tail() -> None:
    random = stream(0, "words")
    m = [0, 1, 2, 2**31 - 1] + [int(random.integers(2**k, 2 ** (k + 1))) for k in range(31) for _ in range(100)]
    made = noise.quantile(torch.tensor(m)).double()
    wanted = torch.tensor([oracle.normal(word) for word in m], dtype=torch.float64)
    assert wanted.max() > 6.3 and wanted.min() < 1e-9
    error = (made - wanted).abs()
    assert (error <= 1.7e-7 + wanted * 2**-24).all()
    assert (error * (-(wanted**2) / 2).exp() / math.sqrt(2 * math.pi)).max() < 8e-8  # of the distribution function
    assert torch.equal(noise.quantile(torch.tensor(m) + 2**31), -made.float())


@pytest.mark.parametrize("sigma", [1, 2, 3, 4, 5, 6])
def test_share_of_words_in_the_tail(sigma: int) -> None:
    """By bisection over the words, so without a standard error: a relative 1e-6 and one word."""
    low, high = 0, 2**31 - 1
    while high - low > 1:
        middle = (low + high) // 2
        beyond = noise.quantile(torch.tensor([middle])).item() > sigma
        low, high = (middle, high) if beyond else (low, middle)
    assert high / 2**32 == pytest.approx(tail(sigma), rel=1e-6, abs=1 / 2**32)


def test_moments_within_four_standard_errors() -> None:
    made = Noise.of(0, LABELS[:1])
    x = made.normal(0, 0, (MANY,))[0].double()
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):  # of x^power
        assert abs((x**power).mean() - mean) < 4 * math.sqrt(variance / MANY)
    u = made.uniform(0, 1, (MANY,))[0].double()
    assert 0 <= u.min() < 1e-5 and 1 - 1e-5 < u.max() < 1
    for power in (1, 2, 3):
        mean = 1 / (power + 1)
        assert abs((u**power).mean() - mean) < 4 * math.sqrt((1 / (2 * power + 1) - mean**2) / MANY)
    signs = made.signs(0, 2, (MANY,))[0]
    assert set(signs.tolist()) == {-1.0, 1.0} and abs(signs.mean()) < 4 / math.sqrt(MANY)


def test_neighbours_do_not_correlate() -> None:
    """Elements up to eight apart, steps, sites and lifetimes; values and squares; within four standard errors."""
    made = Noise.of(0, LABELS[:2])
    x, other = made.normal(0, 0, (MANY,)).double()
    pairs = [(x[:-lag], x[lag:]) for lag in range(1, 9)]
    pairs += [(x, other), (x, made.normal(1, 0, (MANY,))[0].double()), (x, made.normal(0, 1, (MANY,))[0].double())]
    for a, b in pairs:
        for first, second in ((a, b), (a**2 - 1, b**2 - 1)):
            deviation = first.std() * second.std() / math.sqrt(MANY)
            assert abs((first * second).mean()) < 4 * deviation


def test_kolmogorov_smirnov() -> None:
    """The largest gap between the distribution functions of 2^20 normals and of the normal: below the 1 % point."""
    x = Noise.of(1, LABELS[:1]).normal(0, 0, (MANY,))[0].sort().values.double()
    cdf = torch.tensor([1 - tail(value) for value in x.tolist()], dtype=torch.float64)
    rank = torch.arange(MANY + 1, dtype=torch.float64) / MANY
    assert max((rank[1:] - cdf).max(), (cdf - rank[:-1]).max()) < 1.63 / math.sqrt(MANY)


def test_draws_beyond_four_sigma() -> None:
    count = 4 * MANY
    x = Noise.of(2, LABELS[:1]).normal(0, 0, (count,))
    for side in (x, -x):
        wanted = count * tail(4)
        assert abs((side > 4).sum() - wanted) < 4 * math.sqrt(wanted)
    assert 4.5 < x.abs().max() < 6.35


@pytest.mark.parametrize("kind", KINDS)
def test_population_chunk_order_and_shape_change_nothing(kind: str) -> None:
    full = Noise.of(0, LABELS, population=4)
    numbers = draw(kind, full, 5, 2, (3, 7))
    assert numbers.shape == (12, 3, 7) and numbers.dtype == torch.float32 and full.networks == 12
    assert torch.equal(numbers.reshape(4, 3, 3, 7), numbers[:3].expand(4, 3, 3, 7))  # the same for every candidate
    assert len({tuple(row.flatten().tolist()) for row in numbers}) == 3  # and other numbers in every lifetime
    assert torch.equal(draw(kind, replace(full, population=1), 5, 2, (3, 7)), numbers[:3])
    assert torch.equal(draw(kind, full.take(slice(4, 9)), 5, 2, (3, 7)), numbers[4:9])
    picks = torch.tensor([11, 0, 7])
    assert torch.equal(draw(kind, full.take(picks), 5, 2, (3, 7)), numbers[picks])
    assert torch.equal(draw(kind, Noise.of(0, LABELS[1:2]), 5, 2, (3, 7))[0], numbers[1])
    draw(kind, full, 6, 2, (50,))  # a draw between two others
    for shape in ((1,), (4,), (5, 1), (2, 2, 5), (100,)):
        some = draw(kind, full, 5, 2, shape).flatten(1)
        size = min(21, some.shape[1])
        assert torch.equal(some[:, :size], numbers.flatten(1)[:, :size])
    assert draw(kind, full, 5, 2, ()).shape == (12,) and draw(kind, full, 5, 2, (0, 3)).shape == (12, 0, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_another_step_site_or_seed_is_another_draw(kind: str) -> None:
    made = Noise.of(0, LABELS)
    draws = [draw(kind, made, t, site, (64,)) for t, site in ((0, 0), (1, 0), (0, 1), (2**32, 0), (1, 1))]
    draws.append(draw(kind, Noise.of(1, LABELS), 0, 0, (64,)))
    assert all(not torch.equal(a, b) for n, a in enumerate(draws) for b in draws[:n])


class NoHostReads(TorchDispatchMode):
    """Refuses what a recorded step cannot do: values read on the host, sizes that depend on values, tensors from the host."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        forbidden = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "lift_fresh")
        assert not any(word in str(func) for word in forbidden), func
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("t", [0, 3, 2**33 + 1])
def test_step_may_be_a_tensor_and_nothing_is_read_on_the_host(kind: str, t: int) -> None:
    made = Noise.of(0, LABELS, population=2)
    wanted = draw(kind, made, t, 1, (9,))
    for step in (torch.tensor(t), torch.tensor([t])):
        with NoHostReads():
            found = draw(kind, made, step, 1, (9,))
        assert torch.equal(found, wanted)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Noise(torch.zeros(3, dtype=torch.int64)), r"key: expected int64 \[L, 2\], got torch.int64 \[3\]"),
        (lambda: Noise(torch.zeros(3, 2)), r"key: expected int64 \[L, 2\], got torch.float32 \[3, 2\]"),
        (lambda: Noise.of(0, LABELS, 0), "population: expected at least 1, got 0"),
        (lambda: Noise.of(0, LABELS).normal(0, -1, (2,)), "site: expected 0 to 2\\^32 - 1, got -1"),
        (lambda: Noise.of(0, LABELS).signs(torch.zeros(2), 0, ()), r"t: expected one int64, got torch.float32 \[2\]"),
    ],
)
def test_wrong_arguments_are_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
