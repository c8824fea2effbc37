"""Writes the loop over synapses: every formula of a rule in one pass over the weights, tile by tile.

One sample: a tile is all rows of some columns, and what the post side hands over stays in registers. Several samples: a
tile is some rows of some columns, whose sums over samples stay in registers (a matrix product) until the weights are
read and written once. The first layer's update also sums the next step's drives, while the new weights are at hand.
"""

from __future__ import annotations

from inner.engines.native.lower import Lowering, mentions
from inner.engines.native.plan import Formula, Plan, Stage

REGISTERS = 16  # sums that a tile keeps in vector registers


def _combined(stage: Stage, sums: list[str], base: str) -> str:
    """base + sum_p factor_p * sum_p; products that scale w replace the base by w * scale."""
    total = base
    terms = []
    for product, factor, text in zip(stage.products, stage.factors, sums):
        if product.scales:
            total = f"w * {text}"
        else:
            terms.append(text if not factor else f"{factor} * {text}" if text else factor)
    return " + ".join([part for part in (total, *terms) if part]) or "(vec){0}"


def _ends(plan: Plan, offset: str) -> list[str]:
    """C between the new weight `next` and its store; `offset` is its place in the layer."""
    lines = []
    if plan.rule.pathway == "learned":
        share = f"{1 - plan.decay!r}f"
        real = "i < inputs ? next - w : (vec){0}"
        lines += [
            f"{{ float *o = m->own[k] + {offset}; store(o, (load(o) + ({real})) * {share}); }}",
            f"next *= {share};",
        ]
    keep = plan.rule.homeostasis
    if keep is not None and keep.kind == "max_weight":
        lines.append("next = at_least(at_most(next, BOUND), -BOUND);")
    return lines


def _masked(stages: tuple[Stage, ...]) -> bool:
    """True where padding must be set to 0 by hand: a rest, or a synapse factor that may not be finite where w is 0."""
    return any(stage.rest or any("/" in line or "v_" in line for line in stage.before) for stage in stages)


def _body(plan: Plan, stages: tuple[Stage, ...], sums: list[list[str]], rests: list[str], offset: str) -> list[str]:
    """From loaded w and old traces to stored ones, for one vector of synapses."""
    lines: list[str] = []
    mask = "both(lanes_below(outputs - j - u * LANES), {0})" if _masked(stages) else "{0}"
    for n, stage in enumerate(stages):
        lines += stage.before
        if stage.rest:
            lines.append(rests[n])
        value = _combined(stage, sums[n], "w" if stage.last else "")
        if stage.rest:
            value += f" + rest{n}"
        lines.append(f"vec {stage.name} = {mask.format(value)};")
        if stage.slot is not None:
            lines.append(f"store(trace + {stage.slot} * whole + {offset}, {stage.name});")
    return [*lines, *_ends(plan, offset), f"store(w_ + {offset}, next);"]


def _loads(plan: Plan, formula: Formula, offset: str) -> list[str]:
    lines = [f"vec w = load(w_ + {offset});"]
    for n in range(formula.traces):
        lines.append(f"vec old{n} = load(trace + {n} * whole + {offset}); (void)old{n};")
    for text, n in formula.lowering.wide("synapse").items():
        lines.append(f"vec {text} = load(m->wide[k] + {n} * whole + {offset}); (void){text};")
    return lines


PLACE = """    const float *K = m->k[k];
    float *w_ = m->w[k], *trace = m->trace[k];
    int64_t stride = stride_of(outputs), rows = ROWS(inputs), size = CEIL(outputs), whole = SIZE(inputs, outputs);
    (void)K, (void)trace, (void)whole, (void)size, (void)rows;
"""


