"""Units with ordered lateral synapses: changes against a plain loop over samples and synapses, two engines against each other."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch

from inner.criteria import NONE, VALUES
from inner.engines import lateral_moments, moments
from inner.engines.choice import choose
from inner.learners import _perturbation as perturbation
from inner.learners import weight_perturbation
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.life.eager import live
from inner.life.request import Life
from inner.networks import mlp
from inner.networks.lateral import Network
from inner.random import stream
from inner.rules.rule import Rule
from inner.tasks.base import LifeData
from inner.tasks.oja import Task
from metalearn.config.load import load

RULE = Rule.from_dict(load("papers/confavreux_subspace").rule)
SHORT = Rule.from_dict({"dw": {"hidden": "a*post*(pre - post*w)", "output": "-b*pre*post*(1 + w)"}})
LABELS = [("a", 1), ("a", 2)]
NETWORK = Network(gain=0.8)
TASK = Task(variances=(1.0, 0.8, 0.3, 0.0), patterns=7, outputs=3)


def applies(engine: ModuleType, learner: Learner, task: object, data: LifeData) -> bool:
    return not engine.why_not(Life(learner, task, data, torch.zeros(1, 1), 5, LABELS))


def lives(steps: int, batch: int = 7) -> LifeData:
    return TASK.life_data("search", steps, batch, 0, LABELS)


def theta(rule: Rule, count: int = 3, size: float = 0.5) -> torch.Tensor:
    return torch.from_numpy(stream(0, "theta").normal(0.0, size, (count, len(rule.coefficients))))


def changed_by_hand(values: dict[str, float], w: np.ndarray, between: np.ndarray, x: np.ndarray) -> list[np.ndarray]:
    """dW [I, O] and dL [O, O] of one network from samples x [B, I], one synapse and sample at a time."""
    inputs, outputs = w.shape
    changes = [np.zeros((inputs, outputs)), np.zeros((outputs, outputs))]
    for sample in x:
        y: list[float] = []
        for k in range(outputs):  # in order: the units before k have answered
            drive = sum(sample[i] * w[i, k] for i in range(inputs))
            y.append(drive + sum(y[j] * between[j, k] for j in range(k)))
        for layer, letter, pres, weights in ((0, "f", sample, w), (1, "l", y, between)):
            for i, pre in enumerate(pres):
                for k, post in enumerate(y):
                    if layer == 1 and i >= k:
                        continue  # there is no such synapse
                    total = 0.0
                    for name, value in values.items():
                        if name[0] == letter:
                            a, b, c = (int(digit) for digit in name[1:])
                            total += 0.2 * value * pre**a * post**b * weights[i, k] ** c
                    changes[layer][i, k] += total / len(x)
    return changes


def test_one_change_against_a_plain_loop() -> None:
    """Both engines, three units: mean over samples of 0.2 sum c_abc pre^a post^b w^c, feed-forward and lateral."""
    data, values, learner = lives(1), theta(RULE), Learner(RULE, NETWORK)
    born = [w.double().numpy() for w in NETWORK.init(4, 3, 5, LABELS)]
    names = [c.name for c in RULE.coefficients]
    assert len(names) == 54
    quick = lateral_moments.live(Life(learner, TASK, data, values, 5, LABELS)).state
    eager = live(Life(learner, TASK, data, values, 5, LABELS)).state.weights
    for p in range(3):
        for n in range(2):
            w, between = born[0][n], born[1][n]
            x = data.x[n].double().numpy()
            expected = changed_by_hand(dict(zip(names, values[p].tolist())), w, between, x)
            for after in (quick, eager):
                for layer, (now, before) in enumerate(zip(after, (w, between))):
                    change = now.reshape(3, 2, *now.shape[1:])[p, n].double().numpy() - before
                    np.testing.assert_allclose(change, expected[layer], rtol=1e-4, atol=2e-6)


def test_errors_follow_the_wiring() -> None:
    """err of both groups is the output's error; what comes back to the inputs goes through W, and never through L."""
    rule = Rule.from_dict({"dw": "a*err*pre + b*pre_err*post + c*feedback*pre", "pathway": "backprop"})
    learner = Learner(rule, NETWORK)
    names = [c.name for c in rule.coefficients]
    x = torch.from_numpy(stream(0, "x").standard_normal((2, 5, 4))).float()
    y = torch.from_numpy(stream(0, "y").standard_normal((2, 5, 3))).float()

    def change(**values: float) -> list[torch.Tensor]:
        theta = torch.tensor([[values.get(name, 0.0) for name in names]] * 2)
        state = learner.init(Spec(4, 3, VALUES, 1, 5), theta, 1, 5, LABELS)
        after = learner.step(state, x, y)[0]
        return [new - old for new, old in zip(after.weights, state.weights)]

    state = learner.init(Spec(4, 3, VALUES, 1, 5), torch.ones(2, 3), 1, 5, LABELS)
    assert bool(state.weights[1].any()), "lateral weights that an error could have taken"
    out = learner.predict(state, x)
    err = y - out
    for of_err in (change(a=1.0), change(c=1.0)):  # the output's slope is 1
        torch.testing.assert_close(of_err[0], x.mT @ err / 5, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(of_err[1], (out.mT @ err / 5).triu(1), rtol=1e-4, atol=1e-6)
    into, among = change(b=1.0)
    torch.testing.assert_close(into, (err @ state.weights[0].mT).mT @ out / 5, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(among, (err.mT @ out / 5).triu(1), rtol=1e-4, atol=1e-6)


def test_a_trial_of_other_weights_uses_synapses_that_exist() -> None:
    """Weight perturbation steps by the loss along its direction where there are synapses, and nowhere else."""
    learner = weight_perturbation.Learner(NETWORK)
    eta, sigma = 0.01, 0.1
    spec, theta = Spec(4, 3, VALUES, 1, 5), torch.tensor([[eta, sigma]] * 2)
    x = torch.from_numpy(stream(0, "x").standard_normal((2, 5, 4))).float()
    y = torch.from_numpy(stream(0, "y").standard_normal((2, 5, 3))).float()
    state = learner.init(spec, theta, 1, 5, LABELS)
    xi = NETWORK.wired(perturbation.grouped(perturbation.directions(NETWORK, state, 0)[:, 0], state.weights))
    loss = []
    for length in (0.0, sigma):
        weights = [w + length * each for w, each in zip(state.weights, xi)]
        loss.append(VALUES.nats(NETWORK.forward(weights, x, "linear")[0].output, y).mean(1))
    after = learner.step(state, x, y, 0)[0]
    for old, new, each in zip(state.weights, after.weights, xi):
        wanted = -eta * ((loss[1] - loss[0]) / sigma).reshape(2, 1, 1) * each
        torch.testing.assert_close(new - old, wanted, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("rule", [RULE, SHORT])
def test_whole_lives_against_the_engine_that_goes_step_by_step(rule: Rule) -> None:
    data, learner = lives(30), Learner(rule, NETWORK)
    values = theta(rule, size=0.01 if rule is RULE else 0.05).abs()
    assert applies(lateral_moments, learner, TASK, data)
    one, two = (run(Life(learner, TASK, data, values, 5, LABELS, [0, 10, 30])) for run in (lateral_moments.live, live))
    torch.testing.assert_close(one.score, two.score, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(one.curve, two.curve, rtol=1e-3, atol=1e-4)
    assert torch.equal(one.score, one.curve[..., -1]) and bool(one.alive.all())
    assert float((one.curve[..., 0] - one.curve[..., -1]).abs().max()) > 0.01, "something was learned"


def test_a_score_does_not_depend_on_the_others_and_failures_are_data() -> None:
    values = theta(RULE, 4, size=0.01)
    values[2] = 50.0
    learner, data = Learner(RULE, NETWORK), lives(40)
    together = lateral_moments.live(Life(learner, TASK, data, values, 5, LABELS))
    assert not together.alive[2].any() and (together.score[2] == -1.0).all() and together.alive[[0, 1, 3]].all()
    for p in range(4):
        alone = lateral_moments.live(Life(learner, TASK, data, values[p : p + 1], 5, LABELS))
        assert torch.equal(alone.score[0], together.score[p])
    assert not live(Life(learner, TASK, data, values, 5, LABELS)).alive[2].any()


def test_the_answer_is_the_fixed_point_and_synapses_that_are_none_stay_zero() -> None:
    learner = Learner(RULE, NETWORK)
    state = learner.init(Spec(4, 3, NONE), theta(RULE).float().repeat_interleave(2, 0), 3, 5, LABELS)
    x = torch.from_numpy(stream(0, "x").standard_normal((6, 5, 4))).float()
    for _ in range(3):
        y = learner.predict(state, x)
        torch.testing.assert_close(y, x @ state.weights[0] + y @ state.weights[1])
        state, output = learner.step(state, 0.3 * x, x[..., :3])
        torch.testing.assert_close(output, 0.3 * y)
        assert torch.equal(state.weights[1], state.weights[1].triu(1)) and bool(state.weights[1].any())


@pytest.mark.parametrize(
    "rule, network, batch, said",
    [
        (RULE, NETWORK, 7, True),
        (RULE, NETWORK, 5, False),  # the batch differs from step to step
        (RULE, mlp.Network(hidden=(3,)), 7, False),
        (Rule.from_dict({"dw": "a*pre*post"}), NETWORK, 7, True),
        (Rule.from_dict({"dw": "a*pre**3*post"}), NETWORK, 7, False),  # of lateral samples that is a fifth moment
        (Rule.from_dict({"dw": {"hidden": "a*pre**3*post", "output": "b*pre*post"}}), NETWORK, 7, True),
        (Rule.from_dict({"dw": {"hidden": "a*pre*post", "output": "b*pre*post**3"}}), NETWORK, 7, False),
        (Rule.from_dict({"dw": "a*pre*post", "homeostasis": {"max_norm": 1.0}}), NETWORK, 7, False),
        (Rule.from_dict({"dw": "a*pre*recon"}), NETWORK, 7, False),
    ],
)
def test_where_it_applies(rule: Rule, network: Network, batch: int, said: bool) -> None:
    learner = Learner(rule, network)
    assert applies(lateral_moments, learner, TASK, lives(8, batch)) is said
    assert not applies(moments, learner, TASK, lives(8, batch))
    assert type(network) is mlp.Network or choose("auto", learner, Spec(3, 2, NONE))[0] == "eager"


def test_the_task_scores_the_distance_of_every_unit_to_its_own_axis() -> None:
    """1 - mean over units of min |v_k -+ w_k|, by NumPy's singular value decomposition: the order of the axes counts."""
    data = replace(TASK, outputs=2).life_data("final", 1, 100, 3, LABELS)
    w = np.array([[0.3, -0.5], [0.2, 0.1], [0.0, 0.4], [0.6, 0.2]])
    for n in range(2):
        axes = np.linalg.svd(data.x[n].double().numpy())[2][:2].T  # [I, 2]
        apart = [min(np.linalg.norm(axes[:, k] - s * w[:, k]) for s in (1, -1)) for k in range(2)]
        output = data.test_x[n : n + 1].double() @ torch.from_numpy(w)
        score = TASK.score(output, data.test_y[n : n + 1]).item()
        assert score == pytest.approx(1 - np.mean(apart), abs=1e-5)
        swapped = data.test_x[n : n + 1].double() @ torch.from_numpy(axes[:, ::-1].copy())
        assert TASK.score(swapped, data.test_y[n : n + 1]).item() == pytest.approx(1 - 2**0.5, abs=1e-5)


@pytest.mark.parametrize(
    "override, part",
    [
        ("network.hidden=[3]", "network.hidden: 'lateral' has none, expected [], got [3]"),
        ("network.bias=true", "network.bias: 'lateral' has none, expected false, got True"),
        ("network.output=sigmoid", "network.output: 'lateral' is linear, got 'sigmoid'"),
        ("network.activation=relu", "network.activation: 'lateral' is linear, got 'relu'"),
        ("network.gain=-1", "network.gain: expected a number >= 0"),
        ("network.name=latteral", "network: unknown name 'latteral' (did you mean 'lateral'?)"),
        ("task.outputs=4", "outputs: expected an integer from 1 to 3, got 4"),
    ],
)
def test_what_it_is_not_is_refused_in_one_line(override: str, part: str) -> None:
    from metalearn.runs.search import check

    with pytest.raises(ValueError) as caught:
        check(load("papers/confavreux_subspace", [override]))
    assert part in str(caught.value) and "\n" not in str(caught.value)


def test_what_knows_only_multilayer_perceptrons_says_so() -> None:
    """Inherited weights and a torch file refuse the network; the controls leave out those with hidden layers."""
    from metalearn.build import Experiment
    from metalearn.evidence.controls import controls_of
    from metalearn.rule.formats.torch import torch_source
    from metalearn.runs.inheritance import inheritance_objective

    config = load("papers/confavreux_subspace", ["genome.weights=direct"])
    with pytest.raises(ValueError, match="network.name: expected 'mlp'"):
        inheritance_objective(Experiment(config), 0)
    document = {"network": config.network.model_dump(mode="json")}
    with pytest.raises(ValueError, match="^network: a torch file can hold mlp, got 'lateral'$"):
        torch_source(RULE, RULE.defaults, document, {name: name for name in RULE.defaults})
    names = [control.name for control in controls_of(Learner(RULE), RULE.defaults, Experiment(config), 2)[0]]
    assert "inputs permuted" in names and not [name for name in names if "hidden" in name]
