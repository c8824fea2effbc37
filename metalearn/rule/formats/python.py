"""A rule as plain Python: functions of numbers that need only the standard library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metalearn.rule.file import rule_of, values_of
from metalearn.rule.source_names import functions_of, meanings, one_line, rename, safe_names

LISTS = False  # one value per coefficient

KEEP = '''def homeostasis(weights):
    """The incoming weights of one unit after the step: {text}."""
    {body}'''
KEEP_BODIES = {
    "max_norm": "norm = math.sqrt(sum(w * w for w in weights))\n    return [w * min(1.0, {c} / norm) if norm else w for w in weights]",
    "normalise": "norm = math.sqrt(sum(w * w for w in weights))\n    return [w * {c} / norm if norm else w for w in weights]",
    "max_weight": "return [min({c}, max(-{c}, w)) for w in weights]",
}


def text(document: Mapping[str, Any]) -> str:
    """Stand-alone source: a function per trace, then `dw`, with the evolved values as defaults."""
    from inner.rules.faces import to_python_source
    from inner.rules.means import averages
    from inner.rules.signals import BEFORE, SIGNALS, before_names

    rule, values = rule_of(document), values_of(document)
    if any(averages(e) for e in (*rule.expressions.values(), *rule.trace_expressions.values())):
        raise ValueError("python: a function of one sample cannot hold mean(...), which sees all samples of a step; use --to torch")
    names = safe_names([*values, *rule.trace_expressions])
    formulas, earlier = functions_of(rule), before_names(rule.trace_expressions)
    sources, helpers = [], dict[str, None]()
    for function, expression in formulas.items():
        used = {symbol.name for symbol in expression.free_symbols}
        seen = [n for n in dict.fromkeys([*SIGNALS, *rule.trace_expressions, *earlier]) if n in used]
        parameters = [names.get(n, n) for n in seen] + [names[n] for n in values if n in used]
        source = to_python_source(rename(expression, names), function, parameters)
        *parts, body = source.split("\n\n\n")
        head, line = body.rstrip("\n").split("\n", 1)
        helpers |= dict.fromkeys(part.strip("\n") for part in parts[1:] if part.strip())
        defaults = [f"{names[n]}={values[n]!r}" for n in values if n in used]
        arguments = [names.get(n, n) for n in seen] + (["*", *defaults] if defaults else [])
        what = (
            "Weight change of one synapse for one sample."
            if not function.startswith("trace_")
            else f"New value of the trace {function[6:]}."
        )
        notes = [*meanings(used), *(f"{names[n]}: trace of the synapse" for n in seen if n in rule.trace_expressions)]
        notes += [f"{n}: the trace {n.removesuffix(BEFORE)} before this step" for n in seen if n in earlier]
        doc = "\n" + "\n".join(f"    {note}" for note in notes) if notes else ""
        assert head.startswith(f"def {function}(")
        sources.append(f'def {function}({", ".join(arguments)}):\n    """{what}\n{doc}\n    """\n{line}')
    order = ""
    if rule.trace_expressions:
        order = (
            "\nUpdate every trace first, each from the old values, then call dw with the new ones. Traces start at 0.\n"
        )
    if rule.layers:
        order += "\ndw_output is for the last layer of synapses, dw_0, dw_1, ... for single ones, dw_hidden for the others.\n"
    if rule.homeostasis:
        order += "\nAfter the update every unit's incoming weights go through homeostasis.\n"
        body = KEEP_BODIES[rule.homeostasis.kind].format(c=repr(rule.homeostasis.bound))
        sources.append(KEEP.format(text=rule.homeostasis.text, body=body))
    title = one_line(document.get("name") or document.get("run") or "An evolved learning rule")
    top = (
        f'"""{title}: needs only the standard library.\n\n    w += dw(...), averaged over the samples of a batch\n\n'
        f'Feedback pathway: {one_line(rule.pathway)}. At the output err is target - output.\n{order}"""\n\n'
        "import math"
    )
    return "\n\n\n".join([top, *helpers, *sources]) + "\n"
