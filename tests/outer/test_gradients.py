"""Gradients of a life: against finite differences for every pathway, cut where truncated, equal wherever they are computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from inner.components import build, names
from inner.life.request import Life
from inner.life.unroll import LOSSES, Unroll
from inner.rules.rule import Rule
from outer.evaluators.serial import Evaluator
from outer.evolution import evolve
from outer.gradient_estimators import backprop, forward, persistent
from outer.gradient_estimators.base import GradientEstimator, gather
from outer.learner_objective import LearnerObjective
from outer.settings import Distribution

TASK = {"name": "linear", "inputs": 5, "outputs": 3, "test": 20}
DW = "a*err*pre + b*post*pre + c*w + d*tanh(err)*pre + e*pre_err*post + f*reward*pre*post + g*recon*post + h*e_trace"
RULE = Rule.from_dict(
    {
        "dw": DW,
        "traces": {"e_trace": "decay*e_trace + pre*feedback"},
        "coefficients": {
            "a": {"init": 0.05, "transform": "log"},
            "decay": {"init": 0.5, "low": 0.0, "high": 0.9, "scale": 0.1},
            "b": {"transform": "linear"},
            "c": {"init": -0.01, "fixed": True},
        },
    }
)


def objective(pathway: str = "random", lifetimes: int = 2, batch: int = 2, **options: object) -> LearnerObjective:
    rule = replace(RULE, pathway=pathway)
    network = {"activation": "softplus", "bias": True}
    return LearnerObjective(
        rule, Distribution(TASK, (1, 2), (4, 6), (12, 12), batch, network=network), 1, lifetimes, **options
    )


def vectors(o: LearnerObjective, population: int = 1) -> np.ndarray:
    """Candidates away from any special place; `decay` within its bounds."""
    steps = np.linspace(-0.4, 0.5, population * o.genome.size).reshape(population, -1)
    return o.genome.start() + np.where(np.array(o.genome.names) == "decay", 0.1, 1.0) * steps


def losses(o: LearnerObjective, vector: np.ndarray, loss: str) -> np.ndarray:
    """Losses [L] of the lives of the first world, in float64."""
    setting = o.settings(0)[0]
    lives = setting.task.life_data(setting.tier, setting.steps, setting.batch, o.seed, setting.labels)
    unroll = Unroll(o.learner_in(setting), setting.task, lives, o.seed, setting.labels, loss)
    theta = torch.from_numpy(o.genome.decode(vector)).repeat_interleave(max(2, len(setting.labels)), 0)
    if len(setting.labels) == 1:
        return unroll.advance(unroll.begin(theta), 0, unroll.steps, theta)[1].numpy()[:1]
    return unroll.advance(unroll.begin(theta[: len(setting.labels)]), 0, unroll.steps, theta)[1].numpy()


def differences(o: LearnerObjective, vector: np.ndarray, loss: str, step: float = 1e-5) -> np.ndarray:
    """-d loss / d vector by central differences [L, D]."""
    columns = []
    for d in range(len(vector)):
        shift = step * (np.arange(len(vector)) == d)
        columns.append((losses(o, vector - shift, loss) - losses(o, vector + shift, loss)) / (2 * step))
    return np.stack(columns, 1)


@pytest.mark.parametrize("pathway", names("pathway"))
def test_backprop_against_finite_differences(pathway: str) -> None:
    o = objective(pathway)
    vector = vectors(o)[0]
    estimator = backprop.GradientEstimator("both", checkpoint=False, double=True)
    found = estimator.gradient(o, vector[None], range(1), o.settings(0)[0])[0]
    expected = differences(o, vector, "both")
    assert found.shape == expected.shape and np.abs(expected).max(0).min() >= 0
    assert (np.abs(expected).max(0) > 1e-8).sum() >= len(vector) - 2, "coefficients that change nothing test nothing"
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("task", ["linear", "sinusoid", "pca"])
def test_every_loss_of_every_kind_of_task(task: str, loss: str) -> None:
    o = replace(objective(lifetimes=1), distribution=Distribution({"name": task}, (1, 1), (5, 5), (9, 9), 4))
    vector = vectors(o)[0]
    estimator = backprop.GradientEstimator(loss, double=True)
    if task == "pca" and loss != "test":
        with pytest.raises(ValueError, match="loss.*unsupervised"):
            estimator.gradient(o, vector[None], range(1), o.settings(0)[0])
        return
    found = estimator.gradient(o, vector[None], range(1), o.settings(0)[0])[0]
    np.testing.assert_allclose(found, differences(o, vector, loss), rtol=2e-5, atol=1e-8)


def test_checkpoints_change_nothing_and_truncation_does() -> None:
    o = objective(lifetimes=3)
    x, setting = vectors(o, 2), o.settings(0)[0]

    def found(**options: object) -> np.ndarray:
        return backprop.GradientEstimator("prequential", double=True, **options).gradient(o, x, range(2), setting)

    whole = found(checkpoint=False)
    np.testing.assert_allclose(found(checkpoint=True), whole, rtol=1e-12)
    np.testing.assert_allclose(found(truncate=12), whole, rtol=1e-12)
    cut = found(truncate=3)
    np.testing.assert_allclose(found(truncate=3, checkpoint=False), cut, rtol=1e-12)
    assert (np.abs(cut - whole) > 1e-3 * np.abs(whole)).mean() > 0.5


def test_differentiable_life_is_the_life_that_is_scored() -> None:
    """In float32 the unrolled life makes the very outputs, bit for bit, that the loop of lifetimes makes."""
    from inner.life.eager import live

    o = objective("backprop", lifetimes=3)
    setting = o.settings(0)[0]
    lives = setting.task.life_data(setting.tier, setting.steps, setting.batch, o.seed, setting.labels)
    theta = torch.from_numpy(o.genome.decode(vectors(o, 2)))
    result = live(Life(o.learner_in(setting), setting.task, lives, theta, o.seed, setting.labels))
    unroll = Unroll(o.learner_in(setting), setting.task, lives, o.seed, setting.labels)
    each = theta.float().repeat_interleave(len(setting.labels), 0).requires_grad_()
    state, _ = unroll.advance(unroll.begin(each), 0, unroll.steps, each)
    assert all(torch.equal(a, b) for a, b in zip(result.state.weights, state.weights))


PROBES: dict[str, GradientEstimator] = {
    "backprop": backprop.GradientEstimator("test"),
    "forward": forward.GradientEstimator(0, 3, "both", directions=3),
    "persistent": persistent.GradientEstimator(0, 3, window=5, pairs=2),
}


@pytest.mark.parametrize("name", PROBES)
def test_bits_do_not_depend_on_chunks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    o = objective(lifetimes=5)
    x = vectors(o, 7)
    with Evaluator() as serial:
        plain = serial.evaluate(o, x, o.settings(0))
        whole = serial.evaluate(o, x, o.settings(0), PROBES[name])
        assert plain.gradient is None and plain.fitness.tobytes() == whole.fitness.tobytes()
        assert whole.gradient.shape == (2, o.genome.size) and whole.gradient.dtype == np.float64
        for chunk in (1, 6):
            monkeypatch.setattr("outer.evaluators._cuts.CHUNK", chunk)
            cut = serial.evaluate(o, x, o.settings(0), PROBES[name])
            assert cut.gradient.tobytes() == whole.gradient.tobytes()
        monkeypatch.setattr("outer.evaluators._cuts.BYTES", 1)  # lifetimes apart too
        assert serial.evaluate(o, x, o.settings(0), PROBES[name]).gradient.tobytes() == whole.gradient.tobytes()


def test_processes_give_the_bits_of_serial() -> None:
    o = objective(lifetimes=4)
    with Evaluator() as serial, build("evaluator", {"name": "processes", "workers": 1}) as processes:
        for estimator in PROBES.values():
            one, two = (e.evaluate(o, vectors(o, 3), o.settings(0), estimator) for e in (serial, processes))
            assert one.gradient.tobytes() == two.gradient.tobytes() and one.metrics == two.metrics


def test_a_life_without_a_gradient_costs_its_share_only() -> None:
    """The halves sum to the mean over lives; what is not finite is left out and counted; what is long is cut, and counted."""
    each = np.array([[[3.0, 4.0]], [[0.3, 0.4]]]), np.array([[[np.inf, 1.0], [1.0, 0.0]], [[6e200, 8e200], [0.0, 0.0]]])
    shares, health = gather(each, 2.0)
    np.testing.assert_allclose(shares, np.array([[1.2 + 1 + 0.3, 1.6 + 0.4], [1.2, 1.6]]) / 6)
    assert health == {"gradient/failed": 1.0, "gradient/clipped": 2.0}
    assert gather([np.ones((2, 1, 4))], 0.0)[0].shape == (1, 4)


def test_lives_that_explode_leave_a_finite_search() -> None:
    rule = Rule.from_dict({"dw": "g*w + eta*err*pre", "coefficients": {"g": {"init": 0.0, "scale": 4.0}, "eta": 0.05}})
    o = replace(objective(), learner=rule, distribution=Distribution(TASK, (1, 1), (5, 5), (80, 80)))
    x = np.array([[0.0, 1.0], [9.0, 1.0], [600.0, 1.0], [0.0, -0.5]])
    with Evaluator() as serial:
        found = [
            serial.evaluate(o, rows, o.settings(0), PROBES["backprop"]) for rows in (x, x[:1], x[1:2], x[2:3], x[3:])
        ]
    assert all(np.isfinite(each.gradient).all() for each in found) and found[0].metrics["gradient/failed"] >= 2
    assert (found[1].gradient != 0).any() and (found[4].gradient != 0).any() and (found[3].gradient == 0).all()
    np.testing.assert_allclose(found[0].gradient, np.mean([each.gradient for each in found[1:]], 0), rtol=1e-12)


def run(search: str, history: Sequence[object] = (), **options: object) -> list:
    spec = {"name": search, "popsize": 2, "generations": 6, **options}
    with Evaluator() as serial:
        return list(evolve(objective(lifetimes=4), build("search", spec), serial, history))


@pytest.mark.parametrize(
    "search, options",
    [
        ("gradient", {}),
        ("gradient", {"hypernetwork": 4, "popsize": 1}),
        ("pes", {"window": 4}),
        ("forward_gradient", {}),
    ],
)
def test_health_is_logged_and_resume_is_exact(search: str, options: dict) -> None:
    whole = run(search, **options)
    for g in whole:
        assert g.metrics["gradient/norm"] > 0 and abs(g.metrics["gradient/cosine_halves"]) <= 1
        assert ("gradient/cosine_es" in g.metrics) == (len(g.candidates) > 1)
        assert g.metrics["gradient/failed"] == 0
    running = build("search", {"name": search, **options}).start(np.zeros(3), 0)
    assert running.cost == 1 + running.estimator().cost > 2, "a gradient life counts what it costs"
    rest = run(search, whole[:3], **options)
    assert all(a.same_bits(b) for a, b in zip(whole[3:], rest))
    timeless = [[{k: v for k, v in g.metrics.items() if k != "seconds"} for g in gs] for gs in (whole[3:], rest)]
    assert timeless[0] == timeless[1]
    blind = [replace(g, gradient=None) for g in whole[:3]]
    with pytest.raises(ValueError, match="does not replay"):
        run(search, blind, **options)


@pytest.mark.parametrize(
    "option, value", [("loss", "tset"), ("sigma", 0.0), ("lr", -1.0), ("popsize", 3), ("clip", -1)]
)
@pytest.mark.parametrize("search", ["gradient", "pes", "forward_gradient"])
def test_refuses_options_that_cannot_work(search: str, option: str, value: object) -> None:
    with pytest.raises(ValueError, match=option) as caught:
        build("search", {"name": search, option: value})
    assert "\n" not in str(caught.value)


LAYERED = {"a": {"share": "layer"}, "c": {"share": "neuron"}, "b": {"share": "layer", "init": 0.01}, "d": 0.02}


def layered() -> LearnerObjective:
    """Two layers of synapses: a and b have a value in each, c one per unit, d one."""
    rule = Rule.from_dict({"dw": "a*err*pre + b*post*pre + c*w + d*err", "coefficients": LAYERED})
    return LearnerObjective(rule, Distribution(TASK, (1, 1), (4, 4), (12, 12), 2), 1, 2)


@pytest.mark.parametrize("with_layers", [False, True])
def test_hypernetwork_pulls_gradients_back(with_layers: bool) -> None:
    """The pulled gradient against central differences of what the network writes; it starts at the origin."""
    from inner.random import stream
    from outer.hypernetwork import Hypernetwork

    layers = [(0, 0), (0, 1), (1, -1), (1, -1), (2, 0), (2, 1)] if with_layers else ()
    network = Hypernetwork.of(np.arange(6.0), 3, 4, seed=0, layers=layers)
    start = network.start(0)
    np.testing.assert_array_equal(network.write(start), np.arange(6.0))
    weights, slope = start + 0.3 * stream(0, "w").standard_normal(start.size), stream(0, "g").standard_normal(6)
    expected = [
        float(slope @ (network.write(weights + 1e-6 * e) - network.write(weights - 1e-6 * e))) / 2e-6
        for e in np.eye(start.size)
    ]
    np.testing.assert_allclose(network.pull(weights, slope), expected, rtol=1e-6, atol=1e-8)


def test_hypernetwork_reads_the_code_of_the_coefficient_and_of_the_layer() -> None:
    """Entries of a coefficient share its code, entries of a layer that of the layer; the others have a code each."""
    o = layered()
    layers, names_ = o.genome.layers(), o.genome.names
    running = build("search", {"name": "gradient", "hypernetwork": 4, "codes": 3}).start(o.genome.start(), 0)
    assert running.network.codes.shape == (o.genome.size, 3)
    running.set_layers(layers)
    code = dict(zip(names_, running.network.codes))
    assert {len(row) for row in code.values()} == {6}
    assert (code["a[0]"][:3] == code["a[1]"][:3]).all() and (code["a[0]"][3:] == code["b[0]"][3:]).all()
    assert (code["a[1]"][3:] == code["b[1]"][3:]).all() and (code["a[0]"][3:] != code["a[1]"][3:]).all()
    others = [row for name, row in code.items() if name[0] in "cd"]
    assert len(others) == 8 and not np.any([row[3:] for row in others])
    assert len({tuple(row[:3]) for row in code.values()}) == len(others) + 2
    assert LearnerObjective(RULE, Distribution(TASK), 1, 2).genome.layers() == ()


def test_gradient_through_the_hypernetwork_of_layers() -> None:
    """Of the loss of whole lives with respect to the hypernetwork's weights, against central differences."""
    o = layered()
    running = build("search", {"name": "gradient", "hypernetwork": 4}).start(o.genome.start(), 0)
    running.set_layers(o.genome.layers())
    network = running.network
    weights = running.weights + 0.05 * np.sin(np.arange(running.weights.size))
    life = backprop.GradientEstimator("test", double=True).gradient(
        o, network.write(weights)[None], range(1), o.settings(0)[0]
    )
    got = network.pull(weights, np.asarray(life).reshape(-1, o.genome.size)[0])

    def loss(w: np.ndarray) -> float:
        return float(losses(o, network.write(w), "test")[0])

    shifts = 1e-5 * np.eye(weights.size)[:: weights.size // 12]
    expected = [(loss(weights - e) - loss(weights + e)) / 2e-5 for e in shifts]
    np.testing.assert_allclose(got[:: weights.size // 12], expected, rtol=1e-4, atol=1e-7)
