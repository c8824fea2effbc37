"""Writes what a network keeps for every sample from one step to the next: traces of one side, and signals one step back.

A kept value lies in two buffers, the one of the step before and the one that this step fills; after a layer's update they
change places. So dw and other traces can read a trace as it was, and dw as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from inner.engines.native.lower import COEFFICIENT, Lowering, mentions
from inner.rules import sharing
from inner.rules.compiled import trace_sides
from inner.rules.functions import replace
from inner.rules.rule import Rule
from inner.rules.signals import SIGNALS, before_names

SIDES = ("pre", "post", "global")
BUFFERS = {"pre": "pre", "post": "post", "global": "one"}  # m->kept_pre, m->fresh_pre, ...
Places = Mapping[str, Mapping[str, str]]  # side -> C name of a signal -> where its vector (or its row) lies


@dataclass(frozen=True)
class Kept:
    """One value per sample and unit of its side; global ones have one per sample."""

    name: str  # of the trace, or of the signal that is asked for one step back
    side: str
    place: int  # among those of its side
    next: sympy.Expr  # its next value, in the names that `renamed` gives

    def names(self) -> dict[str, tuple[str, str]]:
        """Its two names in renamed formulas -> its side and its C name."""
        return {old(self.name): (self.side, self.text("old")), new(self.name): (self.side, self.text("new"))}

    def text(self, age: str) -> str:
        """Its C name: age is "old" or "new"."""
        return f"{age}_{self.side}{self.place}_"

    def at(self, age: str) -> str:
        """Its place: the row of sample b on the pre side, else the vector at the units `at` of layer k."""
        buffer = f"m->{'kept' if age == 'old' else 'fresh'}_{BUFFERS[self.side]}[k]"
        if self.side == "pre":
            return f"{buffer} + ({self.place} * SAMPLES(m) + b) * size"
        if self.side == "post":
            return f"load({buffer} + {self.place} * SAMPLES(m) * size + at)"
        return f"splat({buffer}[{self.place} * SAMPLES(m) + b])"


def old(name: str) -> str:
    """A name, which no formula can contain, of what a value was before this step."""
    return f"{name} old"


def new(name: str) -> str:
    """A name, which no formula can contain, of a trace of one side after this step."""
    return f"{name} new"


def renamed(rule: Rule, expression: sympy.Expr, last: bool) -> sympy.Expr:
    """The formula with unambiguous names for traces of one side and for all that is one step back; last: it is dw."""
    sided, automatic = trace_sides(rule), dict(zip(before_names(rule.traces), rule.traces))
    names = {}
    for symbol in expression.free_symbols:
        name = symbol.name
        if name in rule.traces:
            if sided[name] != "synapse":
                names[name] = new(name) if last else old(name)
        elif name in automatic:
            names[name] = old(automatic[name])
        elif name in SIGNALS and SIGNALS[name].before:
            names[name] = old(SIGNALS[name].before)
    symbols = {sympy.Symbol(a, real=True): sympy.Symbol(b, real=True) for a, b in names.items()}
    return replace(expression, symbols) if symbols else expression


def kept_of(rule: Rule) -> tuple[Kept, ...]:
    """Everything that the kernel of a rule keeps for every sample: its traces of one side first."""
    sided = trace_sides(rule)
    wanted = [
        (name, sided[name], renamed(rule, e, False))
        for name, e in rule.trace_expressions.items()
        if sided[name] != "synapse"
    ]
    asked = [row.before for row in SIGNALS.values() if row.before and row.name in rule.signals]
    wanted += [(name, SIGNALS[name].side, sympy.Symbol(name, real=True)) for name in asked]
    places = dict.fromkeys(SIDES, 0)
    found = []
    for name, side, expression in wanted:
        found.append(Kept(name, side, places[side], expression))
        places[side] += 1
    return tuple(found)


def macros(kept: tuple[Kept, ...]) -> dict[str, int]:
    """How many there are of each side."""
    return {f"KEPT_{BUFFERS[side].upper()}": sum(k.side == side for k in kept) for side in SIDES}


def functions(rule: Rule, kept: tuple[Kept, ...], places: Places) -> str:
    """The C functions that compute the next value of everything that is kept."""
    texts: list[str] = []
    constants: list[list[str]] = []  # of one function each
    for side in SIDES:
        if any(k.side == side for k in kept):
            texts.append(_function(rule, kept, side, places, constants))
    calls = {"pre": "keep_pre(m, k, inputs);", "post": "keep_post(m, k, outputs, last);", "global": "keep_one(m, k);"}
    lines = [f"    {call}" for side, call in calls.items() if any(k.side == side for k in kept)]
    body = ""
    for own in constants:
        body += "\n".join(f"    K[{n}] = {text};" for n, text in enumerate(own)) + f"\n    K += {len(own)};\n"
    return "\n".join(
        [
            f"#define KEPT_CONSTANTS {sum(map(len, constants))}",
            f"INLINE void kept_constants(const float *c, float *K)\n{{\n    (void)c, (void)K;\n{body}}}\n",
            *texts,
            "INLINE void keep_values(const Work *m, int64_t k, int64_t inputs, int64_t outputs, int last)\n{",
            "    (void)m, (void)k, (void)inputs, (void)outputs, (void)last;",
            *lines,
            "}\n",
        ]
    )


def _function(rule: Rule, kept: tuple[Kept, ...], side: str, places: Places, constants: list[list[str]]) -> str:
    """The function of one side; what it needs of coefficients alone is appended to `constants`."""
    seen = ("global",) if side == "global" else (side, "global")
    level = "pre" if side == "pre" else "post"  # a global value is one more vector of the side that is computed
    where = {text: place for s in seen for text, place in places[s].items()}
    where |= {k.text("old"): k.at("old") for k in kept if k.side in seen}
    sides = {name: (level, f"{name}_") for s in seen for name in SIGNALS if f"{name}_" in places[s]}
    sides |= {old(k.name): (level, k.text("old")) for k in kept if k.side in seen}
    shares = {c.name: c.share for c in rule.coefficients}
    wide = [name for name, share in shares.items() if sharing.SIDES.get(share) == side]
    sides |= {name: (level, f"wide{n}_") for n, name in enumerate(wide)}
    lowering = Lowering(sides, [name for name, share in shares.items() if share not in sharing.SIDES])
    inner, code = lowering.inner({}), lowering.code
    stores = []
    for k in kept:
        if k.side == side:
            value = inner.value(k.next)
            text = value.text
            if value.level == COEFFICIENT:
                text = f"splat({lowering.read(value, 1 if side == 'pre' else 2)})"
            stores.append(_store(k, text))
    statements = [*(code.pre if side == "pre" else code.post), *stores]
    everything = "\n".join(statements)
    lines = [f"        vec {n} = {_load(p, side, n, where, places)};" for n, p in where.items() if mentions(everything, n)]
    where_wide = f"wide_{side}[k] + {{0}} * size + {'i' if side == 'pre' else 'j'}"
    lines += [
        f"        vec wide{n}_ = load(m->{where_wide.format(n)});" for n in range(len(wide)) if mentions(everything, f"wide{n}_")
    ]
    head = HEADS[side].replace("OFFSET", str(sum(map(len, constants))))
    constants.append(list(code.constants))
    return "\n".join([head, *lines, *(f"        {line}" for line in statements), "    }\n}\n"])


def _store(kept: Kept, text: str) -> str:
    buffer = f"m->fresh_{BUFFERS[kept.side]}[k]"
    if kept.side == "pre":
        return f"store({buffer} + ({kept.place} * SAMPLES(m) + b) * size + i, {text});"
    if kept.side == "post":
        return f"store({buffer} + {kept.place} * SAMPLES(m) * size + at, {text});"
    return f"{buffer}[{kept.place} * SAMPLES(m) + b] = ({text})[0];"


def _load(place: str, side: str, name: str, where: Mapping[str, str], places: Places) -> str:
    """The vector of a name: pre-side places are rows, all others are vectors already."""
    row = name in places["pre"] or name.startswith("old_pre")
    return f"load({place} + i)" if side == "pre" and row else place


HEADS = {
    "pre": """PART void keep_pre(const Work *m, int64_t k, int64_t inputs)
{
    const float *K = m->kept_k[k] + OFFSET;
    int64_t size = CEIL(inputs), rows = UP(ROWS(inputs));
    (void)K;
    for (int64_t n = 0; n < SAMPLES(m) * rows; n += LANES) {
        int64_t b = n / rows, i = n % rows;""",
    "post": """PART void keep_post(const Work *m, int64_t k, int64_t outputs, int last)
{
    const float *K = m->kept_k[k] + OFFSET;
    int64_t size = CEIL(outputs), columns = UP(outputs);
    (void)K, (void)last;
    for (int64_t n = 0; n < SAMPLES(m) * columns; n += LANES) {
        int64_t b = n / columns, j = n % columns, at = b * size + j;
        (void)at;""",
    "global": """PART void keep_one(const Work *m, int64_t k)
{
    const float *K = m->kept_k[k] + OFFSET;
    (void)K;
    for (int64_t b = 0; b < SAMPLES(m); b++) {""",
}
