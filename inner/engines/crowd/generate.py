"""Writes the C of a crowd: one rule on one multilayer perceptron in one world, with sizes as compile-time constants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sympy

from inner.activations import ACTIVATIONS
from inner.engines.native import head, lower
from inner.rules.compiled import trace_sides
from inner.rules.emit import Dialect, emit
from inner.rules.functions import rendering
from inner.rules.numeric import evaluate
from inner.rules.rule import Rule

HERE = Path(__file__).parent
NATIVE = HERE.parent / "native"
# signals that a crowd has: pre i, post j of the layer at hand, or one for all
SIGNALS = {
    "pre": "m->y[{below} + i]",
    "post": "m->y[{above} + j]",
    "drive": "m->drive[{above} + j]",
    "slope": "{slope}",
    "w": "w",
    "reward": "m->reward",
    "surprise": "m->surprise",
    "action": "{action}",
    "policy": "{policy}",
}


@dataclass(frozen=True)
class Plan:
    """Everything that a crowd's kernel is generated from."""

    rule: Rule
    activation: str
    bias: bool
    units: tuple[int, ...]  # per layer
    world: str  # C text: world_begin, world_observe, world_respond
    state: int  # vectors of the world
    totals: int
    choice: bool = True  # whether an action is one of the outputs

    @property
    def rows(self) -> tuple[int, ...]:
        """Rows of each group of synapses."""
        return tuple(units + self.bias for units in self.units[:-1])

    def at(self, layer: int) -> int:
        """The place of a layer's first unit among all."""
        return sum(units + self.bias for units in self.units[:layer])

    def synapse(self, k: int) -> int:
        """The place of a group's first synapse among all."""
        return sum(rows * above for rows, above in zip(self.rows[:k], self.units[1:]))

    def kept(self, k: int) -> list[tuple[str, str, int, int]]:
        """Traces of group k: name, side, place of the first value, number of values."""
        found, place = [], 0
        for layer, (rows, above) in enumerate(zip(self.rows, self.units[1:])):
            for name, side in trace_sides(self.rule).items():
                size = {"pre": rows, "post": above, "global": 1, "synapse": rows * above}[side]
                found.append((layer, (name, side, place, size)))
                place += size
        return [trace for layer, trace in found if layer == k] if k >= 0 else [("", "", place, 0)]


def source(plan: Plan) -> str:
    """The whole C text. Raises ValueError for what a crowd has no form of."""
    layers, act = len(plan.rows), ACTIVATIONS[plan.activation]
    assert act.c is not None, "refused before"
    flags = {
        "NARROW": 0,
        "INPUTS": plan.units[0],
        "OUTPUTS": plan.units[-1],
        "UNITS": sum(plan.units) + plan.bias * layers,
        "OUTPUT_AT": plan.at(layers),
        "SYNAPSES": plan.synapse(layers),
        "COEFFICIENTS": len(plan.rule.coefficients) * layers,
        "TRACES": plan.kept(-1)[0][2],
        "WORLD": plan.state,
        "TOTALS": plan.totals,
        "CHOICE": int(plan.choice),
    }
    value, slope = act.c
    own = [
        f"INLINE vec hidden(vec x) {{ return {value}; }}",
        f"INLINE vec slope_of(vec y) {{ (void)y; return {slope}; }}",
        _forward(plan),
        _learn(plan),
    ]
    shared = _read(HERE / "crowd.h")
    lanes = head.lanes(_read(NATIVE / "lanes.h"), "\n".join([*own, shared, plan.world, "s_tanh("]))
    macros = "".join(f"#define {name} {number}\n" for name, number in flags.items())
    return "\n".join([macros, lanes, shared, plan.world, *own, _read(HERE / "run.h")])


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _forward(plan: Plan) -> str:
    lines = ["INLINE void forward(Crowd *m)", "{"]
    for k, (rows, above) in enumerate(zip(plan.rows, plan.units[1:])):
        below, top = plan.at(k), plan.at(k + 1)
        drive = "drive" if k + 2 == len(plan.units) else "hidden(drive)"
        if plan.bias:
            lines.append(f"    m->y[{below + plan.units[k]}] = splat(1.0f);")
        lines += [
            f"    for (int j = 0; j < {above}; j++) {{",
            "        vec drive = {0};",
            f"        for (int i = 0; i < {rows}; i++)",
            f"            drive += m->y[{below} + i] * m->w[{plan.synapse(k)} + i * {above} + j];",
            f"        m->drive[{top} + j] = drive;",
            f"        m->y[{top} + j] = {drive};",
            "    }",
        ]
    return "\n".join([*lines, "}"])


