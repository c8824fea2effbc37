"""What each pathway is equal to: backpropagation, autograd of its own loss, an expectation, a fixed point. In float64."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from inner.components import build
from inner.criteria import CLASSES, VALUES, Criterion
from inner.learners._rule_state import State
from inner.learners._signals import look
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.life.states import map_tensors
from inner.networks.mlp import Network
from inner.pathways.local_loss import similar
from inner.random import stream
from inner.rules.rule import Rule
from inner.sources import Told

LABELS = (("identity", 0), ("identity", 1))
B, I, O = 6, 5, 3  # noqa: E741


def normal(*shape: int, label: str) -> Tensor:
    return torch.from_numpy(stream(3, "identities", label).standard_normal(shape))


def born(
    pathway: Any, hidden: tuple[int, ...], criterion: Criterion = VALUES, dtype: torch.dtype = torch.float64, **network: Any
) -> tuple[Learner, State]:
    """A learner whose own changes are 0 (eta 0), on two networks."""
    learner = Learner(Rule.from_dict({"dw": "eta*err*pre", "pathway": pathway}), Network(hidden=hidden, **network))
    theta = torch.zeros(2, len(learner.coefficients))
    state = learner.init(Spec(I, O, criterion, 0, B), theta, 1, 0, LABELS)
    return learner, map_tensors(lambda tensor: tensor.to(dtype), state)


def samples(t: int = 0, criterion: Criterion = VALUES, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    x, y = normal(2, B, I, label=f"x{t}"), normal(2, B, O, label=f"y{t}")
    return x.to(dtype), (torch.eye(O, dtype=torch.float64)[y.argmax(-1)] if criterion is CLASSES else y).to(dtype)


def heard(learner: Learner, state: State, x: Tensor, y: Tensor, t: int = 0) -> tuple[list[Tensor], tuple[Tensor, ...]]:
    """err of every layer of units above the input, and the pathway's own weights after the step."""
    values, kept = look(learner, learner.act(state, x, None, t)[0], Told(y), t)
    return [values.err[u] for u in sorted(values.err)], kept.own


def errors(pathway: Any, hidden: tuple[int, ...], t: int = 0, **more: Any) -> list[Tensor]:
    learner, state = born(pathway, hidden, **more)
    told = {key: more[key] for key in ("criterion", "dtype") if key in more}
    return heard(learner, state, *samples(t, **told), t)[0]


