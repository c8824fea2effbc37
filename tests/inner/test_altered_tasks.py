"""General options of tasks: power, noise, wrong labels and unequal class frequencies are what they say, on any task of samples."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from inner.components import build
from inner.tasks._altered import Altered, task_of
from inner.tasks._common import balanced_accuracy
from inner.tasks.base import LifeData

LABELS = [("life", n) for n in range(6)]


def lives(steps: int = 400, **options: Any) -> LifeData:
    return task_of({"name": "digits", **options}).life_data("search", steps, 1, 5, LABELS)


def shown(data: LifeData) -> torch.Tensor:
    """Classes of the training samples in the order that they are shown in: [L, T]."""
    return torch.stack([y[order.flatten()] for y, order in zip(data.y.argmax(-1), data.order)])


def test_without_them_a_task_is_itself() -> None:
    assert task_of({"name": "digits", "noise": 0.0, "power": None}) == build("task", "digits")


@pytest.mark.parametrize("permute", [True, False])
def test_power_is_the_mean_of_sum_x2(permute: bool) -> None:
    plain, data = lives(permute=permute), lives(permute=permute, power=7.0)
    assert torch.allclose(data.test_x.square().sum(-1).mean(1), torch.tensor(7.0), rtol=1e-5)
    assert torch.allclose(data.x.square().sum(-1).mean(1), torch.tensor(7.0), rtol=0.15)
    ratio = data.x / plain.x
    ratio = ratio[plain.x != 0]
    assert torch.equal(data.y, plain.y) and torch.equal(data.order, plain.order)
    assert float(ratio.std()) < 0.1 * float(ratio.mean()), "one factor a life"


def test_noise_has_the_size_it_says_and_leaves_labels() -> None:
    plain, data = lives(permute=False), lives(permute=False, noise=0.5)
    rms = float(plain.test_x.square().mean().sqrt())
    for one, other in ((plain.x, data.x), (plain.test_x, data.test_x)):
        assert float((other - one).std()) == pytest.approx(0.5 * rms, rel=0.03)
        assert not torch.equal(other[0] - one[0], other[1] - one[1]), "every life has its own"
    assert torch.equal(data.y, plain.y) and torch.equal(data.test_y, plain.test_y)


def test_wrong_labels_are_those_of_training_alone() -> None:
    plain, data = lives(label_noise=0.0), lives(label_noise=0.4)
    changed = (shown(plain) != shown(data)).float().mean()
    assert float(changed) == pytest.approx(0.4 * 0.9, abs=0.03)
    assert torch.equal(data.test_y, plain.test_y) and torch.equal(data.y.sum(-1), torch.ones(data.y.shape[:2]))


@pytest.mark.parametrize("permute", [True, False])
def test_imbalance_is_geometric_and_its_order_of_classes_each_lifes_own(permute: bool) -> None:
    data = lives(permute=permute, imbalance=20.0)
    counts = torch.stack([torch.bincount(row, minlength=10) for row in shown(data)]).double()
    ranked = counts.sort(1, descending=True).values.mean(0)
    assert float(ranked[0] / ranked[-1]) == pytest.approx(20, rel=0.5)
    steps = ranked[:-1] / ranked[1:]
    assert float(steps.max()) < 2.2 and float(steps.min()) > 1.0
    assert len({int(row.argmax()) for row in counts}) > 2
    assert data.order.shape == (6, 400, 1)


def test_imbalance_is_scored_by_balanced_accuracy() -> None:
    task = task_of({"name": "digits", "imbalance": 5.0})
    assert task.chance == 0.1 and task.criterion.metric == "balanced accuracy"
    y = torch.eye(3)[torch.tensor([[0, 0, 0, 1]])]
    always = torch.eye(3)[torch.tensor([[0, 0, 0, 0]])]
    assert float(balanced_accuracy(always, y)) == 0.5, "the mean over the classes that are there"
    assert float(task.score(always, y)) == 0.5 and float(balanced_accuracy(y, y)) == 1.0
    assert float(balanced_accuracy(y * torch.nan, y)) == 0.0


@pytest.mark.parametrize("options", [{"noise": 0.3}, {"label_noise": 0.3}, {"imbalance": 9.0}, {"power": 3.0}])
def test_a_longer_life_begins_as_the_shorter_one(options: dict[str, Any]) -> None:
    short, long = (lives(steps, **options) for steps in (50, 200))
    assert torch.equal(shown(short), shown(long)[:, :50]) and torch.equal(short.test_x, long.test_x)
    for k in range(6):
        assert torch.equal(short.x[k][short.order[k].flatten()], long.x[k][long.order[k].flatten()[:50]])


def test_a_life_depends_on_its_own_label_only() -> None:
    task = task_of({"name": "wine", "noise": 0.3, "label_noise": 0.3, "imbalance": 3.0, "power": 5.0})
    together = task.life_data("final", 60, 2, 5, LABELS)
    for k, label in enumerate(LABELS):
        alone = task.life_data("final", 60, 2, 5, [label])
        assert torch.equal(together.test_x[k], alone.test_x[0]) and torch.equal(together.y[k], alone.y[0])
        assert torch.equal(together.order[k], alone.order[0]) and torch.equal(together.x[k], alone.x[0])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"name": "digits", "noise": -0.1}, "noise: expected a number from 0 to inf, got -0.1"),
        ({"name": "digits", "label_noise": 1.5}, "label_noise: expected a number from 0 to 1, got 1.5"),
        ({"name": "digits", "imbalance": 0.5}, "imbalance: expected a number from 1"),
        ({"name": "digits", "power": 0.0}, "power: expected a finite number above 0"),
        ({"name": "regression", "label_noise": 0.5}, "label_noise: expected a task of classes, got one of values"),
        ({"name": "bandit", "noise": 0.5}, "task: an environment has no samples to alter"),
        ({"name": "digits", "nois": 0.5}, "task.nois: 'digits' has no such option"),
    ],
)
def test_impossible_options_are_refused(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        task_of(spec)
    assert str(caught.value).startswith(message)


def test_scores_are_the_tasks_own_otherwise() -> None:
    task = task_of({"name": "digits", "noise": 0.2})
    assert isinstance(task, Altered) and task.chance == task.task.chance and task.criterion == task.task.criterion
    assert task.family == "digits"
