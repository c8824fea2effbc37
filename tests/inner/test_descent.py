"""The learner `descent`: each method against torch.optim, a singular value decomposition or a direct solve, over whole lives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from native_help import LABELS, Toy
from torch import Tensor

from inner.criteria import CLASSES
from inner.engines.choice import live as live_on_any_engine
from inner.engines.native import engine as native
from inner.learners import _descent_formulas as formulas
from inner.learners._whole_layer import orthogonalised
from inner.learners.base import Spec
from inner.learners.descent import METHODS, WHOLE, Learner
from inner.learners.local_rule import Learner as LocalRule
from inner.life.eager import live
from inner.life.request import Life, Result
from inner.life.states import tensors_of
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules.rule import Rule

NETWORK = Network((7, 6), bias=True)
STEPS = 60
Step = Callable[[list[Tensor], int], None]
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


def samples(batch: int, dtype: torch.dtype, steps: int = STEPS) -> tuple[Tensor, Tensor]:
    """x [T, 1, B, 5] and one-hot y [T, 1, B, 3]."""
    draw = stream(7, "descent", batch)
    x = torch.from_numpy(draw.standard_normal((steps, 1, batch, 5))).to(dtype)
    y = torch.eye(3, dtype=dtype)[torch.from_numpy(draw.integers(0, 3, (steps, 1, batch)))]
    return x, y


def lived(
    learner: Learner, batch: int, dtype: torch.dtype, steps: int = STEPS
) -> tuple[list[Tensor], list[Tensor], list[Any]]:
    """Weights [I (+ 1), O] at birth and at the end of one life, and the states before every step."""
    network, spec = learner.network, Spec(5, 3, CLASSES, steps, batch)
    theta = torch.tensor([[c.init for c in learner.coefficients]], dtype=dtype)
    born = [w.to(dtype) for w in network.init(5, 3, 0, LABELS[:1])]
    state, states = learner.init(spec, theta, 1, 0, LABELS[:1], born), []
    for t, (x, y) in enumerate(zip(*samples(batch, dtype, steps))):
        states.append(state)
        state = learner.step(state, x, y, t)[0]
    return [w[0] for w in born], [w[0] for w in state.weights], states


def gradients(weights: Sequence[Tensor], x: Tensor, y: Tensor) -> list[Tensor]:
    """Of the mean cross-entropy of x [B, I], y [B, O], by autograd."""
    leaves = [w.detach().clone().requires_grad_() for w in weights]
    return list(torch.autograd.grad(loss(leaves, x, y), leaves))


def loss(weights: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy of a tanh network with a last row of biases."""
    for k, w in enumerate(weights):
        x = x @ w[:-1] + w[-1]
        x = x if k + 1 == len(weights) else torch.tanh(x)
    return -(y * torch.log_softmax(x, -1)).sum(-1).mean()


def assert_same_change(born: list[Tensor], found: list[Tensor], wanted: list[Tensor], tolerance: float) -> None:
    """The changes of a life agree, relative to the largest of their layer."""
    for w0, w, v in zip(born, found, wanted, strict=True):
        size = float((v - w0).abs().max())
        assert size > 1e-3, "nothing was learned"
        assert float((w - v).abs().max()) <= tolerance * size


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


def by_hand(born: list[Tensor], batch: int, step: Callable[[int, list[Tensor], Tensor], list[Tensor]]) -> list[Tensor]:
    """Weights after a life of w <- w + step(t, gradients, x [B, I])."""
    weights = born
    for t, (x, y) in enumerate(zip(*samples(batch, torch.float64))):
        found = gradients(weights, x[0], y[0])
        weights = [w + dw for w, dw in zip(weights, step(t, found, x[0]))]
    return weights


def test_eta_falls_as_one_over_time() -> None:
    learner = Learner(NETWORK, "adam", schedule="inverse", values={**VALUES["adam"], "tau": 5.0})
    born, found, _ = lived(learner, 4, torch.float64)
    weights = [w.clone().requires_grad_() for w in born]
    optimiser = OPTIMISERS["adam"](weights)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda t: 1 / (1 + t / 5.0))
    for t, (x, y) in enumerate(zip(*samples(4, torch.float64))):
        optimiser.zero_grad()
        loss(weights, x[0], y[0]).backward()
        optimiser.param_groups[0]["eps"] = 1e-8 / (1 - 0.99 ** (t + 1)) ** 0.5
        optimiser.step()
        schedule.step()
    assert_same_change(born, found, [w.detach() for w in weights], 1e-10)


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


