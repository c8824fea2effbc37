"""Lives of perturbation learners: recorded steps, directions that are held for several steps, sequences, diverging trials."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from inner.components import build, load, names
from inner.learners._perturbing import Perturbing
from inner.life import eager
from inner.life.request import Life, Result
from inner.life.states import tensors_of
from inner.life.stepper import RecordedStepper, Stepper
from inner.networks.base import Network

NAMES = [name for name in names("learner") if issubclass(load("learner", name), Perturbing)]
LABELS = (("held", 0), ("held", 1))
STEPS = 24


def made(name: str, network: dict[str, Any], hold: int) -> Perturbing:
    options = cast(type[Perturbing], load("learner", name)).example.options
    try:
        found = cast(Perturbing, build("learner", {"name": name, **options, "hold": hold}))
    except ValueError as error:
        assert "learner.hold" in str(error) and hold > 1
        pytest.skip(f"{name} judges every step by itself, and says so")
    return cast(Perturbing, found.on(cast(Network, build("network", network))))


def lived(learner: Perturbing, monkeypatch: pytest.MonkeyPatch, task: str, recorded: bool, ill: int | None = None) -> Result:
    def stepper_of(life: Life, source: Any, state: Any, population: int, noise: Any, each: Any, bits: Tensor) -> Any:
        common = (life.learner, source, state, population, life.spec.criterion, noise)
        return RecordedStepper(*common, each, (bits,), "cpu") if recorded else Stepper(*common, True, each)

    monkeypatch.setattr(eager, "stepper_of", stepper_of)
    built: Any = build("task", task)
    theta = torch.tensor([[c.init for c in learner.coefficients]] * 3, dtype=torch.float64)
    theta[:, 0] *= torch.tensor([1.0, 0.7, 0.5])
    if ill is not None:
        theta[ill] = float("nan")
    data = built.life_data("search", STEPS, 3, 0, LABELS)
    with torch.no_grad():
        return eager.live(Life(learner, built, data, theta, 0, LABELS, (0, 7, STEPS), True))


@pytest.mark.parametrize("hold", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_life_is_the_life(name: str, hold: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With t as a tensor, as on a GPU; on digits, and on trials of a recurrent network."""
    for task, network in (("digits", {"name": "mlp", "hidden": [6]}), ("delayed_xor", {"name": "elman", "hidden": [4]})):
        learner = made(name, network, hold)
        plain, other = (lived(learner, monkeypatch, task, recorded) for recorded in (False, True))
        assert bool(plain.alive.all()) and plain.bits.unique().numel() > 3
        assert torch.equal(plain.curve, other.curve) and torch.equal(plain.bits, other.bits)
        for a, b in zip(tensors_of(plain.state), tensors_of(other.state), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)  # gains may come from a tensor t in another order


@pytest.mark.parametrize("hold", [1, 4])
@pytest.mark.parametrize("name", NAMES)
def test_a_failure_stays_alone_in_a_window(name: str, hold: int, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = made(name, {"name": "elman", "hidden": [5]}, hold)
    healthy, found = (lived(learner, monkeypatch, "delayed_xor", False, ill) for ill in (None, 1))
    assert not bool(found.alive[1].any()) and bool(found.alive[[0, 2]].all())
    assert torch.equal(found.bits[[0, 2]], healthy.bits[[0, 2]]) and torch.equal(found.curve[[0, 2]], healthy.curve[[0, 2]])


@pytest.mark.parametrize("name", NAMES)
def test_weights_rest_within_a_window_and_move_at_its_end(name: str) -> None:
    learner = made(name, {"name": "mlp", "hidden": [6]}, 3)
    task: Any = build("task", "digits")
    data = task.life_data("search", 12, 16, 0, LABELS)
    theta = torch.tensor([[c.init for c in learner.coefficients]] * 2)
    life = Life(learner, task, data, theta.double()[:1], 0, LABELS)
    state, ends = learner.init(life.spec, theta, 1, 0, LABELS), []
    for t in range(12):
        picked = data.order[:, t]
        x, y = (torch.stack([pool[n, picked[n]] for n in range(2)]) for pool in (data.x, data.y))
        after = learner.step(state, x, y, t)[0]
        ends.append(any(not torch.equal(a, b) for a, b in zip(state.weights, after.weights)))
        state = replace(after)
    assert not any(ends[t] for t in range(12) if t % 3 != 2) and any(ends[2::3]), ends
