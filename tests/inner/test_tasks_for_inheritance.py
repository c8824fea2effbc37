"""Tasks that experiments on inheritance need: sines at fixed phases, and digits whose classes are renamed in every life."""

from __future__ import annotations

import math

import torch

from inner.components import build
from inner.random import stream
from inner.tasks.base import TIERS


def test_sines_by_hand() -> None:
    task = build("task", {"name": "sines", "tasks": 3, "points": 5, "amplitude": 0.5})
    for number, tier in enumerate(TIERS):
        lives = task.life_data(tier, 4, 5, 0, [(tier, 7, n) for n in range(4)])
        turn = int(stream(0, "turn", tier, tier, 7).integers(3))
        for n in range(4):
            phase = 2 * math.pi * ((n + turn) % 3) / 3 + 2 * math.pi / 3 * number / 3
            for i in range(5):
                u = -2 * math.pi + i * math.pi
                assert abs(float(lives.x[n, i, 0]) - u / (2 * math.pi)) < 1e-6
                assert abs(float(lives.y[n, i, 0]) - 0.5 * math.sin(u + phase)) < 1e-6
            assert [sorted(row) for row in lives.order[n].tolist()] == [[0, 1, 2, 3, 4]] * 4, (
                "an epoch shows every point"
            )
    assert torch.equal(lives.y[0], lives.y[3]) and not torch.equal(lives.y[0], lives.y[1])
    silent = task.score(torch.zeros(3, 5, 1), lives.test_y[:3]).mean()
    assert abs(float(silent) - task.chance) < 0.05


def test_few_lives_see_every_phase_over_the_generations() -> None:
    """Two lives of eight phases: neighbours in every generation, all eight over many; as many lives as phases: all at once."""
    task, seen = build("task", {"name": "sines", "tasks": 8}), set()

    def phases(generation: int, lives: int) -> list[int]:
        y = task.life_data("search", 1, 25, 0, [("search", generation, n) for n in range(lives)]).y[:, :, 0]
        u = torch.linspace(-2 * math.pi, 2 * math.pi, 25)
        shapes = torch.stack([0.9 * torch.sin(u + 2 * math.pi * k / 8) for k in range(8)])
        return torch.cdist(y, shapes).argmin(1).tolist()

    for generation in range(60):
        one, two = phases(generation, 2)
        assert two == (one + 1) % 8
        seen.add(one)
    assert seen == set(range(8)) and sorted(phases(0, 8)) == list(range(8))


def test_renamed_classes_leave_pixels_alone_and_are_one_renaming_per_life() -> None:
    plain, renamed = (build("task", {"name": "digits", "permute": False, "relabel": r}) for r in (False, True))
    labels = [("a", 0), ("a", 1)]
    names = []
    for label in labels:
        one, two = (task.life_data("search", 60, 1, 0, [label]) for task in (plain, renamed))
        assert torch.equal(one.test_x[0], two.test_x[0])
        truth, told = one.test_y[0].argmax(1).tolist(), two.test_y[0].argmax(1).tolist()
        assert len(set(zip(truth, told))) == len(set(truth)) == len(set(told)), "one name per class"
        rename = dict(zip(truth, told))
        known = {x.numpy().tobytes(): y for x, y in zip(one.x[0], one.y[0].argmax(1).tolist())}
        for x, y in zip(two.x[0], two.y[0].argmax(1).tolist()):
            assert rename[known[x.numpy().tobytes()]] == y, "the same names in training and test"
        names.append(rename)
    assert names[0] != names[1]
