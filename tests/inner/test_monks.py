"""The MONK's problems against what is published of them: sizes, shares, and the rules written down a second time."""

from __future__ import annotations

import itertools

import pytest
import torch

from inner.tasks.monks import Task, monks, robots

SHAPES, ITEMS, COLOURS = ("round", "square", "octagon"), ("sword", "balloon", "flag"), ("red", "yellow", "green", "blue")


def test_every_robot_once_and_the_published_number_of_monks() -> None:
    every = robots()
    assert len(every) == len({tuple(row) for row in every.tolist()}) == 432
    assert [int(monks(every, p).sum()) for p in (1, 2, 3)] == [216, 142, 228]  # Thrun et al. 1991: 50, 32.87, 52.78 %
    assert [Task(problem=p).chance for p in (1, 2, 3)] == pytest.approx([0.5, 290 / 432, 228 / 432])


def test_the_rules_in_words() -> None:
    for row in robots():
        head, body, holding, jacket = SHAPES[row[0] - 1], SHAPES[row[1] - 1], ITEMS[row[3] - 1], COLOURS[row[4] - 1]
        firsts = sum(int(value) == 1 for value in row)
        green_sword, not_blue = jacket == "green" and holding == "sword", jacket != "blue" and body != "octagon"
        wanted = [head == body or jacket == "red", firsts == 2, green_sword or not_blue]
        assert [bool(monks(row[None], p)[0]) for p in (1, 2, 3)] == wanted


@pytest.mark.parametrize("problem", [1, 2, 3])
def test_lives(problem: int) -> None:
    """Original sizes; wrong labels in problem 3 alone, and never among the 432 that are scored; one input per attribute."""
    task, labels = Task(problem=problem), [("monks", n) for n in range(20)]
    lives = task.life_data("search", 10, 8, 0, labels)
    assert lives.x.shape == (20, {1: 124, 2: 169, 3: 122}[problem], 17) and lives.test_x.shape == (20, 432, 17)
    assert all(bool((part.sum(2) == 1).all()) for part in lives.x.split([3, 3, 2, 3, 4, 2], 2))
    assert len(set(map(tuple, lives.test_x[0].tolist()))) == 432
    flips, wrong = set(), set()
    for n in range(20):
        known = {tuple(x): y for x, y in zip(lives.test_x[n].tolist(), lives.test_y[n].argmax(1).tolist())}
        shown = zip(lives.x[n].tolist(), lives.y[n].argmax(1).tolist())
        wrong.add(sum(known[tuple(x)] != y for x, y in shown))
        flips.add(round(float(lives.test_y[n, :, 1].mean()), 3))
    assert wrong == {6 if problem == 3 else 0} and (problem == 1 or len(flips) == 2)
    assert all(not torch.equal(lives.x[a], lives.x[b]) for a, b in itertools.combinations(range(4), 2))