def relative(found: list[Tensor], wanted: list[Tensor]) -> float:
    return max(float((a - b).norm() / b.norm()) for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_fixed_predictions_are_backpropagation(activation: str, dtype: torch.dtype, bound: float) -> None:
    more: dict[str, Any] = {"dtype": dtype, "activation": activation, "bias": True, "criterion": CLASSES}
    for hidden in ((7,), (6, 8, 7, 4)):
        assert relative(errors("fixed_prediction", hidden, **more), errors("backprop", hidden, **more)) < bound


@pytest.mark.parametrize(("iterations", "speed"), [(2, 1.0), (5, 0.3), (9, 0.6)])
def test_errors_that_have_not_settled_are_a_binomial_share_of_backpropagation(iterations: int, speed: float) -> None:
    """A layer d below the output hears P(Binomial(iterations, speed) >= d) of its error."""
    pathway = {"name": "fixed_prediction", "iterations": iterations, "speed": speed}
    hidden = (6, 8, 7)
    chances = [math.comb(iterations, m) * speed**m * (1 - speed) ** (iterations - m) for m in range(iterations + 1)]
    wanted = [e * sum(chances[len(hidden) - u :]) for u, e in enumerate(errors("backprop", hidden))]
    for found, want in zip(errors(pathway, hidden), wanted, strict=True):
        torch.testing.assert_close(found, want, rtol=1e-12, atol=1e-14)


def test_target_projection_is_the_target_through_its_own_weights() -> None:
    learner, state = born("target_projection", (7, 4), CLASSES)
    x, y = samples(criterion=CLASSES)
    found = heard(learner, state, x, y)[0]
    record = learner.act(state, x, None, 0)[0].acted.record  # type: ignore[union-attr]
    for u in (1, 2):
        for n in range(2):
            for b in range(B):
                for j in range(found[u - 1].shape[2]):
                    wanted = sum(float(y[n, b, c]) * float(state.own[u][n, c, j]) for c in range(O))
                    post = float(record.post[u - 1][n, b, j])
                    assert float(found[u - 1][n, b, j]) == pytest.approx(wanted * (1 - post**2), rel=1e-12)


def test_signs_are_the_weights_and_sizes_are_drawn() -> None:
    """Through a single linear hidden layer, feedback matrices are read off one output at a time."""

    def matrix(pathway: str, t: int) -> tuple[Tensor, State]:
        learner, state = born(pathway, (400,), activation="linear")
        x = torch.zeros(2, O, I, dtype=torch.float64)
        return heard(learner, state, x, torch.eye(O, dtype=torch.float64).expand(2, O, O), t)[0][0], state

    for pathway in ("sign_fixed", "sign_redrawn"):
        found, state = matrix(pathway, 3)
        later = matrix(pathway, 4)[0]
        assert torch.equal(found.sign(), state.weights[1].transpose(1, 2).sign()) and torch.equal(found.sign(), later.sign())
        assert torch.equal(found, later) == (pathway == "sign_fixed")
        size = found.abs() * math.sqrt(O)  # half-normal: mean sqrt(2 / pi), variance 1 - 2 / pi
        error = math.sqrt((1 - 2 / math.pi) / size.numel())
        assert abs(float(size.mean()) - math.sqrt(2 / math.pi)) < 5 * error
    assert torch.equal(matrix("sign_fixed", 0)[0], matrix("sign_fixed", 0)[1].own[1].abs() * found.sign())


@pytest.mark.parametrize("activation", ["linear", "tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_answers_to_noise_are_the_transposed_weights_in_the_mean(activation: str, output: str) -> None:
    """Bussgang 1952, to 5 standard errors that are measured over 40 phases; and the angle after them."""
    pathway = {"name": "weight_mirror", "samples": 50, "sigma": 0.5, "rate": 1.0}
    learner, state = born(pathway, (8, 6), CLASSES, activation=activation, output=output)
    x, y = samples(criterion=CLASSES)
    phases = [heard(learner, state, x, y, t)[1] for t in range(60)]
    for k in (1, 2):
        seen = torch.stack([own[k] for own in phases])
        z = (seen.mean(0) - state.weights[k].transpose(1, 2)) / (seen.std(0) / math.sqrt(len(phases)))
        assert float(z.abs().max()) < 5 and 0.7 < float(z.square().mean()) < 1.6, f"layer {k}"


def test_mirrored_weights_are_a_plain_mean_at_first_and_follow_then() -> None:
    learner, state = born({"name": "weight_mirror", "samples": 20, "rate": 0.25}, (8, 6))
    once = born({"name": "weight_mirror", "samples": 20, "rate": 1.0}, (8, 6))[0]
    x, y = samples()
    wanted = torch.zeros_like(state.own[1])
    for t in range(8):
        share = max(0.25, 1 / (t + 1))
        wanted = wanted + share * (heard(once, state, x, y, t)[1][1] - wanted)
        state = replace(state, own=heard(learner, state, x, y, t)[1])
        torch.testing.assert_close(state.own[1], wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("criterion", [CLASSES, VALUES])
@pytest.mark.parametrize("loss", ["pred", "sim", "predsim"])
def test_local_losses_are_those_of_autograd(loss: str, criterion: Criterion) -> None:
    """err of hidden layers, and the steps of V and P, against the gradient of the mean loss written in torch."""
    pathway = {"name": "local_loss", "loss": loss, "mix": 0.7, "rate": 0.3}
    learner, state = born(pathway, (7, 4), criterion, activation="tanh")
    x, y = samples(criterion=criterion)
    found, own = heard(learner, state, x, y)
    leaves = [w.clone().requires_grad_(True) for w in state.own]
    for k in (1, 2):
        drive = learner.act(state, x, None, 0)[0].acted.record.drive[k - 1].clone().requires_grad_(True)  # type: ignore[union-attr]
        h = torch.tanh(drive)
        parts = leaves[k - 1 :: 2]  # V and P, or one of them
        pred = sim = torch.zeros(2, dtype=torch.float64)
        if loss != "sim":
            z = h @ parts[0]
            p = torch.softmax(z, -1)
            pred = (criterion.nats(p if criterion is CLASSES else z, y)).mean(1)
        if loss != "pred":
            sim = torch.stack([_similar(*pair) for pair in zip(h @ parts[-1], y)])
        total = {"pred": pred, "sim": sim, "predsim": 0.3 * pred + 0.7 * sim}[loss].sum()
        slope, *steps = torch.autograd.grad(total, [drive, *parts])
        torch.testing.assert_close(found[k - 1], -B * slope, rtol=1e-10, atol=1e-13)
        for new, old, step in zip(own[k - 1 :: 2], state.own[k - 1 :: 2], steps, strict=True):
            torch.testing.assert_close(new, old - 0.3 * step, rtol=1e-10, atol=1e-13)


def _similar(z: Tensor, y: Tensor) -> Tensor:
    """Mean squared difference of the correlation matrices of rows, one network."""
    return (torch.corrcoef(z) - torch.corrcoef(y)).square().mean()


def test_rows_of_equal_numbers_are_similar_to_nothing_and_spoil_nothing() -> None:
    z, y = normal(1, 4, 3, label="z"), normal(1, 4, 3, label="like")
    z[0, 1] = 2.0
    loss, slope = similar(z, y)
    assert bool(slope.isfinite().all()) and bool((slope[0, 1] == 0).all()) and bool(loss.isfinite().all())


def composed(state: State) -> list[Tensor]:
    """W_{k+1} ... W_K of linear layers, from every hidden layer to the output."""
    found = [state.weights[-1]]
    for w in reversed(state.weights[1:-1]):
        found.insert(0, w @ found[0])
    return found


def test_synthetic_gradients_of_a_quadratic_loss_are_its_gradients() -> None:
    """Linear layers, the target read too: A = [-M M^T; 0; M^T] is a fixed point, and there the error itself."""
    learner, state = born({"name": "synthetic", "label": True}, (7, 4), activation="linear")
    exact = []
    for m in composed(state):
        there = m.transpose(1, 2)
        exact.append(torch.cat([-m @ there, torch.zeros_like(there[:, :1]), there], 1))
    state = replace(state, own=tuple(exact))
    found, own = heard(learner, state, *samples())
    assert relative(found, errors("backprop", (7, 4), activation="linear")) < 1e-12
    for new, old in zip(own, exact, strict=True):
        torch.testing.assert_close(new, old, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("label", [True, False])
def test_synthetic_gradients_learn_the_gradients_of_a_quadratic_loss(label: bool) -> None:
    """From nothing, on fresh samples; without the target where that is a linear function of what the layer knows."""
    learner, state = born({"name": "synthetic", "label": label, "rate": 1.0}, (6, 5), activation="linear", birth="orthogonal")
    backprop = born("backprop", (6, 5), activation="linear", birth="orthogonal")[0]
    teacher = normal(2, I, O, label="teacher")
    x, y = samples(0)
    assert all(float(e.abs().max()) == 0 for e in heard(learner, state, x, y)[0][:-1]), "0 at birth"
    for t in range(400):
        x, y = samples(t)
        state = replace(state, own=heard(learner, state, x, y if label else x @ teacher)[1])
    x, y = samples(5000)
    y = y if label else x @ teacher
    assert relative(heard(learner, state, x, y)[0], heard(backprop, state, x, y)[0]) < 1e-3


def test_a_guess_with_a_hidden_layer_goes_down_its_squared_error() -> None:
    learner, state = born({"name": "synthetic", "label": True, "hidden": 5, "rate": 0.2}, (7, 4))
    state = replace(state, own=tuple(normal(*b.shape, label=f"own{n}") for n, b in enumerate(state.own)))
    x, y = samples()
    err, own = heard(learner, state, x, y)
    record = learner.act(state, x, None, 0)[0].acted.record  # type: ignore[union-attr]
    for k in (1, 2):
        c, a = (each.clone().requires_grad_(True) for each in state.own[2 * k - 2 : 2 * k])
        inside = torch.cat([record.post[k - 1], torch.ones(2, B, 1, dtype=torch.float64), y], 2)
        within = torch.cat([torch.tanh(inside @ c), torch.ones(2, B, 1, dtype=torch.float64)], 2)
        gap = err[k] @ state.weights[k].transpose(1, 2) - within @ a
        steps = torch.autograd.grad(-0.5 * gap.square().sum(), (c, a))
        for new, old, step, read in zip(own[2 * k - 2 : 2 * k], (c, a), steps, (inside, within)):
            power = read.square().sum((1, 2), keepdim=True)
            torch.testing.assert_close(new, (old + 0.2 * step / power).detach(), rtol=1e-10, atol=1e-13)


def test_difference_targets_of_orthogonal_linear_layers_are_backpropagation() -> None:
    """With V = w^T the inverse is exact: a layer that reaches its target moves the layer above to its own."""
    learner, state = born("difference_target", (5, 5, 5), activation="linear", birth="orthogonal")
    own = [torch.cat([w.transpose(1, 2), torch.zeros_like(w[:, :1])], 1) for w in state.weights[:-1]]
    found = heard(learner, replace(state, own=tuple(own)), *samples())[0]
    assert relative(found, errors("backprop", (5, 5, 5), activation="linear", birth="orthogonal")) < 1e-12
    for below, above, w in zip(found, found[1:-1], state.weights[1:-1]):
        torch.testing.assert_close(below @ w, above, rtol=1e-4, atol=1e-5)  # births are orthogonal in float32


@pytest.mark.parametrize("lowest", ["err*pre", "err*pre + 0*pre_err"])
def test_inverses_go_down_their_loss_under_noise(lowest: str) -> None:
    learner, state = born({"name": "difference_target", "rate": 0.2, "sigma": 0.5}, (7, 4, 6), bias=True)
    learner = replace(learner, rule=Rule.from_dict({**learner.rule.to_dict(), "dw": f"eta*({lowest})"}))
    x, y = samples()
    own = heard(learner, state, x, y, 3)[1]
    record = learner.act(state, x, None, 0)[0].acted.record  # type: ignore[union-attr]
    assert torch.equal(own[0], state.own[0]) == ("pre_err" not in lowest), "inverses to the inputs only where they are asked"
    assert state.noise is not None
    for k in range(0 if "pre_err" in lowest else 1, 3):
        h = record.post[k - 1] if k else x
        eps = 0.5 * state.noise.normal(3, 2**17 + k, h.shape[1:]).double()
        v = state.own[k].clone().requires_grad_(True)
        w, ones = state.weights[k], torch.ones(2, B, 1, dtype=torch.float64)
        above = torch.cat([torch.tanh(torch.cat([h + eps, ones], 2) @ w), ones], 2)
        back = torch.tanh(above @ v) if k else above @ v
        step = torch.autograd.grad(-0.5 * (back - h - eps).square().sum(), v)[0]
        power = above.square().sum((1, 2), keepdim=True)
        torch.testing.assert_close(own[k], state.own[k] + 0.2 * step / power, rtol=1e-9, atol=1e-12)


def test_learned_inverses_point_down_the_gradient() -> None:
    """After inverses have been learned, targets of every layer lie on the side of minus the gradient."""
    learner, state = born({"name": "difference_target", "sigma": 0.1, "rate": 1.0}, (8, 8, 8, 8), dtype=torch.float32)
    wanted = born("backprop", (8, 8, 8, 8), dtype=torch.float32)[0]
    for t in range(150):
        state = replace(state, own=heard(learner, state, *samples(t, dtype=torch.float32), t)[1])
    x, y = samples(5000, dtype=torch.float32)
    pairs = list(zip(heard(learner, state, x, y)[0], heard(wanted, state, x, y)[0], strict=True))
    cosines = [float(torch.cosine_similarity(a.flatten(), b.flatten(), dim=0)) for a, b in pairs]
    assert min(cosines) > 0.1, cosines


@pytest.mark.parametrize(
    ("pathway", "message"),
    [
        ({"name": "weight_mirror", "rate": 2}, "pathway.rate: expected a number from 1e-06 to 1 or a coefficient's name, got '2'"),
        ({"name": "weight_mirror", "samples": 0}, "pathway.samples: expected a whole number from 1 to 100000, got '0'"),
        ({"name": "weight_mirror", "sigma": -1}, "pathway.sigma: expected a number from 0.001 to 1000, got '-1'"),
        ({"name": "local_loss", "loss": "predd"}, "pathway.loss: expected one of pred, sim, predsim, got 'predd' .did you"),
        ({"name": "local_loss", "mix": 1.5}, "pathway.mix: expected a number from 0 to 1"),
        ({"name": "synthetic", "label": "yes"}, "pathway.label: expected true or false, got 'yes'"),
        ({"name": "synthetic", "hidden": -3}, "pathway.hidden: expected a whole number from 0 to 10000, got '-3'"),
        ({"name": "difference_target", "nudge": 0}, "pathway.nudge: expected a number from 0.001 to 10"),
        ({"name": "fixed_prediction", "speed": True}, "pathway.speed: expected a number from 0 to 1"),
        ({"name": "fixed_prediction", "iterations": 0.5}, "pathway.iterations: expected a whole number from 0 to 1000"),
        ({"name": "weight_mirror", "rate": "pre"}, "coefficients.pre: 'pre' is a signal, not a coefficient"),
        ({"name": "weight_mirror", "rate": "tanh"}, "coefficient 'tanh' is a function"),
    ],
)
def test_wrong_options_are_one_line(pathway: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        Rule.from_dict({"dw": "eta*err*pre", "pathway": pathway})
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("pathway", "task", "batch", "network", "message"),
    [
        ("target_projection", "oja", 2, {}, "'target_projection' needs a target"),
        ("local_loss", "oja", 2, {}, "'local_loss' needs a target"),
        ({"name": "local_loss", "loss": "sim"}, "digits", 1, {}, "'sim' compares samples of a step"),
        ({"name": "local_loss", "loss": "predsim"}, "sinusoid", 4, {}, "'predsim' compares targets by their direction"),
        ({"name": "synthetic", "label": True}, "oja", 2, {}, "with label true needs a target"),
        ("weight_mirror", "digits", 2, {"activation": "sign"}, "needs units with a slope"),
    ],
)
def test_lives_that_a_pathway_cannot_serve_are_refused(
    pathway: Any, task: str, batch: int, network: dict[str, Any], message: str
) -> None:
    chosen: Any = build("task", task)
    spec = Spec(chosen.inputs, chosen.outputs, chosen.criterion, 10, batch)
    learner = Learner(Rule.from_dict({"dw": "eta*err*pre", "pathway": pathway}), Network(hidden=(4,), **network))
    assert message in learner.accepts(spec)
    assert not replace(learner, rule=replace(learner.rule, dw="eta*post*pre")).accepts(spec), "where nothing hears it"
