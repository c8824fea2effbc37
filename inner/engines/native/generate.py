"""Writes the C source of one rule: what the analysis found, as the functions and macros that the shared text asks for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import sympy

from inner.activations import SOFTPLUS_BETA
from inner.engines.native import compiler, update
from inner.engines.native.lower import Inner, Lowering
from inner.engines.native.plan import Plan, Product, Stage
from inner.rules.rule import Rule
from inner.rules.separate import Group, Separated, separate
from inner.rules.signals import SIGNALS

HERE = Path(__file__).parent
PATHWAYS = {"none": "NONE", "backprop": "BACKPROP", "random": "FIXED", "direct": "DIRECT", "sign": "SIGNED"}
PATHWAYS |= {"learned": "LEARNED", "reward": "REWARD"}
ACTIVATIONS = {  # activity from the drive x, slope from the activity y
    "tanh": ("v_tanh(x)", "1.0f - y * y"),
    "relu": ("v_relu(x)", "v_step(y)"),
    "sigmoid": ("v_sigmoid(x)", "y * (1.0f - y)"),
    "softplus": (
        f"v_relu(x) + v_log(1.0f + v_exp(-{SOFTPLUS_BETA}f * v_abs(x))) / {SOFTPLUS_BETA}f",
        f"1.0f - v_exp(-{SOFTPLUS_BETA}f * y)",
    ),
    "linear": ("x", "splat(1.0f) + 0.0f * y"),
}
KINDS = ("classification", "regression", "unsupervised")
OUTPUTS = ("softmax", "linear", "sigmoid")
KNOWN = {"pre", "post", "w", "err", "feedback", "pre_err", "recon", "drive", "slope", "reward", "target"}


def sides_of(rule: Rule) -> dict[str, str]:
    """The side of every signal and trace."""
    return {name: signal.side for name, signal in SIGNALS.items()} | {name: "synapse" for name in rule.traces}


def analysis(rule: Rule) -> list[tuple[str, Separated]]:
    """The formulas of a rule, traces first, split into products and the rest."""
    sides = sides_of(rule)
    formulas = [*rule.trace_expressions.items(), ("dw", rule.expression)]
    return [(name, separate(expression, sides)) for name, expression in formulas]


@lru_cache(maxsize=64)
def source(plan: Plan) -> str:
    """The whole C text. Raises ValueError for what C has no form of."""
    lowering = Lowering(sides_of(plan.rule), [c.name for c in plan.rule.coefficients])
    stages = _stages(plan, lowering)
    parts = [
        _head(plan, lowering, stages),
        (HERE / "lanes.h").read_text(encoding="utf-8"),
        _activation(plan),
        (HERE / "layers.h").read_text(encoding="utf-8"),
        _constants(lowering),
        _pre_side(lowering),
        _post_side(lowering),
        update.many(plan, lowering, stages) if plan.batched else update.one(plan, lowering, stages),
        (HERE / "step.h").read_text(encoding="utf-8"),
        (HERE / "life.c").read_text(encoding="utf-8"),
    ]
    return "\n".join(parts)


def _stages(plan: Plan, lowering: Lowering) -> list[Stage]:
    """Lower every formula; traces read the old traces, dw the fresh ones."""
    found = []
    for name, separated in analysis(plan.rule):
        fresh = name == "dw"
        names = {"w": "w"} | {t: f"{'fresh' if fresh else 'old'}{n}" for n, t in enumerate(plan.rule.traces)}
        products = [_product(lowering, s, groups, fresh) for s, groups in _by_synapse(separated.groups).items()]
        inner: Inner = lowering.inner(names)
        factors = tuple("" if p.synapse == 1 else inner.text(p.synapse) for p in products)
        before = tuple(inner.statements)
        rest = "" if separated.rest == 0 else inner.text(separated.rest)
        found.append(Stage(name, tuple(products), factors, rest, before, tuple(inner.statements[len(before) :])))
    return found


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


def _head(plan: Plan, lowering: Lowering, stages: list[Stage]) -> str:
    """Macros: the choices of this kernel, and its shape where that is fixed."""
    rule, used = plan.rule, plan.rule.signals
    copies = plan.bias or any(text not in ("recon_", "pre_err_", "pre_") for text in lowering.code.pre_out)
    heavy = any(stage.rest for stage in stages)
    flags = {
        "BATCHED": plan.batched,
        "BIAS": plan.bias,
        "COPY_X": copies,
        "SUPERVISED": plan.kind != "unsupervised",
        "NEED_HEARD": bool(used & {"err", "feedback", "pre_err"}),
        "NEED_PRE_ERR": "pre_err" in used,
        "NEED_RECON": "recon" in used,
        "NEED_DRIVE": "drive" in used,
        "NEED_REWARD": "reward" in used or rule.pathway == "reward",
        "HEAVY": heavy,
        "NARROW": not plan.batched and not heavy and compiler.halves(),  # bound by loads and stores: 6 % faster
        "TRACES": len(rule.traces),
        "CONSTANTS": len(lowering.code.constants),
        "PRES": len(lowering.code.pre_out),
        "POSTS": len(lowering.code.post_out),
    }
    lines = [
        "/* Generated: one rule's life. Names are generated too; nothing here was copied from a user's formula. */"
    ]
    lines += [f"#define {name} {int(value)}" for name, value in flags.items()]
    for names in (PATHWAYS.values(), [o.upper() for o in OUTPUTS], [k.upper() for k in KINDS]):
        lines += [f"#define {name} {n}" for n, name in enumerate(names)]
    lines += [f"#define PATHWAY {PATHWAYS[rule.pathway]}", f"#define OUTPUT {plan.output.upper()}"]
    lines += [f"#define KIND {plan.kind.upper()}"]
    if plan.shape is None:
        each = "k, job->units[k], job->units[k + 1], k + 1 == job->layers"
        lines += [
            f"#define LAYERS_UP(DO) for (int64_t k = 0; k < job->layers; k++) DO({each})",
            f"#define LAYERS_DOWN(DO) for (int64_t k = job->layers - 1; k >= 0; k--) DO({each})",
            "#define UNITS(job, k) ((job)->units[k])",
            "#define TOP(job) ((job)->layers)",
            "#define SAMPLES(m) (BATCHED ? (m)->batch : 1)",
            "#define PART static __attribute__((noinline))",
        ]
    else:
        pairs = list(enumerate(zip(plan.shape, plan.shape[1:])))
        calls = [f"DO({k}, {i}, {o}, {int(k + 2 == len(plan.shape))})" for k, (i, o) in pairs]
        units = "".join(f"(k) == {k} ? {u} : " for k, u in enumerate(plan.shape[:-1]))
        lines += [
            "#define LAYERS_UP(DO) " + " ".join(calls),
            "#define LAYERS_DOWN(DO) " + " ".join(reversed(calls)),
            f"#define UNITS(job, k) ({units}{plan.shape[-1]})",
            f"#define TOP(job) {len(plan.shape) - 1}",
            f"#define SAMPLES(m) {plan.batch}",
            "#define PART " + ("static __attribute__((noinline))" if plan.batched else "INLINE"),
        ]
    lines += ["#define INPUTS(job) UNITS(job, 0)", "#define OUTPUTS(job) UNITS(job, TOP(job))"]
    return "\n".join(lines) + "\n"


def _activation(plan: Plan) -> str:
    value, slope = ACTIVATIONS[plan.activation]
    return (
        f"INLINE vec hidden(vec x) {{ return {value}; }}\nINLINE vec slope_of(vec y) {{ (void)y; return {slope}; }}\n"
    )


def _constants(lowering: Lowering) -> str:
    lines = [f"    K[{n}] = {text};" for n, text in enumerate(lowering.code.constants)]
    body = "\n".join(lines)
    return f"static void constants(const float *c, float *K)\n{{\n    (void)c, (void)K;\n{body}\n}}\n"


def _pre_side(lowering: Lowering) -> str:
    """What the pre side hands over, [PRES, B, I]: rows that lie somewhere already, or a loop over units."""
    rows = {"pre_": "m->row[b]", "recon_": "m->recon + b * size", "pre_err_": "m->err[k] + b * size"}
    lines, stores = [], []
    for n, text in enumerate(lowering.code.pre_out):
        at = f"m->pre_out + ({n} * SAMPLES(m) + b) * size"
        lines.append(f"        m->pre_row[{n} * SAMPLES(m) + b] = {rows.get(text, at)};")
        if text not in rows:
            stores.append(f"            store({at} + i, {text});")
    if stores:
        lines.append("        for (int64_t i = 0; i < UP(ROWS(inputs)); i += LANES) {")
        body = [f"            vec {name} = load({row} + i);" for name, row in rows.items()]
        body += [f"            (void){', (void)'.join(rows)};"]
        lines += body + [f"            {line}" for line in lowering.code.pre] + stores + ["        }"]
    text = "\n".join(lines)
    return (
        "PART void pre_side(const Work *m, int64_t k, int64_t inputs)\n{\n"
        "    const float *K = m->k[k];\n    int64_t size = CEIL(inputs);\n    (void)K, (void)size;\n"
        f"    for (int64_t b = 0; b < SAMPLES(m); b++) {{\n{text}\n    }}\n}}\n"
    )


def _post_side(lowering: Lowering) -> str:
    """What the post side hands over, [POSTS, B, O]; means lie where the first sample would."""
    signals = {
        "post": "load(m->post[k] + at)",
        "err": "load(m->err[k + 1] + at)",
        "feedback": "load((last ? m->err : m->heard)[k + 1] + at)",
        "drive": "load(m->drive[k] + at)",
        "slope": "last ? splat(1.0f) : slope_of(post_)",
        "reward": "splat(m->reward[b])",
        "target": "last && SUPERVISED ? load_any(m->aim[b] + j) : (vec){0}",
    }
    everything = " ".join([*lowering.code.post, *(text for text, _ in lowering.code.post_out)])
    used = [name for name in signals if f"{name}_" in everything or name == "post"]
    lines = [f"            vec {name}_ = {signals[name]};" for name in used] + ["            (void)post_;"]
    lines += [f"            {line}" for line in lowering.code.post]
    before, after = [], []
    for n, (text, kind) in enumerate(lowering.code.post_out):
        if kind in ("mean", "scale"):
            before.append(f"        vec sum{n} = {{0}};")
            lines.append(f"            sum{n} += {text};")
            mean = f"m->share * sum{n}" if kind == "mean" else f"1.0f + m->share * sum{n}"
            after.append(f"        store(m->post_out + {n} * SAMPLES(m) * size + j, both(real, {mean}));")
        else:
            value = f"m->share * ({text})" if kind == "share" else text
            lines.append(f"            store(m->post_out + ({n} * SAMPLES(m) + b) * size + j, both(real, {value}));")
    return (
        "PART void post_side(const Work *m, int64_t k, int64_t outputs, int last)\n{\n"
        "    const float *K = m->k[k];\n    int64_t size = CEIL(outputs);\n    (void)K, (void)size, (void)last;\n"
        "    for (int64_t j = 0; j < UP(outputs); j += LANES) {\n"
        "        ivec real = lanes_below(outputs - j);\n        (void)real;\n"
        + "\n".join(
            [*before, "        for (int64_t b = 0; b < SAMPLES(m); b++) {", "            int64_t at = b * size + j;"]
        )
        + "\n            (void)at;\n"
        + "\n".join([*lines, "        }", *after, "    }", "}", ""])
    )