def with_ones(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[:, :1])], -1)


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


def test_newton_and_schulz_make_a_matrix_orthogonal() -> None:
    """Same singular vectors as U V^T, singular values near 1; tall and wide, many networks at once, and 0 stays 0."""
    draw = stream(3, "muon")
    for shape in ((30, 12), (12, 30), (16, 16)):
        g = torch.from_numpy(draw.standard_normal((4, *shape))) * torch.tensor([1e-6, 1.0, 1e4, 0.0])[:, None, None]
        found = orthogonalised(g.double(), 5)
        u, _, v = torch.linalg.svd(g[:3], full_matrices=False)
        inside = u.transpose(1, 2) @ found[:3] @ v.transpose(1, 2)  # diagonal, if the vectors are the same
        diagonal = torch.diagonal(inside, dim1=1, dim2=2)
        assert float(diagonal.min()) > 0.65 and float(diagonal.max()) < 1.25
        torch.testing.assert_close(inside, torch.diag_embed(diagonal), rtol=0, atol=1e-9)
        torch.testing.assert_close(u @ torch.diag_embed(diagonal) @ v, found[:3], rtol=0, atol=1e-9)
        assert float((found[:3] - u @ v).norm(dim=(1, 2)).max()) < 0.3 * min(shape) ** 0.5
        assert not found[3].any()


def test_muon_steps_along_orthogonal_matrices_of_nesterov_momentum() -> None:
    born, found, _ = lived(Learner(NETWORK, "muon", values={"eta": 0.02, "momentum": 0.9}), 4, torch.float64)
    memory = [torch.zeros_like(w) for w in born]

    def step(t: int, g: list[Tensor], x: Tensor) -> list[Tensor]:
        steps = []
        for k, own in enumerate(g):
            memory[k] = 0.9 * memory[k] + own
            u, s, v = torch.linalg.svd(own + 0.9 * memory[k], full_matrices=False)
            s = s / s.norm()
            for _ in range(5):
                s = 3.4445 * s - 4.775 * s**3 + 2.0315 * s**5
            steps.append(-0.02 * max(1.0, own.shape[1] / own.shape[0]) ** 0.5 * u @ torch.diag(s) @ v)
        return steps

    assert_same_change(born, found, by_hand(born, 4, step), 1e-6)


