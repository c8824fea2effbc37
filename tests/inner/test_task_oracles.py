"""Single tasks held against slow or independent oracles: what their samples and scores mean."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from inner.components import build
from inner.tasks._download import DataMissing
from inner.tasks.base import TIERS, Label, LifeData, Task

LABELS: list[Label] = [("life", 3), ("life", 4), ("life", "3")]


def make(name: str, options: dict[str, Any]) -> Task:
    """A task, images pooled to 8x8; skips the test where the data set is not on this machine."""
    small = {"size": 8} if name in {"mnist", "fashion_mnist", "emnist"} else {}
    task = build("task", {"name": name, **small, **options})
    assert isinstance(task, Task)
    try:
        task.samples("search")
    except DataMissing as missing:
        pytest.skip(str(missing))
    return task


def rows(x: torch.Tensor) -> set[bytes]:
    return {row.tobytes() for row in x.reshape(-1, x.shape[-1]).numpy()}


def indices(task: Task, tier: str) -> np.ndarray:
    """The samples of a tier of a data set: sorted [S]."""
    return np.array(sorted(int(str(index)) for index in task.samples(tier)))


def equal(one: LifeData, two: LifeData) -> bool:
    pairs = [(value, getattr(two, key)) for key, value in vars(one).items()]
    return all(torch.equal(a, b) if isinstance(a, Tensor) and isinstance(b, Tensor) else a == b for a, b in pairs)


def raw(name: str) -> tuple[np.ndarray, np.ndarray]:
    from sklearn import datasets

    return getattr(datasets, f"load_{name}")(return_X_y=True)


@pytest.mark.parametrize("name", ["digits", "wine", "breast_cancer"])
def test_inputs_are_standardised_by_the_search_tier(name: str) -> None:
    x, y = raw(name)
    task = make(name, {"permute": False, "scale": 2.0})
    seen = x[indices(task, "search")]
    mean = seen.mean(0)
    std = np.sqrt(((seen - mean) ** 2).mean(None if name == "digits" else 0))  # images keep one unit for all pixels
    for tier in TIERS:
        index = indices(task, tier)
        lives = task.life_data(tier, 5, 1, 0, LABELS)
        assert lives.x.stride(0) == 0 and lives.y.stride(0) == 0  # one tier for all lives
        np.testing.assert_allclose(lives.x[1], 2.0 * (x[index] - mean) / std, rtol=1e-4, atol=1e-4)
        assert np.array_equal(lives.y[1].argmax(-1), y[index])
    total = [len(task.samples(tier)) / len(y) for tier in TIERS]
    assert total == pytest.approx([0.40, 0.25, 0.35], abs=0.01)
    for tier in TIERS:  # stratified
        shares = np.bincount(y[indices(task, tier)]) / len(task.samples(tier))
        np.testing.assert_allclose(shares, np.bincount(y) / len(y), atol=0.02)


@pytest.mark.parametrize("name", ["digits", "wine", "breast_cancer"])
def test_permuted_lives_are_the_tier_with_columns_and_classes_renamed(name: str) -> None:
    plain = make(name, {"permute": False}).life_data("search", 1, 1, 0, LABELS[:1])
    lives = make(name, {}).life_data("search", 1000, 1, 0, LABELS)
    columns = []
    for life in range(len(LABELS)):
        x = torch.cat([lives.x[life], lives.test_x[life]])  # the pool and the test set are the whole tier
        y = torch.cat([lives.y[life], lives.test_y[life]])
        one, two = (sorted(map(bytes, each.sort(0).values.T.contiguous().numpy())) for each in (x, plain.x[0]))
        assert one == two
        counts = [sorted(each.sum(0).tolist()) for each in (y, plain.y[0])]
        assert counts[0] == counts[1]
        key = torch.cat([x.sort(1).values, y.argmax(1, keepdim=True)], 1).numpy()  # a sample, whatever its columns
        truth = torch.cat([plain.x[0].sort(1).values, plain.y[0].argmax(1, keepdim=True)], 1).numpy()
        classes = {row[:-1].tobytes(): row[-1] for row in truth}
        renamed = {(classes[row[:-1].tobytes()], row[-1]) for row in key}
        assert len(renamed) == plain.y.shape[-1]  # one new name per class, the same in training and test
        columns.append(x.mean(0))
    assert not torch.allclose(columns[0], columns[1])


def test_only_the_samples_that_are_shown_are_held_in_memory() -> None:
    task = make("mnist", {})
    assert task.life_data("search", 30, 2, 0, LABELS).x.shape[1] == 60
    assert make("mnist", {"permute": False}).life_data("search", 30, 2, 0, LABELS).x.stride(0) == 0


def test_standard_scores_on_the_official_test_images_only() -> None:
    from inner.tasks._download import TEST, TRAIN, read

    task, plain = make("mnist", {"standard": True, "permute": False}), make("mnist", {"permute": False})
    lives = task.life_data("final", 3, 1, 0, LABELS[:2])
    assert np.array_equal(lives.test_y[1].argmax(-1), read("mnist", TEST[1])["x"])
    assert np.array_equal(lives.y[0].argmax(-1), read("mnist", TRAIN[1])["x"])
    assert task.samples("final") == set(range(60_000, 70_000))
    for tier in ("search", "select"):
        assert task.samples(tier) == plain.samples(tier) and max(indices(task, tier)) < 60_000
        assert equal(task.life_data(tier, 3, 1, 0, LABELS), plain.life_data(tier, 3, 1, 0, LABELS))
    assert set().union(*(plain.samples(tier) for tier in TIERS)) == set(range(60_000))


@pytest.mark.parametrize("permute", [True, False])
def test_compact_names_the_drawn_classes_alike_in_training_and_test(permute: bool) -> None:
    options = {"classes": 4, "compact": True, "permute": permute, "test": 100}
    lives = make("emnist", options).life_data("final", 300, 1, 0, LABELS)
    assert lives.y.shape[-1] == 4 and (lives.test_y.sum(1) == 25).all()
    for life in range(len(LABELS)):  # nearest class mean in training finds the test classes far above chance
        means = lives.y[life].T @ lives.x[life] / lives.y[life].sum(0)[:, None]
        found = torch.cdist(lives.test_x[life], means).argmin(-1)
        assert (found == lives.test_y[life].argmax(-1)).double().mean() > 0.5


@pytest.mark.parametrize(("name", "bits"), [("xor", 2), ("parity", 3), ("parity", 5)])
def test_parity_counts_the_bits(name: str, bits: int) -> None:
    options = {"permute": False, "scale": 0.5, **({"bits": bits} if name == "parity" else {})}
    lives = make(name, options).life_data("search", 2**bits, 1, 0, LABELS)
    assert len(rows(lives.x[0])) == 2**bits == len(rows(lives.test_x[0]))
    for x, y in ((lives.x, lives.y), (lives.test_x, lives.test_y)):
        assert torch.equal(x.abs(), torch.full_like(x, 0.5))
        assert torch.equal(y.argmax(-1), (x > 0).sum(-1) % 2)
    both = make(name, {**options, "permute": True}).life_data("search", 1, 1, 0, [(index,) for index in range(20)])
    assert len(rows(both.test_y[:, 0])) == 2  # either output may stand for odd


def test_linear_mappings_are_linearly_separable() -> None:
    from scipy.optimize import linprog

    lives = make("linear", {"inputs": 6, "outputs": 3, "patterns": 200}).life_data("search", 200, 1, 0, LABELS)
    for life in range(len(LABELS)):
        x = torch.cat([lives.x[life], lives.test_x[life]]).double().numpy()
        y = torch.cat([lives.y[life], lives.test_y[life]]).argmax(-1).numpy()
        margins = []
        for other in range(1, 3):  # -(w_y - w_other) . x <= -1e-3 for all samples has a solution
            block = np.zeros((len(x), 3, 6))
            block[np.arange(len(x)), (y + other) % 3] += x
            block[np.arange(len(x)), y] -= x
            margins.append(block.reshape(len(x), 18))
        constraints = np.concatenate(margins)
        found = linprog(np.zeros(18), A_ub=constraints, b_ub=np.full(len(constraints), -1e-3), bounds=(-1e3, 1e3))
        assert found.success


def test_sinusoids_are_sinusoids() -> None:
    lives = make("sinusoid", {"scale": 2.0}).life_data("search", 50, 1, 0, [(index,) for index in range(40)])
    amplitudes = []
    for x, y, test_x, test_y in zip(lives.x, lives.y, lives.test_x, lives.test_y, strict=True):
        u, target = (torch.cat(pair).double().flatten().numpy() for pair in ((x, test_x), (y, test_y)))
        u = u * (5.0 / math.sqrt(3.0)) / 2.0
        assert abs(u).max() <= 5.0 + 1e-5
        basis = np.stack([np.sin(u), np.cos(u)], axis=1)
        weights, *_ = np.linalg.lstsq(basis, target, rcond=None)
        np.testing.assert_allclose(basis @ weights, target, atol=1e-4)
        assert weights[1] >= -1e-6  # phase in 0..pi
        amplitudes.append(float(np.hypot(*weights)))
    assert 0.1 <= min(amplitudes) < 1.0 and 4.0 < max(amplitudes) <= 5.0


def test_pca_rewards_the_leading_directions_in_order() -> None:
    task = make("pca", {"inputs": 5, "outputs": 2, "scale": 1.5})
    lives = task.life_data("search", 1000, 1, 0, LABELS)
    assert not lives.y.any()
    assert lives.x.square().mean().sqrt().item() == pytest.approx(1.5, rel=0.05)
    for life in range(len(LABELS)):
        values, vectors = np.linalg.eigh(np.cov(lives.x[life].double().numpy().T))
        leading = torch.from_numpy(vectors[:, ::-1].copy()).float()  # [I, I], largest variance first
        np.testing.assert_allclose(values[::-1][1:] / values[::-1][:-1], 0.5, atol=0.15)
        outputs = lives.test_x[life : life + 1] @ leading
        scores = [task.score(outputs[..., pair], lives.test_y[life : life + 1]).item() for pair in ([0, 1], [1, 0])]
        assert scores[0] > 0.95 and scores[1] < 0.4
        assert task.score(-3.0 * outputs[..., :2] + 7.0, lives.test_y[life : life + 1]).item() > 0.95
    assert task.score(torch.ones_like(lives.test_y), lives.test_y).tolist() == [0.0] * 3  # constant outputs


def test_yin_yang_classes_are_those_of_the_paper() -> None:
    def slow(a: float, b: float) -> int:
        right, left = math.dist((a, b), (0.75, 0.5)), math.dist((a, b), (0.25, 0.5))
        if right < 0.1 or left < 0.1:
            return 2
        upper_half, in_left, in_right = b > 0.5, left <= 0.25, right <= 0.25
        return int(in_left or (upper_half and not in_right))

    lives = make("yin_yang", {"permute": False}).life_data("search", 2000, 1, 0, LABELS)
    x = lives.x[1].double()
    torch.testing.assert_close(x[:, :2] + x[:, 2:], torch.ones(2000, 2, dtype=torch.float64))
    assert max(math.dist((a, b), (0.5, 0.5)) for a, b, _, _ in x.tolist()) <= 0.5 + 1e-6
    assert [slow(a, b) for a, b, _, _ in x.tolist()] == lives.y[1].argmax(-1).tolist()


@pytest.mark.parametrize("tier", TIERS)
def test_mappings_of_chalmers_are_linearly_separable_and_differ(tier: str) -> None:
    """By linear programming: a plane with every pattern at least 1 away on its side."""
    from scipy.optimize import linprog

    from inner.tasks.chalmers import mapping

    seen = set()
    for index in range(20):
        x, y = mapping(tier, 0, index)
        sign = np.where(y[:, 0] > 0.5, -1.0, 1.0)
        found = linprog(np.zeros(8), A_ub=sign[:, None] * x, b_ub=-np.ones(12), bounds=[(None, None)] * 8)
        assert found.status == 0
        assert x.shape == (12, 8) and set(np.unique(x)) == {0.0, 1.0} and (x[:, -1] == 1.0).all()
        distinct = np.unique(np.concatenate([x, y], 1), axis=0)
        assert 0.25 <= distinct[:, -1].mean() <= 0.75
        seen.add(x.tobytes() + y.tobytes())
    assert len(seen) >= 19


def test_lives_of_chalmers_go_round_the_mappings() -> None:
    task = make("chalmers", {"tasks": 2})
    lives = task.life_data("search", 12, 1, 0, [("g", n) for n in range(4)])
    assert torch.equal(lives.test_x[0], lives.test_x[2]) and torch.equal(lives.test_y[1], lives.test_y[3])
    assert not torch.equal(lives.test_x[0], lives.test_x[1]) and not torch.equal(lives.x[0], lives.x[2])
    shown = lives.x[0][lives.order[0].flatten()]
    assert sorted(map(tuple, shown.tolist())) == sorted(
        map(tuple, lives.test_x[0].tolist())
    )  # one epoch is all of them
    wrong = 1.0 - lives.test_y
    assert task.score(wrong, lives.test_y).tolist() == [-1.0] * 4


def test_raw_letters_are_between_0_and_1() -> None:
    lives = make("emnist", {"raw": True, "permute": False}).life_data("search", 20, 1, 0, LABELS[:1])
    plain = make("emnist", {"permute": False}).life_data("search", 20, 1, 0, LABELS[:1])
    assert 0.0 <= float(lives.x.min()) and 0.9 < float(lives.x.max()) <= 1.0 and torch.equal(lives.y, plain.y)
