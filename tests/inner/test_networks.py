"""The battery that every network in the folder must pass because it exists."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from inner.components import build, load, names, options_of
from inner.learners.base import Learner as BaseLearner
from inner.learners.local_rule import Learner
from inner.life.eager import live
from inner.life.request import Life
from inner.life.stepper import RecordedStepper, Stepper, unrecorded
from inner.networks.base import BIRTHS, Network
from inner.random import stream
from inner.rules.rule import Rule
from inner.sources import Pool
from inner.tasks.base import LifeData, Task

NEEDED: dict[str, dict[str, Any]] = {"module": {"factory": "own_networks.make"}}  # options without a default
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("mlp", {"hidden": (4, 5), "bias": True, "activation": "relu"}),
    ("elman", {"hidden": (4, 5), "bias": True, "activation": "relu", "recurrent_birth": "identity"}),
    ("module", {"factory": "own_networks.mixed"}),
]
CASES: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in names("network")] + VARIANTS
FACTORIES = """
from torch import nn

def make(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 6), nn.Tanh(), nn.Linear(6, outputs))

def mixed(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 6, bias=False), nn.ReLU(inplace=True), nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, outputs))
"""
LABELS: list[tuple[str | int, ...]] = [("life", 3), ("life", 4), ("life", "3")]
INPUTS, OUTPUTS = 5, 3
TASKS: list[dict[str, Any]] = [
    {"name": "linear", "inputs": INPUTS, "outputs": OUTPUTS},
    {"name": "delayed_xor", "delay": 1, "test": 7},
]
RULES = (
    {"dw": "eta*err*pre", "pathway": "backprop"},
    {"dw": "eta*(surprise*pre*noise + 0.1*e*err)", "noise": 0.1, "traces": {"e": "0.5*e + pre"}},
)


@pytest.fixture(scope="module", autouse=True)
def own_networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A package of the user's own, with factories of torch modules."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_networks.py").write_text(FACTORIES)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    yield
    sys.path.remove(str(folder))
    sys.modules.pop("own_networks", None)


@pytest.fixture(params=CASES, ids=lambda case: "-".join([case[0], *(f"{k}={v}" for k, v in case[1].items())]))
def network(request: pytest.FixtureRequest) -> Network:
    return make(*request.param)


def make(name: str, options: dict[str, Any]) -> Network:
    return cast(Network, build("network", {"name": name, **NEEDED.get(name, {}), **options}))


def normal(*shape: int, label: str = "x") -> Tensor:
    return torch.from_numpy(stream(0, "battery", label).standard_normal(shape, dtype=np.float32))


def weights_of(network: Network, copies: int = 1) -> tuple[Tensor, ...]:
    """[N, I (+ 1), O] per group; biases are no longer 0."""
    born = network.init(INPUTS, OUTPUTS, 0, LABELS)
    moved = [w.repeat(copies, 1, 1) + 0.1 * normal(*w.shape[1:], label=str(k)) for k, w in enumerate(born)]
    return network.wired(tuple(moved))


def test_shapes(network: Network) -> None:
    sizes, wiring = network.sizes(INPUTS, OUTPUTS), network.wiring(INPUTS, OUTPUTS)
    shapes = network.shapes(INPUTS, OUTPUTS)
    assert sizes[0] == INPUTS and sizes[-1] == OUTPUTS and min(sizes) >= 1
    assert {target for _, target in wiring} == set(range(1, len(sizes)))
    assert [pair for pair in wiring if pair[1] == pair[0] + 1] == [(u, u + 1) for u in range(len(sizes) - 1)]
    assert wiring == tuple(sorted(wiring, key=lambda pair: (pair[1], pair[0]))), "in the order in which they act"
    weights = network.init(INPUTS, OUTPUTS, 0, LABELS)
    assert [tuple(w.shape) for w in weights] == [(3, *shape) for shape in shapes]
    record, units = network.forward(weights, normal(3, 7, INPUTS), "softmax")
    for k, ((source, target), (rows, columns)) in enumerate(zip(wiring, shapes, strict=True)):
        assert columns == sizes[target] and rows - sizes[source] in (0, 1)
        assert record.pre[k].shape == (3, 7, rows)
        if rows > sizes[source]:
            assert torch.equal(record.pre[k][..., -1], torch.ones(3, 7)) and not weights[k][:, -1].any()
        assert record.drive[k].shape == record.post[k].shape == (3, 7, columns)
        assert record.slope is None or record.slope[k].shape == (3, 7, columns)
    assert len(record.pre) == len(record.drive) == len(record.post) == len(wiring)
    assert record.output.shape == (3, 7, OUTPUTS) and torch.equal(record.output, record.post[-1])
    rest = network.rest(3, 7, INPUTS, OUTPUTS)
    assert [u.shape for u in units] == [u.shape for u in rest] and all(u.dtype == torch.float32 for u in units)


def test_births_are_addressed(network: Network) -> None:
    weights = network.init(INPUTS, OUTPUTS, 0, LABELS)
    assert all(torch.equal(w, network.wired(weights)[k]) for k, w in enumerate(weights))
    for index, label in enumerate(LABELS):
        alone = network.init(INPUTS, OUTPUTS, 0, [label])
        assert all(torch.equal(w[index], one[0]) for w, one in zip(weights, alone))
    other = network.init(INPUTS, OUTPUTS, 1, LABELS)
    drawn = [k for k, w in enumerate(weights) if not torch.equal(w[0], w[1])]
    assert 0 in drawn and all(not torch.equal(weights[k], other[k]) for k in drawn)
    before = torch.random.get_rng_state()
    network.init(INPUTS, OUTPUTS, 5, LABELS)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("birth", BIRTHS)
@pytest.mark.parametrize("name", [name for name in names("network") if "birth" in options_of(load("network", name))])
def test_births_of_every_kind(name: str, birth: str) -> None:
    """Variances gain^2 / I, 2 gain^2 / I and 2 gain^2 / (I + O); rows or columns at right angles and of length gain."""
    options = {"birth": birth, "gain": 1.5} | (
        {"hidden": (80, 60)} if "hidden" in options_of(load("network", name)) else {}
    )
    network, labels = make(name, options), [("b", n) for n in range(30)]
    sizes = network.sizes(40, 20)
    for (source, target), w in zip(network.wiring(40, 20), network.init(40, 20, 0, labels)):
        rows, columns = sizes[source], sizes[target]
        if target != source + 1:
            continue
        w = w[:, :rows].double()
        if birth == "orthogonal":
            gram = w @ w.mT if rows < columns else w.mT @ w
            torch.testing.assert_close(
                gram, 2.25 * torch.eye(min(rows, columns)).double().expand_as(gram), rtol=0, atol=1e-5
            )
            continue
        variance = 2.25 * {"gaussian": 1 / rows, "he": 2 / rows, "xavier": 2 / (rows + columns)}[birth]
        assert w.square().mean().item() == pytest.approx(variance, rel=5 * math.sqrt(2 / w.numel()))
        assert w.mean().abs() < 5 * math.sqrt(variance / w.numel())
        if birth == "xavier":
            assert w.abs().max() <= math.sqrt(3 * variance) * 1.0001 and w.abs().max() > 0.98 * math.sqrt(3 * variance)
        else:
            assert w.abs().max() > 2 * math.sqrt(3 * variance) or w.numel() < 3000, "no bound: a Gaussian"


def test_fresh_puts_units_to_rest_and_touches_nothing_else(network: Network) -> None:
    weights, x = weights_of(network), normal(3, 4, INPUTS)
    quiet = torch.zeros(3, 4, dtype=torch.bool)
    fresh = quiet.clone()
    fresh[1, 2] = True
    first, units = network.forward(weights, x, "linear", network.rest(3, 4, INPUTS, OUTPUTS), quiet)
    born, _ = network.forward(weights, x, "linear")
    assert torch.equal(born.output, first.output), "() is rest"
    later, _ = network.forward(weights, x, "linear", units, quiet)
    reset, _ = network.forward(weights, x, "linear", units, fresh)
    alone, _ = network.forward(weights, x, "linear", units, None)
    assert torch.equal(reset.output[fresh], born.output[fresh]) and torch.equal(
        reset.output[~fresh], later.output[~fresh]
    )
    assert torch.equal(alone.output, born.output), "samples that stand alone always start at rest"
    assert bool(units) != torch.equal(later.output, first.output)


def test_noise_enters_every_drive_once(network: Network) -> None:
    weights, x = weights_of(network), normal(3, 4, INPUTS)
    sizes, wiring = network.sizes(INPUTS, OUTPUTS), network.wiring(INPUTS, OUTPUTS)
    units = network.forward(weights, x, "linear")[1]
    moving = torch.zeros(3, 4, dtype=torch.bool)
    clean, _ = network.forward(weights, x, "linear", units, moving)
    silent = [torch.zeros(3, 4, size) for size in sizes[1:]]
    same, _ = network.forward(weights, x, "linear", units, moving, silent)
    assert torch.equal(same.output, clean.output)
    for layer in range(1, len(sizes)):
        noise = [*silent]
        noise[layer - 1] = normal(3, 4, sizes[layer], label="noise")
        noisy, _ = network.forward(weights, x, "linear", units, moving, noise)
        for k, (_, target) in enumerate(wiring):
            if target < layer:
                assert torch.equal(noisy.drive[k], clean.drive[k])
            elif target == layer and (network.rest(1, 1, INPUTS, OUTPUTS) or (layer, layer) not in wiring):
                # a layer that settles within the step adds to its own noise
                torch.testing.assert_close(noisy.drive[k] - clean.drive[k], noise[layer - 1], rtol=1e-4, atol=1e-5)
        assert not torch.equal(noisy.output, clean.output)


def life(
    network: Network, task: Task, rule: dict[str, Any], eta: list[float], labels: Any = LABELS, **more: Any
) -> Life:
    data = task.life_data("search", 24, 1 if "traces" in rule else 2, 5, labels)
    return Life(Learner(Rule.from_dict(rule), network), task, data, torch.tensor(eta)[:, None], 5, labels, **more)


@pytest.mark.parametrize("spec", TASKS, ids=lambda spec: spec["name"])
@pytest.mark.parametrize("rule", RULES, ids=["errors", "noise and trace"])
def test_lives_do_not_depend_on_the_others_to_the_bit(
    network: Network, spec: dict[str, Any], rule: dict[str, Any]
) -> None:
    task = cast(Task, build("task", spec))
    eta = [0.02, 0.2, 0.05]
    whole = live(life(network, task, rule, eta, record=(0, 8, 24)))
    born = network.init(task.inputs, task.outputs, 5, LABELS)
    assert bool(whole.alive.all()) and not torch.equal(whole.state.weights[-1][:3], born[-1]), "it learned"
    turned = live(life(network, task, rule, eta[::-1], record=(0, 8, 24)))
    assert torch.equal(whole.curve, turned.curve.flip(0)), "order"
    for p in range(3):
        assert torch.equal(live(life(network, task, rule, [eta[p]], record=(0, 8, 24))).curve[0], whole.curve[p]), (
            "population"
        )
    for index, label in enumerate(LABELS):
        alone = live(life(network, task, rule, eta, [label], record=(0, 8, 24)))
        assert torch.equal(alone.curve[:, 0], whole.curve[:, index]), "lifetimes"
    assert torch.equal(live(life(network, task, rule, eta, record=(0, 8, 24))).curve, whole.curve), "again"


@pytest.mark.parametrize("name", names("learner"))
def test_every_learner_lives_on_it_or_says_why_not(network: Network, name: str) -> None:
    """Its own example, in samples and in sequences; a score does not depend on the other candidate."""
    found = cast(Any, load("learner", name)).example.options
    learner = cast(BaseLearner, build("learner", {"name": name, **found})).on(network)
    start = [c.init or 0.01 for c in learner.coefficients]
    theta = torch.tensor([start, [0.5 * value for value in start]])
    for spec in TASKS:
        task = cast(Task, build("task", spec))
        lives = Life(learner, task, task.life_data("search", 12, 1, 5, LABELS), theta, 5, LABELS)
        if why := learner.accepts(lives.spec):
            assert "\n" not in why
            continue
        both = live(lives)
        assert both.score.shape == (2, 3) and bool(both.score.isfinite().all())
        assert torch.equal(live(replace(lives, theta=theta[1:])).score[0], both.score[1])


@pytest.mark.parametrize("spec", TASKS, ids=lambda spec: spec["name"])
def test_a_life_that_fails_is_data(network: Network, spec: dict[str, Any]) -> None:
    task, rule = cast(Task, build("task", spec)), {"dw": "eta*(w + err*pre)", "pathway": "none"}
    both = live(life(network, task, rule, [1e-3, 1e30]))
    assert bool(both.alive[0].all()) and not bool(both.alive[1].any()) and (both.score[1] == task.worst).all()
    assert torch.equal(live(life(network, task, rule, [1e-3])).score[0], both.score[0])
    assert all(bool(w[3:].eq(0).all()) for w in both.state.weights), "frozen at 0"
    assert all(bool(u[3:].eq(0).all()) for u in both.state.units)


@pytest.mark.parametrize("spec", TASKS, ids=lambda spec: spec["name"])
def test_the_way_of_a_gpu_is_the_same(network: Network, spec: dict[str, Any]) -> None:
    """The step counter as a tensor and states that are copied into place."""
    request = life(network, cast(Task, build("task", spec)), dict(RULES[1]), [0.05])
    learner, criterion = request.learner, request.task.criterion
    assert isinstance(request.data, LifeData)
    source, theta = Pool(request.data), request.theta.expand(3, -1)

    def born() -> Any:
        return learner.init(request.spec, theta, 1, 5, LABELS)

    plain = Stepper(learner, source, born(), 1, criterion)
    copied = RecordedStepper(learner, source, born(), 1, criterion, device="cpu", capture=unrecorded)
    for stepper in (plain, copied):
        stepper.advance(source.steps)
    for a, b in zip(plain.state.weights, copied.state.weights):
        assert torch.equal(a, b) and bool(a.any())


def test_double_precision_gives_the_same_answer(network: Network) -> None:
    weights, x = weights_of(network), normal(3, 4, INPUTS)
    record, units = network.forward(weights, x, "softmax")
    exact, more = network.forward([w.double() for w in weights], x.double(), "softmax")
    assert exact.output.dtype == torch.float64 and all(u.dtype == torch.float64 for u in more)
    torch.testing.assert_close(exact.output.float(), record.output, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", names("network"))
@pytest.mark.parametrize(
    "options, said",
    [
        ({"gian": 1.0}, "network.gian: '{name}' has no such option"),
        ({"gain": -1.0}, "network.gain: expected a number >= 0, got -1.0"),
        ({"gain": math.inf}, "network.gain: expected a number >= 0, got inf"),
        ({"output": "sofmax"}, "network.output: "),
        ({"birth": "xaver"}, "network.birth: unknown name 'xaver' (did you mean 'xavier'?); known: gaussian, "),
        ({"hidden": (3, 0)}, "network.hidden: "),
        ({"activation": "tanhh"}, "'tanhh'"),
        ({"recurrent_birth": "identiy"}, "network.recurrent_birth: unknown name 'identiy' (did you mean 'identity'?)"),
        ({"recurrent_gain": math.nan}, "network.recurrent_gain: expected a number >= 0, got nan"),
        ({"factory": "make"}, "network.factory: expected a dotted name such as package.make, got 'make'"),
    ],
)
def test_wrong_options_are_refused_in_one_line(name: str, options: dict[str, Any], said: str) -> None:
    (key,) = options
    if key not in options_of(load("network", name)):
        said = f"network.{key}: '{name}' has no such option"
    with pytest.raises(ValueError) as caught:
        make(name, options)
    assert said.format(name=name) in str(caught.value) and "\n" not in str(caught.value)


def test_a_config_gives_networks_their_options() -> None:
    """Births, recurrent births and a factory through `metalearn`'s own door, and what learns is said."""
    from metalearn.build import Experiment
    from metalearn.config.load import load as load_config
    from metalearn.runs.engine_line import engine_line

    def experiment(*overrides: str) -> Experiment:
        return Experiment(load_config("digits", ["network.hidden=[6]", *overrides]))

    elman = ("network.name=elman", "network.birth=he", "network.recurrent_birth=identity", "network.recurrent_gain=0.5")
    found = experiment(*elman).network((6,))
    assert found == make("elman", {"hidden": (6,), "birth": "he", "recurrent_birth": "identity", "recurrent_gain": 0.5})
    assert experiment("network.birth=orthogonal").network((6,)) == make("mlp", {"hidden": (6,), "birth": "orthogonal"})
    own = experiment("network.name=module", "network.factory=own_networks.make")
    assert own.network((6,)) == make("module", {})
    said = engine_line(own, own.learner)
    assert said.startswith("engine eager (") and "nn.Linear layers learn" in said
    assert "learn" not in engine_line(experiment(*elman), own.learner).removeprefix("engine eager")
