"""Wrapped tasks: what a shuffled teacher leaves alone, and what renaming does, against plain loops."""

from __future__ import annotations

import pytest
import torch

from inner.components import build
from inner.tasks._controls import Permuted, Shuffled
from inner.tasks.base import LifeData, Task

LABELS = [("a", 1), ("a", 2)]


def task(name: str = "digits") -> Task:
    made = build("task", {"name": name, "permute": False})
    assert isinstance(made, Task)
    return made


def shown(lives: LifeData, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    return lives.x[n][lives.order[n].flatten()], lives.y[n][lives.order[n].flatten()]


@pytest.mark.parametrize("name", ["digits", "xor"])
def test_a_shuffled_teacher_shows_the_same_inputs_and_the_same_targets_in_another_order(name: str) -> None:
    plain, mixed = (t.life_data("final", 100, 2, 0, LABELS) for t in (task(name), Shuffled(task(name))))
    for n in range(2):
        (x, y), (other_x, other_y) = shown(plain, n), shown(mixed, n)
        assert torch.equal(x, other_x) and not torch.equal(y, other_y)
        assert torch.equal(y.sum(0), other_y.sum(0))
    assert torch.equal(plain.test_x, mixed.test_x) and torch.equal(plain.test_y, mixed.test_y)
    alone = Shuffled(task(name)).life_data("final", 100, 2, 0, LABELS[1:])
    assert torch.equal(alone.y[0], mixed.y[1])


def test_a_pattern_of_a_small_pool_meets_both_targets() -> None:
    x, y = shown(Shuffled(task("xor")).life_data("final", 400, 1, 0, LABELS), 0)
    for pattern in torch.unique(x, dim=0):
        share = y[(x == pattern).all(1)].mean(0)
        assert 0.3 < float(share[0]) < 0.7


@pytest.mark.parametrize("axis", ["inputs", "outputs"])
def test_renaming_is_one_permutation_per_life_for_training_and_test(axis: str) -> None:
    plain, renamed = task().life_data("final", 50, 1, 0, LABELS), Permuted(task(), axis).life_data("final", 50, 1, 0, LABELS)
    for n in range(2):
        pairs = [(plain.x[n], renamed.x[n]), (plain.test_x[n], renamed.test_x[n])]
        if axis == "outputs":
            pairs = [(plain.y[n], renamed.y[n]), (plain.test_y[n], renamed.test_y[n])]
        before, after = (torch.cat(side) for side in zip(*pairs))
        columns = sorted(map(tuple, before.T.tolist()))
        assert columns == sorted(map(tuple, after.T.tolist())) and not torch.equal(before, after)
    same, wrapped = (plain.y, renamed.y) if axis == "inputs" else (plain.x, renamed.x)
    assert torch.equal(same, wrapped)


def test_a_wrapper_is_its_task_otherwise() -> None:
    inner, outer = task(), Shuffled(Permuted(task()))
    for name in ("criterion", "inputs", "outputs", "chance", "worst"):
        assert getattr(inner, name) == getattr(outer, name)
    assert inner.samples("final") == outer.samples("final")
    with pytest.raises(ValueError, match="axis"):
        Permuted(task(), "rows")
