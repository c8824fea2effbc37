"""Programs: the interpreter against plain evaluation and against the printed rule; the search repeats, resumes and finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import sympy
import torch

from inner.components import build
from inner.criteria import CLASSES
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules.compiled import trace_sides
from inner.rules.rule import Rule
from outer.evaluators.serial import Evaluator
from outer.evolution import evolve
from outer.generation import Generation
from outer.learner_objective import LearnerObjective
from outer.programs import beam, cgp
from outer.programs.interpreter import Interpreter
from outer.programs.objective import ProgramObjective
from outer.programs.pareto import distinct_finalists, front, simplest
from outer.programs.program import OPERATIONS, Language, Program, compile_rule
from outer.settings import Distribution

INPUTS = ("pre", "post", "w", "err", "reward", "recon", "target", "e")
LANGUAGE = Language(INPUTS, OPERATIONS, constants=2, nodes=9)
RULE = Rule("eta*pre*post", {"e": "0.5*e + pre*post"}, (), "random")
DISTRIBUTION = Distribution({"name": "linear", "inputs": 6, "outputs": 3, "test": 40}, (0, 1), (4, 6), (20, 30), 2)


def programs(count: int, language: Language = LANGUAGE) -> list[Program]:
    """Random programs that are rules."""
    random, found = stream(0, "programs"), []
    while len(found) < count:
        program = cgp.drawn(language, random)
        if program.active and cgp.fingerprint(program) is not None:
            found.append(program)
    return found


def objective(language: Language = LANGUAGE, **options: object) -> ProgramObjective:
    return ProgramObjective(LearnerObjective(RULE, DISTRIBUTION, 0, 3, 2, **options), language)


def test_interpreter_against_plain_evaluation() -> None:
    """40 programs at once on shared samples, 3 lives each, against one after the other in numpy."""
    found = programs(40)
    assert {n[0] for p in found for n in (p.nodes[a] for a in p.active)} == set(OPERATIONS)
    samples = stream(0, "samples").standard_normal((len(INPUTS), 11))
    leaves = {r: torch.from_numpy(row).reshape(1, 1, 1, -1) for r, row in enumerate(samples)}
    for c in (0, 1):
        values = torch.tensor([p.values[1 + c] for p in found]).repeat_interleave(3)
        leaves[len(INPUTS) + c] = values.reshape(-1, 1, 1, 1)
    got = Interpreter.of(found, 3).run(leaves, (120, 1, 1, 11)).reshape(40, 3, 11)
    for program, rows in zip(found, got.numpy()):
        expected = cgp.outputs(program, samples) / program.values[0]
        for row in rows:
            np.testing.assert_allclose(row, expected, rtol=1e-12)


@pytest.mark.parametrize("hidden", [(), (4,)])
def test_the_printed_rule_is_the_rule_that_runs(hidden: tuple[int, ...]) -> None:
    """dw of one step by the interpreter, and by the ordinary learner from the program's formula text."""
    o, found = objective(), programs(25)
    learner = Learner(o.carrier, Network(hidden, bias=True), Interpreter.of(found, 2))
    columns = {c.name: d for d, c in enumerate(o.carrier.coefficients)}
    theta = torch.zeros(25, len(columns))
    for name, values in zip(o.genome.names, np.stack([p.values for p in found]).T):
        theta[:, columns[name]] = torch.from_numpy(values).float()
    labels = [("test", n) for n in range(2)]
    data = stream(0, "data").standard_normal((50, 3, 6)).astype(np.float32)
    x, y = torch.from_numpy(data), torch.eye(3).expand(50, 3, 3)
    state = learner.init(Spec(6, 3, CLASSES), theta.repeat_interleave(2, 0), 25, 0, labels)
    together = learner.changes(state, x, y)[0]
    for p, program in enumerate(found):
        rule = Rule.from_dict(program.rule(RULE).to_dict())
        alone = Learner(rule, Network(hidden, bias=True))
        own = torch.tensor([[c.init for c in rule.coefficients]], dtype=torch.float32).repeat(2, 1)
        rows = slice(2 * p, 2 * p + 2)
        single = alone.init(Spec(6, 3, CLASSES), own, 1, 0, labels)
        for a, b in zip(alone.changes(single, x[rows], y[rows])[0], together):
            torch.testing.assert_close(a, b[rows], rtol=2e-4, atol=1e-5 * float(b[rows].abs().max()) + 1e-9)


