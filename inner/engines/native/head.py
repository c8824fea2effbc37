"""Writes the macros of a kernel: which pathway, output and activation, what its rule needs, and its shape where that is fixed."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import cast

import numpy as np

from inner.activations import ACTIVATIONS
from inner.components import load
from inner.engines.native import compiler
from inner.engines.native.kept import Kept, kept_of
from inner.engines.native.kept import macros as macros_of_kept
from inner.engines.native.plan import Formula, Plan
from inner.pathways.base import Pathway
from inner.rules import sharing
from inner.rules.functions import FUNCTIONS, Function
from inner.rules.rule import Rule
from inner.rules.signal import SUMMED
from inner.rules.signals import SIGNALS, observed

PATHWAYS = ("NONE", "BACKPROP", "FIXED", "DIRECT", "SIGNED", "LEARNED", "REWARD")
PLACE = "/* FUNCTIONS: "  # the line of lanes.h that the functions take
KINDS = {"classes": "CLASSIFICATION", "values": "REGRESSION", "none": "UNSUPERVISED"}
OUTPUTS = ("softmax", "linear", "sigmoid")
EXPLORING = ("noise", "surprise", "action")  # what they need is in kernels only that use them
IN_PLACE = {"recon_", "pre_err_", "pre_"}  # pre-side values that lie in rows already


def macros(plan: Plan, formulas: Sequence[Formula]) -> str:
    """The choices of this kernel."""
    rule, used, codes = plan.rule, observed(plan.rule.signals), [f.lowering.code for f in formulas]
    kept = formulas[0].kept
    copies = plan.bias or used & {"pre_sum", "pre_power"} or any(t not in IN_PLACE for code in codes for t in code.pre_out)
    copies = copies or any(each.side == "pre" for each in kept)
    heavy = any(formula.heavy for formula in formulas)
    shares = [coefficient.share for coefficient in rule.coefficients]
    flags = {
        "BATCHED": plan.batched,
        "BIAS": plan.bias,
        "COPY_X": bool(copies),
        "SUPERVISED": plan.criterion != "none",
        "NEED_HEARD": bool(used & {"err", "feedback", "pre_err"}),
        "HEAVY": heavy,
        "NARROW": not plan.batched and not heavy and compiler.halves(),  # bound by loads and stores: 6 % faster
        "TRACES": formulas[0].traces,
        "SCALARS": sum(share not in sharing.SIDES for share in shares),
        "CONSTANTS": max(len(code.constants) for code in codes),
        "PRES": max(len(code.pre_out) for code in codes),
        "POSTS": max(len(code.post_out) for code in codes),
        "ANY_SUM": any(SIGNALS[n].needs and not SIGNALS[n].per_sample for n in used),
        "TICKS": any(SIGNALS[name].per_step for name in used),
        "SUMS": sum(row.c == SUMMED for row in SIGNALS.values()),
        "ORDERED": max(len(f.stages) for f in formulas) if "recon_ordered" in used else 0,
    }
    asked = (n for n, row in SIGNALS.items() if row.c and not row.per_step and n not in ("pre", "post", "w", "err", *EXPLORING))
    flags |= {f"NEED_{name.upper()}": name in used for name in asked}
    flags["NEED_REWARD"] = flags["NEED_REWARD"] or rule.pathway == "reward" or "surprise" in used
    flags |= {f"WIDE_{side.upper()}": shares.count(share) for share, side in sharing.SIDES.items()}
    lines = [
        "/* Generated: one rule's life. Names are generated too; nothing here was copied from a user's formula. */"
    ]
    lines += [f"#define {name} {int(value)}" for name, value in flags.items()]
    # a last layer of at most as many units as lanes, whose drives nobody asks for
    few = plan.shape is not None and plan.batched and plan.output == "softmax" and "drive" not in used and not rule.noise
    units = plan.shape[-1] if plan.shape else 0
    lines.append(f"#define UPRIGHT ({int(few)} && {units} <= LANES)")
    for names in (PATHWAYS, [o.upper() for o in OUTPUTS], KINDS.values()):
        lines += [f"#define {name} {n}" for n, name in enumerate(names)]
    pathway = cast(type[Pathway], load("pathway", rule.pathway)).native
    lines += [f"#define PATHWAY {pathway}", f"#define OUTPUT {plan.output.upper()}"]
    lines += [f"#define KIND {KINDS[plan.criterion]}", f"#define FORMULA(k, last) {_which(rule)}"]
    keep = rule.homeostasis
    for kind in ("max_norm", "normalise", "max_weight"):
        lines.append(f"#define {kind.upper()} {int(keep is not None and keep.kind == kind)}")
    lines.append("#define KEEP_NORM (MAX_NORM || NORMALISE)")
    lines.append(f"#define BOUND {float(keep.bound) if keep else math.inf!r}f".replace("inff", "INFINITY"))
    row = "((n) * SAMPLES(m) + b) * CEIL(inputs) + i + r" if plan.batched else "(n) * CEIL(inputs) + i"
    lines += [f"#define CARRY(n) (m->carry + {row})", "#define FIRST (j + u * LANES == 0)"]
    lines += _exploration(rule, used, kept) if explores(rule) else []
    lines += _any_shape() if plan.shape is None else _one_shape(plan, plan.shape)
    lines += ["#define INPUTS(job) UNITS(job, 0)", "#define OUTPUTS(job) UNITS(job, TOP(job))"]
    return "\n".join(lines) + "\n"


def explores(rule: Rule) -> bool:
    """True for a rule whose kernel needs noise, surprise, or values that are kept for every sample."""
    return bool(rule.noise) or bool(observed(rule.signals) & {"noise", "surprise"}) or bool(kept_of(rule))


def _exploration(rule: Rule, used: frozenset[str], kept: tuple[Kept, ...]) -> list[str]:
    """Macros of kernels that explore or keep something."""
    how = rule.surprise
    flags = {
        "EXPLORES": bool(rule.noise),
        "NEED_SURPRISE": "surprise" in used,
        "CLEAN": bool(rule.noise) and "surprise" in used and how.baseline == "clean",
        "BASELINE_CLEAN": how.baseline == "clean",
        "OVER_STEP": how.over == "step",
        **macros_of_kept(kept),
    }
    scalars = [c.name for c in rule.coefficients if c.share not in sharing.SIDES]
    sigma = f"(c)[{scalars.index(rule.noise)}]" if isinstance(rule.noise, str) else _float(rule.noise)
    lines = [f"#define {name} {int(value)}" for name, value in flags.items()]
    return [*lines, f"#define RATE {_float(how.rate)}", f"#define SIGMA(c) ((void)(c), {sigma})"]


def _float(value: float) -> str:
    """The float32 next to a number, exactly."""
    return f"{float(np.float32(value)).hex()}f"


def _which(rule: Rule) -> str:
    """The number of the formula that holds in layer k, as C: a layer's own, then the last layer's, then the common one."""
    text = "0"
    for number, key in enumerate(rule.layers, 1):
        if key == "output":
            text = f"((last) ? {number} : {text})"
    for number, key in enumerate(rule.layers, 1):
        if key != "output":
            text = f"((k) == {int(key)} ? {number} : {text})"
    return text if rule.layers else "((void)(k), (void)(last), 0)"


def _any_shape() -> list[str]:
    each = "k, job->units[k], job->units[k + 1], k + 1 == job->layers"
    return [
        f"#define LAYERS_UP(DO) for (int64_t k = 0; k < job->layers; k++) DO({each})",
        f"#define LAYERS_DOWN(DO) for (int64_t k = job->layers - 1; k >= 0; k--) DO({each})",
        "#define UNITS(job, k) ((job)->units[k])",
        "#define TOP(job) ((job)->layers)",
        "#define SAMPLES(m) (BATCHED ? (m)->batch : 1)",
        "#define PART static __attribute__((noinline))",
    ]


def _one_shape(plan: Plan, shape: tuple[int, ...]) -> list[str]:
    calls = [f"DO({k}, {i}, {o}, {int(k + 2 == len(shape))})" for k, (i, o) in enumerate(zip(shape, shape[1:]))]
    units = "".join(f"(k) == {k} ? {u} : " for k, u in enumerate(shape[:-1]))
    return [
        "#define LAYERS_UP(DO) " + " ".join(calls),
        "#define LAYERS_DOWN(DO) " + " ".join(reversed(calls)),
        f"#define UNITS(job, k) ({units}{shape[-1]})",
        f"#define TOP(job) {len(shape) - 1}",
        f"#define SAMPLES(m) {plan.batch}",
        "#define PART " + ("static __attribute__((noinline))" if plan.batched else "INLINE"),
    ]


def activation(plan: Plan) -> str:
    """The hidden units' activity and slope."""
    row = ACTIVATIONS[plan.activation]
    assert row.c is not None, "obstacle() has refused it"
    value, slope = row.c
    return (
        f"INLINE vec hidden(vec x) {{ return {value}; }}\nINLINE vec slope_of(vec y) {{ (void)y; return {slope}; }}\n"
    )


