"""Hopfield networks: every storage against a slow oracle of its own, recall unit by unit, and what each can hold."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from inner.learners.hopfield import Learner
from inner.life.eager import live
from inner.life.request import Life
from inner.networks.elman import Network as Elman
from inner.networks.mlp import Network
from inner.sources import Told
from inner.spec import Spec
from inner.tasks.recall import Task

LABELS = [("hopfield", n) for n in range(4)]


def stored(learner: Learner, units: int, patterns: int, **values: float) -> tuple[Any, Tensor]:
    """The state after patterns were shown one by one, and the patterns [N, P, I]."""
    task = Task(units, patterns)
    data = task.life_data("search", patterns, 1, 0, LABELS)
    known = {c.name: c.init for c in learner.coefficients} | values
    theta = torch.tensor([list(known.values())] * 4)
    state = learner.init(Spec(units, units, task.criterion, patterns, 1), theta, 1, 0, LABELS)
    for t in range(patterns):
        state, _ = learner.act(state, data.x[:, t : t + 1], None, t)
        state = learner.learn(state, Told(), t)
    return state, data.x


def storkey(x: np.ndarray) -> np.ndarray:
    """Storkey 1997, eq. 4, number by number."""
    units = x.shape[1]
    w = np.zeros((units, units))
    for pattern in x:
        new = w.copy()
        for i in range(units):
            for j in range(units):
                h_ij = sum(w[i, k] * pattern[k] for k in range(units) if k not in (i, j))
                h_ji = sum(w[j, k] * pattern[k] for k in range(units) if k not in (i, j))
                new[i, j] += (pattern[i] * pattern[j] - pattern[i] * h_ji - h_ij * pattern[j]) / units
        w = new
    return w


def off(w: Tensor) -> Tensor:
    return w - torch.diag_embed(torch.diagonal(w, dim1=1, dim2=2))


def test_storages_are_their_equations() -> None:
    hebb, x = stored(Learner(storage="hebb"), 12, 5)
    torch.testing.assert_close(hebb.weights[0], x.transpose(1, 2) @ x / 12)
    local, _ = stored(Learner(), 12, 5)
    torch.testing.assert_close(local.weights[0], hebb.weights[0])
    found, _ = stored(Learner(storage="storkey"), 12, 5)
    for n in range(4):
        wanted = off(torch.from_numpy(storkey(x[n].numpy()))[None])[0]
        torch.testing.assert_close(off(found.weights[0])[n].double(), wanted, rtol=0, atol=1e-5)
    projection, _ = stored(Learner(storage="pseudo_inverse"), 12, 5)
    direct = x.transpose(1, 2) @ torch.linalg.solve(x @ x.transpose(1, 2), x)
    torch.testing.assert_close(projection.weights[0], direct, rtol=0, atol=1e-4)


def test_local_rule_by_hand() -> None:
    values = {"a": 0.7, "b": -0.1, "c": 0.2, "d": -0.3}
    state, x = stored(Learner(), 9, 4, **values)
    w = torch.zeros(4, 9, 9, dtype=torch.float64)
    for p in x.double().unbind(1):
        h = torch.einsum("nij,nj->ni", w, p)
        pair = torch.einsum("ni,nj->nij", p, p)
        cross = torch.einsum("ni,nj->nij", p, h) + torch.einsum("ni,nj->nij", h, p)
        w = w + (0.7 * pair - 0.3 * cross) / 9 - 0.1 * w + 0.2 * w * pair
    torch.testing.assert_close(state.weights[0].double(), w, rtol=0, atol=1e-6)


@pytest.mark.parametrize("storage", ["hebb", "dense", "exponential"])
def test_recall_is_that_of_one_unit_after_another(storage: str) -> None:
    """With as few units as blocks every block is one unit: the energy's own order, number by number."""
    learner = Learner(storage=storage, power=2, sweeps=2)
    state, x = stored(learner, 8, 3)
    probe = x.clone()
    probe[:, :, :2] *= -1
    found = learner.predict(state, probe)
    function = {"dense": lambda m: max(m, 0.0) ** 2, "exponential": math.exp, "hebb": lambda m: m * m}[storage]
    for n in range(4):
        patterns = x[n].numpy()
        for v in range(3):
            s = probe[n, v].numpy().copy()
            for _ in range(2):
                for i in range(8):
                    field = 0.0
                    for p in patterns:
                        rest = float(p @ s - p[i] * s[i])
                        field += function(rest + p[i]) - function(rest - p[i])
                    s[i] = s[i] if abs(field) < 1e-5 else math.copysign(1.0, field)
            assert np.array_equal(found[n, v].numpy(), s)


def overlap(learner: Learner, units: int, patterns: int, flips: float, test: int = 30) -> float:
    task = Task(units, patterns, flips, test)
    data = task.life_data("search", patterns, 1, 0, LABELS)
    theta = torch.tensor([[c.init for c in learner.coefficients]], dtype=torch.float64)
    with torch.no_grad():
        return float(live(Life(learner, task, data, theta, 0, LABELS)).score.mean())


def test_each_holds_more_than_the_one_before() -> None:
    """100 units, a quarter as many patterns, 10 % flipped."""
    found = [overlap(Learner(storage=each), 100, 25, 0.1) for each in ("hebb", "storkey", "pseudo_inverse")]
    assert found[0] < 0.8 and found[1] > 0.95 and found[2] > 0.99
    assert overlap(Learner(storage="dense"), 50, 100, 0.1) > 0.99 and overlap(Learner(storage="hebb"), 100, 5, 0.2) > 0.99
    assert overlap(Learner(storage="exponential"), 50, 300, 0.1) > 0.99


def test_what_was_stored_long_ago_fades() -> None:
    learner = Learner(storage="hebb")
    state, x = stored(learner, 12, 3, decay=0.5)
    weight = torch.tensor([0.25, 0.5, 1.0]).reshape(1, 3, 1)
    torch.testing.assert_close(state.weights[0], (x * weight).transpose(1, 2) @ x / 12)
    kept, _ = stored(Learner(storage="dense"), 12, 3, decay=0.5)
    torch.testing.assert_close(kept.memory["share"], torch.tensor([0.25, 0.5, 1.0]).expand(4, 3))


def test_refusals_are_one_line() -> None:
    for option in ({"storage": "tape"}, {"power": 1}, {"sweeps": 0}, {"optimiser": "adam"}):
        (name,) = option
        with pytest.raises(ValueError, match=f"^learner.{name}: .*expected .*, got "):
            Learner(**option)  # type: ignore[arg-type]
    spec = Spec(8, 8, Task.criterion, 3, 1)
    for network in (Network((4,)), Network((), bias=True)):
        assert "network.hidden [] and no bias" in Learner(network).accepts(spec)
    assert "as many outputs as inputs" in Learner().accepts(replace(spec, outputs=7))
    assert "expected network mlp" in Learner(Elman()).accepts(spec)
    with pytest.raises(ValueError, match="^flips: expected a share from 0 to 0.5, got 0.7"):
        Task(flips=0.7)
