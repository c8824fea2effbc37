"""The battery that every pathway in inner/pathways must pass because it exists: shapes, addresses, and what it declares."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch import Tensor

from inner import axes
from inner.components import build, load, names
from inner.criteria import CLASSES
from inner.engines.choice import choose, live
from inner.engines.native import head
from inner.engines.native.compiler import problem
from inner.learners.base import KNOWLEDGE, Spec
from inner.learners.local_rule import Learner
from inner.life.request import Life, Result
from inner.networks.mlp import Network
from inner.noise import Noise
from inner.pathways.base import Delivery, Pathway
from inner.random import stream
from inner.rules.rule import Rule
from inner.tasks.base import Task

VARIANTS: dict[str, Any] = {
    "local_loss-sim": {"name": "local_loss", "loss": "sim"},
    "local_loss-predsim": {"name": "local_loss", "loss": "predsim", "mix": 0.7},
    "synthetic-label": {"name": "synthetic", "label": True, "hidden": 4},
    "fixed_prediction-few": {"name": "fixed_prediction", "iterations": 2, "speed": 0.4},
}
PATHWAYS = [*names("pathway"), *VARIANTS]
SIZES = (4, 6, 5, 3)
B = 3
LABELS = (("pathway", 3), ("pathway", 4), ("pathway", "3"))
NETWORK = Network(hidden=SIZES[1:-1])
THETA = torch.tensor([[0.0], [0.05], [0.1]], dtype=torch.float64)


def made(name: str) -> Pathway:
    return cast(Pathway, build("pathway", VARIANTS.get(name, name)))


def ruled(dw: str, name: str) -> Rule:
    return Rule.from_dict({"dw": dw, "pathway": VARIANTS.get(name, name)})


def normal(*shape: int, label: str) -> Tensor:
    return torch.from_numpy(stream(0, "pathways", label).standard_normal(shape)).float()


def delivery(pathway: Pathway) -> Delivery:
    """One step of three networks: everything that a pathway may look at, and errors of all layers above the input."""
    weights = [normal(3, i, o, label=f"w{i}{o}") for i, o in zip(SIZES, SIZES[1:])]
    x = normal(3, B, SIZES[0], label="x")
    record, _ = NETWORK.forward(weights, x, "softmax")
    y = torch.eye(SIZES[-1])[torch.tensor([0, 2, 1])].expand(3, B, -1)
    err = {u: normal(3, B, units, label=f"err{u}") for u, units in enumerate(SIZES) if u > 0}
    noise = [normal(3, B, units, label=f"noise{units}") for units in SIZES[1:]]
    own = pathway.init(SIZES, 0, LABELS)
    heard = {u: normal(3, B, units, label=f"heard{u}") for u, units in enumerate(SIZES) if u > 0}
    return Delivery(
        own, weights, err, y - record.output, normal(3, B, 1, label="reward"), record, y, noise, 0, NETWORK, CLASSES, heard,
        luck=Noise.of(0, LABELS),
    )  # fmt: skip


@pytest.mark.parametrize("name", PATHWAYS)
def test_feedback_has_the_shape_of_its_layer(name: str) -> None:
    pathway = made(name)
    at = delivery(pathway)
    for k in range(len(SIZES) - 2, -1, -1):
        found = pathway.feedback(k, at)
        assert found.shape == (3, B, SIZES[k]) and found.dtype == torch.float32, f"layer {k} of units"
        assert bool(found.isfinite().all())
    trained = pathway.train(at)
    assert [b.shape for b in trained] == [b.shape for b in at.own]
    changes = [0.1 * w for w in at.weights]
    own, weights = pathway.after(tuple(at.own), tuple(w + d for w, d in zip(at.weights, changes)), changes)
    assert [b.shape for b in own] == [b.shape for b in at.own]
    assert [w.shape for w in weights] == [w.shape for w in at.weights]


@pytest.mark.parametrize("name", PATHWAYS)
def test_own_weights_are_addressed(name: str) -> None:
    pathway, before = made(name), torch.random.get_rng_state()
    own = pathway.init(SIZES, 0, LABELS)
    assert torch.equal(before, torch.random.get_rng_state()), "draws from the global generator"
    assert all(b.shape[0] == len(LABELS) and b.dtype == torch.float32 for b in own)
    for n, label in enumerate(LABELS):
        assert all(torch.equal(b[n], alone[0]) for b, alone in zip(own, pathway.init(SIZES, 0, [label]), strict=True))
    for b, other in zip(own, pathway.init(SIZES, 1, LABELS), strict=True):
        if name.startswith("synthetic") and not b.any():
            continue  # the last layer of a guess is 0 at birth
        assert not torch.equal(b, other) and not torch.equal(b[0], b[1]) and not torch.equal(b[0], b[2])


def replaced(at: Delivery, network: int) -> Delivery:
    """The same step with other values in one network."""

    def other(value: Any) -> Any:
        if isinstance(value, Tensor) and value.shape[:1] == (3,):
            changed = value.clone()
            changed[network] = 0.5 - changed[network]
            return changed
        if isinstance(value, dict):
            return {key: other(each) for key, each in value.items()}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(other(each) for each in value))
        return type(value)(other(each) for each in value) if isinstance(value, list | tuple) else value

    return cast(Delivery, other(at))


@pytest.mark.parametrize("name", PATHWAYS)
def test_networks_do_not_meet(name: str) -> None:
    pathway = made(name)
    at = delivery(pathway)
    changed = replaced(at, 1)
    for k in range(len(SIZES) - 1):
        one, two = pathway.feedback(k, at), pathway.feedback(k, changed)
        assert torch.equal(one[[0, 2]], two[[0, 2]]), f"layer {k} of units"
    for one, two in zip(pathway.train(at), pathway.train(changed), strict=True):
        assert torch.equal(one[[0, 2]], two[[0, 2]])


@pytest.mark.parametrize("name", PATHWAYS)
def test_it_declares_whether_weights_are_transported(name: str) -> None:
    """All that forward weights do for a pathway that transports none, they do through activities."""
    pathway = made(name)
    at = delivery(pathway)
    turned = at._replace(weights=[-w for w in at.weights])
    moved = any(not torch.equal(pathway.feedback(k, at), pathway.feedback(k, turned)) for k in range(len(SIZES) - 1))
    assert moved == type(pathway).transports
    assert pathway.knows <= set(KNOWLEDGE)
    knows = Learner(ruled("eta*err*pre", name), NETWORK).knows
    assert knows == pathway.knows | {"local"}
    assert ("transported weights" in knows) >= type(pathway).transports


def lived(name: str, theta: Tensor, engine: str = "eager", labels: Any = LABELS) -> Result:
    rule = ruled("eta*(err*pre + 0.1*feedback*post + 0.1*pre_err*w)", name)
    task = cast(Task, build("task", "digits"))
    data = task.life_data("search", 12, 2, 0, labels)
    with torch.no_grad():
        return live(Life(Learner(rule, NETWORK), task, data, theta, 0, labels, (0, 7, 12)), engine)


@pytest.mark.parametrize("name", PATHWAYS)
def test_no_bit_depends_on_company(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lived(name, THETA)
    assert bool(whole.alive.all()) and not torch.equal(whole.state.weights[-1][:3], whole.state.weights[-1][6:])
    order = [2, 0, 1]
    assert torch.equal(whole.curve[order], lived(name, THETA[order]).curve)
    assert torch.equal(whole.curve[:, [2, 0]], lived(name, THETA, labels=(LABELS[2], LABELS[0])).curve)
    monkeypatch.setattr(axes, "CACHED", 1)
    for p in range(3):
        assert torch.equal(whole.curve[p], lived(name, THETA[p : p + 1]).curve[0])


@pytest.mark.parametrize("name", PATHWAYS)
def test_engines_that_have_it_agree_and_the_others_say_so(name: str) -> None:
    own_name = name.partition("-")[0]
    declared = cast(type[Pathway], load("pathway", own_name)).native
    learner, spec = Learner(ruled("eta*err*pre", name), NETWORK), Spec(64, 10, CLASSES, 12, 2)
    if not declared:
        assert choose("auto", learner, spec) == ("eager", f"no kernel for the pathway '{own_name}'")
        with pytest.raises(ValueError, match=f"^engine: native cannot run this: no kernel for the pathway '{own_name}'"):
            lived(name, THETA, "native")
        return
    assert declared in head.PATHWAYS
    if problem():
        pytest.skip(problem())
    one, two = lived(name, THETA), lived(name, THETA, "native")
    for v, w in zip(one.state.weights, two.state.weights, strict=True):
        torch.testing.assert_close(w[3:] - w[:3].repeat(2, 1, 1), v[3:] - v[:3].repeat(2, 1, 1), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", PATHWAYS)
def test_options(name: str) -> None:
    pathway = made(name)
    assert pathway == made(name) and hash(pathway) == hash(made(name))
    own_name = name.partition("-")[0]
    with pytest.raises(ValueError, match=f"^pathway.nonsense: '{own_name}' has no such option[^\n]*$"):
        Rule.from_dict({"dw": "err*pre", "pathway": {"name": own_name, "nonsense": 1}})


@pytest.mark.parametrize("name", PATHWAYS)
def test_it_says_how_much_it_holds_and_no_network_spoils_another(name: str) -> None:
    """A life whose rate is no number ends without a bit of its neighbours; own numbers are as many as declared."""
    pathway = made(name)
    assert sum(b[0].numel() for b in pathway.init(SIZES, 0, LABELS[:1])) == pathway.floats(SIZES)
    ill = THETA.clone()
    ill[1] = float("nan")
    healthy, found = lived(name, THETA), lived(name, ill)
    assert not found.alive[1].any() and bool(found.alive[[0, 2]].all())
    assert torch.equal(found.curve[[0, 2]], healthy.curve[[0, 2]])
    for w, v in zip(found.state.weights, healthy.state.weights, strict=True):
        assert torch.equal(w[:3], v[:3]) and torch.equal(w[6:], v[6:]) and bool(w.isfinite().all())
    assert all(bool(b.isfinite().all()) for b in found.state.own)