def test_a_program_reads_traces_of_one_side() -> None:
    """One before the synapse, one behind it, one of the network: dw is that of the formula in the ordinary learner."""
    traces = {"x": "0.5*x + pre", "y": "0.5*y + post**2", "r": "0.9*r + reward"}
    rule = Rule.from_dict({"dw": "eta*x*y*r", "traces": traces, "coefficients": {"eta": {"init": 0.3}}})
    language = Language(("x", "y", "r"), ("mul",), constants=0, nodes=3)
    made = ProgramObjective(LearnerObjective(rule, DISTRIBUTION, 0, 3, 2), language)
    form = Interpreter.of([compile_rule(language, rule)], 2, trace_sides(made.carrier))
    x, y = torch.randn(2, 3, 6, generator=torch.Generator().manual_seed(0)), torch.eye(3).expand(2, 3, 3)
    changes = []
    for learner in (Learner(made.carrier, Network((4,)), form), Learner(rule, Network((4,)))):
        theta = torch.full((2, len(learner.coefficients)), 0.3)
        state = learner.init(Spec(6, 3, CLASSES, 2, 3), theta, 1, 0, [("a",), ("b",)])
        changes.append(learner.changes(learner.step(state, x, y)[0], x, y)[0])
    for a, b in zip(*changes):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


def test_vectors_and_formulas_come_back() -> None:
    for program in programs(20):
        assert Program.of(LANGUAGE, program.vector()) == program
        assert LANGUAGE.holds(program.vector()) and not LANGUAGE.holds(np.ones(LANGUAGE.size))
    rule = Rule.from_dict({"dw": "eta*(pre*post - a*post**2*w + tanh(err))", "coefficients": {"eta": 0.3, "a": 2.0}})
    program = compile_rule(LANGUAGE, rule)
    samples = stream(0, "samples").standard_normal((len(INPUTS), 7))
    pre, post, w, err = samples[:4]
    np.testing.assert_allclose(cgp.outputs(program, samples), 0.3 * (pre * post - 2 * post**2 * w + np.tanh(err)))
    assert program.rule(rule).pruned({}, 0.0) == rule.pruned({}, 0.0)
    with pytest.raises(ValueError, match="needs 2 nodes and 2 constants, the search has 1 and 1"):
        compile_rule(Language(("pre",), ("add",), 1, 1), Rule("pre + k + j"))


@pytest.mark.parametrize("text, message", [("sin(pre)", "sin"), ("eta*drive", "drive"), ("pre/post", "language")])
def test_a_start_that_the_language_cannot_say_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        compile_rule(LANGUAGE, Rule(text))
    assert "\n" not in str(caught.value)


def test_equal_functions_have_equal_fingerprints() -> None:
    language = Language(("pre", "post", "w"), ("add", "sub", "mul"), 1, 6)

    def of(text: str) -> bytes | None:
        return cgp.fingerprint(compile_rule(language, Rule(f"eta*({text})")))

    assert of("(pre - post)*w") == of("w*pre - w*post") != of("(post - pre)*w")
    assert of("pre + pre") != of("pre") and of("pre - pre + post - post") is None
    squares = tuple(("mul", r, r) for r in (0, 4, 5, 6))
    power = Program(language, squares + (("add", 0, 0),) * 2, 7, (1.0, 1.0))
    assert cgp.degree(power) == 16 and cgp.fingerprint(power) is None
    assert cgp.degree(replace(power, output=6)) == 8 and cgp.fingerprint(replace(power, output=6)) is not None


def test_gains_are_a_grid_of_the_function_and_not_of_the_gain_it_came_with() -> None:
    """Half of either sign, changes from 0.003 to 0.3 on standard normal inputs; equal functions but for the gain."""
    for program in programs(20):
        at = cgp.at_gains(program, 6)
        sizes = [float(np.sqrt(np.square(cgp._probed(p)).mean())) for p in at]
        np.testing.assert_allclose(sizes, np.repeat([0.003, 0.03, 0.3], 2), rtol=1e-9)
        assert [np.sign(p.values[0]) for p in at] == [1.0, -1.0] * 3
        assert len({cgp.fingerprint(p) for p in at}) == 6
        assert {cgp.fingerprint(p, gain=False) for p in at} == {cgp.fingerprint(program, gain=False)}
        other = replace(program, numbers=(-0.3, *program.numbers[1:]))
        for a, b in zip(at, cgp.at_gains(other, 6)):
            np.testing.assert_allclose(a.values, b.values)


