"""The folded form of a rule: what is left to do at every step, and that none of its short cuts changes a bit."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from inner.axes import CACHED, fold, side_by_side
from inner.components import build
from inner.criteria import CLASSES
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.life import eager as lifetime
from inner.life.request import Life
from inner.life.states import Gathered, tensors_of
from inner.networks.base import NARROW, laid, product
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules.compiled import compiled, sides
from inner.rules.faces import to_torch
from inner.rules.functions import FUNCTIONS
from inner.rules.instructions import ARITHMETIC, operation
from inner.rules.parse import parse
from inner.rules.rule import Rule
from inner.rules.tape import Tape
from inner.sources import Pool, Told

EIGHT = "eta*(c0*post*pre + c1*err*pre + c2*post*err*pre + c3*post**2*w + c4*w + c5*pre + c6*post + c7*err)"
RULES = {
    "folded": Rule(EIGHT, pathway="random"),
    "elementwise": Rule("a*err*pre + b*tanh(c*pre + d*post*w + g) - exp(b*w)*post*0.01", pathway="backprop"),
    "several factors": Rule("a*pre*err + b*pre**2*post + c*pre_err*post + d*recon*post + g*w*pre*post + h*w**2*post"),
    "traces": Rule("a*e*err - c*w + b*f*pre", {"e": "0.9*e + 0.1*pre*post", "f": "g*f + post"}, pathway="learned"),
    "coefficients alone": Rule("a + b*w + c*pre + d*post*(1 + g) + g*reward*pre"),
    "bounded": Rule.from_dict({"dw": "a*err*pre - b*w", "pathway": "sign", "homeostasis": {"max_norm": 0.9}}),
    "per synapse": Rule.from_dict(
        {
            "dw": "a*err*pre + A*err*pre + B*post*pre - C*w",
            "coefficients": {n: {"share": s} for n, s in zip("ABC", ("synapse", "neuron", "layer"))},
        }
    ),
}
LABELS = (("t", 0), ("t", 1))
NETWORK = Network(hidden=(9, 7), bias=True)


def born(rule: Rule, population: int = 3) -> tuple[Learner, object]:
    learner = Learner(rule, NETWORK)
    width = sum(c.share == "rule" for c in rule.coefficients)
    width += {"per synapse": 9 * 13 + 10 * 7 + 8 * 4 + (9 + 7 + 4) + 3}.get(
        next(n for n in RULES if RULES[n] is rule), 0
    )
    rows = torch.from_numpy(stream(2, "rows").standard_normal((population, width)) * 0.05).float()
    return learner, learner.init(Spec(12, 4, CLASSES), rows.repeat_interleave(2, 0), population, 0, LABELS)


def samples(n: int, batch: int, t: int) -> tuple[Tensor, Tensor]:
    x = torch.from_numpy(stream(2, "x", t).standard_normal((n, batch, 12))).float()
    return x, torch.eye(4)[torch.from_numpy(stream(2, "y", t).integers(0, 4, (n, batch)))]


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", RULES)
def test_advancing_is_stepping(name: str, batch: int) -> None:
    """The same bits in the old memory; the functional step leaves the old state alone."""
    learner, one = born(RULES[name])
    _, two = born(RULES[name])
    for t in range(4):
        x, y = samples(6, batch, t)
        before = [tensor.clone() for tensor in tensors_of(one)]
        after, output = learner.step(one, x, y)
        assert all(torch.equal(a, b) for a, b in zip(before, tensors_of(one)))
        assert not torch.equal(after.weights[0], one.weights[0])
        places = [w.data_ptr() for w in two.weights]
        two, same = learner.act(two, x, None, t)
        two = learner.learn(two, Told(y), t, into=True)
        if not learner.follows and name != "bounded":
            assert places == [w.data_ptr() for w in two.weights]
        assert torch.equal(output, same)
        for a, b in zip(tensors_of(after), tensors_of(two), strict=True):
            assert torch.equal(a, b)
        one = after


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("name", ["folded", "elementwise", "traces"])
def test_a_few_at_a_time(name: str, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lives of a population in parts are its lives, to the last bit, and end in one state."""
    task = build("task", "digits")
    learner = Learner(RULES[name], Network(hidden=(9,)))
    lives = task.life_data("search", 12, batch, 0, LABELS)
    rows = torch.from_numpy(stream(3, "rows").standard_normal((7, len(learner.coefficients))) * 0.05)
    args = (learner, task, lives, rows, 0, LABELS, (0, 5), True)
    with torch.no_grad():
        whole = lifetime.live(Life(*args))
        footprint = learner.footprint(Spec(64, 10, CLASSES, 12, batch))
        monkeypatch.setattr("inner.axes.CACHED", 4 * footprint)
        assert side_by_side(footprint, 7, 2) == 2
        parts = lifetime.live(Life(*args))
    for field in ("score", "alive", "curve", "bits"):
        assert torch.equal(getattr(whole, field), getattr(parts, field)), field
    for a, b in zip(tensors_of(whole.state), tensors_of(parts.state), strict=True):
        assert torch.equal(a, b)
    assert whole.score.unique().numel() > 3


