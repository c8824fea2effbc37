"""What a learner says that a step costs, against passes and products that are counted while it takes one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from inner.components import names
from inner.criteria import CLASSES
from inner.learners.base import Learner, Spec
from inner.networks import mlp
from inner.papers import cited
from inner.pathways.none import Pathway as NoPathway
from inner.pathways.reward import Pathway as Reward
from metalearn.config import library

N, BATCH, INPUTS, OUTPUTS = 2, 8, 20, 20
NETWORK = mlp.Network(hidden=(20,) * 6, bias=False)
SPEC = Spec(INPUTS, OUTPUTS, CLASSES, 10, BATCH, False)
PASSES = {  # by hand: what the equations of each say
    "backprop": 2, "feedback_alignment": 2, "direct_feedback_alignment": 2, "hebb": 1, "oja": 1, "readout_alone": 1,
    "node_perturbation": 2, "reward_hebb": 1, "backprop_adam": 2, "muon": 2, "foof": 2, "fletcher_reeves": 4,
    "weight_perturbation": 2, "forward_gradient": 2, "forward_differences": 2, "spsa": 3, "mutate_or_revert": 2,
    "metropolis": 2, "alopex": 2, "alopex_b": 2, "evolution_strategies_1": 3,
}  # fmt: skip


@dataclass
class Counted:
    """Samples that went forward or back through a network, in passes of one step."""

    forward: float = 0.0
    tangents: float = 0.0
    back: set[tuple[int, int]] = field(default_factory=set)  # backward sweeps: the forward pass before, and the layer

    @property
    def passes(self) -> float:
        """All of them."""
        layers = len(NETWORK.hidden)
        return self.forward + self.tangents + len(self.back) / layers


@contextmanager
def counted(learner: Learner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    """Counts every sample that goes through the network, and every layer that is sent something back."""
    found = Counted()
    pathway = getattr(learner.lives_as, "pathway", None) or getattr(getattr(learner.lives_as, "inner", None), "pathway", None)

    def seen(real: Any) -> Any:
        def run(self: mlp.Network, weights: Any, x: Tensor, *rest: Any, **more: Any) -> Any:
            found.forward += x.shape[0] * x.shape[1] / (N * BATCH)
            if torch.autograd.forward_ad.unpack_dual(weights[0]).tangent is not None:
                found.tangents += x.shape[0] * x.shape[1] / (N * BATCH)
            return real(self, weights, x, *rest, **more)

        return run

    with monkeypatch.context() as patch:
        for name in ("forward", "outputs"):
            patch.setattr(mlp.Network, name, seen(getattr(mlp.Network, name)))
        if pathway is not None and not isinstance(pathway, NoPathway | Reward):
            real = type(pathway).feedback

            def back(self: Any, k: int, at: Any) -> Tensor:
                found.back.add((int(found.forward), k))
                return cast(Tensor, real(self, k, at))

            patch.setattr(type(pathway), "feedback", back)
        yield found


def step(learner: Learner) -> Any:
    """A life's first two steps; returns one that takes the third."""
    labels = [("passes", n) for n in range(N)]
    theta = torch.tensor([[c.init for c in learner.coefficients]] * N)
    random = torch.Generator().manual_seed(0)
    x = torch.randn(N, BATCH, INPUTS, generator=random)
    y = torch.nn.functional.one_hot(torch.arange(BATCH) % OUTPUTS, OUTPUTS).float().expand(N, -1, -1)
    own = learner.lives_as
    with torch.no_grad():
        state = own.init(SPEC, theta, 1, 0, labels)
        for t in range(2):
            state, _ = own.step(state, x, y, t)

    def run() -> None:
        with torch.no_grad():
            own.step(state, x, y, 2)

    return run


@pytest.mark.parametrize("name", PASSES)
def test_passes_are_those_that_a_step_makes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = library.learner(name).on(NETWORK)
    run = step(learner)
    with counted(learner, monkeypatch) as found:
        run()
    assert learner.cost(SPEC).passes == found.passes == PASSES[name]


class Products(TorchDispatchMode):
    """Multiply-adds of matrix products."""

    def __init__(self) -> None:
        super().__init__()
        self.done = 0.0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = function(*args, **(kwargs or {}))
        name = function.overloadpacket.__name__
        if name in ("mm", "bmm"):
            self.done += found.numel() * args[0].shape[-1]
        elif name in ("addmm", "baddbmm"):
            self.done += found.numel() * args[1].shape[-1]
        return found


@pytest.mark.parametrize("name", [*PASSES, *(name for name in names("learner") if name not in (*PASSES, "local_rule"))])
def test_multiply_adds_are_those_of_its_products(name: str) -> None:
    assert_products(library.learner(name))


PATHWAYS = ["weight_mirror", "synthetic", "difference_target", "fixed_prediction", "local_loss", "target_projection"]


@pytest.mark.parametrize("pathway", [*PATHWAYS, {"name": "local_loss", "loss": "predsim"}], ids=str)
def test_multiply_adds_of_a_pathway_are_those_of_its_products(pathway: Any) -> None:
    rule = {"dw": "eta*err*pre", "pathway": pathway, "coefficients": {"eta": 0.01}}
    assert_products(library.learner({"name": "local_rule", "rule": rule}))


def assert_products(learner: Learner) -> None:
    """Within half and twice: the first layer sends nothing back, and what goes weight by weight is no product."""
    learner = learner.on(NETWORK)
    if why := learner.accepts(SPEC):
        pytest.skip(why)
    run = step(learner)
    with Products() as found:
        run()
    said = learner.cost(SPEC).multiply_adds * BATCH * N
    assert 0.5 < found.done / said < 2.0


def test_a_learner_names_the_papers_that_it_comes_from() -> None:
    assert library.learner("weight_perturbation").source == "Jabri & Flower 1992; Zuege, Klos & Memmesheimer 2023"
    assert library.learner("feedback_alignment").source == "Lillicrap et al. 2016" and library.learner("hebb").source == ""
    assert library.learner("backprop_amsgrad").source == "Reddi, Kale & Kumar 2018"
    assert cited("A step (see there). T falls (Metropolis et al. 1953,\neq. 2; 20000 steps).") == "Metropolis et al. 1953"
    assert cited("An idea of 1999 (eq. 3)") == ""


def test_what_a_pathway_needs_is_known() -> None:
    knows = {name: library.learner(name).knows for name in ("backprop", "feedback_alignment", "node_perturbation")}
    assert knows["backprop"] == {"local", "transported weights"} and knows["feedback_alignment"] == {"local"}
    assert knows["node_perturbation"] == {"local", "network", "two phases"}
    by_reward = library.learner({"name": "local_rule", "rule": {"dw": "eta*err*pre", "pathway": "reward"}})
    assert by_reward.knows == {"local", "network"}
    unused = library.learner({"name": "local_rule", "rule": {"dw": "eta*pre", "pathway": "backprop"}})
    assert unused.knows == {"local"}