def test_the_schedule_of_muon_is_that_of_its_formula() -> None:
    values = {"eta": 0.02, "tau": 5.0}
    one = Learner(NETWORK, "muon", schedule="inverse", values=values)
    _, _, states = lived(one, 4, torch.float64)
    plain = Learner(NETWORK, "muon", values={"eta": 0.02})
    x, y = samples(4, torch.float64)
    for t in (0, 7, 40):
        slow = one.step(states[t], x[t], y[t], t)[0]
        theta = torch.tensor([[c.init for c in plain.coefficients]], dtype=torch.float64)
        fast = plain.init(Spec(5, 3, CLASSES, STEPS, 4), theta, 1, 0, LABELS[:1], list(states[t].weights))
        traces = tuple({"m": own["m"]} for own in states[t].rule.traces)
        fast = plain.step(replace(fast, rule=replace(fast.rule, traces=traces)), x[t], y[t], t)[0]
        for w0, w, v in zip(states[t].weights, slow.weights, fast.weights):
            torch.testing.assert_close((w - w0) * (1 + t / 5.0), v - w0, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("every", [1, 7])
def test_foof_solves_for_the_inputs_of_a_layer(batch: int, every: int) -> None:
    """dw = eta (C + damping I)^-1 g by a direct solve; C is the mean over steps of what came in, with memory 0.8."""
    values = {"eta": 0.05, "damping": 0.3, "memory": 0.8}
    born, found, _ = lived(Learner(NETWORK, "foof", every=every, values=values), batch, torch.float64)
    seen: list[list[Tensor]] = [[], [], []]  # per layer, the second moments of every step
    used: list[Tensor] = [torch.zeros(0)] * 3
    weights = born
    for t, (x, y) in enumerate(zip(*samples(batch, torch.float64))):
        signal, changes = x[0], []
        for k, (w, g) in enumerate(zip(weights, gradients(weights, x[0], y[0]))):
            pre = with_ones(signal)
            seen[k].append(pre.T @ pre / batch)
            ages = 0.8 ** torch.arange(t, -1, -1, dtype=torch.float64)
            if t < every or t % every == 0:
                used[k] = torch.einsum("t,tij->ij", ages / ages.sum(), torch.stack(seen[k]))
            changes.append(-0.05 * torch.linalg.solve(used[k] + 0.3 * torch.eye(len(g), dtype=torch.float64), g))
            signal = torch.tanh(pre @ w)
        weights = [w + dw for w, dw in zip(weights, changes)]
    assert_same_change(born, found, weights, 1e-9)


def test_foof_without_memory_on_one_sample_is_normalised_descent() -> None:
    foof = Learner(NETWORK, "foof", every=1, values={"eta": 0.1, "damping": 0.5, "memory": 0.0})
    normalised = Learner(NETWORK, normalise=True, values={"eta": 0.1 / 0.5, "k": 1 / 0.5})
    born, found, _ = lived(foof, 1, torch.float64)
    assert_same_change(born, found, lived(normalised, 1, torch.float64)[1], 1e-10)


def toy_life(learner: Any, batch: int, theta: Tensor, steps: int = 40) -> Life:
    task = Toy()
    data = task.life_data("search", steps, batch, 0, LABELS)
    return Life(learner, task, data, theta, 0, LABELS, (steps,))


def initial(learner: Learner, population: int = 3) -> Tensor:
    """Theta [P, D]: the initial values, with eta halved from candidate to candidate."""
    theta = torch.tensor([[c.init for c in learner.coefficients]], dtype=torch.float64).repeat(population, 1)
    column = [c.name for c in learner.coefficients].index("eta")
    theta[:, column] /= 2.0 ** torch.arange(population)
    return theta


PATHWAYS: list[tuple[str, dict[str, Any], str]] = [  # adam on signs makes steps of rounding: errors of classes sum to 0
    (method, {}, pathway) for method in ("momentum", "adam") for pathway in ("random", "direct")
] + [("momentum", {}, "sign")]
OPTIONS: list[dict[str, Any]] = [{}, {"normalise": True}, {"power": True}, {"schedule": "inverse"}]
EACH = [(method, options, "backprop") for method in OPTIMISERS for options in OPTIONS]


@pytest.mark.parametrize("method, options, pathway", EACH + PATHWAYS, ids=str)
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


@pytest.mark.parametrize("method", [*WHOLE, "adam"])
def test_a_life_depends_on_no_other_and_a_diverging_one_stays_alone(method: str) -> None:
    learner = Learner(NETWORK, method, "random")
    theta = initial(learner)

    def found(rows: Tensor) -> Result:
        with torch.no_grad():
            return live_on_any_engine(toy_life(learner, 3, rows))

    whole = found(theta)
    assert bool(whole.alive.all())
    assert torch.equal(whole.score, torch.cat([found(theta[p : p + 1]).score for p in range(3)]))
    ill = theta.clone()
    ill[1] = float("nan")
    other = found(ill)
    assert torch.equal(other.alive[:, 0], torch.tensor([True, False, True]))
    assert torch.equal(other.score[[0, 2]], whole.score[[0, 2]])
    assert all(bool(torch.isfinite(t).all()) for t in tensors_of(other.state) if t.is_floating_point())


@pytest.mark.parametrize(
    "options, message",
    [
        ({"method": "adm"}, "learner.method: expected one of .*, got 'adm' .did you mean 'adam'"),
        ({"schedule": "cosin"}, "learner.schedule: expected one of .*, got 'cosin' .did you mean 'cosine'"),
        ({"pathway": "bakprop"}, "rule.pathway: unknown name 'bakprop' .did you mean 'backprop'"),
        ({"normalise": 1}, "learner.normalise: expected true or false, got '1'"),
        ({"warmup": 2}, "learner.warmup: expected a share of the life from 0 to 1, got '2'"),
        ({"every": 0}, "learner.every: expected a whole number from 1 to 1000, got '0'"),
        ({"method": "muon", "power": True}, "learner.power: expected one of .*, got method 'muon'"),
        ({"values": {"etta": 1}}, "learner.values: no coefficient 'etta' .did you mean 'eta'"),
        ({"method": "foof", "values": {"damping": {"share": "layer"}}}, "learner.values: 'foof' has one damping"),
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