def test_how_many_networks_run_side_by_side() -> None:
    assert side_by_side(0, 50, 3) == 50, "networks that must not be parted"
    assert side_by_side(10, 50, 3) == 50 and side_by_side(CACHED // 12, 50, 3) == 4
    assert side_by_side(CACHED // 5, 16, 1) == 4, "four times four, not five and a rest"
    assert side_by_side(10**9, 50, 3) == 1 and side_by_side(10**9, 50, 1) == 2, "never a single network"


def test_every_step_sees_its_own_samples() -> None:
    task = build("task", "digits")
    for lives in (task.life_data("search", 7, 3, 0, LABELS), build("task", "xor").life_data("search", 7, 3, 0, LABELS)):
        own = replace(lives, x=lives.x.clone() + torch.arange(2.0)[:, None, None], y=lives.y.contiguous())
        for data in (lives, own):
            source = Pool(data)
            state = source.begin(3)
            for t in range(7):
                state = source.ready(state, t)
                x = source.observe(state, t).x
                state, told = source.respond(state, t, x)
                at = torch.tensor([t])
                again = (source.observe(state, at).x, source.respond(state, at, x)[1].y)
                assert all(torch.equal(one, two) for one, two in zip((x, told.y), again)), "t as a tensor"
                picks = data.order[:, t]
                for found, pool in zip((x, told.y), (data.x, data.y)):
                    assert torch.equal(found, fold(torch.stack([p[i] for p, i in zip(pool, picks)]), 3))


def test_what_is_left_for_every_step() -> None:
    """The eight terms of one formula: seven operations on units of a layer, each with its sum where it has one."""
    (update,) = compiled(RULES["folded"], added=True)[0].values()
    names = {operation(name): name for name in (*ARITHMETIC, *FUNCTIONS)}
    single = [names[step[0]] for step in update.tape.single]
    assert sorted(single) == ["addcmul"] * 5 + ["multiply"] * 2
    assert sorted(names[step[0]] for step in update.tape.steps if names[step[0]] != "over samples") == sorted(single)
    assert {name for _, name in update.tape.inputs} == {"pre", "post", "w", "err"}
    assert update.rest is None and len(update.plain.pairs) == 1 and not update.scale.pairs


def test_narrow_products_are_added_first() -> None:
    """A sum grows by coefficient * signal while it is small, and by signal * signal last."""
    (update,) = compiled(RULES["folded"], added=True)[0].values()
    sums = [step for step in update.tape.steps if step[0] is operation("addcmul")]
    signals = {r for r, _ in update.tape.inputs} | {step[4] for step in sums}
    wide = [step for step in sums if step[2] in signals and step[3] in signals]
    assert len(wide) == 1 and not any(step[1] == wide[0][4] for step in sums)


@pytest.mark.parametrize(
    "text",
    [
        "a*tanh(b*pre + c) + d*w*post - a*b*exp(c)*(post - pre)**2",
        "a + b*b - 2*post*pre",
        "-a*pre/(1 + b*b) - post",
        "post - a*pre*post",
        "tanh(w*post + pre) + (w*post + pre)*a",
    ],
)
@pytest.mark.parametrize("batch", [1, 5])
def test_a_tape_is_its_formula(text: str, batch: int) -> None:
    expression = parse(text)
    known, fixed = sides(Rule("pre*post")), frozenset("abcd")
    tape = Tape.of([expression, expression * 2], known, fixed, samples=True)
    shapes = {"pre": (3, batch, 6, 1), "post": (3, batch, 1, 4), "w": (3, 1, 6, 4)}
    values = {
        s.name: torch.from_numpy(stream(5, s.name).standard_normal(shapes.get(s.name, (3, 1, 1, 1))))
        for s in expression.free_symbols
    }
    kept = {name: value.clone() for name, value in values.items()}
    bound = tape.bind(values, 6, 4)
    wanted = to_torch(expression)(values)
    for reuse in (False, True):
        once, twice = tape.run(bound, values, batch, reuse)
        torch.testing.assert_close(once, wanted, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(twice, 2 * wanted, rtol=1e-12, atol=1e-12)
    assert all(torch.equal(values[name], kept[name]) for name in kept), "nothing that was given is written over"


def test_states_are_joined_in_order() -> None:
    learner, state = born(RULES["traces"], 3)
    first, second = born(RULES["traces"], 2)[1], born(RULES["traces"], 1)[1]
    gathered = Gathered(len(state.weights[0]))
    for each in (first, second):
        gathered.add(each, len(each.weights[0]))
    both = gathered.state
    assert type(both) is type(state) and both.spec == state.spec
    assert [t.shape for t in tensors_of(both)] == [t.shape for t in tensors_of(state)]
    assert torch.equal(both.weights[1][4:], second.weights[1])


@pytest.mark.parametrize("outputs", [1, 10, NARROW - 1, NARROW, 33])
@pytest.mark.parametrize("batch", [1, 4])
def test_products_either_way_round(outputs: int, batch: int) -> None:
    """A narrow layer lies the other way round in memory; its numbers, and those of a product with it, are the same."""
    x = torch.from_numpy(stream(6, "x").standard_normal((3, batch, 12)))
    plain = torch.from_numpy(stream(6, "w").standard_normal((3, 12, outputs)))
    w = laid(plain[:1].expand(3, -1, -1))
    assert torch.equal(w, plain[:1].expand(3, -1, -1)) and w.data_ptr() != plain.data_ptr()
    w[0] += 1  # every network has memory of its own
    assert torch.equal(w[1], plain[0]) and w.stride(1) == (1 if 1 < outputs < NARROW else outputs)
    torch.testing.assert_close(product(x, w), x @ w, rtol=1e-12, atol=1e-12)
    assert product(x, w).shape == (3, batch, outputs)