def one(plan: Plan, formula: Formula) -> str:
    """The update of a layer for one sample a step."""
    code, stages, heavy = formula.lowering.code, formula.stages, formula.heavy
    offset = "i * stride + j + u * LANES"
    sums, rests = [], []
    for n, stage in enumerate(stages):
        own = []
        for p in stage.products:
            parts = ([f"e{p.alone}"] if p.alone is not None else []) + [f"f{f} * e{e}" for f, e in p.pairs]
            text = " + ".join(parts)
            needs = len(parts) > 1 and not (p.synapse == 1)
            own.append(f"({text})" if needs else text)
        sums.append(own)
        rests.append("\n".join([*stage.within, f"vec rest{n} = (vec){{0}} + {stage.rest};"]) if stage.rest else "")
    body = [*_loads(plan, formula, offset), *_body(plan, stages, sums, rests, offset)]
    body += ["if (fuse) sum[h][u] += after[i] * next;", "if (KEEP_NORM) square[h][u] += next * next;"]
    used = "\n".join(body)
    outs = [n for n in range(len(code.post_out)) if mentions(used, f"e{n}")]
    pres = [n for n in range(len(code.pre_out)) if mentions(used, f"f{n}")]
    lines = [
        f"INLINE void update_tile{formula.number}(const Work *m, int64_t k, int64_t inputs, int64_t outputs, int64_t j,"
    ]
    lines += ["                         const int JB, const float *after, const int fuse)", "{", PLACE.rstrip()]
    lines += ["    vec sum[2][4], square[2][4];"]
    lines += [f"    vec E{n}[4];" for n in outs]
    lines += [
        "    for (int u = 0; u < JB; u++) {",
        "        sum[0][u] = sum[1][u] = square[0][u] = square[1][u] = (vec){0};",
    ]
    lines += [f"        E{n}[u] = load(m->post_out + {n} * size + j + u * LANES);" for n in outs]
    lines += ["    }"]
    lines += [f"    const float *F{n} = m->pre_row[{n}];" for n in pres]
    lines += [f"    for (int64_t two = 0; two < rows; two += {1 if heavy else 2})"]
    lines += [f"        for (int h = 0; h < {1 if heavy else 2}; h++) {{", "            int64_t i = two + h;"]
    lines += ["            if (i >= rows)", "                break;"]
    lines += [f"            float f{n} = F{n}[i];" for n in pres]
    lines += ["            for (int u = 0; u < JB; u++) {"]
    lines += [f"                vec e{n} = E{n}[u];" for n in outs]
    lines += ["                " + line for text in body for line in text.split("\n")]
    lines += ["            }", "        }"]
    lines += ["    for (int u = 0; fuse && u < JB; u++)"]
    lines += ["        store(m->ahead + j + u * LANES, sum[0][u] + sum[1][u]);"]
    lines += ["    for (int u = 0; KEEP_NORM && u < JB; u++)"]
    lines += ["        store(m->squares + j + u * LANES, square[0][u] + square[1][u]);", "}"]
    tile = f"update_tile{formula.number}(m, k, inputs, outputs, j, {{0}}, after, fuse);"
    widths = [1] if heavy else [4, 2, 1]
    calls = [f"    for (; end - j >= {u} * LANES; j += {u} * LANES) {{ {tile.format(u)} }}" for u in widths]
    return "\n".join([*lines, *_layer(formula, calls)])


def _layer(formula: Formula, calls: list[str]) -> list[str]:
    """The loop over the tiles of a layer, wide ones first."""
    return [
        f"PART void update{formula.number}(const Work *m, int64_t k, int64_t inputs, int64_t outputs, const float *after,",
        "                    const int fuse)",
        "{",
        "    (void)after, (void)fuse;",
        "    int64_t j = 0, end = UP(outputs);",
        *calls,
        "}",
        "",
    ]


