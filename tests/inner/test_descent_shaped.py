"""Muon, FOOF and conjugate directions against a singular value decomposition, a direct solve and quadratics; failed lives."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from descent_help import NETWORK, STEPS, assert_same_change, by_hand, gradients, initial, lived, samples, toy_life
from native_help import LABELS
from torch import Tensor

from inner.criteria import CLASSES, VALUES
from inner.engines.choice import live as live_on_any_engine
from inner.learners._conjugate import Memory
from inner.learners._muon import orthogonalised
from inner.learners.base import Spec
from inner.learners.descent import CONJUGATE, SHAPED, Learner
from inner.life.request import Result
from inner.life.states import tensors_of
from inner.networks.mlp import Network
from inner.random import stream


def with_ones(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[:, :1])], -1)


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


@pytest.mark.parametrize("every", [1, 7])
@pytest.mark.parametrize("batch", [1, 2, 4])
def test_foof_solves_for_the_inputs_of_a_layer(batch: int, every: int) -> None:
    """dw = eta (C + damping I)^-1 g by a direct solve; C is the mean over steps of what came in, with memory 0.8.

    Between whole inverses few samples join what is inverted, whose damping fades; many samples wait.
    """
    values = {"eta": 0.05, "damping": 0.3, "memory": 0.8}
    born, found, _ = lived(Learner(NETWORK, "foof", every=every, values=values), batch, torch.float64)
    seen: list[list[Tensor]] = [[], [], []]  # per layer, the second moments of every step
    solved: list[Tensor] = [torch.zeros(0)] * 3
    weights = born
    for t, (x, y) in enumerate(zip(*samples(batch, torch.float64))):
        signal, changes = x[0], []
        for k, (w, g) in enumerate(zip(weights, gradients(weights, x[0], y[0]))):
            pre = with_ones(signal)
            seen[k].append(pre.T @ pre / batch)
            if t < every or t % every == 0:
                ages = 0.8 ** torch.arange(t, -1, -1, dtype=torch.float64)
                mean = torch.einsum("t,tij->ij", ages / ages.sum(), torch.stack(seen[k]))
                solved[k] = (mean + 0.3 * torch.eye(len(g), dtype=torch.float64)) * (1 - 0.8 ** (t + 1))
            elif 2 * batch < len(g):
                solved[k] = 0.8 * solved[k] + 0.2 * seen[k][-1]
            changes.append(-0.05 * torch.linalg.solve(solved[k] / (1 - 0.8 ** (t + 1)), g))
            signal = torch.tanh(pre @ w)
        weights = [w + dw for w, dw in zip(weights, changes)]
    assert_same_change(born, found, weights, 1e-9)


def test_foof_without_memory_on_one_sample_is_normalised_descent() -> None:
    foof = Learner(NETWORK, "foof", every=1, values={"eta": 0.1, "damping": 0.5, "memory": {"init": 0.0, "low": 0.0}})
    normalised = Learner(NETWORK, normalise=True, values={"eta": 0.1 / 0.5, "k": 1 / 0.5})
    born, found, _ = lived(foof, 1, torch.float64)
    assert_same_change(born, found, lived(normalised, 1, torch.float64)[1], 1e-10)


@pytest.mark.parametrize("method", [*SHAPED, "adam"])
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


def quadratic_life(learner: Learner, steps: int) -> list[float]:
    """Excess loss of one linear unit of 6 weights before each step and after the last, on the same 9 samples."""
    draw = stream(9, "quadratic")
    x, y = (torch.from_numpy(draw.standard_normal((1, 9, size))) for size in (6, 1))
    theta = torch.tensor([[c.init for c in learner.coefficients]], dtype=torch.float64)
    state = learner.init(Spec(6, 1, VALUES, steps, 9), theta, 1, 0, LABELS[:1], [torch.zeros(1, 6, 1).double()])
    best = torch.linalg.lstsq(x[0], y[0]).solution
    found = []
    for t in range(steps + 1):
        found.append(float(((x[0] @ (state.weights[0][0] - best)) ** 2).sum()))
        state = learner.step(state, x, y, t)[0]
    return found


@pytest.mark.parametrize("method", CONJUGATE)
def test_conjugate_directions_end_a_quadratic_in_as_many_steps_as_it_has_weights(method: str) -> None:
    exact = {"eta": 1.0, "damping": {"init": 1e-12, "low": 1e-13}}
    found = quadratic_life(Learner(Network((), output="linear"), method, values=exact), 6)
    assert found[6] < 1e-12 * found[0] and found[5] > 1e-7 * found[0]
    steepest = quadratic_life(Learner(Network((), output="linear"), method, restart=1, values=exact), 6)
    assert steepest[6] > 1e-4 * steepest[0], "the same line searches without conjugate directions do not get there"


@pytest.mark.parametrize("method", CONJUGATE)
def test_conjugate_directions_on_a_network_by_hand(method: str) -> None:
    values = {"eta": 0.7, "damping": 0.05}
    born, found, _ = lived(Learner(NETWORK, method, restart=5, values=values), 4, torch.float64, 12)  # rounding grows
    x, y = samples(4, torch.float64, 12)
    weights = born

    def flat(groups: list[Tensor]) -> Tensor:
        return torch.cat([g.flatten() for g in groups])

    kept: tuple[Tensor, Tensor] | None = None
    for t in range(12):
        r = -flat(gradients(weights, x[t, 0], y[t, 0]))
        d = r
        if kept is not None and t % 5:
            last, way = kept
            b = r @ r if method == "fletcher_reeves" else max(r @ (r - last), torch.zeros(()).double())
            d = r + b / (last @ last) * way
        if r @ d <= 0:
            d = r
        kept = (r, d)
        s = 0.01 / d.norm()
        parts = [part.reshape(w.shape) for part, w in zip(d.split([w.numel() for w in weights]), weights)]
        there = -flat(gradients([w + s * part for w, part in zip(weights, parts)], x[t, 0], y[t, 0]))
        far = 0.7 * (r @ d) / (abs(d @ (r - there)) / s + 0.05 * d @ d)
        weights = [w + far * part for w, part in zip(weights, parts)]
    assert_same_change(born, found, weights, 1e-6)


@pytest.mark.parametrize("method", CONJUGATE)
def test_a_direction_that_is_no_way_down_is_left(method: str) -> None:
    learner = Learner(NETWORK, method)
    x, y = samples(4, torch.float64)
    state = lived(learner, 4, torch.float64, 4)[2][3]
    zeros = tuple(torch.zeros_like(w) for w in state.weights)
    none = replace(state, memory=Memory(zeros, zeros))
    r = learner.step(none, x[3], y[3], 3)[0].memory.residual
    wrong = replace(state, memory=Memory(tuple(0.5 * each for each in r), tuple(-10 * each for each in r)))
    for w, v in zip(learner.step(wrong, x[3], y[3], 3)[0].weights, learner.step(none, x[3], y[3], 3)[0].weights):
        torch.testing.assert_close(w, v, rtol=1e-12, atol=0)


@pytest.mark.parametrize("method", SHAPED)
def test_a_step_whose_number_is_a_tensor_is_the_same(method: str) -> None:
    """As on a GPU, where steps are recorded."""
    learner = Learner(NETWORK, method, every=4, restart=4)
    x, y = samples(2, torch.float64)
    states = lived(learner, 2, torch.float64, 9)[2]
    for t in (0, 5, 8):
        one = learner.step(states[t], x[t], y[t], t)[0]
        two = learner.step(states[t], x[t], y[t], torch.tensor([t]))[0]
        for w, v in zip(one.weights, two.weights):
            torch.testing.assert_close(w, v, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("method, learns", [("sgd", True), ("foof", True), ("adam", False), ("muon", False), ("polak_ribiere", False)])
def test_what_remembers_earlier_steps_refuses_sequences(method: str, learns: bool) -> None:
    found = Learner(NETWORK, method).accepts(Spec(5, 3, CLASSES, STEPS, 1, sequences=True))
    assert found == "" if learns else f"what '{method}' remembers" in found
