"""Kinds of inheritance differ exactly as stated and in nothing else; lives with inherited parts against a plain oracle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from inner.components import build
from inner.engines.choice import choose
from inner.learners import local_rule
from inner.learners._born_with import Layout, Learner
from inner.life.eager import live
from inner.life.request import Life
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules.rule import Rule
from inner.tasks.base import LifeData as Data
from outer.evaluators.serial import Evaluator
from outer.evolution import evolve
from outer.fitness.base import WORST_BITS
from outer.generation import Generation
from outer.genome.network import Genes, NetworkGenome
from outer.inheritance.kinds import KINDS, Inheritance
from outer.inheritance.objective import InheritanceObjective
from outer.objective import Lived
from outer.racing import Racing
from outer.settings import Distribution

SGD = Rule.from_dict(
    {"dw": "eta*err*pre", "pathway": "backprop", "coefficients": {"eta": {"init": 0.1, "transform": "log"}}}
)
STEPS = 12
GENES = {
    "direct": Genes(weights="direct"),
    "grown": Genes(weights="grown", expression=3, hidden=4, fit_steps=10),
    "masked": Genes(rates=True, weights="direct", plasticity=True, wiring=True, length=True),
}


def objective(
    genes: Genes = GENES["direct"], lifetimes: int = 3, bias: bool = False, kind: str = "baldwinian", **changes: object
) -> InheritanceObjective:
    task = {"name": "linear", "inputs": 6, "outputs": 3, "test": 40}
    distribution = Distribution(task, steps=(STEPS, STEPS), hidden=(5,), network={"bias": bias})
    genome = NetworkGenome(SGD, Network(hidden=(5,), bias=bias), 6, 3, STEPS, genes)
    own = InheritanceObjective(genome, distribution, 0, Inheritance(kind), lifetimes, threshold=0.5)
    return replace(own, **changes)


def run(
    kind: str, own: InheritanceObjective, generations: int = 5, history: Sequence[Generation] = (), cost: float = 0.0
) -> list[Generation]:
    search = build("search", {"name": "microbial", "popsize": 8, "generations": generations})
    return list(evolve(replace(own, inheritance=Inheritance(kind, cost)), search, Evaluator(), history))


def lived(own: InheritanceObjective, kind: str, vectors: np.ndarray) -> Lived:
    """The lives of generation 0."""
    own = replace(own, inheritance=Inheritance(kind))
    (found,) = Evaluator().lives(own, vectors, own.settings(0))
    return found


def same(left: Sequence[Generation], right: Sequence[Generation]) -> bool:
    return len(left) == len(right) and all(
        a.same_bits(b) and {**a.metrics, "seconds": 0} == {**b.metrics, "seconds": 0} for a, b in zip(left, right)
    )


def softmax(z: Sequence[float]) -> list[float]:
    e = [math.exp(v - max(z)) for v in z]
    return [v / sum(e) for v in e]


@pytest.mark.parametrize("bias", [False, True])
def test_life_with_every_part_against_a_plain_loop(bias: bool) -> None:
    """Weights, masks, rates and learning length by hand in Python floats: learned changes and prequential bits."""
    own = objective(GENES["masked"], lifetimes=2, bias=bias, kind="lamarckian")
    vectors = own.genome.start() + stream(0, "x").standard_normal((3, own.genome.size))
    length = own.genome.segments.slices["length"]
    vectors[:, length] = np.log([[5.0], [STEPS], [0.6]])
    (setting,) = own.settings(0)
    found = own.lives(vectors, setting)
    data = setting.task.life_data("search", STEPS, 1, 0, setting.labels)
    theta = own.genome.decode(vectors)
    parts = own.genome.layout.parts
    shapes = own.genome.shapes
    for p in range(3):
        bits, changes = [], []
        for life in range(2):
            start = theta[p, parts["weights"]] * theta[p, parts["wired"]]
            open_ = theta[p, parts["wired"]] * theta[p, parts["plastic"]]
            flat, total = start.copy(), 0.0
            for t in range(STEPS):
                n = int(data.order[life, t, 0])
                x, y = data.x[life, n].tolist(), data.y[life, n].tolist()
                cut = shapes[0][0] * shapes[0][1]
                one, two = flat[:cut].reshape(shapes[0]), flat[cut:].reshape(shapes[1])
                pre1 = [*x, 1.0] if bias else x
                hidden = [math.tanh(sum(pre1[i] * one[i, j] for i in range(len(pre1)))) for j in range(5)]
                pre2 = [*hidden, 1.0] if bias else hidden
                out = softmax([sum(pre2[i] * two[i, j] for i in range(len(pre2))) for j in range(3)])
                total -= math.log2(sum(o * v for o, v in zip(out, y)))
                err = [v - o for v, o in zip(y, out)]
                back = [(1 - hidden[j] ** 2) * sum(two[j, k] * err[k] for k in range(3)) for j in range(5)]
                eta, rates = theta[p, 0], theta[p, parts["rates"]]
                dw = [eta * rates[0] * a * b for a in pre1 for b in back]
                dw += [eta * rates[1] * a * b for a in pre2 for b in err]
                if t < theta[p, parts["length"]][0]:
                    flat = flat + np.array(dw) * open_
            bits.append(total / STEPS)
            changes.append(flat - start)
        np.testing.assert_allclose(found.bits[p], bits, rtol=1e-4)
        np.testing.assert_allclose(found.change[p], np.mean(changes, 0), rtol=2e-3, atol=2e-6)
    assert theta[2, parts["length"]][0] == 1 and theta[0, parts["length"]][0] == 5


def test_without_inherited_parts_a_life_is_the_local_rule_s_bit_for_bit() -> None:
    own = objective(Genes())
    (setting,) = own.settings(0)
    data = setting.task.life_data("search", STEPS, 1, 0, setting.labels)
    theta = torch.from_numpy(own.genome.decode(np.array([[-2.0], [-1.0]])))
    with torch.no_grad():
        one = live(Life(own.genome.learner, setting.task, data, theta, 0, setting.labels, [0, 5], True))
        two = live(
            Life(local_rule.Learner(SGD, setting.network), setting.task, data, theta, 0, setting.labels, [0, 5], True)
        )
    for field in ("score", "alive", "curve", "bits"):
        assert torch.equal(getattr(one, field), getattr(two, field)), field


def test_bits_of_a_case_computed_by_hand() -> None:
    """One input of 1, two classes, weights 0, eta 1: the first sample costs 1 bit, then w = (1/2, -1/2) and p = 1/(1+1/e)."""
    task = build("task", {"name": "linear", "inputs": 2, "outputs": 2, "test": 4})  # for its score only
    y = torch.tensor([[[1.0, 0.0]]])
    data = Data(torch.ones(1, 1, 1), y, torch.zeros(1, 2, 1, dtype=torch.int64), torch.ones(1, 4, 1), y.expand(1, 4, 2))
    learner = Learner(SGD, Network(hidden=()), Layout(1, ((1, 2),), weights=True))
    with torch.no_grad():
        bits = live(Life(learner, task, data, torch.tensor([[1.0, 0.0, 0.0]]), 0, [("t", 0)], (), True)).bits
    assert bits.item() == pytest.approx(1.0 + math.log2(1 + math.exp(-1)), rel=1e-6)


def test_no_label_is_used_before_its_prediction() -> None:
    """The costs of the last label, for every class that it might have been, are those of one distribution: sum 2^-bits = 1."""
    own = objective(GENES["direct"], lifetimes=1)
    (setting,) = own.settings(0)
    data = setting.task.life_data("search", STEPS, 1, 0, setting.labels)
    theta = torch.from_numpy(own.genome.decode(stream(1, "x").standard_normal((2, own.genome.size))))

    def bits(data: Data) -> torch.Tensor:
        with torch.no_grad():
            return live(Life(own.genome.learner, setting.task, data, theta, 0, setting.labels, (), True)).bits[:, 0]

    before = bits(replace(data, order=data.order[:, :-1]))
    total = torch.zeros(2, dtype=torch.float64)
    for c in range(3):
        y = data.y.clone()
        assert (data.order[0, :-1] != data.order[0, -1]).all()
        y[0, data.order[0, -1, 0]] = torch.eye(3)[c]
        total += 2.0 ** -(bits(replace(data, y=y)) - before)
    assert torch.allclose(total, torch.ones(2, dtype=torch.float64), rtol=1e-5)


def test_no_life_is_charged_more_bits_than_a_failed_one() -> None:
    """Sines at learning rates from small to where outputs are far off, and where nothing is finite any more."""
    network = Network(hidden=(5,), bias=True)
    distribution = Distribution({"name": "sines"}, steps=(STEPS, STEPS), hidden=(5,), network={"bias": True})
    genome = NetworkGenome(SGD, network, 1, 1, STEPS, GENES["direct"])
    own = InheritanceObjective(genome, distribution, 0, lifetimes=3)
    vectors = np.tile(stream(0, "w").standard_normal(own.genome.size), (3, 1))
    vectors[:, 0] = np.log([1e-3, 5.0, 1e30])
    found = own.lives(vectors, own.settings(0)[0])
    assert (found.bits[0] < 10).all() and (found.bits[1:] == WORST_BITS).all()
    assert found.alive[1].all() and not found.alive[2].any()


@pytest.mark.parametrize("genes", ["direct", "grown"])
def test_the_kinds_differ_as_stated_and_in_nothing_else(genes: str) -> None:
    own = objective(GENES[genes])
    first = {kind: run(kind, own, 1)[0] for kind in KINDS}
    asked = build("search", {"name": "microbial", "popsize": 8}).start(own.genome.start(), 0).ask()
    lives = {kind: lived(own, kind, asked) for kind in KINDS}
    for kind in KINDS:  # the same lives for everybody
        for field in ("curve", "bits", "alive"):
            assert np.array_equal(getattr(lives[kind], field), getattr(lives["darwinian"], field))
        assert first[kind].metrics["asked"] == first["darwinian"].metrics["asked"]
    curve = lives["darwinian"].curve
    for kind, generation in first.items():
        judged = curve[:, :, 0 if kind == "darwinian" else -1]
        assert np.array_equal(generation.fitness, judged.mean(1))
        assert np.array_equal(generation.scores, judged)
        assert np.array_equal(generation.curves.population, curve.mean((0, 1)))
        assert np.array_equal(generation.curves.best, curve[int(np.argmax(generation.fitness))].mean(0))
    for kind in ("darwinian", "baldwinian"):
        assert first[kind].candidates.tobytes() == asked.tobytes()
    written = first["lamarckian"].candidates
    columns = own.genome.segments.slices["weights"]
    rest = np.delete(np.arange(own.genome.size), np.arange(columns.start, columns.stop))
    assert np.array_equal(written[:, rest], asked[:, rest]) and (written != asked).any(1).all()
    change = lives["lamarckian"].change
    born = [own.genome.decode(v)[:, own.genome.layout.parts["weights"]] for v in (asked, written)]
    if genes == "direct":
        np.testing.assert_allclose(born[1] - born[0], change, rtol=1e-6, atol=1e-9)
    else:
        error = np.square(born[0] + change - born[1]).sum(1)
        assert (error < np.square(change).sum(1)).all(), "the fit comes nearer to what was learned"


def test_cost_is_paid_per_step_and_by_those_who_are_judged_after_learning() -> None:
    own = objective(replace(GENES["direct"], length=True))
    for kind in KINDS:
        free, paid = (run(kind, own, 1, cost=c)[0] for c in (0.0, 0.01))
        vectors = build("search", {"name": "microbial", "popsize": 8}).start(own.genome.start(), 0).ask()
        steps = own.genome.learning_steps(vectors)
        assert len(set(steps)) > 1 and steps.max() <= STEPS
        expected = np.zeros(8) if kind == "darwinian" else 0.01 * steps
        np.testing.assert_allclose(free.fitness - paid.fitness, expected, atol=1e-12)


@pytest.mark.parametrize("genes", GENES)
def test_without_learning_the_kinds_are_bit_identical(genes: str) -> None:
    own = objective(GENES[genes], learning=False)
    darwinian, baldwinian, lamarckian = (run(kind, own, cost=0.1) for kind in KINDS)
    assert same(darwinian, baldwinian) and same(darwinian, lamarckian)
    assert not same(darwinian, run("darwinian", replace(own, seed=1)))
    learned = [run(kind, objective(GENES[genes])) for kind in KINDS]
    assert not same(learned[0], learned[1]) and not same(learned[1], learned[2])


@pytest.mark.parametrize("genes", GENES)
@pytest.mark.parametrize("kind", KINDS)
def test_resume_is_bit_exact(kind: str, genes: str) -> None:
    whole = run(kind, objective(GENES[genes]))
    history = whole
    for cut in (1, 4):
        assert same(run(kind, objective(GENES[genes]), history=history[:cut]), whole[cut:])
    other = replace(history[0], metrics={**history[0].metrics, "asked": 1.0})
    with pytest.raises(ValueError, match="does not replay"):
        run(kind, objective(GENES[genes]), history=[other])


def test_generations_that_were_stored_without_inner_steps_are_resumed() -> None:
    """Such runs go on with the same bits; a count that cannot be known is left out."""
    whole = run("lamarckian", objective())
    assert [g.metrics["inner_steps"] for g in whole] == [8 * 3 * STEPS * (g.index + 1) for g in whole]
    old = [replace(g, metrics={k: v for k, v in g.metrics.items() if k != "inner_steps"}) for g in whole[:2]]
    rest = run("lamarckian", objective(), history=old)
    assert all(a.same_bits(b) for a, b in zip(whole[2:], rest, strict=True))
    assert all("inner_steps" not in g.metrics for g in rest)
    still = run("darwinian", objective(learning=False), 2)
    assert [g.metrics["inner_steps"] for g in still] == [0.0, 0.0]


def test_what_inheritance_cannot_do_is_refused() -> None:
    own = objective()
    with pytest.raises(ValueError, match="racing: inheritance needs every life whole"):
        next(evolve(own, build("search", {"name": "ga", "popsize": 8}), Evaluator(), racing=Racing()))
    with pytest.raises(ValueError, match="gradients: lives of InheritanceObjective are not differentiated"):
        next(evolve(own, build("search", {"name": "gradient", "popsize": 2}), Evaluator()))


@pytest.mark.parametrize("kind", KINDS)
def test_large_populations_are_kept_only_where_a_replay_cannot_ask_for_them(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = run(kind, objective())
    monkeypatch.setattr("outer.generation.LARGE", 100)
    whole = run(kind, objective())
    history = whole
    for plain, own in zip(small, history):
        assert (own.digest is None) == (kind == "lamarckian")
        assert own.asked(plain.candidates) == (kind != "lamarckian"), "what was written back was not asked for"
        assert own.told(plain.candidates).tobytes() == plain.candidates.tobytes()
        assert len(own.candidates) == (8 if kind == "lamarckian" else 0)
    assert same(run(kind, objective(), history=history[:3]), whole[3:])
    assert all(each.digest is not None for each in run(kind, objective(learning=False)))


@pytest.mark.parametrize("genes", GENES)
def test_cuts_of_the_population_change_no_bit(genes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = objective(GENES[genes])
    vectors = own.genome.start() + stream(0, "x").standard_normal((7, own.genome.size))
    whole = lived(own, "lamarckian", vectors)
    monkeypatch.setattr("outer.evaluators._cuts.CHUNK", 3)
    monkeypatch.setattr("outer.evaluators._cuts.TINY", 1)
    cut = lived(own, "lamarckian", vectors)
    for field in ("curve", "bits", "alive", "change"):
        assert np.array_equal(getattr(whole, field), getattr(cut, field)), field


def test_mistakes_are_one_line() -> None:
    with pytest.raises(ValueError, match="did you mean 'lamarckian'"):
        Inheritance("lamarkian")
    with pytest.raises(ValueError, match="cost"):
        Inheritance("baldwinian", -1.0)
    with pytest.raises(ValueError, match="genome.weights"):
        Genes(weights="born")
    with pytest.raises(ValueError, match="lamarckian needs"):
        objective(Genes()).genome.write_back(np.zeros((1, 1)), np.zeros((1, 45)))


def test_lives_whose_genome_holds_only_the_rule_run_on_every_engine() -> None:
    """The inheriting learner, the plain rule on the eager engine (every bit) and on the native one (rounding)."""
    own = objective(Genes())
    (setting,) = own.settings(0)
    vectors = own.genome.start() + stream(0, "x").standard_normal((4, own.genome.size))
    writing = replace(own, inheritance=Inheritance("lamarckian"))
    plain, inheriting = own.lives(vectors, setting), writing.lives(vectors, setting)
    assert own.learner == own.genome.learner.inner != writing.learner
    assert np.array_equal(plain.curve, inheriting.curve) and np.array_equal(plain.bits, inheriting.bits)
    if choose("auto", own.learner, setting.spec)[0] == "native":
        native = replace(own, engine="native").lives(vectors, setting)
        np.testing.assert_allclose(native.curve - native.curve[..., :1], plain.curve - plain.curve[..., :1], atol=1e-4)
        np.testing.assert_allclose(native.bits, plain.bits, rtol=1e-4)
    with pytest.raises(ValueError, match="engine: native cannot run this"):
        objective(engine="native").lives(np.zeros((2, objective().genome.size)), setting)