def test_the_simplest_within_a_standard_error_wins() -> None:
    scores = np.array([[1.0, 2.0, 3.0], [0.9, 2.1, 2.8], [0.5, 1.5, 2.5], [1.0, 2.0, 2.9]])
    assert simplest([5, 3, 1, 4], scores) == 1  # 2 is simplest, but behind in every life by as much
    assert simplest([5, 6, 1, 4], scores) == 3
    assert simplest([5, 6, 1, 7], scores) == 0 and simplest([5, 6, 1, 7], scores, 0.5) == 2
    assert simplest([2, 1], np.array([[1.0], [0.5]])) == 0  # one life says nothing of its error


def test_mutation_hits_an_active_gene_or_a_number() -> None:
    random, drifted = stream(0, "mutation"), 0
    for program in programs(200):
        child = cgp.mutated(program, random, 0.3)
        active = [child.nodes[n] for n in child.active] != [program.nodes[n] for n in program.active]
        assert active or child.output != program.output or child.numbers != program.numbers
        idle = set(range(LANGUAGE.nodes)) - set(program.active)
        drifted += any(child.nodes[n] != program.nodes[n] for n in idle)
        for n, (operation, a, b) in enumerate(child.nodes):
            assert operation in OPERATIONS and 0 <= min(a, b) and max(a, b) < LANGUAGE.leaves + n
    assert drifted > 40


def test_growth_puts_one_operation_between_two_nodes() -> None:
    """From pre*target every neighbour with one operation more is reached, the delta rule among them; nothing else is."""
    language = Language(("pre", "post", "target"), ("sub", "mul", "tanh"), 0, 5)
    program, random = compile_rule(language, Rule("eta*pre*target")), stream(0, "growth")
    x, y, t = sympy.symbols("pre post target", real=True)
    found = [cgp._grown(program, random) for _ in range(1500)]
    forms = {child.expression() for child in found}
    assert all(len(child.active) == 2 for child in found)
    expected = {x * (t - y), x * (y - t), t * (x - y), x * t - y, y - x * t, x * y * t, x * t**2, x**2 * t}
    assert expected <= forms and len(forms) < 25
    for child in found:
        for n, (_, a, b) in enumerate(child.nodes):
            assert 0 <= min(a, b) and max(a, b) < language.leaves + n


def test_bits_do_not_depend_on_the_population(monkeypatch: pytest.MonkeyPatch) -> None:
    o, x = objective(), np.stack([p.vector() for p in programs(14)])
    with Evaluator() as serial:
        whole = serial.evaluate(o, x, o.settings(0))
        for chunk in (1, 6):
            monkeypatch.setattr("outer.evaluators._cuts.CHUNK", chunk)
            cut = serial.evaluate(o, x, o.settings(0))
            assert cut.scores.tobytes() == whole.scores.tobytes()
        monkeypatch.setattr("outer.evaluators._cuts.BYTES", 1)  # lifetimes apart too
        assert serial.evaluate(o, x, o.settings(0)).scores.tobytes() == whole.scores.tobytes()
        alone = serial.evaluate(o, x[3:4], o.settings(0))
    assert alone.scores.tobytes() == whole.scores[3:4].tobytes() and len(np.unique(whole.fitness)) > 5
    assert np.isfinite(whole.fitness).all()
    costly = serial.evaluate(objective(complexity=0.5), x, o.settings(0)).fitness
    np.testing.assert_allclose(whole.fitness - costly, [0.5 * p.complexity for p in programs(14)])


def run(history: Sequence[Generation] = (), seed: int = 0, generations: int = 9, **options: object) -> list[Generation]:
    spec = {
        "name": "program",
        "popsize": 10,
        "generations": generations,
        "inputs": ["pre", "post", "err", "target", "e"],
    }
    search = build("search", spec | {"refine_every": 3, "refine": 2, "nodes": 6, "constants": 1} | options)
    o = objective(search.language())
    with Evaluator() as serial:
        return list(evolve(replace(o, plain=replace(o.plain, seed=seed)), search, serial, history))


@pytest.mark.parametrize("engine", ["cgp", "beam"])
def test_seed_and_resume(engine: str) -> None:
    """Same seed, same bits; a replayed history goes on where it was, also in the middle of a refinement."""
    whole = run(engine=engine)
    assert all(a.same_bits(b) for a, b in zip(whole, run(engine=engine), strict=True))
    if engine == "cgp":
        assert not whole[0].same_bits(run(seed=1, generations=1)[0])
    for cut in (2, 4, 7):
        assert all(a.same_bits(b) for a, b in zip(whole[cut:], run(whole[:cut], engine=engine), strict=True))
    assert whole[-1].metrics["complexity"] >= 0 and whole[-1].metrics["functions"] > 20


