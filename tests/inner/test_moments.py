"""Lives by moments are the same lives: changes against a plain loop over samples, whole lives against the step-by-step engine."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch

from inner.engines import moments
from inner.learners.local_rule import Learner
from inner.life.eager import live
from inner.life.request import Life
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules.rule import Rule
from inner.tasks.base import LifeData
from inner.tasks.oja import Task

TAYLOR = Rule.from_dict({"family": "taylor"})
LABELS = [("a", 1), ("a", 2)]
LINEAR = Network(hidden=(), gain=0.5)


def applies(engine: ModuleType, learner: Learner, task: object, data: LifeData) -> bool:
    return not engine.why_not(Life(learner, task, data, torch.zeros(1, 1), 5, LABELS))


def lives(steps: int, batch: int = 20, outputs: int = 1) -> LifeData:
    drawn = Task(patterns=20).life_data("search", steps, batch, 0, LABELS)
    return replace(drawn, y=drawn.y.expand(-1, -1, outputs), test_y=drawn.test_y.expand(-1, -1, outputs))


def theta(rule: Rule, count: int = 3, size: float = 0.02) -> torch.Tensor:
    return torch.from_numpy(stream(0, "theta").normal(0.0, size, (count, len(rule.coefficients))))


@pytest.mark.parametrize("outputs", [1, 2])
def test_one_change_against_a_plain_loop(outputs: int) -> None:
    """dw = mean over samples of sum c_abc x_i^a y^b w_i^c, in double precision, sample by sample."""
    data, values = lives(1, outputs=outputs), theta(TAYLOR)
    w = LINEAR.init(3, outputs, 5, LABELS)[0].double().numpy()
    after = moments.live(Life(Learner(TAYLOR, LINEAR), Task(), data, values, 5, LABELS)).state
    before = moments.live(Life(Learner(TAYLOR, LINEAR), Task(), data, 0 * values, 5, LABELS)).state
    change = (after - before).reshape(3, 2, 3, outputs).numpy()
    names = [c.name for c in TAYLOR.coefficients]
    for p in range(3):
        for n in range(2):
            for i in range(3):
                for o in range(outputs):
                    total = 0.0
                    for sample in data.x[n].double().numpy():
                        y = float(sample @ w[n, :, o])
                        for name, value in zip(names, values[p].tolist()):
                            a, b, c = (int(digit) for digit in name[1:])
                            total += value * sample[i] ** a * y**b * w[n, i, o] ** c / 20
                    assert change[p, n, i, o] == pytest.approx(total, rel=2e-4, abs=2e-7)


@pytest.mark.parametrize(
    "rule", [TAYLOR, Rule.from_dict({"dw": "eta*post*(pre - post*w)"}), Rule.from_dict({"dw": "a + b*w**3*pre**4"})]
)
def test_whole_lives_against_the_engine_that_goes_step_by_step(rule: Rule) -> None:
    data, values, learner = lives(30), theta(rule, size=0.003).abs(), Learner(rule, LINEAR)
    assert applies(moments, learner, Task(), data)
    one, two = (run(Life(learner, Task(), data, values, 5, LABELS, [0, 10, 30])) for run in (moments.live, live))
    torch.testing.assert_close(one.score, two.score, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(one.curve, two.curve, rtol=1e-3, atol=1e-4)
    assert torch.equal(one.score, one.curve[..., -1]) and bool(one.alive.all())


def test_a_score_does_not_depend_on_the_others_and_failures_are_data() -> None:
    values = theta(TAYLOR, 4, size=0.003)
    values[2] = 50.0
    learner, data = Learner(TAYLOR, LINEAR), lives(40)
    together = moments.live(Life(learner, Task(), data, values, 5, LABELS))
    assert not together.alive[2].any() and (together.score[2] == -1.0).all() and together.alive[[0, 1, 3]].all()
    for p in range(4):
        alone = moments.live(Life(learner, Task(), data, values[p : p + 1], 5, LABELS))
        assert torch.equal(alone.score[0], together.score[p])
    first = Task(patterns=20).life_data("search", 40, 20, 0, LABELS[:1])
    fewer = moments.live(Life(learner, Task(), first, values, 5, LABELS[:1]))
    assert torch.equal(fewer.score[:, 0], together.score[:, 0])


@pytest.mark.parametrize(
    "dw, network, batch, said",
    [
        ("a*pre*post", Network(hidden=()), 20, True),
        ("a*pre*post", Network(hidden=()), 5, False),  # the batch differs from step to step
        ("a*pre*post", Network(hidden=(3,)), 20, False),
        ("a*pre*post", Network(hidden=(), bias=True), 20, False),
        ("a*pre*post", Network(hidden=(), output="sigmoid"), 20, False),
        ("a*pre*post**3", Network(hidden=()), 20, False),
        ("a*tanh(pre)", Network(hidden=()), 20, False),
        ("a*pre/w", Network(hidden=()), 20, False),
        ("a*pre*recon", Network(hidden=()), 20, False),
        ("b*exp(a)*(pre + post)**2", Network(hidden=()), 20, True),
    ],
)
def test_where_it_applies(dw: str, network: Network, batch: int, said: bool) -> None:
    learner = Learner(Rule.from_dict({"dw": dw}), network)
    assert applies(moments, learner, Task(), lives(8, batch)) is said


def test_the_task_scores_the_distance_of_the_weights() -> None:
    """1 - min |v -+ w| with v from the samples, by NumPy's singular value decomposition."""
    data = Task().life_data("final", 1, 100, 3, LABELS)
    w = np.array([0.3, -0.5, 0.2])
    for n in range(2):
        axis = np.linalg.svd(data.x[n].double().numpy())[2][0]
        expected = 1 - min(np.linalg.norm(axis - w), np.linalg.norm(axis + w))
        output = data.test_x[n : n + 1].double() @ torch.from_numpy(w)[:, None]
        assert Task().score(output, data.test_y[n : n + 1]).item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("variances", [(1.0,), (0.5, 1.0), (1.0, -0.1), "abc", (1.0, float("nan"))])
def test_variances_are_validated(variances: object) -> None:
    with pytest.raises(ValueError, match="^variances: expected [^\n]* got [^\n]*$"):
        Task(variances=variances)  # type: ignore[arg-type]
