"""The learner `descent`: each formula against torch.optim over whole lives, in C as in torch; options refused in one line."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from descent_help import NETWORK, STEPS, assert_same_change, gradients, initial, lived, loss, samples, toy_life
from torch import Tensor

from inner.engines.choice import live as live_on_any_engine
from inner.engines.native import engine as native
from inner.learners import _descent_formulas as formulas
from inner.learners.descent import METHODS, Learner
from inner.learners.local_rule import Learner as LocalRule
from inner.life.eager import live
from inner.networks.mlp import Network
from inner.rules.rule import Rule

OPTIMISERS: dict[str, Callable[[list[Tensor]], torch.optim.Optimizer]] = {
    "sgd": lambda w: torch.optim.SGD(w, 0.1),
    "momentum": lambda w: torch.optim.SGD(w, 0.02, momentum=0.9),
    "nesterov": lambda w: torch.optim.SGD(w, 0.02, momentum=0.9, nesterov=True),
    "rmsprop": lambda w: torch.optim.RMSprop(w, 0.01, alpha=0.9, eps=1e-8),
    "adam": lambda w: torch.optim.Adam(w, 0.01, betas=(0.8, 0.99), eps=1e-8),
    "amsgrad": lambda w: torch.optim.Adam(w, 0.01, betas=(0.8, 0.9), eps=1e-8, amsgrad=True),
}
VALUES = {
    "sgd": {"eta": 0.1}, "momentum": {"eta": 0.02}, "nesterov": {"eta": 0.02}, "rmsprop": {"eta": 0.01, "beta2": 0.9},
    "adam": {"eta": 0.01, "beta1": 0.8, "beta2": 0.99}, "amsgrad": {"eta": 0.01, "beta1": 0.8, "beta2": 0.9},
}  # fmt: skip


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-10), (torch.float32, 2e-5)], ids=["double", "single"])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("method", OPTIMISERS)
def test_is_the_optimiser_of_torch_over_a_whole_life(
    method: str, batch: int, dtype: torch.dtype, tolerance: float
) -> None:
    born, found, _ = lived(Learner(NETWORK, method, values=VALUES[method]), batch, dtype)
    weights = [w.clone().requires_grad_() for w in born]
    optimiser = OPTIMISERS[method](weights)
    for t, (x, y) in enumerate(zip(*samples(batch, dtype))):
        optimiser.zero_grad()
        loss(weights, x[0], y[0]).backward()
        for group in optimiser.param_groups:  # Kingma & Ba add epsilon before the correction of v, torch after it
            if "betas" in group:
                group["eps"] = 1e-8 / (1 - group["betas"][1] ** (t + 1)) ** 0.5
        optimiser.step()
    assert_same_change(born, found, [w.detach() for w in weights], tolerance)


FACTORS: dict[str, Callable[[float], float]] = {  # of eta, by steps taken; a life has 60
    "linear": lambda t: 1 - t / STEPS,
    "cosine": lambda t: 0.5 + 0.5 * math.cos(math.pi * t / STEPS),
    "inverse": lambda t: 1 / (1 + t / 5.0),
    "constant": lambda t: 1.0,
}


@pytest.mark.parametrize("warmup", [0.0, 0.25])
@pytest.mark.parametrize("schedule", FACTORS)
@pytest.mark.parametrize("method", ["sgd", "adam"])
def test_eta_follows_its_schedule(method: str, schedule: str, warmup: float) -> None:
    further = {"tau": 5.0} if schedule == "inverse" else {}
    learner = Learner(NETWORK, method, schedule=schedule, warmup=warmup, values={**VALUES[method], **further})
    born, found, _ = lived(learner, 4, torch.float64)
    weights = [w.clone().requires_grad_() for w in born]
    optimiser = OPTIMISERS[method](weights)

    def factor(t: int) -> float:
        return FACTORS[schedule](t) * (min(1.0, t / (warmup * STEPS)) if warmup else 1.0)

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
    for t, (x, y) in enumerate(zip(*samples(4, torch.float64))):
        optimiser.zero_grad()
        loss(weights, x[0], y[0]).backward()
        optimiser.param_groups[0]["eps"] = 1e-8 / (1 - 0.99 ** (t + 1)) ** 0.5
        optimiser.step()
        scheduler.step()
    assert_same_change(born, found, [w.detach() for w in weights], 1e-9)


@pytest.mark.parametrize("method", ["sgd", "momentum", "nesterov"])
def test_the_power_0_of_a_gradient_is_its_sign_and_1_is_the_gradient(method: str) -> None:
    def values(power: float) -> dict[str, float]:
        return {"eta": 0.01, "H": power}

    born, signs, _ = lived(Learner(NETWORK, method, power=True, values=values(0.0)), 4, torch.float64)
    weights = [w.clone().requires_grad_() for w in born]
    optimiser = torch.optim.SGD(weights, 0.01, momentum=0.9 * (method != "sgd"), nesterov=method == "nesterov")
    for x, y in zip(*samples(4, torch.float64)):
        for w, g in zip(weights, gradients(weights, x[0], y[0])):
            w.grad = g.sign()
        optimiser.step()
    assert_same_change(born, signs, [w.detach() for w in weights], 1e-10)
    whole = lived(Learner(NETWORK, method, power=True, values=values(1.0)), 4, torch.float64)[1]
    plain = lived(Learner(NETWORK, method, values={"eta": 0.01}), 4, torch.float64)[1]
    assert_same_change(born, whole, plain, 1e-10)


def test_adam_with_powers_is_adam_of_the_powers() -> None:
    for method in ("adam", "amsgrad", "rmsprop"):
        born, found, _ = lived(Learner(NETWORK, method, power=True, values={**VALUES[method], "H": 0.6}), 4, torch.float64)
        weights = [w.clone().requires_grad_() for w in born]
        optimiser = OPTIMISERS[method](weights)
        for t, (x, y) in enumerate(zip(*samples(4, torch.float64))):
            for w, g in zip(weights, gradients(weights, x[0], y[0])):
                w.grad = g.sign() * g.abs() ** 0.6
            for group in optimiser.param_groups:
                if "betas" in group:
                    group["eps"] = 1e-8 / (1 - group["betas"][1] ** (t + 1)) ** 0.5
            optimiser.step()
        assert_same_change(born, found, [w.detach() for w in weights], 1e-9)


@pytest.mark.parametrize("method", ["sgd", "adam"])
def test_a_normalised_step_is_divided_by_the_power_of_its_inputs(method: str) -> None:
    """One sample, one layer, no bias: the input is all that a synapse's layer sees."""
    network = Network(())
    learner = Learner(network, method, normalise=True, values={"eta": 0.1, "k": 0.5})
    plain = Learner(network, method, values={"eta": 0.1})
    for batch in (1, 4):
        x, y = samples(batch, torch.float64, 1)
        born, found, _ = lived(learner, batch, torch.float64, 1)
        wanted = lived(plain, batch, torch.float64, 1)[1]
        divided = 1 / (1 + 0.5 * x[0, 0].square().sum(-1))  # [B]
        if method == "adam":
            change = (wanted[0] - born[0]) * divided.mean()
        else:
            err = y[0, 0] - torch.softmax(x[0, 0] @ born[0], -1)
            change = 0.1 * (x[0, 0] * divided[:, None]).T @ err / batch
        torch.testing.assert_close(found[0] - born[0], change, rtol=1e-10, atol=0)