@pytest.mark.parametrize("gains", [0, 2])
@pytest.mark.parametrize("engine", ["cgp", "beam"])
def test_no_function_is_evaluated_twice_but_parents_and_simpler_ways_to_write_it(engine: str, gains: int) -> None:
    options = {"name": "program", "inputs": ["pre", "post", "err", "target", "e"], "nodes": 6}
    language = build("search", options).language()
    seen: dict[bytes, int] = {}
    for g in run(engine=engine, refine_every=0, generations=7, parents=2, gains=gains):
        programs = [Program.of(language, x) for x in g.candidates]
        keys = [cgp.fingerprint(program, gain=not gains) for program in programs]
        assert None not in keys and len({x.tobytes() for x in g.candidates}) == len(keys)
        known = [key for program, key in zip(programs, keys) if program.complexity >= seen.get(key, 99)]
        assert len(known) <= 2, "the parents"
        assert len(set(keys)) >= (len(keys) - 2) / max(gains, 1)
        for program, key in zip(programs, keys):
            seen[key] = min(program.complexity, seen.get(key, 99))


@pytest.mark.parametrize("engine", ["cgp", "beam"])
@pytest.mark.parametrize("value", [0.0, np.nan])
def test_flat_fitness_and_no_number_are_survived(engine: str, value: float) -> None:
    from outer.objective import Evaluation

    search = build("search", {"name": "program", "popsize": 8, "nodes": 5, "engine": engine, "refine_every": 4})
    start = compile_rule(search.language(), Rule("eta*pre*post")).vector()
    running = search.start(start, 0)
    for _ in range(12):
        x = running.ask()
        fitness = np.full(len(x), value)
        running.tell(x, Evaluation(fitness, fitness[:, None], np.ones((len(x), 1), dtype=bool)))
    assert np.isfinite(running.recommendation()).all() and search.language().holds(running.recommendation())


def test_beam_extends_by_every_operation_once() -> None:
    language = Language(("pre", "post"), ("add", "mul", "tanh"), 1, 3)
    (pre, _) = beam.seeds(language, (0.9, 0.9))
    found = beam.extended(pre)
    x, y, k = sympy.symbols("pre post k0", real=True)
    tanh = Rule("tanh(pre)").expression
    assert {p.expression() for p in found} == {2 * x, x + y, x + k, x**2, x * y, k * x, tanh}
    deeper = [p for one in found for p in beam.extended(one)]
    assert x * (x + y) in {p.expression() for p in deeper}
    product = next(p for p in found if p.expression() == x * y)
    assert {x * (x + y), x * (y + k), y * (y + x), k * x * y} <= {
        sympy.factor(p.expression()) for p in beam.extended(product)
    }
    assert all(beam.extended(p) == [] for p in (q for d in deeper[:5] for q in beam.extended(d)))


def test_front_against_brute_force() -> None:
    random = stream(0, "front")
    sizes, scores = random.integers(0, 6, 40).tolist(), random.standard_normal(40).round(1)
    expected = [
        k
        for k in range(40)
        if not any(
            (sizes[j] <= sizes[k] and scores[j] >= scores[k]) and (sizes[j] < sizes[k] or scores[j] > scores[k])
            for j in range(40)
        )
    ]
    found = front(sizes, scores)
    assert {(sizes[k], scores[k]) for k in found} == {(sizes[k], scores[k]) for k in expected}
    assert [sizes[k] for k in found] == sorted({sizes[k] for k in expected})
    history = run()
    o = objective(
        build("search", {"name": "program", "inputs": ["pre", "post", "err", "target", "e"], "nodes": 6}).language()
    )
    vectors = distinct_finalists(o, history, 8)
    assert len({cgp.fingerprint(p) for p in o.programs(vectors)}) == len(vectors) <= 8


@pytest.mark.parametrize(
    "options",
    [{"engine": "cpg"}, {"operations": ["ad"]}, {"inputs": "pre"}, {"nodes": 0}, {"popsize": 2}, {"sigma": 0.0}],
)
def test_refuses_options_that_cannot_work(options: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(options))) as caught:
        build("search", {"name": "program", **options})
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="inputs.*posst.*did you mean 'post'"):
        objective(Language(("pre", "posst")))
