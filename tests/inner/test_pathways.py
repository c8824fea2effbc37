"""Locality: dw of a synapse does not move when a unit that is not adjacent changes; and what each pathway delivers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from inner.components import build, names
from inner.criteria import VALUES
from inner.learners._rule_state import State
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.networks.mlp import Network
from inner.noise import Noise
from inner.pathways.base import Delivery
from inner.random import stream
from inner.rules.rule import Rule
from inner.rules.signals import SIGNALS

SIZES = (4, 5, 4, 3)
EXPLORING = ("noise", "surprise", "action")  # have tests of their own: test_exploring_signals.py
AT_ONCE = {name: signal for name, signal in SIGNALS.items() if not signal.before and name not in EXPLORING}
LOCAL = [name for name, signal in AT_ONCE.items() if signal.locality == "local"]
FAR_SIGNALS = [name for name, signal in AT_ONCE.items() if signal.locality != "local"]
HEARS = ("err", "feedback", "pre_err")
WATCHED = (1, 0, 0)  # layer of synapses k, unit i, unit j


def numbers(*shape: int, label: str) -> Tensor:
    return torch.from_numpy(stream(11, "locality", label).standard_normal(shape)).float()


def prepared(pathway: str) -> tuple[Learner, State, Tensor, Tensor]:
    """Networks 4-5-4-3 with linear outputs in which the last unit of every layer has no path to the watched synapse.

    Unit 4 of the first hidden layer sends nothing up; unit 3 of the second sends nothing up, and no feedback from it
    reaches unit 0 below; output 2 sends feedback to unit 3 of the second hidden layer only.
    """
    learner = Learner(Rule("pre", pathway=pathway), Network(hidden=SIZES[1:-1]))
    state = learner.init(Spec(SIZES[0], SIZES[-1], VALUES), torch.zeros(2, 0), 1, 0, (("a",), ("b",)))
    weights = [w.clone() for w in state.weights]
    weights[1][:, -1, :] = 0
    weights[2][:, -1, :] = 0
    own = [b.clone() for b in state.own]
    if own:
        own[1][:, -1, 0] = 0
        own[2][:, -1, :-1] = 0
    ready = replace(state, weights=tuple(weights), own=tuple(own))
    return learner, ready, numbers(2, 3, SIZES[0], label="x"), numbers(2, 3, SIZES[-1], label="y")


def disturbances(state: State, y: Tensor) -> dict[str, tuple[State, Tensor]]:
    """Name -> the same networks after something changed that the watched synapse must not see."""

    def changed(values: tuple[Tensor, ...], k: int, where: tuple) -> tuple[Tensor, ...]:
        copy = [v.clone() for v in values]
        copy[k][where] += 0.7
        return tuple(copy)

    every = slice(None)
    found = {
        "a unit of the layer below": replace(state, weights=changed(state.weights, 0, (every, every, -1))),
        "a unit of the layer above": replace(state, weights=changed(state.weights, 1, (every, every, -1))),
        "an output unit": replace(state, weights=changed(state.weights, 2, (every, every, -1))),
    }
    if state.own:
        found["feedback to other units of its layer"] = replace(
            state, own=changed(state.own, 2, (every, every, slice(-1, None)))
        )
        found["feedback to other units below"] = replace(
            state, own=changed(state.own, 1, (every, every, slice(1, None)))
        )
    result = {name: (other, y) for name, other in found.items()}
    told = y.clone()
    told[..., -1] += 0.7
    return result | {"the target of an output unit": (state, told)}


def moved(signal: str, pathway: str) -> tuple[dict[str, bool], bool]:
    """Per disturbance, whether dw of the watched synapse changed by one bit; and whether any dw anywhere did."""
    learner, state, x, y = prepared(pathway)
    learner = replace(learner, rule=Rule(f"{signal} + 0.1*tanh({signal})", pathway=pathway))
    k, i, j = WATCHED
    before = learner.changes(state, x, y)[0]
    result, any_moved = {}, False
    for name, (other, told) in disturbances(state, y).items():
        after = learner.changes(other, x, told)[0]
        result[name] = not torch.equal(before[k][:, i, j], after[k][:, i, j])
        any_moved = any_moved or any(not torch.equal(a, b) for a, b in zip(before, after))
    return result, any_moved


@pytest.mark.parametrize("signal", LOCAL)
def test_local_signals_do_not_see_units_that_are_not_adjacent(signal: str) -> None:
    result, any_moved = moved(signal, "random" if signal in HEARS else "none")
    assert any_moved, "no disturbance changed anything: the test has no power"
    assert result == dict.fromkeys(result, False)


@pytest.mark.parametrize("pathway", ["direct", "learned"])
@pytest.mark.parametrize("signal", HEARS)
def test_errors_through_other_feedback_weights_stay_local(signal: str, pathway: str) -> None:
    """As above for pathways with weights of their own; `direct` reaches both hidden layers from the output at once."""
    learner, state, x, y = prepared(pathway)
    if pathway == "direct":
        own = [b.clone() for b in state.own]
        own[1][:, -1, 0] = own[2][:, -1, 0] = 0
        state = replace(state, own=tuple(own))
    learner = replace(learner, rule=Rule(signal, pathway=pathway))
    k, i, j = WATCHED
    before = learner.changes(state, x, y)[0][k][:, i, j]
    assert float(before.abs().min()) > 0
    for name, (other, told) in disturbances(state, y).items():
        assert torch.equal(before, learner.changes(other, x, told)[0][k][:, i, j]), name


HEARD = {  # the layer-wide signals: whose change they notice, at the watched synapse; others: some unit's
    "recon": "a unit of the layer above",
    "reward": "an output unit",
    "pre_sum": "a unit of the layer below",
    "post_sum": "a unit of the layer above",
    "drive_err": "feedback to other units of its layer",
    "recon_err": "a unit of the layer above",
}


CLOCK = [name for name in FAR_SIGNALS if SIGNALS[name].per_step]  # no unit has a say in what time it is
OUTPUT = [name for name in FAR_SIGNALS if SIGNALS[name].output_only]  # 0 at the watched synapse of a hidden layer


@pytest.mark.parametrize("signal", [name for name in FAR_SIGNALS if name not in ("recon_ordered", *CLOCK, *OUTPUT)])
def test_signals_flagged_as_wider_do_see_further(signal: str) -> None:
    """The disturbances have teeth: `recon` hears another unit of the layer above, `reward` the whole network."""
    heard = HEARD.get(signal, "")
    result, _ = moved(signal, "random" if heard.startswith("feedback") or "err" in signal else "none")
    assert result[heard] if heard else any(result.values())


@pytest.mark.parametrize("signal", [name for name in FAR_SIGNALS if SIGNALS[name].locality == "layer"])
def test_layer_signals_see_their_own_layer_only(signal: str) -> None:
    """A sum over a layer of synapses does not move when a unit of a layer that is not adjacent to it changes."""
    learner, state, x, y = prepared("random")
    learner = replace(learner, rule=Rule(signal, pathway="random"))
    before = learner.changes(state, x, y)[0]
    weights = [w.clone() for w in state.weights]
    weights[2][:, :, 0] += 0.7  # an output unit; hidden units hear through fixed feedback weights, and err there is 0
    quiet = learner.network.forward(state.weights, x, "linear")[0].output
    loud = learner.network.forward(tuple(weights), x, "linear")[0].output
    first = learner.changes(state, x, quiet)[0][0]
    again = learner.changes(replace(state, weights=tuple(weights)), x, loud)[0][0]  # the same errors: none
    assert torch.equal(first, again)
    assert not torch.equal(
        before[2], learner.changes(replace(state, weights=tuple(weights)), x, y)[0][2]
    ) or SIGNALS[signal].needs == ("pre",)


@pytest.mark.parametrize("unit, heard", [(0, True), (1, True), (2, True), (3, False)])
def test_ordered_recon_hears_the_units_before_its_own(unit: int, heard: bool) -> None:
    """Synapse (0, 2) of the second layer hears units 0, 1 and 2 of the layer above, not unit 3."""
    learner, state, x, y = prepared("none")
    learner = replace(learner, rule=Rule("recon_ordered"))
    weights = [w.clone() for w in state.weights]
    weights[1][:, 1, unit] += 0.7
    before, after = (learner.changes(s, x, y)[0][1][:, 0, 2] for s in (state, replace(state, weights=tuple(weights))))
    assert torch.equal(before, after) != heard


def test_weight_transport_is_seen() -> None:
    """Backpropagation reads forward weights of other units: a change of w alone moves err below."""
    learner, state, x, y = prepared("backprop")
    learner = replace(learner, rule=Rule("feedback", pathway="backprop"))
    weights = [w.clone() for w in state.weights]
    before = learner.changes(state, x, torch.zeros_like(y))[0][1]
    weights[2] = -weights[2]  # err_out and w change sign together: feedback under transport is what it was
    after = learner.changes(replace(state, weights=tuple(weights)), x, torch.zeros_like(y))[0][1]
    torch.testing.assert_close(after, before)
    fixed = replace(learner, rule=Rule("feedback", pathway="random"))
    own = prepared("random")[1].own
    before = fixed.changes(replace(state, own=own), x, torch.zeros_like(y))[0][1]
    after = fixed.changes(replace(state, own=own, weights=tuple(weights)), x, torch.zeros_like(y))[0][1]
    torch.testing.assert_close(after, -before)


@pytest.mark.parametrize("pathway", names("pathway"))
def test_shape_of_what_a_pathway_delivers(pathway: str) -> None:
    """[N, B, units] at every layer below the output, and feedback weights addressed by label alone."""
    component = build("pathway", pathway)
    labels = [("a",), ("b",)]
    own = component.init(SIZES, 5, labels)
    alone = component.init(SIZES, 5, labels[1:])
    other = component.init(SIZES, 6, labels)
    assert all(b.shape[0] == len(labels) for b in own)
    for b, c, d in zip(own, alone, other):
        assert torch.equal(b[1:], c)
        assert pathway == "synthetic" or not torch.equal(b, d) and not torch.equal(b[0], b[1])
    weights = [numbers(2, i, o, label=f"{i}{o}") for i, o in zip(SIZES, SIZES[1:])]
    err_out, reward = numbers(2, 3, SIZES[-1], label="out"), numbers(2, 3, 1, label="reward")
    network = Network(hidden=SIZES[1:-1])
    record, _ = network.forward(weights, numbers(2, 3, SIZES[0], label="x"), "linear")
    err = {k: numbers(2, 3, units, label=f"above{k - 1}") for k, units in enumerate(SIZES) if k}
    heard = {k: numbers(2, 3, units, label=f"heard{k - 1}") for k, units in enumerate(SIZES) if k}
    y, luck = numbers(2, 3, SIZES[-1], label="y"), Noise.of(5, labels)
    at = Delivery(own, weights, err, err_out, reward, record, y, None, 0, network, VALUES, heard, luck=luck)
    for k in range(len(SIZES) - 1):
        got = component.feedback(k, at)
        assert got.shape == (2, 3, SIZES[k])
        silent = {"none": True, "synthetic": k > 0, "local_loss": k == 0}.get(pathway, False)  # synthetic: at birth
        assert bool((got == 0).all()) == silent


@pytest.mark.parametrize("pathway", ["random", "direct", "learned"])
def test_feedback_weights_keep_the_size_of_an_error(pathway: str) -> None:
    """Entries are N(0, 1 / units above): 20,000 draws put mean and variance within 5 standard errors."""
    sizes = (100, 200, 10)
    own = build("pathway", pathway).init(sizes, 1, [("a",), ("b",)])
    for k, b in enumerate(own):
        above = sizes[-1] if pathway == "direct" else sizes[k + 1]
        assert b.shape == (2, above, sizes[k])
        scaled, n = b * math.sqrt(above), b.numel()
        assert abs(float(scaled.mean())) < 5 / math.sqrt(n)
        assert abs(float(scaled.var()) - 1) < 5 * math.sqrt(2 / n)


def test_learned_feedback_meets_the_forward_weights() -> None:
    """Kolen & Pollack: the difference w - B^T shrinks by (1 - decay) a step, whatever the changes are."""
    component = build("pathway", {"name": "learned", "decay": 0.1})
    weights = tuple(numbers(2, i, o, label=f"kp{i}{o}") for i, o in zip(SIZES, SIZES[1:]))
    own = component.init(SIZES, 0, [("a",), ("b",)])
    gaps = [w - b.transpose(1, 2) for w, b in zip(weights, own)]
    for t in range(5):
        changes = [numbers(*w.shape, label=f"change{t}") for w in weights]
        own, weights = component.after(own, tuple(w + dw for w, dw in zip(weights, changes)), changes)
    for gap, w, b in zip(gaps, weights, own):
        torch.testing.assert_close(w - b.transpose(1, 2), gap * 0.9**5, rtol=1e-4, atol=1e-5)