def _learn(plan: Plan) -> str:
    rule, top = plan.rule, len(plan.rows) - 1
    lines = ["INLINE void learn(Crowd *m)", "{"]
    if "surprise" in rule.signals:
        lines.append(f"    compare(m, {float(np.float32(rule.surprise.rate)).hex()}f);")
    if "policy" in rule.signals:
        at = plan.at(top + 1)
        lines += [
            f"    vec policy[{plan.units[-1]}], total = {{0}}, most = m->y[{at}];",
            f"    for (int j = 1; j < {plan.units[-1]}; j++)",
            f"        most = larger(most, m->y[{at} + j]);",
            f"    for (int j = 0; j < {plan.units[-1]}; j++)",
            f"        total += policy[j] = v_exp(m->y[{at} + j] - most);",
            f"    for (int j = 0; j < {plan.units[-1]}; j++)",
            "        policy[j] /= total;",
        ]
    for k, (rows, above) in enumerate(zip(plan.rows, plan.units[1:])):
        lines += _layer(plan, k, rows, above, k == top)
    return "\n".join([*lines, "}"])


def _layer(plan: Plan, k: int, rows: int, above: int, last: bool) -> list[str]:
    rule, number = plan.rule, len(plan.rule.coefficients)
    places = {
        "below": plan.at(k),
        "above": plan.at(k + 1),
        "slope": "splat(1.0f)" if last else f"slope_of(m->y[{plan.at(k + 1)} + j])",
        "action": "m->chosen[j]" if last else "(vec){0}",
        "policy": "policy[j]" if last else "(vec){0}",
    }
    names = {name: text.format(**places) for name, text in SIGNALS.items()}
    names |= {c.name: f"m->c[{k * number + d}]" for d, c in enumerate(rule.coefficients)}
    kept, lines = plan.kept(k), []
    index = {"pre": "i", "post": "j", "global": "0", "synapse": f"i * {above} + j"}
    for name, side, place, size in kept:
        old = f"m->trace[{place} + {index[side]}]"
        names |= {name: old, f"{name}_before": old}
        lines += [f"    for (int s = {place}; s < {place + size}; s++)", "        m->trace[s] = both(~m->fresh, m->trace[s]);"]
    for name, side, place, size in kept:  # of one side: all read the traces before this step
        if side != "synapse":
            letter = {"pre": "i", "post": "j", "global": "s"}[side]
            lines.append(f"    for (int {letter} = 0; {letter} < {size}; {letter}++)")
            value = _text(rule.trace_expressions[name], names)
            lines.append(f"        m->fresh_trace[{place} + {index[side].replace('0', 's')}] = VEC({value});")
    after = names | {name: f"m->fresh_trace[{place} + {index[side]}]" for name, side, place, _ in kept if side != "synapse"}
    inner = [f"            vec w = m->w[{plan.synapse(k)} + i * {above} + j];"]
    inner += [
        f"            vec new{n} = VEC({_text(rule.trace_expressions[name], names)});"
        for n, (name, side, _, _) in enumerate(kept)
        if side == "synapse"
    ]
    after |= {name: f"new{n}" for n, (name, side, _, _) in enumerate(kept) if side == "synapse"}
    key = rule.key_of(k, len(plan.rows))
    inner.append(f"            m->w[{plan.synapse(k)} + i * {above} + j] = w + ({_text(rule.expressions[key], after)});")
    inner += [
        f"            m->trace[{place} + {index[side]}] = new{n};"
        for n, (_, side, place, _) in enumerate(kept)
        if side == "synapse"
    ]
    lines += [f"    for (int i = 0; i < {rows}; i++)", f"        for (int j = 0; j < {above}; j++) {{", *inner, "        }"]
    for _, side, place, size in kept:
        if side != "synapse":
            lines += [f"    for (int s = {place}; s < {place + size}; s++)", "        m->trace[s] = m->fresh_trace[s];"]
    return lines


def _text(expression: sympy.Expr, names: Mapping[str, str]) -> str:
    """An expression as C of vectors."""

    def call(name: str, arguments: Sequence[str]) -> str:
        rendering(name, "c")
        return f"v_{name}({', '.join(f'VEC({each})' for each in arguments)})"

    def power(base: str, exponent: int) -> str:
        return "(" + "*".join([f"VEC({base})"] * exponent) + ")"

    dialect = Dialect(
        number=lambda value: lower.number(evaluate(value, {})),
        name=lambda name: names[name],
        call=call,
        power=power,
        divide=lambda above, below: f"VEC({above})/VEC({below})",
    )
    return emit(expression, dialect)
