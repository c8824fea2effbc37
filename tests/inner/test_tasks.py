"""The battery that every task in the folder must pass because it exists."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from inner.components import build, load, names
from inner.tasks._download import DataMissing
from inner.tasks.base import TIERS, LifeData, Task

SMALL: dict[str, dict[str, Any]] = {"mnist": {"size": 8}, "fashion_mnist": {"size": 8}, "emnist": {"size": 8}}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("digits", {"permute": False}),
    ("digits", {"permute": False, "relabel": True}),
    ("mnist", {"permute": False, "scale": 0.5}),
    ("mnist", {"standard": True}),
    ("mnist", {"standard": True, "permute": False}),
    ("emnist", {"classes": 5}),
    ("emnist", {"classes": 5, "permute": False}),
    ("emnist", {"classes": 5, "compact": True}),
    ("emnist", {"classes": 5, "compact": True, "permute": False}),
    ("parity", {"bits": 4, "permute": False}),
    ("monks", {"problem": 2, "train": 50}),
    ("monks", {"problem": 3, "permute": False}),
    ("linear", {"inputs": 6, "outputs": 4}),
    ("pca", {"outputs": 3}),
    ("oja", {"variances": (1.0, 0.7, 0.2, 0.1, 0.0)}),
    ("yin_yang", {"permute": False}),
]
CASES: list[tuple[str, dict[str, Any]]] = [(n, {}) for n in names("task") if not load("task", n).environment] + VARIANTS
# All patterns of a Boolean mapping are shown and scored; its tiers differ in the addresses of their draws only.
SHARED_PATTERNS = {"xor", "parity", "chalmers", "sines", "monks"}
LABELS: list[tuple[str | int, ...]] = [("life", 3), ("life", 4), ("life", "3")]


def make(name: str, options: dict[str, Any]) -> Task:
    task = build("task", {"name": name, **SMALL.get(name, {}), **options})
    assert isinstance(task, Task)
    try:
        task.samples("search")
    except DataMissing as missing:
        pytest.skip(str(missing))
    return task


@pytest.fixture(params=CASES, ids=lambda case: "-".join([case[0], *(f"{k}={v}" for k, v in case[1].items())]))
def case(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return request.param


@pytest.fixture
def task(case: tuple[str, dict[str, Any]]) -> Task:
    return make(*case)


def shown(lives: LifeData) -> torch.Tensor:
    """The training inputs in the order that they are shown in: [L, T*B, I]."""
    return torch.stack([x[order.flatten()] for x, order in zip(lives.x, lives.order, strict=True)])


def rows(x: torch.Tensor) -> set[bytes]:
    return {row.tobytes() for row in x.reshape(-1, x.shape[-1]).numpy()}


def content(task: Task, x: torch.Tensor, lives: LifeData) -> set[bytes]:
    """What tells the samples x [1, S, I] of a life apart; a single input is not enough, so its target is added."""
    if task.criterion.kind != "values":
        return rows(x)
    targets = {a.numpy().tobytes(): b for a, b in zip(lives.x[0], lives.y[0], strict=True)}
    targets |= {a.numpy().tobytes(): b for a, b in zip(lives.test_x[0], lives.test_y[0], strict=True)}
    return {row + targets[row].numpy().tobytes() for row in rows(x)}


def test_says_how_many_samples_a_life_has(task: Task) -> None:
    """Before it is drawn, and for lives of a few and of many samples: what memory is predicted from."""
    if type(task).sizes is Task.sizes and not hasattr(task, "test"):
        pytest.skip("says nothing of its sizes; they are assumed")
    for steps, batch in ((1, 1), (40, 3), (900, 8)):
        lives = task.life_data("select", steps, batch, 0, LABELS)
        said = task.sizes("select", steps, batch)
        assert said.test == lives.test_x.shape[1] and said.shared == (lives.x.stride(0) == 0)
        assert said.pool >= lives.x.shape[1] and said.drawn > 0
        assert said.pool <= lives.x.shape[1] * 3 + 10


def equal(one: LifeData, two: LifeData) -> bool:
    pairs = [(value, getattr(two, key)) for key, value in vars(one).items()]
    return all(torch.equal(a, b) if isinstance(a, Tensor) and isinstance(b, Tensor) else a == b for a, b in pairs)


def test_tiers_share_no_sample(task: Task) -> None:
    drawn = [task.samples(tier) for tier in TIERS]
    assert all(drawn)
    assert len(set.union(*drawn)) == sum(len(each) for each in drawn)


def test_shapes_and_types(task: Task) -> None:
    lives = task.life_data("search", 30, 2, 5, LABELS)
    pool, tests = lives.x.shape[1], lives.test_x.shape[1]
    assert lives.x.shape == (3, pool, task.inputs) and lives.y.shape == (3, pool, task.outputs)
    assert lives.test_x.shape == (3, tests, task.inputs) and lives.test_y.shape == (3, tests, task.outputs)
    assert lives.order.shape == (3, 30, 2) and lives.order.dtype == torch.int64
    assert lives.order.min() >= 0 and lives.order.max() < pool
    for values in (lives.x, lives.y, lives.test_x, lives.test_y):
        assert values.dtype == torch.float32 and values.isfinite().all()
    assert lives.test_x[0].std() > 0.0


@pytest.mark.parametrize("tier", TIERS)
def test_a_life_depends_on_its_own_label_only(task: Task, tier: str) -> None:
    together = task.life_data(tier, 25, 2, 5, LABELS)
    for index, label in enumerate(LABELS):
        alone = task.life_data(tier, 25, 2, 5, [label])
        for key, value in vars(together).items():
            mine = getattr(alone, key)
            if not isinstance(value, Tensor):
                assert value == mine, key
            elif not key.startswith("test_") or key in ("test_x", "test_y"):
                assert torch.equal(value[index], mine[0]), key
            else:  # where the sequences of the test begin and count is the same for all lives
                assert torch.equal(value, mine), key


def test_lives_differ_by_label_seed_and_tier(task: Task) -> None:
    base = task.life_data("search", 40, 2, 5, [("a", 1)])
    assert equal(base, task.life_data("search", 40, 2, 5, [("a", 1)]))
    for other in (
        task.life_data("search", 40, 2, 5, [("a", 2)]),
        task.life_data("search", 40, 2, 5, [("a", "1")]),
        task.life_data("search", 40, 2, 6, [("a", 1)]),
        task.life_data("select", 40, 2, 5, [("a", 1)]),
    ):
        assert shown(base).shape == shown(other).shape
        assert not torch.equal(shown(base), shown(other))


def test_a_longer_life_begins_as_the_shorter_one(task: Task) -> None:
    short, long = (task.life_data("search", steps, 2, 5, LABELS) for steps in (20, 60))
    assert torch.equal(shown(short), shown(long)[:, : 20 * 2])
    assert torch.equal(short.test_x, long.test_x) and torch.equal(short.test_y, long.test_y)


def test_no_sample_is_both_trained_on_and_scored_or_in_two_tiers(case: tuple[str, dict[str, Any]], task: Task) -> None:
    if case[0] in SHARED_PATTERNS:
        pytest.skip("all patterns are shown and scored, as the task says")
    lives = task.life_data("search", 400, 1, 5, LABELS[:1])
    assert not content(task, shown(lives), lives) & content(task, lives.test_x, lives)
    if "permute" in getattr(task, "__dataclass_fields__", {}):
        task = make(case[0], {**case[1], "permute": False})  # so that a sample looks the same in every life
    seen = {}
    for tier in TIERS:
        lives = task.life_data(tier, 400, 1, 5, LABELS[:1])
        trained, scored = content(task, shown(lives), lives), content(task, lives.test_x, lives)
        assert trained and scored and not trained & scored
        seen[tier] = scored if case[1].get("standard") else trained | scored  # its training images are the others' too
    assert not seen["search"] & seen["final"] and not seen["select"] & seen["final"]
    assert not seen["search"] & seen["select"]


def test_every_epoch_shows_every_sample_once(task: Task) -> None:
    lives = task.life_data("select", 1, 1, 5, LABELS[:1])
    if lives.x.shape[1] == 1:  # only what is shown is held: find the pool's size from a life that sees all of it
        lives = task.life_data("select", 6000, 1, 5, LABELS[:1])
    order = task.life_data("select", 12000, 1, 5, LABELS[:1]).order.flatten()
    pool = len(torch.unique(order))
    if len(order) < 2 * pool:
        assert pool == len(order)  # the pool is larger than the life: nothing is shown twice
        return
    first, second = order[:pool], order[pool : 2 * pool]
    assert torch.equal(first.sort().values, second.sort().values)
    assert len(torch.unique(first)) == pool
    assert not torch.equal(first, second)


def test_impossible_requests_are_refused(task: Task) -> None:
    for tier, steps, batch, labels, word in (
        ("train", 5, 1, LABELS, "tier"),
        ("search", -1, 1, LABELS, "steps"),
        ("search", 5, 0, LABELS, "batch"),
        ("search", 5, 1, [], "labels"),
    ):
        with pytest.raises(ValueError, match=f"^{word}: expected [^\n]*$"):
            task.life_data(tier, steps, batch, 0, labels)
    with pytest.raises(ValueError, match="tier"):
        task.samples("train")


def test_targets_are_one_hot(task: Task) -> None:
    if task.criterion.kind != "classes":
        pytest.skip("no classes")
    lives = task.life_data("final", 30, 1, 5, LABELS)
    for y in (lives.y, lives.test_y):
        assert torch.equal(y.sum(-1), torch.ones(y.shape[:-1])) and torch.equal(y.max(-1).values, y.sum(-1))


def test_scores_of_perfect_shuffled_and_failed_outputs(task: Task) -> None:
    lives = task.life_data("final", 2, 1, 5, [("score", index) for index in range(20)])
    perfect = task.score(lives.test_y, lives.test_y)
    assert perfect.shape == (20,) and perfect.dtype == torch.float64
    torch.testing.assert_close(perfect, torch.full_like(perfect, 0.0 if task.criterion.kind == "values" else 1.0))
    order = np.random.Generator(np.random.Philox(1)).random(lives.test_y.shape[:2]).argsort(1)
    shuffled = task.score(lives.test_y[torch.arange(20)[:, None], torch.from_numpy(order)], lives.test_y).mean()
    assert task.worst < shuffled < task.chance + 0.1
    for bad in (math.nan, math.inf, -math.inf):
        failed = task.score(torch.full_like(lives.test_y, bad), lives.test_y)
        assert torch.equal(failed, torch.full_like(failed, task.worst))
        part = lives.test_y.clone()
        part[3] = bad
        assert torch.equal(task.score(part, lives.test_y)[:3], perfect[:3])  # neighbours do not notice


def test_chance_is_what_guessing_scores(case: tuple[str, dict[str, Any]], task: Task) -> None:
    name, options = case
    if "permute" in getattr(task, "__dataclass_fields__", {}):
        task = make(name, {**options, "permute": False})  # so that one answer can be the right guess in all lives
    lives = task.life_data("final", 1, 1, 5, [("chance", index) for index in range(60)])
    if task.criterion.kind == "classes":
        present = lives.test_y.sum(1)  # [L, O]
        if options.get("classes"):
            assert torch.equal((present > 0).sum(1), torch.full((60,), options["classes"]))
            guesses = present.max(1).values / lives.test_y.shape[1]  # equal shares: any of the k
        else:
            guesses = lives.test_y.mean((0, 1)).max()
        tolerance = 0.025
    elif task.criterion.kind == "values":
        guesses, tolerance = task.score(torch.zeros_like(lives.test_y), lives.test_y), 0.25 * abs(task.chance)
    elif name == "recall":  # the guess is a stored pattern, and nothing of what is asked for
        guesses, tolerance = task.score(lives.test_y.roll(1, 1), lives.test_y), 0.03  # that of another probe
    else:
        random = np.random.Generator(np.random.Philox(2)).standard_normal((60, task.inputs, task.outputs))
        random /= np.sqrt(np.square(random).sum(1, keepdims=True))  # a random direction, weights of length 1
        outputs = lives.test_x @ torch.from_numpy(random.astype(np.float32))
        guesses, tolerance = task.score(outputs, lives.test_y), 0.08
    assert guesses.double().mean().item() == pytest.approx(task.chance, abs=tolerance)
    assert task.worst < task.chance


@pytest.mark.parametrize(
    ("name", "options", "word"),
    [
        ("digits", {"scale": 0.0}, "scale"),
        ("digits", {"scale": math.inf}, "scale"),
        ("wine", {"permute": "yes"}, "permute"),
        ("breast_cancer", {"test": 0}, "test"),
        ("breast_cancer", {"test": 2.5}, "test"),
        ("mnist", {"size": 29}, "size"),
        ("fashion_mnist", {"standard": 1}, "standard"),
        ("emnist", {"classes": 48}, "classes"),
        ("emnist", {"compact": True}, "compact"),
        ("parity", {"bits": 1}, "bits"),
        ("xor", {"scale": math.nan}, "scale"),
        ("linear", {"inputs": 3, "outputs": 4}, "outputs"),
        ("sinusoid", {"low": 2.0, "high": 1.0}, "low"),
        ("pca", {"ratio": 1.0}, "ratio"),
        ("yin_yang", {"patterns": True}, "patterns"),
    ],
)
def test_options_are_validated(name: str, options: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=f"^{word}[^\n]*expected[^\n]*got[^\n]*$"):
        build("task", {"name": name, **options})


def test_a_test_set_must_leave_something_to_train_on() -> None:
    with pytest.raises(ValueError, match="test: expected fewer than the 71 samples of 'search', got 71"):
        make("wine", {"test": 71}).life_data("search", 5, 1, 0, LABELS)
