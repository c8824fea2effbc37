"""Writes the C source of one rule: what the analysis found, as the functions and macros that the shared text asks for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import sympy

from inner.engines.native import head, kept, neurons, update
from inner.engines.native.lower import SYNAPSE, Inner, Lowering, Value
from inner.engines.native.plan import Formula, Plan, Product, Stage
from inner.rules import sharing
from inner.rules.compiled import sides, trace_sides
from inner.rules.means import names_inside, taken_out
from inner.rules.rule import Rule
from inner.rules.separate import Group, Separated, separate
from inner.rules.signals import SIGNALS

HERE = Path(__file__).parent
MARK = "/*+*/"
ORDERED = "recon_ordered"  # the one signal with a value for every sample and synapse
ARGUMENTS = {  # of what each formula has a function of its own for; `k` and `last` say which formula
    "constants": ("const float *c, float *K, int64_t k, int last", "c, K"),
    "pre_side": ("const Work *m, int64_t k, int64_t inputs, int last", "m, k, inputs"),
    "post_side": ("const Work *m, int64_t k, int64_t outputs, int last", "m, k, outputs, last"),
    "update": (
        "const Work *m, int64_t k, int64_t inputs, int64_t outputs, const float *after, const int fuse, int last",
        "m, k, inputs, outputs, after, fuse",
    ),
}


def analysis(rule: Rule) -> list[tuple[str, Separated]]:
    """The formulas of a rule, traces first, split into products and the rest."""
    known, found = sides(rule), []
    for name, expression in [*rule.trace_expressions.items(), *rule.expressions.items()]:
        expression, means = taken_out(expression)
        for symbol, inside in means.items():
            found.append((symbol.name, separate(inside, known)))
            known |= {symbol.name: "synapse"}
        found.append((name, separate(expression, known)))
    return [pair for n, pair in enumerate(found) if pair not in found[:n]]


@lru_cache(maxsize=64)
def source(plan: Plan) -> str:
    """The whole C text. Raises ValueError for what C has no form of."""
    formulas = [_formula(plan, number, key) for number, key in enumerate(plan.rule.formulas)]
    writer = update.many if plan.batched else update.one
    more, written = head.explores(plan.rule), []
    for formula in formulas:
        written += [neurons.constants(formula), neurons.pre_side(formula), neurons.post_side(formula)]
        written += [writer(plan, formula)]
    written += [_choose(name, len(formulas)) for name in ARGUMENTS]
    if more:
        written.append(kept.functions(plan.rule, formulas[0].kept, neurons.PLACES))
    activation = head.activation(plan)
    lanes = head.lanes(_shared("lanes.h"), "\n".join([activation, *written]))
    parts = [
        head.macros(plan, formulas),
        lanes,
        activation,
        _shared("layers.h", more),
        _shared("activities.h"),
        *written,
    ]
    parts += [_shared("noise.h"), _shared("explore.h")] if more else []
    return "\n".join([*parts, _shared("step.h", more), _shared("life.c", more)])


def _shared(name: str, more: bool = False) -> str:
    """A shared text. Lines that begin with the mark of exploration are for kernels that explore or keep something."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line.removeprefix(MARK) for line in lines if more or not line.startswith(MARK))


def _choose(name: str, formulas: int) -> str:
    """The function that calls the one of the layer's formula."""
    arguments, call = ARGUMENTS[name]
    lines = [f"INLINE void {name}({arguments})", "{", "    (void)k, (void)last;"]
    lines += [f"    if (FORMULA(k, last) == {n}) {name}{n}({call});" for n in range(formulas)]
    return "\n".join([*lines, "}", ""])


