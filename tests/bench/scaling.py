"""What a life costs against the number of candidates and of steps, and what memory it takes."""

from __future__ import annotations

import resource
import sys

from bench import workloads

from inner.rules.rule import Rule

UNITS = (64, 32, 10)
POPULATIONS = (8, 25, 80, 250, 800)  # at 200 steps
LENGTHS = (100, 316, 1000, 3160, 10000)  # of 16 candidates


def seconds(population: int, steps: int) -> float:
    """Processor seconds of the online workload."""
    rule = Rule(workloads.EIGHT, pathway="random")
    d = workloads.inputs(None, "W1", population, 1, steps, UNITS, rule)
    return 1 / workloads.rate(workloads.native(workloads.plans(rule, UNITS, 1)[0], UNITS, d, slice(None)), 1, 3)


def over_populations() -> list[float]:
    """Nanoseconds per candidate-step, one for each of POPULATIONS."""
    return [seconds(p, 200) / (p * 200) * 1e9 for p in POPULATIONS]


def over_lengths() -> list[float]:
    """Nanoseconds per candidate-step, one for each of LENGTHS."""
    return [seconds(16, t) / (16 * t) * 1e9 for t in LENGTHS]


def memory(short: int = 1000, long: int = 100_000) -> float:
    """MiB by which the peak grows when lives get longer, less what the order of the samples itself takes."""
    rule = Rule(workloads.EIGHT, pathway="random")
    plan = workloads.plans(rule, UNITS, 1)[0]
    workloads.native(plan, UNITS, workloads.inputs(None, "W1", 4, 1, short, UNITS, rule), slice(None))()
    job = workloads.native(plan, UNITS, workloads.inputs(None, "W1", 4, 1, long, UNITS, rule), slice(None))
    before = _peak()
    job()
    return _peak() - before


def _peak() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def table() -> str:
    """Everything above as Markdown."""
    lines = ["| candidates, 200 steps | ns per candidate-step |", "|---|---|"]
    lines += [f"| {p:,} | {cost:.0f} |" for p, cost in zip(POPULATIONS, over_populations())]
    lines += ["", "| steps, 16 candidates | ns per candidate-step |", "|---|---|"]
    lines += [f"| {t:,} | {cost:.0f} |" for t, cost in zip(LENGTHS, over_lengths())]
    return "\n".join([*lines, "", f"Memory of 100,000 instead of 1,000 steps: {memory():+.1f} MiB."])
