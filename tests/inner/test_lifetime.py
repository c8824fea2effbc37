"""A life's promises: bits that do not depend on the company, failures that stay alone, curves, code lengths, births."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor

from inner.activations import ACTIVATIONS
from inner.axes import fold
from inner.components import build, names
from inner.criteria import CLASSES, VALUES
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.life.eager import CHECK_EVERY, Result, live
from inner.life.request import Life
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules import sharing
from inner.rules.functions import FUNCTIONS
from inner.rules.rule import Rule
from inner.rules.sharing import count

LABELS = (("t", 0), ("t", 1), ("t", 2))
RULES = {
    "separable": Rule("a*err*pre + b*post*pre + c*w*post**2 + d*post", pathway="random"),
    "elementwise": Rule("a*err*pre + b*tanh(pre*post + w)", pathway="backprop"),
    "traces": Rule("a*e*err - c*w", {"e": "0.9*e + 0.1*pre*post"}, pathway="learned"),
    "sums": Rule("a*err*pre + b*post*(pre_sum + post_sum + drive_err)*pre + c*recon_ordered*post", pathway="random"),
    "layers": Rule.from_dict(
        {
            "dw": {"hidden": "a*post*(pre - recon) + b*err*pre", "output": "a*err*pre", "1": "a*err*pre*recon_err"},
            "pathway": "random",
            "homeostasis": {"max_norm": 0.9},
        }
    ),
    "values per unit": Rule.from_dict(
        {
            "dw": "a*err*pre + 0.1*A*err*pre + B*post*pre + C*w",
            "pathway": "random",
            "coefficients": {"A": {"share": "synapse"}, "B": {"share": "neuron"}, "C": {"share": "layer"}},
        }
    ),
}
STEPS = 40


def theta(rule: Rule, population: int = 17) -> Tensor:
    """[P, D] of small coefficients; the first, `a`, is positive so that there is learning."""
    shapes = Network(hidden=(33, 9), bias=True).shapes(64, 10)  # those of `run`; other networks get rules without shares
    width = sum(sharing.count(c, shapes) for c in rule.coefficients)
    values = stream(1, "theta").standard_normal((population, width)) * 0.01
    values[:, 0] = abs(values[:, 0]) * 5
    return torch.from_numpy(values)


@cache
def task() -> object:
    return build("task", "digits")


def run(
    name: str, rows: Tensor, batch: int = 1, labels: tuple = LABELS, record: tuple = (), network: Network | None = None
) -> Result:
    learner = Learner(RULES[name], network or Network(hidden=(33, 9), bias=True))
    lives = task().life_data("search", STEPS, batch, 0, labels)
    with torch.no_grad():
        return live(Life(learner, task(), lives, rows, 0, labels, record, prequential=True))


def weights(result: Result, p: int, lives: int = len(LABELS)) -> list[Tensor]:
    return [w[p * lives : (p + 1) * lives] for w in result.state.weights]


def same(left: Result, p: int, right: Result, q: int, what: str = "") -> None:
    """Candidate p of one population and q of another agree in every bit."""
    for field in ("score", "alive", "curve", "bits"):
        assert torch.equal(getattr(left, field)[p], getattr(right, field)[q]), f"{field} {what}"
    for k, (w, v) in enumerate(zip(weights(left, p), weights(right, q))):
        assert torch.equal(w, v), f"weights of layer {k} {what}"


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("name", RULES)
def test_bits_do_not_depend_on_the_population(name: str, batch: int) -> None:
    rows = theta(RULES[name])
    whole = run(name, rows, batch, record=(0, 20))
    assert whole.score.unique().numel() > 3 and bool(whole.alive.all())
    for size in (1, 2, 3, 16):
        for start in (0, len(rows) - size):
            part = run(name, rows[start : start + size], batch, record=(0, 20))
            for p in range(size):
                same(whole, start + p, part, p, f"population {size} from {start}")
    order = torch.from_numpy(stream(0, "order").permutation(len(rows)))
    shuffled = run(name, rows[order], batch, record=(0, 20))
    for position, p in enumerate(order.tolist()):
        same(whole, p, shuffled, position, "after a shuffle")


def lone_bits_agree(rule: Rule, network: Network, batch: int) -> None:
    """Weights and test outputs of each of 7 candidates, whole population against one at a time."""
    learner = Learner(rule, network)
    lives = task().life_data("search", STEPS, batch, 0, LABELS[:1])
    rows = theta(rule, 7)

    def end(part: Tensor) -> tuple[list[Tensor], Tensor]:
        result = live(Life(learner, task(), lives, part, 0, LABELS[:1]))
        n = result.state.weights[0].shape[0]
        return list(result.state.weights), learner.predict(result.state, lives.test_x.expand(n, -1, -1))

    with torch.no_grad():
        weights, outputs = end(rows)
        assert bool(torch.isfinite(outputs).all()) and not torch.equal(outputs[0], outputs[1])
        for p in range(7):
            alone, output = end(rows[p : p + 1])
            assert all(torch.equal(w[0], v[p]) for w, v in zip(alone, weights))
            assert torch.equal(output[0], outputs[p])


@pytest.mark.parametrize("output", ["softmax", "sigmoid", "linear"])
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_bits_of_every_activation(activation: str, output: str) -> None:
    """Odd widths and a batch that is no power of two: what a vectorised loop leaves over must not round differently."""
    network = Network(hidden=(33, 17), activation=activation, output=output)
    lone_bits_agree(Rule("0.1*a*err*pre + 0.1*b*slope*drive", pathway="backprop"), network, 5)


@pytest.mark.parametrize("pathway", names("pathway"))
def test_bits_of_every_pathway(pathway: str) -> None:
    lone_bits_agree(Rule("a*err*pre + b*pre_err*post + c*recon*post", pathway=pathway), Network(hidden=(33, 17)), 3)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("function", list(FUNCTIONS))
def test_bits_of_every_function(function: str, batch: int) -> None:
    """In a separable factor on either side, on the synapse, and across."""
    calls = [f"{function}({', '.join([inside, '0.1', '0.7'][: FUNCTIONS[function].arguments])})" for inside in INSIDES]
    text = f"a*({calls[0]}*post + pre*{calls[1]} + {calls[2]} + {calls[3]})"
    lone_bits_agree(Rule(text, pathway="random"), Network(hidden=(33, 17)), batch)


INSIDES = ("1.3 + tanh(pre)", "1.2 + tanh(err + post)", "1.1 + tanh(w)", "1.4 + tanh(pre*post + w)")


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("name", RULES)
def test_bits_do_not_depend_on_the_other_lives(name: str, batch: int) -> None:
    """A life alone, even as the only network, is what it is among others."""
    rows = theta(RULES[name], 2)
    whole = run(name, rows, batch)
    for index, label in enumerate(LABELS):
        for p in range(2):
            alone = run(name, rows[p : p + 1], batch, (label,))
            assert alone.score.shape == (1, 1)
            assert torch.equal(alone.score[0, 0], whole.score[p, index])
            assert torch.equal(alone.bits[0, 0], whole.bits[p, index])
            for w, v in zip(alone.state.weights, weights(whole, p)):
                assert torch.equal(w[0], v[index])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e30, -3.0])
@pytest.mark.parametrize("name", RULES)
def test_a_failure_stays_alone(name: str, bad: float) -> None:
    rows = theta(RULES[name], 5)
    rows[:, -1] = rows[:, -1].abs()
    healthy = run(name, rows, 2, record=(0, STEPS))
    sick = rows.clone()
    sick[2] = bad
    ill = run(name, sick, 2, record=(0, STEPS))
    for p in (0, 1, 3, 4):
        same(healthy, p, ill, p, f"beside a network with {bad}")
    if not math.isfinite(bad):  # a finite one, however large, may or may not leave the finite range
        assert not bool(ill.alive[2].any())
    dead = ~ill.alive[2]
    assert bool((ill.score[2][dead] == task().worst).all())
    assert bool((ill.curve[2][dead][:, -1] == task().worst).all())
    assert torch.equal(ill.curve[2, :, 0], healthy.curve[2, :, 0]), "at birth nobody has failed yet"
    assert bool(torch.isfinite(ill.score).all() and torch.isfinite(ill.curve).all())
    for w in weights(ill, 2):
        assert bool((w[dead] == 0).all()), "a failed network is put to rest"


def test_a_late_failure_is_seen_at_the_end() -> None:
    """Weights that overflow in the very last steps, between two looks, still count as a failure."""
    rule = Rule("g*w")
    lives = task().life_data("search", CHECK_EVERY + 3, 1, 0, LABELS)
    growth = torch.tensor([[10.0 ** (38.5 / (CHECK_EVERY + 2))], [0.0]], dtype=torch.float64)
    result = live(Life(Learner(rule, Network(hidden=(5,), gain=1.0)), task(), lives, growth, 0, LABELS))
    assert not bool(result.alive[0].any()) and bool(result.alive[1].all())
    assert bool((result.score[0] == task().worst).all())


@pytest.mark.parametrize("batch", [1, 4])
def test_code_length_of_a_uniform_predictor(batch: int) -> None:
    """Weights of zero and a rule that changes nothing: log2(classes) bits for every sample shown."""
    result = run("separable", torch.zeros(2, 4), batch, network=Network(hidden=(5,), gain=0.0))
    expected = math.log2(task().outputs) * STEPS * batch
    torch.testing.assert_close(result.bits, torch.full((2, 3), expected, dtype=torch.float64), rtol=1e-6, atol=0)


def test_code_length_by_hand() -> None:
    output = torch.tensor([[[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]]])
    y = torch.tensor([[[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]])
    assert CLASSES.bits(output, y).tolist() == [2.0 + 100.0]
    gauss = VALUES.bits(torch.tensor([[[1.0]]]), torch.tensor([[[3.0]]]))
    assert gauss.item() == pytest.approx(-math.log2(math.exp(-2) / math.sqrt(2 * math.pi)))


def test_code_length_is_taken_before_learning() -> None:
    """With one sample shown over and over, the first step costs what the newborn network predicts."""
    learner = Learner(RULES["separable"], Network(hidden=(6,)))
    lives = task().life_data("search", 1, 1, 0, LABELS)
    rows = torch.tensor([[5.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    result = live(Life(learner, task(), lives, rows, 0, LABELS, prequential=True))
    shape = Spec(lives.x.shape[2], lives.y.shape[2], task().criterion)
    born = learner.init(shape, rows.float().expand(3, -1), 1, 0, LABELS)
    index = lives.order[:, 0]
    x = lives.x[torch.arange(3)[:, None], index]
    y = lives.y[torch.arange(3)[:, None], index]
    assert torch.equal(result.bits[0], CLASSES.bits(learner.predict(born, x), y))


def test_curve() -> None:
    """The curve holds the scores after the named steps, in the order asked for, and reading it changes nothing."""
    rows = theta(RULES["separable"], 3)
    plain = run("separable", rows)
    read = run("separable", rows, record=(STEPS, 0, 7, 20))
    assert read.curve.shape == (3, 3, 4)
    assert torch.equal(read.score, plain.score) and torch.equal(read.bits, plain.bits)
    assert torch.equal(read.curve[..., 0], read.score)
    assert torch.equal(read.curve[0, :, 1], read.curve[1, :, 1]), "candidates share birth"
    learner = Learner(RULES["separable"], Network(hidden=(33, 9), bias=True))
    lives = task().life_data("search", STEPS, 1, 0, LABELS)
    for column, step in ((2, 7), (3, 20)):
        short = replace(lives, order=lives.order[:, :step])
        result = live(Life(learner, task(), short, rows, 0, LABELS))
        assert torch.equal(result.score, read.curve[..., column])
    assert not torch.equal(read.score, read.curve[..., 1]), "nobody changed in a whole life"


def test_other_labels_and_seeds_are_other_lives() -> None:
    rows = theta(RULES["separable"], 1)
    result = run("separable", rows)
    assert result.bits.unique().numel() == len(LABELS)
    again = run("separable", rows, labels=(("t", 1), ("t", "0"), ("u", 0)))
    assert again.bits[0, 0] == result.bits[0, 1], "the same label is the same life"
    assert len({*result.bits[0].tolist(), *again.bits[0].tolist()}) == 5, "and every other label is another one"
    lives = task().life_data("search", STEPS, 1, 0, LABELS)
    learner = Learner(RULES["separable"], Network(hidden=(33, 9), bias=True))
    other = live(Life(learner, task(), lives, rows, 1, LABELS, prequential=True))
    assert not bool((other.bits == result.bits).any()), "another seed gives other initial weights"


@pytest.mark.parametrize("name", RULES)
def test_candidates_share_initial_weights(name: str) -> None:
    """Common random numbers: birth depends on the lifetime, never on the candidate."""
    learner = Learner(RULES[name], Network(hidden=(33, 9), bias=True))
    rows = theta(RULES[name], 4).float().repeat_interleave(3, 0)
    state = learner.init(Spec(64, 10, CLASSES), rows, 4, 0, LABELS)
    for k, value in enumerate((*state.weights, *state.own)):
        by_candidate = value.reshape(4, 3, *value.shape[1:])
        assert torch.equal(by_candidate, by_candidate[:1].expand_as(by_candidate))
        assert not torch.equal(by_candidate[0, 0], by_candidate[0, 1]), f"tensor {k}"
    shapes = [(w.shape[1], w.shape[2]) for w in state.weights]
    column = 0
    for coefficient in RULES[name].coefficients:
        if coefficient.share == "rule":
            assert torch.equal(state.coefficients[coefficient.name].flatten(), rows[:, column])
        column += count(coefficient, shapes)
    assert column == rows.shape[1]


def test_fold_puts_candidates_first() -> None:
    shared = torch.arange(3.0).reshape(3, 1)
    assert fold(shared, 2).flatten().tolist() == [0.0, 1.0, 2.0, 0.0, 1.0, 2.0]


@pytest.mark.parametrize("bias", [False, True])
def test_initial_weights_have_variance_one_over_fan_in(bias: bool) -> None:
    network = Network(hidden=(150,), bias=bias, gain=1.5)
    for w, fan_in in zip(network.init(100, 10, 0, LABELS), (100, 150)):
        assert w.shape[1] == fan_in + bias and w.dtype == torch.float32
        drawn = w[:, :fan_in]
        assert abs(float(drawn.var()) * fan_in / 1.5**2 - 1) < 5 * math.sqrt(2 / drawn.numel())
        assert not bool(w[:, fan_in:].any()), "bias rows start at zero"