Case = tuple[str, dict[str, Any], str]
PLAIN: list[Case] = [(method, {}, "backprop") for method in OPTIMISERS]
OPTIONS: list[dict[str, Any]] = [{"normalise": True}, {"power": True}, {"schedule": "cosine", "warmup": 0.2}]
SOME: list[Case] = [(method, options, "backprop") for method in ("momentum", "adam") for options in OPTIONS]
# adam on signs makes steps of rounding: errors of classes sum to 0
PATHWAYS: list[Case] = [("momentum", {"schedule": "inverse"}, "sign"), ("momentum", {}, "direct"), ("adam", {}, "random")]


@pytest.mark.parametrize("method, options, pathway", PLAIN + SOME + PATHWAYS, ids=str)
def test_formulas_live_in_c_as_they_do_in_torch(method: str, options: dict[str, Any], pathway: str) -> None:
    learner = Learner(NETWORK, method, pathway, **options)
    assert learner.formula is not None and isinstance(learner.lives_as, LocalRule)
    life = toy_life(learner, 3, initial(learner), steps=8)  # few, for rounding grows
    if why := native.obstacle(learner.lives_as, life.spec):
        pytest.skip(why)
    with torch.no_grad():
        eager, any_engine = live(life), live_on_any_engine(life, "native")
    assert bool(eager.alive.all()) and bool(any_engine.alive.all())
    for w, v in zip(eager.state.weights, any_engine.state.weights):
        torch.testing.assert_close(w, v, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"method": "adm"}, "learner.method: expected one of .*, got 'adm' .did you mean 'adam'"),
        ({"schedule": "cosin"}, "learner.schedule: expected one of .*, got 'cosin' .did you mean 'cosine'"),
        ({"pathway": "bakprop"}, "rule.pathway: unknown name 'bakprop' .did you mean 'backprop'"),
        ({"normalise": 1}, "learner.normalise: expected true or false, got '1'"),
        ({"warmup": 2}, "learner.warmup: expected a share of the life from 0 to 1, got '2'"),
        ({"every": 0}, "learner.every: expected a whole number of at least 1, got 0"),
        ({"method": "muon", "power": True}, "learner.power: expected one of .*, got method 'muon'"),
        ({"values": {"etta": 1}}, "learner.values: no coefficient 'etta' .did you mean 'eta'"),
        ({"method": "foof", "values": {"damping": {"share": "layer"}}}, "learner.values: 'foof' has one value per network of damping"),
    ],
)
def test_refuses_in_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        Learner(NETWORK, **options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("method", METHODS)
def test_values_say_what_is_searched_and_a_stored_learner_is_the_same(method: str) -> None:
    learner = Learner(NETWORK, method, values={"eta": {"init": 0.5, "fixed": True}})
    eta = next(c for c in learner.coefficients if c.name == "eta")
    assert eta.init == 0.5 and eta.fixed and eta.transform == "log"
    again = learner.with_coefficients([replace(c, fixed=False) for c in learner.coefficients])
    assert [(c.name, c.init, c.fixed) for c in again.coefficients] == [(c.name, c.init, False) for c in learner.coefficients]
    if learner.formula is not None:
        assert Rule.from_dict(learner.formula.to_dict()) == learner.formula
    assert method in learner.text({c.name: c.init for c in learner.coefficients}) or learner.formula is not None
    assert set(formulas.KNOWN) >= {c.name for c in learner.coefficients}
