"""The runs that are killed: every search, inheritance, sweep, bench, study, comparison and report, as small as they get."""

from __future__ import annotations

from dataclasses import dataclass, field

from tiny import TINY

BALDWIN = """
task: {name: sines, tasks: 4}
rule: {name: sgd, pathway: backprop, dw: "eta*err*pre", coefficients: {eta: {init: 0.1, transform: log}}}
network: {hidden: [4], bias: true}
life: {steps: 4, batch: 5}
search: {name: microbial, popsize: 8, generations: 6, sigma0: 0.5, sigma: 0.05, deme: 2}
lifetimes: 2
shapes: 1
genome: {weights: direct}
inheritance: {seeds: 1, lifetimes: 3, threshold: -0.1}
evaluator: serial
tracking: {mode: disabled}
"""
LEAGUE = """
learners: [backprop, sign, spsa]
tasks: [{name: digits, test: 40}]
depths: [1, 2]
width: 8
passes: 40
batch: 2
search: {name: cma, popsize: 4, generations: 3}
lifetimes: 2
selection: {finalists: 2, lifetimes: 2}
fresh: 3
memory: [1, 2]
evaluator: serial
tracking: {mode: disabled}
"""
FILES = {"tiny.yaml": TINY, "baldwin.yaml": BALDWIN, "league.yaml": LEAGUE}
SEARCHES = {
    "cma": "popsize: 4, generations: 12",
    "es": "popsize: 4, generations: 12",
    "ga": "popsize: 6, generations: 12",
    "random": "popsize: 4, generations: 12",
    "hillclimb": "popsize: 4, generations: 12",
    "bitstring": "popsize: 6, generations: 12",
    "microbial": "popsize: 8, generations: 12",
    "gradient": "popsize: 2, generations: 4",
    "forward_gradient": "popsize: 2, generations: 4",
    "pes": "popsize: 2, generations: 4, pairs: 1",
    "program": "popsize: 8, generations: 4, refine_every: 0",
}


@dataclass(frozen=True)
class Scenario:
    """A command, and what goes on with it when it was killed; both may be killed again and again."""

    name: str
    start: tuple[str, ...]
    run: str = "runs/x"  # the folder that `resume` goes on with; empty: the command is started again
    before: tuple[str, ...] = ()  # a command that is not killed, run first
    prints: bool = False  # whether what it prints must be the same too
    environment: dict[str, str] = field(default_factory=dict)


def search(name: str, *changes: str, config: str = "tiny.yaml") -> Scenario:
    """A whole run of a search."""
    return Scenario(name, ("search", config, "--name", "x", *changes))


SYNAPSES = "rule={dw: eta*err*pre, pathway: random, coefficients: {eta: {init: 0.02, transform: log, share: synapse}}}"
PROCESSES = "evaluator={name: processes, workers: 2}"
SCENARIOS = (
    *(search(name, f"search={{name: {name}, {options}}}") for name, options in SEARCHES.items()),
    search("tuning and births", "search.generations=2", "compare.baselines=[backprop, oja, hebb]",
           "compare.births=[gaussian, orthogonal]", "compare.random_search=true"),
    search("racing", "racing={at: 0.5, keep: 0.5}", "search.generations=12"),
    search("eager", "engine=eager", "search.generations=6", "fitness.measure=area"),
    search("learner", "learner={name: weight_perturbation}", "search.generations=6"),
    search("per synapse", SYNAPSES,
           "search=es", "search.popsize=4", "search.generations=6"),
    search("processes", PROCESSES, "search.generations=6"),
    search("W&B", "tracking.mode=offline", "search.generations=12"),
    Scenario("baldwin", ("baldwin", "baldwin.yaml", "--name", "x")),
    Scenario("baldwin grown", ("baldwin", "baldwin.yaml", "--name", "x", "genome.weights=grown", "genome.fit_steps=3",
                               "inheritance.arms=[baldwinian, lamarckian]")),
    Scenario("bench", ("bench-searches", "tiny.yaml", "--searches", "cma,es", "--seeds", "2", "--name", "x")),
    Scenario("sweep", ("sweep", "tiny.yaml", "--seeds", "2", "--name", "x")),
    Scenario("sweep of values", ("sweep", "tiny.yaml", "--over", "life.steps=10,20", "--seeds", "2", "--picture", "s.svg"), run="",
             prints=True),
    Scenario("study", ("baldwin", "papers/needle_ridge", "--name", "x", "study.runs=2", "study.generations=60", "study.popsize=20")),
    Scenario("other study", ("baldwin", "papers/hinton_nowlan", "--name", "x", "study.runs=4",
                              "study.generations=40", "study.popsize=100")),
    Scenario("comparison", ("compare", "backprop", "oja", "--config", "tiny.yaml"), run="", prints=True),
    Scenario("league", ("league", "league.yaml", "--name", "x")),
    Scenario("report", ("report", "runs/x"), run="", before=("search", "tiny.yaml", "--name", "x")),
    Scenario("export", ("export", "runs/x", "--output", "rule.py"), run="", before=("search", "tiny.yaml", "--name", "x")),
)  # fmt: skip
