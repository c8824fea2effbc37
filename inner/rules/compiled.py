"""A rule's formulas ready to run: the side of every name, and one `Update` per formula and trace, made once per rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import sympy
from torch import Tensor

from inner.rules import sharing
from inner.rules.means import averages
from inner.rules.rule import Rule
from inner.rules.signals import BEFORE, SIGNALS
from inner.rules.tape import Tape
from inner.rules.update import Bounds, LayerShape, Update


def sides(rule: Rule) -> dict[str, str]:
    """The side of every name that is more than one number: signals, traces, coefficients per unit or synapse."""
    found = {
        name: "sampled" if signal.per_sample else "step" if signal.per_step else signal.side
        for name, signal in SIGNALS.items()
    }
    own = trace_sides(rule)
    found |= {name + BEFORE: side for name, side in own.items()} | own
    return found | {c.name: sharing.SIDES[c.share] for c in rule.coefficients if c.share in sharing.SIDES}


def trace_sides(rule: Rule) -> dict[str, str]:
    """The side of every trace, which follows from the names in its formula, through other traces too.

    "pre" [N, B, I], "post" [N, B, O] or "global" [N, B, 1]: all of them are of that side or global; the trace is kept for
    every sample of a step. "synapse" [N, I, O]: all others, and those with mean(...); the mean over the samples of a step.
    """
    known = {name: "synapse" if row.per_sample else row.side for name, row in SIGNALS.items()}
    known |= {c.name: sharing.SIDES.get(c.share, "global") for c in rule.coefficients}
    found = {t: "synapse" if averages(e) else "global" for t, e in rule.trace_expressions.items()}
    names = {trace: {symbol.name for symbol in e.free_symbols} for trace, e in rule.trace_expressions.items()}
    for _ in names:  # as many rounds as a chain of traces may be long
        for trace, used in names.items():
            if averages(rule.trace_expressions[trace]):
                continue
            seen = {(known | found)[name] for name in used} - {"global"}
            found[trace] = "global" if not seen else seen.pop() if len(seen) == 1 else "synapse"
    return found


@dataclass(frozen=True)
class SidedTrace:
    """The next value of a trace of one side, kept for every sample of a step: pre [N, B, I], post [N, B, O], global [N, B, 1]."""

    side: str
    tape: Tape

    def bind(self, values: Mapping[str, Tensor], shape: LayerShape) -> Bounds:
        """As `Update.bind`."""
        return self.tape.bind(values, shape[1], shape[2]), ()

    def __call__(
        self, signals: Mapping[str, Tensor], shape: LayerShape, batch: int, bound: Bounds | None = None
    ) -> Tensor:
        """The next value for layers of `shape` (N, I, O); as `Update`, but for every sample."""
        small, _ = self.bind(signals, shape) if bound is None else bound
        (value,) = self.tape.run(small, signals, batch)
        value = value if isinstance(value, Tensor) else signals["w"].new_full((1, 1, 1), value)
        return value.expand(shape[0], batch, self.width(shape[1], shape[2]))

    def width(self, inputs: int, outputs: int) -> int:
        """Values per sample in a layer of I (+ 1) x O synapses."""
        return {"pre": inputs, "post": outputs, "global": 1}[self.side]


Traces = tuple[tuple[str, Update | SidedTrace], ...]


@lru_cache(maxsize=128)
def compiled(rule: Rule, added: bool = False) -> tuple[dict[str, Update], Traces]:
    """The compiled formulas of a rule, by their keys in `rule.formulas`, and those of its traces.

    added: formulas that give w + dw instead of dw.
    """
    known, fixed = sides(rule), frozenset(c.name for c in rule.coefficients)
    own = trace_sides(rule)

    def trace(name: str, expression: sympy.Expr) -> Update | SidedTrace:
        if own[name] == "synapse":
            return Update.of(expression, known, fixed)
        return SidedTrace(own[name], Tape.of([expression], known, fixed, samples=True))

    traces = tuple((name, trace(name, e)) for name, e in rule.trace_expressions.items())
    return {key: Update.of(e, known, fixed, added) for key, e in rule.expressions.items()}, traces