def _formula(plan: Plan, number: int, key: str) -> Formula:
    """Lower the traces and the formula of one key; traces read the old traces, dw the fresh ones."""
    rule, own = plan.rule, kept.kept_of(plan.rule)
    apart = {name: both for each in own for name, both in each.names().items()}
    known = sides(rule) | {name: side for name, (side, _) in apart.items()}
    traces = [name for name, side in trace_sides(rule).items() if side == "synapse"]
    known |= {kept.old(name): "synapse" for name in traces}
    scalars = [c.name for c in rule.coefficients if c.share not in sharing.SIDES]
    texts = {name: f"{name}_" for name in SIGNALS}
    texts |= {name: f"wide{n}_" for n, name in enumerate(c.name for c in rule.coefficients if c.share in sharing.SIDES)}
    lowering = Lowering(
        {name: (known[name], text) for name, text in texts.items() if known[name] != "step"} | apart, scalars
    )
    of_synapse = {name: texts[name] for name in texts if known[name] == "synapse"} | {"w": "w"}
    formulas = [*(rule.trace_expressions[name] for name in traces), rule.expressions[key]]
    stages: list[Stage] = []
    averaged: dict[tuple[str, bool], str] = {}  # name of a mean, whether of this step's traces -> its name in C
    for n, expression in enumerate(formulas):
        last = n == len(traces)
        names = of_synapse | {t: f"{'fresh' if last else 'old'}{i}" for i, t in enumerate(traces)}
        names |= {kept.old(t): f"old{i}" for i, t in enumerate(traces)} if last else {}
        expression, means = taken_out(kept.renamed(rule, expression, last))
        for symbol, inside in means.items():
            place = (symbol.name, last and not names_inside(inside, means).isdisjoint(traces))
            if place not in averaged:
                averaged[place] = f"mean{len(averaged)}"
                stages.append(_stage(lowering, separate(inside, known), names, len(stages), averaged[place]))
            names |= {symbol.name: averaged[place]}
            known |= {symbol.name: "synapse"}
        name = "next" if last else f"fresh{n}"
        stages.append(
            _stage(lowering, separate(expression, known), names, len(stages), name, last, None if last else n)
        )
    return Formula(number, lowering, tuple(stages), own)


def _stage(
    lowering: Lowering,
    separated: Separated,
    names: dict[str, str],
    number: int,
    name: str,
    last: bool = False,
    slot: int | None = None,
) -> Stage:
    products = [_product(lowering, s, groups, last) for s, groups in _by_synapse(separated.groups).items()]
    inner: Inner = lowering.inner(names)
    factors = tuple("" if p.synapse == 1 else inner.text(p.synapse) for p in products)
    before = tuple(inner.statements)
    if any(symbol.name == ORDERED for symbol in separated.rest.free_symbols):
        post = f"e{lowering.post_out(inner.value(sympy.Symbol('post', real=True)), 'each')}"
        inner.statements.append(f"vec ordered{number} = running(CARRY({number}), {post} * w, FIRST);")
        inner.own[sympy.Symbol(ORDERED, real=True)] = Value(f"ordered{number}", SYNAPSE)
    rest = "" if separated.rest == 0 else inner.text(separated.rest)
    return Stage(name, last, slot, tuple(products), factors, rest, before, tuple(inner.statements[len(before) :]))


def _by_synapse(groups: Sequence[Group]) -> dict[sympy.Expr, list[Group]]:
    found: dict[sympy.Expr, list[Group]] = {}
    for group in groups:
        found.setdefault(group.synapse, []).append(group)
    return found


def _product(lowering: Lowering, synapse: sympy.Expr, groups: list[Group], is_dw: bool) -> Product:
    inner = lowering.inner({})
    pairs, alone = [], None
    plain = all(g.pre == 1 for g in groups)
    scales = is_dw and plain and synapse == sympy.Symbol("w", real=True)
    for group in groups:
        post = inner.value(group.post)
        if group.pre == 1:
            alone = lowering.post_out(post, "scale" if scales else "mean")
        else:
            pairs.append((lowering.pre_out(inner.value(group.pre)), lowering.post_out(post, "share")))
    return Product(synapse, tuple(pairs), alone, scales)
