"""Generated families: every life has a generator of its own, classes in equal shares, and a difficulty that is one."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from inner.components import build, load, names
from inner.tasks._families import Family
from inner.tasks.base import TIERS, Label, LifeData

FAMILIES = [name for name in names("task") if issubclass(load("task", name), Family)]
LABELS: list[Label] = [("life", n) for n in range(10)]


def make(name: str, **options: Any) -> Family:
    task = build("task", {"name": name, **options})
    assert isinstance(task, Family)
    return task


def lives(name: str, tier: str = "search", steps: int = 600, **options: Any) -> LifeData:
    return make(name, **options).life_data(tier, steps, 1, 7, LABELS)


def neighbours(x: torch.Tensor, y: torch.Tensor, test_x: torch.Tensor, test_y: torch.Tensor) -> float:
    """Accuracy of the five nearest training samples' votes; all arguments [L, ., .]."""
    near = torch.cdist(test_x, x).topk(5, largest=False).indices  # [L, V, 5]
    votes = torch.stack([y[k][near[k]].sum(1) for k in range(len(y))])
    return float((votes.argmax(-1) == test_y.argmax(-1)).double().mean())


def test_there_are_many() -> None:
    assert len(FAMILIES) >= 18


@pytest.mark.parametrize("name", FAMILIES)
def test_a_life_can_be_learned_and_is_no_other_lifes(name: str) -> None:
    data, task = lives(name), make(name)
    own = neighbours(data.x, data.y, data.test_x, data.test_y)
    assert own > task.chance + 0.12
    for others in (data.x.roll(1, 0), data.y.roll(1, 0)), (lives(name, "final").x, lives(name, "final").y):
        assert neighbours(*others, data.test_x, data.test_y) < task.chance + 0.35 * (own - task.chance) + 0.05


@pytest.mark.parametrize("name", FAMILIES)
def test_difficulty_is_one(name: str) -> None:
    def score(difficulty: float) -> float:
        data = lives(name, difficulty=difficulty)
        return neighbours(data.x, data.y, data.test_x, data.test_y)

    assert score(0.3) > score(3.0) + 0.02


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("tier", TIERS)
def test_classes_come_in_equal_shares(name: str, tier: str) -> None:
    data, classes = lives(name, tier, 800), make(name).classes
    shares = torch.cat([data.y, data.test_y], 1).mean(1)  # [L, C]
    assert float((shares.mean(0) - 1 / classes).abs().max()) < 0.04
    assert float(shares.max()) < 1.45 / classes


@pytest.mark.parametrize("name", FAMILIES)
def test_scale_is_the_root_mean_square(name: str) -> None:
    one, three = lives(name, steps=300), lives(name, steps=300, scale=3.0)
    assert float(one.x.square().mean().sqrt()) == pytest.approx(1.0, abs=0.15)
    torch.testing.assert_close(three.x, 3.0 * one.x, rtol=1e-5, atol=1e-5)
    if make(name).centred:
        assert float(one.x.mean(1).abs().max()) < 0.9


@pytest.mark.parametrize("name", FAMILIES)
def test_sizes_are_options(name: str) -> None:
    size = {"size": 12} if hasattr(make(name), "size") else {"length": 30} if name == "motifs" else {"inputs": 100}
    for options in ({"classes": 3, "bits": 4} if hasattr(make(name), "bits") else {"classes": 7}, size):
        task = make(name, **({"depth": 3} if name == "trees" else {}), **options)
        data = task.life_data("select", 40, 2, 0, LABELS[:2])
        assert data.x.shape == (2, 80, task.inputs) and data.y.shape == (2, 80, task.classes)
        assert data.x.isfinite().all()


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("option", ["classes", "patterns", "difficulty", "scale", "test"])
def test_mistakes_are_named(name: str, option: str) -> None:
    with pytest.raises(ValueError, match=f"^{option}: expected [^\n]*, got 0$"):
        make(name, **{option: 0})
