"""Bit strings: codes against plain loops, the published chromosome of Chalmers (1990), and what a generation keeps."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from inner.components import build
from inner.random import stream
from outer.objective import Evaluation
from outer.searches.bitstring import Running, decode_chalmers, from_gray, to_gray


def told(running: Running, fitness: np.ndarray) -> None:
    running.tell(running.ask(), Evaluation(fitness, fitness[:, None], np.ones((len(fitness), 1), dtype=bool)))


def test_the_code_of_chalmers_against_a_plain_loop() -> None:
    strings = stream(0, "strings").integers(0, 2, (200, 35)).astype(bool)
    for string, values in zip(strings, decode_chalmers(strings)):
        text = "".join("01"[int(bit)] for bit in string)
        j = int(text[1:5], 2)
        expected = [(1 if text[0] == "1" else -1) * (2.0 ** (j - 9) if j else 0.0)]
        for start in range(5, 35, 3):
            size = {"00": 0.0, "01": 1.0, "10": 2.0, "11": 4.0}[text[start + 1 : start + 3]]
            expected.append(size if text[start] == "1" else -size)
        assert values.tolist() == expected


def test_the_published_chromosome_is_the_delta_rule() -> None:
    """11011 and, for a o and a t, 010 and 110: 4 (-2 a o + 2 a t)."""
    text = "11011" + "000" * 7 + "010" + "110" + "000"
    values = decode_chalmers(np.array([[bit == "1" for bit in text]]))[0]
    assert values.tolist() == [4.0, 0, 0, 0, 0, 0, 0, 0, -2.0, 2.0, 0]


def test_neighbours_in_gray_code_differ_in_one_bit() -> None:
    codes = to_gray(np.arange(32), 5)
    assert from_gray(codes).tolist() == list(range(32))
    assert all((one != two).sum() == 1 for one, two in itertools.pairwise(codes))


def test_the_origin_is_among_the_first_and_the_best_is_kept() -> None:
    running = build("search", {"name": "bitstring", "popsize": 10}).start(np.array([0.5, -3.0]), 0)
    assert [0.5, -3.0] in running.ask().tolist()
    best = running.ask()[7]
    told(running, -np.abs(np.arange(10) - 7.0))
    assert best.tolist() in running.ask().tolist() and running.recommendation().tolist() == best.tolist()


def test_crossover_makes_children_of_two_parents_and_mutation_flips_its_share() -> None:
    """Without mutation each child's string is its parents' outside and inside two points; with it, 1 % of bits flip."""
    running = build("search", {"name": "bitstring", "popsize": 200, "mutation": 0.0, "crossover": 1.0}).start(
        np.zeros(4), 0
    )
    running.strings = np.concatenate([np.zeros((100, 48), dtype=bool), np.ones((100, 48), dtype=bool)])
    told(running, np.zeros(200))
    runs = np.abs(np.diff(running.strings.astype(int), axis=1)).sum(1)
    assert runs.max() == 2 and (runs > 0).mean() > 0.3  # never more than two points
    running = build("search", {"name": "bitstring", "popsize": 200, "mutation": 0.01}).start(np.zeros(4), 0)
    running.strings = np.zeros((200, 48), dtype=bool)
    told(running, np.zeros(200))
    assert running.strings.mean() == pytest.approx(0.01, abs=4 * np.sqrt(0.01 / (200 * 48)))


@pytest.mark.parametrize("option, value", [("crossover", 1.1), ("mutation", -0.1), ("code", "grey"), ("bits", 0)])
def test_options_are_checked(option: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^search.{option}[^\n]*$"):
        build("search", {"name": "bitstring", option: value})


def test_the_code_of_chalmers_needs_eleven_coefficients() -> None:
    with pytest.raises(ValueError, match="11 coefficients"):
        build("search", {"name": "bitstring", "code": "chalmers"}).start(np.zeros(3), 0)
