"""Learners that are files of their own: recorded steps, Adam against torch's, refusals; whatever shares `_own.py`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from own_help import LABELS, samples
from torch import Tensor

from inner.components import build, load, names
from inner.criteria import CLASSES, NONE
from inner.learners import predictive_coding
from inner.learners._own import Own, moments, steps
from inner.life import eager
from inner.life.request import Life, Result
from inner.life.states import tensors_of
from inner.life.stepper import RecordedStepper, Stepper
from inner.networks import elman
from inner.networks.base import Network
from inner.spec import Spec

NAMES = [name for name in names("learner") if issubclass(load("learner", name), Own)]


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_life_is_the_life(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With t as a tensor, as on a GPU."""
    example = cast(type[Own], load("learner", name)).example
    learner = cast(Own, build("learner", {"name": name, **example.options}))
    learner = cast(Own, learner.on(cast(Network, build("network", dict(example.network)))))

    def lived(recorded: bool) -> Result:
        def stepper_of(life: Life, source: Any, state: Any, population: int, noise: Any, each: Any, bits: Tensor) -> Any:
            common = (life.learner, source, state, population, life.spec.criterion, noise)
            return RecordedStepper(*common, each, (bits,), "cpu") if recorded else Stepper(*common, True, each)

        monkeypatch.setattr(eager, "stepper_of", stepper_of)
        task: Any = build("task", dict(example.task))
        theta = torch.tensor([[c.init for c in learner.coefficients]] * 2, dtype=torch.float64)
        theta[:, 0] *= torch.tensor([1.0, 0.7])
        data = task.life_data("search", 12, 3, 0, LABELS)
        with torch.no_grad():
            return eager.live(Life(learner, task, data, theta, 0, LABELS, (0, 5, 12), task.criterion.supervised))

    plain, other = lived(False), lived(True)
    assert bool(plain.alive.all()) and torch.equal(plain.curve, other.curve) and torch.equal(plain.bits, other.bits)
    for a, b in zip(tensors_of(plain.state), tensors_of(other.state), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_adam_is_torch_s() -> None:
    learner = predictive_coding.Learner(optimiser="adam")
    weights = tuple(torch.randn(3, 4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(k)) for k in range(2))
    theta = torch.tensor([[c.init for c in learner.coefficients]] * 3, dtype=torch.float64)
    state: Any = learner.with_theta(learner.init(Spec(3, 2, CLASSES), theta.float(), 1, 0, LABELS), theta)
    state = replace(state, weights=weights, memory=moments(weights))
    leaves = [w.clone().requires_grad_() for w in weights]
    optimiser = torch.optim.Adam(leaves, lr=float(theta[0, 0]), betas=(0.9, 0.999))
    for n in range(5):
        g = [samples(4, 2, 2, seed=n)[0].transpose(1, 2) * (k + 1) for k in range(2)]
        for leaf, each in zip(leaves, g):
            leaf.grad = -each
        optimiser.step()
        moves, memory = steps(state, g)
        state = replace(state, weights=tuple(w + dw for w, dw in zip(state.weights, moves)), memory=memory)
    for w, leaf, start in zip(state.weights, leaves, weights):
        torch.testing.assert_close(w - start, leaf.detach() - start, rtol=1e-6, atol=1e-9)


def test_refusals_are_one_line() -> None:
    learner = predictive_coding.Learner()
    assert "expected network mlp" in replace(learner, network=elman.Network()).accepts(Spec(3, 2, CLASSES))
    assert "those of this task are of none" in learner.accepts(Spec(3, 2, NONE))
    for option in ({"optimiser": "adm"}, {"mode": "lazy"}, {"iterations": 0}):
        (name,) = option
        with pytest.raises(ValueError, match=f"^learner.{name}: expected .*, got ") as raised:
            build("learner", {"name": "predictive_coding", **option})
        assert "\n" not in str(raised.value)