def many(plan: Plan, formula: Formula) -> str:
    """The update of a layer for several samples a step."""
    stages = formula.stages
    offset = "(i + r) * stride + j + u * LANES"
    sums, rests, declared, inner, pairs = [], [], [], [], []
    for n, stage in enumerate(stages):
        own = []
        for q, p in enumerate(stage.products):
            parts = (
                [f"load(m->post_out + {p.alone} * SAMPLES(m) * size + j + u * LANES)"] if p.alone is not None else []
            )
            if p.pairs:
                name = f"S{n}_{q}"
                declared.append(name)
                parts.append(f"{name}[r][u]")
                pairs += [(name, f, e) for f, e in p.pairs]
            text = " + ".join(parts)
            own.append(f"({text})" if len(parts) > 1 and p.synapse != 1 else text)
        sums.append(own)
        rests.append(_rest_many(n, stage, formula.lowering) if stage.rest else "")
    for number, (name, f, e) in enumerate(pairs):
        inner += [
            f"        const float *f{number} = m->pre_row[{f} * SAMPLES(m) + b] + i;",
            f"        const float *e{number} = m->post_out + ({e} * SAMPLES(m) + b) * size + j;",
            f"        vec v{number}[4];",
            "        for (int u = 0; u < JB; u++) {",
            f"            v{number}[u] = load(e{number} + u * LANES);",
            f"            HOLD(v{number}[u]);",
            "        }",
            "        for (int r = 0; r < MR; r++)",
            "            for (int u = 0; u < JB; u++)",
            f"                {name}[r][u] += f{number}[r] * v{number}[u];",
        ]
    body = [*_loads(plan, formula, offset), *_body(plan, stages, sums, rests, offset)]
    text = "\n".join(body).replace("i < inputs", "i + r < inputs")
    lines = [
        f"INLINE void update_tile{formula.number}(const Work *m, int64_t k, int64_t inputs, int64_t outputs, int64_t i,",
        "                         const int MR, int64_t j, const int JB)",
        "{",
        PLACE.rstrip(),
    ]
    lines += [f"    vec {name}[8][4];" for name in declared]
    if declared:
        lines += ["    for (int r = 0; r < MR; r++)", "        for (int u = 0; u < JB; u++)"]
        lines += ["            " + " = ".join(f"{name}[r][u]" for name in declared) + " = (vec){0};"]
        lines += ["    for (int64_t b = 0; b < SAMPLES(m); b++) {", *inner, "    }"]
    lines += ["    for (int r = 0; r < MR; r++)", "        for (int u = 0; u < JB; u++) {"]
    lines += ["            " + line for line in text.split("\n")] + ["        }", "}"]
    budget = max(1, REGISTERS // max(1, len(declared)))
    calls = []
    for width in (4, 2, 1):
        if width > budget:
            continue
        high = min(8, budget // width)
        tile = f"update_tile{formula.number}(m, k, inputs, outputs, i, {{0}}, j, {width});"
        calls.append(
            f"    for (; end - j >= {width} * LANES; j += {width} * LANES) {{\n        int64_t i = 0;\n"
            f"        for (; i + {high} <= ROWS(inputs); i += {high})\n            {tile.format(high)}\n"
            f"        for (; i < ROWS(inputs); i++)\n            {tile.format(1)}\n    }}"
        )
    return "\n".join([*lines, *_layer(formula, calls)])


def _rest_many(n: int, stage: Stage, lowering: Lowering) -> str:
    """The mean over samples of what does not separate."""
    text = "\n".join([*stage.within, stage.rest])
    pres = [p for p in range(len(lowering.code.pre_out)) if mentions(text, f"f{p}")]
    outs = [e for e in range(len(lowering.code.post_out)) if mentions(text, f"e{e}")]
    lines = [f"vec rest{n} = (vec){{0}};", "for (int64_t b = 0; b < SAMPLES(m); b++) {"]
    lines += [f"    float f{p} = m->pre_row[{p} * SAMPLES(m) + b][i + r];" for p in pres]
    lines += [f"    vec e{e} = load(m->post_out + ({e} * SAMPLES(m) + b) * size + j + u * LANES);" for e in outs]
    lines += [f"    {line}" for line in stage.within]
    return "\n".join([*lines, f"    rest{n} += {stage.rest};", "}", f"rest{n} *= m->share;"])