def lanes(text: str, calling: str) -> str:
    """`lanes.h` with the functions of the table: those of every kernel, and those that the C text `calling` calls."""
    rows: list[Function] = []
    for row in reversed(FUNCTIONS.values()):  # a function may call those before it in the table
        if row.in_every_kernel or (row.c and re.search(rf"\b[sv]_{row.name}\(", calling)):
            rows.insert(0, row)
            calling += row.c
    start = text.index(PLACE)
    end = text.index("\n", start) + 2
    return text[:start] + "\n".join(row.c for row in rows) + "\n\n" + _scalars(rows) + text[end:]


def _scalars(rows: Sequence[Function]) -> str:
    """Functions of one number."""
    lines = [
        "/* One number at a time, for what depends on coefficients alone: the same functions, so the same bits. */",
        "#define SCALAR(name) INLINE float s_##name(float x) { return v_##name(splat(x))[0]; }",
        " ".join(f"SCALAR({row.name})" for row in rows if row.arguments == 1),
    ]
    for row in rows:
        if row.arguments > 1:
            names = "xyz"[: row.arguments]
            taken, given = ", ".join(f"float {x}" for x in names), ", ".join(f"splat({x})" for x in names)
            lines.append(f"INLINE float s_{row.name}({taken}) {{ return v_{row.name}({given})[0]; }}")
    return "\n".join(lines) + "\n\n"
