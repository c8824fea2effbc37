"""Segments of a genome, grown weights, measures, change points and tournaments against plain oracles."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from inner.components import build
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules.rule import Rule
from outer.evidence.change_points import jumps
from outer.genome.coefficients import CoefficientGenome
from outer.genome.grown import Generator
from outer.genome.network import Genes, NetworkGenome
from outer.genome.segments import Block
from outer.inheritance.measures import HEADER_BITS, assimilation, code_bits, diversity, genome_bits, steps_to_threshold
from outer.objective import Evaluation
from outer.searches.microbial import pairs

RULE = Rule.from_dict(
    {
        "dw": "eta*err*pre + b*post*pre + c*w",
        "pathway": "backprop",
        "coefficients": {"eta": {"init": 0.1, "transform": "log"}, "c": {"init": -0.01, "fixed": True}},
    }
)


def genome(**genes: object) -> NetworkGenome:
    return NetworkGenome(RULE, Network(hidden=(4,), bias=True), 3, 2, 20, Genes(**genes))


def test_rule_coefficients_alone_are_the_genome_bit_for_bit() -> None:
    own, plain = genome(), CoefficientGenome(RULE.coefficients)
    vectors = stream(0, "v").standard_normal((5, plain.size))
    assert own.size == plain.size == 2
    assert own.segments.start().tobytes() == plain.start().tobytes()
    assert own.decode(vectors).tobytes() == plain.decode(vectors).tobytes()


@pytest.mark.parametrize(
    "key, value, added",
    [
        ("rule", False, -2),
        ("rates", True, 2),
        ("weights", "direct", 4 * 4 + 5 * 2),
        ("plasticity", True, 26),
        ("wiring", True, 26),
        ("length", True, 1),
        ("weights", "grown", (2 * 6 * 8 + 8 + 8 + 1) + (4 + 5 + 2) * 6),
    ],
)
def test_one_key_per_segment(key: str, value: object, added: int) -> None:
    assert genome(**{key: value}).size == 2 + added


def test_a_segment_s_transform_and_bounds() -> None:
    log, switch = Block("rates", ((3, 0.5),), "log"), Block("wiring", ((3, 1.0),), "switch", 0.5)
    assert log.decode(np.array([[0.0, 2.0, -2.0]]))[0] == pytest.approx([1.0, math.e, 1 / math.e])
    assert switch.decode(np.array([[0.1, 0.0, -3.0]]))[0].tolist() == [1.0, 0.0, 0.0]
    assert switch.decode(switch.start()[None])[0].tolist() == [1.0, 1.0, 1.0]
    block = Block("weights", ((2, 0.5), (1, 2.0)), low=-1.0, high=1.0)
    assert block.decode(np.array([[0.5, 3.0, -3.0]]))[0].tolist() == [0.25, 0.5, -2.0]
    moved = block.moved(np.array([[-0.0, 0.5, 3.0]]), np.array([[0.0, 0.1, 0.0]]))
    assert moved.tobytes() == np.array([[-0.0, 0.7, 3.0]]).tobytes()
    with pytest.raises(ValueError, match="only linear genes"):
        log.moved(np.zeros((1, 3)), np.ones((1, 3)))


def test_grown_weights_by_a_plain_loop() -> None:
    generator = Generator(((3, 4), (5, 2)), expression=2, hidden=3)
    assert generator.size == 2 * 2 * 3 + 3 + 3 + 1 + (3 + 5 + 2) * 2
    genes = stream(0, "g").standard_normal((2, generator.size))
    grown = generator.grow(torch.from_numpy(genes)).numpy()
    for p in range(2):
        send, rest = genes[p, :6].reshape(2, 3), genes[p, 6:]
        receive, b, a, c, units = rest[:6].reshape(2, 3), rest[6:9], rest[9:12], rest[12], rest[13:].reshape(10, 2)
        expected = []
        for fan_in, fan_out, first in ((3, 4, 0), (5, 2, 3)):
            for i in range(fan_in):
                for j in range(fan_out):
                    hidden = [
                        math.tanh(
                            sum(units[first + i, e] * send[e, h] for e in range(2))
                            + sum(units[first + fan_in + j, e] * receive[e, h] for e in range(2))
                            + b[h]
                        )
                        for h in range(3)
                    ]
                    expected.append((sum(x * y for x, y in zip(hidden, a)) + c) * 2 / math.sqrt(fan_in))
        np.testing.assert_allclose(grown[p], expected, rtol=1e-10)
    one = generator.grow(torch.from_numpy(genes[:1])).numpy()
    assert one[0].tobytes() == grown[0].tobytes()


def test_fitting_back_comes_nearer_to_what_was_learned_and_keeps_who_learned_nothing() -> None:
    own = genome(weights="grown", fit_steps=60)
    vectors = stream(0, "v").standard_normal((3, own.size))
    columns = own.layout.parts["weights"]
    before = own.decode(vectors)[:, columns]
    change = 0.3 * stream(1, "v").standard_normal(before.shape)
    change[1] = 0.0
    written = own.write_back(vectors, change)
    assert written[1].tobytes() == vectors[1].tobytes()
    after = own.decode(written)[:, columns]
    for p in (0, 2):
        assert np.square(before[p] + change[p] - after[p]).sum() < 0.6 * np.square(change[p]).sum()


def test_code_bits_by_a_sequential_decoder_s_predictions() -> None:
    numbers = stream(0, "n").integers(-2, 4, 50)
    low, symbols = int(numbers.min()), int(numbers.max() - numbers.min()) + 1
    counts, total = [0.5] * symbols, HEADER_BITS
    for n in numbers:
        total -= math.log2(counts[n - low] / sum(counts))
        counts[n - low] += 1
    assert code_bits(numbers) == pytest.approx(total, rel=1e-12)
    assert code_bits(np.array([0, 1])) == pytest.approx(HEADER_BITS + 1 + 2)  # 1/2, then (1/2) / 2
    assert code_bits(np.full(9, 7)) == HEADER_BITS and code_bits(np.array([])) == 0.0


def test_genome_bits_see_rounding_and_masks() -> None:
    own = genome(weights="direct", plasticity=True)
    vector = stream(0, "v").standard_normal(own.size)
    fine, coarse = genome_bits(own, vector, 0.01), genome_bits(own, vector, 0.5)
    assert fine > coarse > 0
    flipped = vector.copy()
    flipped[own.segments.slices["plasticity"]] *= 100.0  # the same mask
    assert genome_bits(own, flipped, 0.5) == coarse


def test_measures_of_small_cases() -> None:
    assert assimilation(0.4, 0.7, 0.1) == pytest.approx(0.5)
    assert assimilation(0.1, 0.105, 0.1) is None and assimilation(-9.0, -0.395, -0.4) is None
    assert assimilation(-0.8, -0.2, -0.4) == pytest.approx(-2.0)
    curve, steps = np.array([[0.1, 0.5, 0.9], [0.1, 0.2, 0.3]]), np.array([0, 5, 10])
    speed, reached = steps_to_threshold(curve, steps, 0.5)
    assert speed.tolist() == [5.0, 20.0] and reached.tolist() == [True, False]
    assert diversity(np.array([[0.0, 1.0], [2.0, 1.0]])) == pytest.approx(math.sqrt(0.5))


def test_jumps_are_found_and_drift_is_not_one() -> None:
    noise = stream(0, "noise").standard_normal((40, 120)) * 0.1
    drift = np.linspace(0, 3, 120)
    false = sum(bool(jumps(drift + row)) for row in noise)
    assert false <= 2, "at 1 % a test of 40 drifts errs 0.4 times on average"
    stairs = drift + 0.5 * (np.arange(120) >= 40) + 0.8 * (np.arange(120) >= 90)
    found = jumps(stairs + noise[0])
    assert [abs(j.generation - t) <= 2 for j, t in zip(found, (40, 90))] == [True, True] and len(found) == 2
    assert found[1].size == pytest.approx(0.8, abs=0.2) and found[0].p <= 0.01
    assert jumps(np.linspace(0, 1, 50)) == [] and jumps(np.ones(50)) == [] and jumps(noise[0][:10]) == []


@pytest.mark.parametrize("count, apart, turn", [(8, 1, 0), (9, 2, 5), (7, 3, 6), (2, 1, 1), (100, 4, 17)])
def test_rivals_are_disjoint_neighbours(count: int, apart: int, turn: int) -> None:
    one, two = pairs(count, apart, turn)
    everybody = np.concatenate([one, two])
    assert len(set(everybody)) == len(everybody) >= count - 2 * apart + 1 - (count % 2 == 0)
    assert set(((two - one) % count).tolist()) == {apart}


def test_a_generation_of_tournaments_by_a_plain_loop() -> None:
    options = {"popsize": 9, "sigma": 0.1, "recombination": 0.5, "deme": 3, "bound": 2.0}
    running = build("search", {"name": "microbial", **options}).start(np.zeros(4), 3)
    before = running.ask()
    told = before + 0.25  # as if something had been learned
    fitness = stream(0, "f").standard_normal(9)
    running.tell(told, Evaluation(fitness, fitness[:, None], np.ones((9, 1), dtype=bool)))
    after = running.ask()
    rng = stream(3, "microbial", 0)
    apart, turn = 1 + int(rng.integers(3)), int(rng.integers(9))
    one, two = pairs(9, apart, turn)
    mix, noise = rng.random((len(one), 4)), rng.standard_normal((len(one), 4))
    expected = told.copy()
    for k, (a, b) in enumerate(zip(one, two)):
        winner, loser = (a, b) if fitness[a] >= fitness[b] else (b, a)
        for gene in range(4):
            value = told[winner, gene] if mix[k, gene] < 0.5 else told[loser, gene]
            expected[loser, gene] = min(max(value + 0.1 * noise[k, gene], -2.0), 2.0)
    np.testing.assert_allclose(after - told, expected - told, rtol=1e-12, atol=1e-12)
    assert (after != told).any()
    assert np.array_equal(running.recommendation(), told[int(np.argmax(fitness))])
