"""Writes what a formula computes outside the loop over synapses: once per life, per presynaptic and per postsynaptic unit."""

from __future__ import annotations

from inner.engines.native.lower import mentions
from inner.engines.native.plan import Formula
from inner.rules.signal import SUMMED
from inner.rules.signals import SIGNALS

SUM = {name: n for n, name in enumerate(name for name, row in SIGNALS.items() if row.c == SUMMED)}  # places in m->sums
NATIVE = {name: row for name, row in SIGNALS.items() if row.c and name != "w" and not row.per_sample and not row.per_step}
PRE = {name: row.c for name, row in NATIVE.items() if row.side == "pre"}  # where rows lie
POST = {name: row.c for name, row in NATIVE.items() if row.side != "pre" and name not in SUM}
POST |= {name: f"splat(m->sums[{n} * SAMPLES(m) + b])" for name, n in SUM.items()}
PLACES = {  # by side, under the names that signals have in C
    side: {f"{name}_": place for name, place in (PRE | POST).items() if SIGNALS[name].side == side}
    for side in ("pre", "post", "global")
}


def constants(formula: Formula) -> str:
    """C of the values that depend on coefficients alone."""
    body = "\n".join(f"    K[{n}] = {text};" for n, text in enumerate(formula.lowering.code.constants))
    return f"INLINE void constants{formula.number}(const float *c, float *K)\n{{\n    (void)c, (void)K;\n{body}\n}}\n"


def pre_side(formula: Formula) -> str:
    """C of the pre-side factors [PRES, B, I]: rows that lie somewhere already, or a loop over units."""
    code = formula.lowering.code
    rows = {f"{name}_": at for name, at in PRE.items()}
    rows |= {text: f"m->wide_pre[k] + {n} * size" for text, n in formula.lowering.wide("pre").items()}
    rows |= {k.text(age): k.at(age) for k in formula.kept if k.side == "pre" for age in ("old", "new")}
    lines, stores = [], []
    for n, text in enumerate(code.pre_out):
        at = f"m->pre_out + ({n} * SAMPLES(m) + b) * size"
        lines.append(f"        m->pre_row[{n} * SAMPLES(m) + b] = {rows.get(text, at)};")
        if text not in rows:
            stores.append(f"            store({at} + i, {text});")
    if stores:
        body = "\n".join([*code.pre, *stores])
        lines.append("        for (int64_t i = 0; i < UP(ROWS(inputs)); i += LANES) {")
        lines += [f"            vec {name} = load({row} + i);" for name, row in rows.items() if mentions(body, name)]
        lines += [f"            {line}" for line in code.pre] + stores + ["        }"]
    text = "\n".join(lines)
    return (
        f"PART void pre_side{formula.number}(const Work *m, int64_t k, int64_t inputs)\n{{\n"
        "    const float *K = m->k[k];\n    int64_t size = CEIL(inputs);\n    (void)K, (void)size;\n"
        f"    for (int64_t b = 0; b < SAMPLES(m); b++) {{\n{text}\n    }}\n}}\n"
    )


def post_side(formula: Formula) -> str:
    """C of the post-side factors [POSTS, B, O]; a mean lies at the place of the first sample."""
    code = formula.lowering.code
    everything = "\n".join([*code.post, *(text for text, _ in code.post_out)])
    loads = {f"{name}_": text for name, text in POST.items()}
    loads |= {text: f"load(m->wide_post[k] + {n} * size + j)" for text, n in formula.lowering.wide("post").items()}
    loads |= {k.text(age): k.at(age) for k in formula.kept if k.side != "pre" for age in ("old", "new")}
    lines = [f"            vec {name} = {text};" for name, text in loads.items() if mentions(everything, name)]
    lines += [f"            {line}" for line in code.post]
    before, after = [], []
    for n, (text, kind) in enumerate(code.post_out):
        if kind in ("mean", "scale"):
            before.append(f"        vec sum{n} = {{0}};")
            lines.append(f"            sum{n} += {text};")
            mean = f"m->share * sum{n}" if kind == "mean" else f"1.0f + m->share * sum{n}"
            after.append(f"        store(m->post_out + {n} * SAMPLES(m) * size + j, both(real, {mean}));")
        else:
            value = f"m->share * ({text})" if kind == "share" else text
            lines.append(f"            store(m->post_out + ({n} * SAMPLES(m) + b) * size + j, both(real, {value}));")
    return (
        f"PART void post_side{formula.number}(const Work *m, int64_t k, int64_t outputs, int last)\n{{\n"
        "    const float *K = m->k[k];\n    int64_t size = CEIL(outputs);\n    (void)K, (void)size, (void)last;\n"
        "    for (int64_t j = 0; j < UP(outputs); j += LANES) {\n"
        "        ivec real = lanes_below(outputs - j);\n        (void)real;\n"
        + "\n".join(
            [*before, "        for (int64_t b = 0; b < SAMPLES(m); b++) {", "            int64_t at = b * size + j;"]
        )
        + "\n            (void)at;\n"
        + "\n".join([*lines, "        }", *after, "    }", "}", ""])
    )
