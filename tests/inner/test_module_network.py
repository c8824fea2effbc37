"""A user's torch module as a network: the same lives as the project's own perceptron, and what it cannot be is refused."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor

from inner.components import build, trusting
from inner.criteria import VALUES
from inner.engines.choice import choose
from inner.learners.local_rule import Learner
from inner.life.eager import live
from inner.life.request import Life
from inner.life.unroll import Unroll
from inner.networks import mlp
from inner.networks.module import Network
from inner.rules.rule import Rule
from inner.spec import Spec
from inner.tasks import linear

FACTORIES = """
import torch
from torch import nn

def deep(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 7), nn.Tanh(), nn.Linear(7, 6), nn.Tanh(), nn.Linear(6, outputs))

class Backwards(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.last, self.middle, self.first = nn.Linear(6, outputs), nn.Linear(7, 6), nn.Linear(inputs, 7)

    def forward(self, x):
        return self.last(torch.tanh(self.middle(torch.tanh(self.first(x)))))

class Stem(nn.Module):
    "Frozen random features before the layers that learn."
    def __init__(self, inputs, outputs):
        super().__init__()
        self.stem = nn.Parameter(torch.randn(inputs, 9), requires_grad=False)
        self.body = nn.Sequential(nn.Linear(9, 8), nn.GELU(), nn.Dropout(0.5), nn.Linear(8, outputs))

    def forward(self, x):
        return self.body(torch.relu(x @ self.stem))

def frozen(inputs, outputs):
    net = deep(inputs, outputs)
    net[0].weight.requires_grad_(False)
    return net

class Unused(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.one, self.two = nn.Linear(inputs, outputs), nn.Linear(3, 3)

    def forward(self, x):
        return self.one(x)

class Branching(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.one, self.two = nn.Linear(inputs, 4), nn.Linear(4, outputs)

    def forward(self, x):
        h = self.one(x)
        return self.two(torch.where(h > 0, h, 0.1 * h) if bool((h > -1e9).any()) else h)

def softened(inputs, outputs): return nn.Sequential(nn.Linear(inputs, outputs), nn.Softmax(1))
def normed(inputs, outputs): return nn.Sequential(nn.Linear(inputs, 4), nn.LayerNorm(4), nn.Linear(4, outputs))
def mixing(inputs, outputs): return nn.Sequential(nn.Linear(inputs, 4), nn.Softmax(1), nn.Linear(4, outputs))
def narrow(inputs, outputs): return nn.Linear(inputs, outputs + 1)
def none(inputs, outputs): return nn.Tanh()
number = 3
"""
LABELS = [("m", n) for n in range(3)]
TASK = linear.Task(inputs=5, outputs=3)


@pytest.fixture(scope="module", autouse=True)
def own_modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder: Path = tmp_path_factory.mktemp("own")
    (folder / "own_modules.py").write_text(FACTORIES)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    yield
    sys.path.remove(str(folder))
    sys.modules.pop("own_modules", None)


def lived(network: Network | mlp.Network, rule: Rule, batch: int = 4) -> tuple[Tensor, ...]:
    """Final weights of two candidates' lives of 30 steps."""
    data = TASK.life_data("search", 30, batch, 0, LABELS)
    theta = torch.tensor([[0.1] * len(rule.coefficients), [0.05] * len(rule.coefficients)])
    result = live(Life(Learner(rule, network), TASK, data, theta, 0, LABELS, record=(0, 30)))
    assert bool(result.alive.all())
    return cast(tuple[Tensor, ...], result.state.weights)


@pytest.mark.parametrize("factory", ["deep", "Backwards"])
@pytest.mark.parametrize(
    "rule",
    [
        Rule("a*err*pre + b*slope*post*pre - 0.1*c*recon*post", pathway="backprop"),
        Rule("a*surprise*pre*noise + b*e*err", {"e": "0.5*e + pre*post"}, pathway="random", noise=0.2),
        Rule("a*err*pre", pathway="learned"),
    ],
    ids=["signals", "noise", "learned"],
)
def test_it_lives_as_the_projects_own_perceptron(factory: str, rule: Rule) -> None:
    own = lived(Network(factory=f"own_modules.{factory}"), rule)
    plain = lived(mlp.Network((7, 6), bias=True), rule)
    born = mlp.Network((7, 6), bias=True).init(5, 3, 0, LABELS)
    for a, b, start in zip(own, plain, born, strict=True):
        start = start.repeat(2, 1, 1)
        torch.testing.assert_close(a - start, b - start, rtol=2e-3, atol=1e-5)
        assert (b - start).abs().max() > 1e-3


def test_frozen_parts_stay_as_the_factory_made_them_and_are_the_same_every_time() -> None:
    network = Network(factory="own_modules.Stem")
    assert network.sizes(5, 3) == (9, 8, 3), "the layers that learn begin behind the stem"
    before = torch.random.get_rng_state()
    first, stem = lived(network, Rule("a*err*pre")), network.plan(5, 3).module.stem.clone()
    assert torch.equal(before, torch.random.get_rng_state())
    importlib.reload(sys.modules["own_modules"])
    again = lived(network, Rule("a*err*pre"))
    assert torch.equal(network.plan(5, 3).module.stem, stem)
    assert all(torch.equal(a, b) for a, b in zip(first, again)), "no dropout, no draw but the addressed ones"


def test_lives_are_differentiated_through_the_module() -> None:
    learner = Learner(Rule("a*err*pre - b*w", pathway="backprop"), Network(factory="own_modules.deep"))
    unroll = Unroll(learner, TASK, TASK.life_data("search", 5, 2, 0, LABELS), 0, LABELS)

    def loss(theta: Tensor) -> Tensor:
        return unroll.advance(unroll.begin(theta), 0, 5, theta)[1].sum()

    theta = torch.tensor([[0.3, 0.02]] * 3, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(loss(theta), theta)
    for d in range(2):
        step = torch.zeros(3, 2, dtype=torch.float64)
        step[:, d] = 1e-5
        with torch.no_grad():
            slope = (loss(theta + step) - loss(theta - step)) / 2e-5
        torch.testing.assert_close(gradient[:, d].sum(), slope, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("own_modules.frozen", "module: '0.weight' is frozen, expected every nn.Linear layer to learn"),
        ("own_modules.Unused", "module: expected every nn.Linear layer to run in a forward pass"),
        ("own_modules.Branching", "module: torch.vmap cannot run it: "),
        ("own_modules.softened", "module: expected it to end with nn.Linear: output units are the network's option"),
        ("own_modules.normed", "module: '1.weight' is a parameter outside nn.Linear layers"),
        ("own_modules.mixing", "module: expected an elementwise activation between nn.Linear 0 and 1"),
        ("own_modules.narrow", "module: expected 3 outputs, got 4"),
        ("own_modules.none", "module: expected at least one nn.Linear layer"),
        ("own_modules.number", "network.factory: expected a function, 'own_modules.number' is int"),
        ("own_modules.deeep", "factory: module 'own_modules' has no 'deeep' (did you mean 'deep'?)"),
        ("own_moduls.deep", "factory: no module named 'own_moduls' can be imported"),
    ],
)
def test_what_cannot_be_a_network_is_refused_in_one_line(factory: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        cast(Network, build("network", {"name": "module", "factory": factory})).sizes(5, 3)
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


def test_a_stored_document_needs_consent_for_its_factory() -> None:
    network = Network(factory="own_modules.deep")
    network.plan(5, 3)  # known already
    with trusting([]), pytest.raises(ValueError, match="'own_modules.deep' is a module outside the project"):
        network.plan(5, 3)
    with trusting(["own_modules.deep"]):
        assert network.sizes(5, 3) == (5, 7, 6, 3)


def test_it_is_eager_and_says_what_learns() -> None:
    network = Network(factory="own_modules.deep")
    assert choose("auto", Learner(Rule("a*pre"), network), Spec(5, 3, VALUES))[0] == "eager"
    assert "nn.Linear layers learn" in network.learns and mlp.Network().learns == ""
