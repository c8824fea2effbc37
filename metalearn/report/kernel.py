"""Prints what the native engine makes of a rule: its formulas taken apart, and the C source that runs its lives."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from inner.components import load
from inner.rules.faces import to_text
from inner.rules.separate import Separated


def show_kernel(path: Path, console: Any) -> None:
    """Print analysis and source of a run or rule.json; raises ValueError where the rule has no kernel."""
    from inner.engines.native import engine, generate
    from inner.learners.base import Spec
    from inner.learners.local_rule import Learner
    from inner.tasks.base import Task
    from metalearn.rule.file import read, rule_of
    from outer.settings import network_of

    document = read(path)
    rule, options = rule_of(document), document.get("network") or {}
    kept = {key: value for key, value in options.items() if key in ("name", "activation", "output", "bias")}
    learner = Learner(rule, network_of(kept, ()))
    criterion = cast(type[Task], load("task", str(document.get("task") or "digits").split(", ")[0])).criterion
    spec = Spec(0, 0, criterion)
    why = engine.obstacle(learner, spec)
    if why and "compiler" not in why:
        raise ValueError(f"show: the rule has no kernel: {why}")
    for line in analysis_lines(generate.analysis(rule)):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print("", highlight=False)
    text = generate.source(engine.plan_of(learner, spec))
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def analysis_lines(formulas: list[tuple[str, Separated]]) -> list[str]:
    """One line per product: the synapse's factor, the pre side's and the post side's; then what does not separate."""
    lines = []
    for name, separated in formulas:
        lines.append(f"{name} is the sum of")
        for group in separated.groups:
            factors = [("synapse", group.synapse), ("pre", group.pre), ("post", group.post)]
            parts = [f"{side} {to_text(factor)}" for side, factor in factors if factor != 1]
            lines.append("    " + "  x  ".join(parts or ["1"]))
        if separated.rest != 0:
            lines.append(f"    synapse by synapse {to_text(separated.rest)}")
    return lines
