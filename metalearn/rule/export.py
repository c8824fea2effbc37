"""Writes an evolved rule in a form that needs nothing of this project: JSON, LaTeX, plain Python, or torch."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metalearn.rule import file as rule_file

if TYPE_CHECKING:
    from inner.rules.rule import Rule

FORMS = ("json", "latex", "python", "torch")
TAKEN = {
    *dir(builtins),
    "math",
    "torch",
    "dw",
    "update",
    "homeostasis",
    "layer",
    "dw_hidden",
    "dw_output",
    *(f"dw_{k}" for k in range(64)),
    "self",
    "nn",
    "Tensor",
    "VALUES",
    "traces",
}


def export(rule_json: Mapping[str, Any], to: str, path: Path | None = None) -> str:
    """The text of the rule in the form `to`; also written to `path`, in one step, when there is one.

    Raises ValueError, in one line, for an unknown form or a document that is no rule.
    """
    from inner.components import suggest

    if to not in FORMS:
        raise ValueError(f"to: expected one of {', '.join(FORMS)}, got '{to}'{suggest(to, FORMS)}")
    rule, values = rule_file.rule_of(rule_json), rule_file.values_of(rule_json)
    rows = [name for name, value in values.items() if isinstance(value, list)]
    if rows and to in ("python", "torch"):
        raise ValueError(
            f"to: a {to} file holds one value per coefficient, '{rows[0]}' has {len(values[rows[0]]):,}; "
            "use --to json, which metalearn.load_rule reads"
        )
    if to == "json":
        text = json.dumps(dict(rule_json), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    elif to == "latex":
        text = _latex(rule, values)
    elif to == "python":
        text = _python(rule, values, rule_json)
    else:
        from metalearn.rule.export_torch import torch_source

        text = torch_source(rule, values, rule_json, safe_names([*values, *rule.trace_expressions]))
    if path is not None:
        from metalearn.store.files import write_text_atomically

        write_text_atomically(Path(path), text)
    return text


def safe_names(names: Iterable[str]) -> dict[str, str]:
    """A name in generated code for each name of the formula: the same, or with underscores where it would shadow."""
    from inner.rules.signals import SIGNALS

    names = list(names)
    chosen: dict[str, str] = {}
    for name in names:
        safe = name
        while safe in TAKEN or (safe != name and (safe in names or safe in SIGNALS)):
            safe += "_1" if not safe.endswith("_1") else "1"
        chosen[name] = safe
    return chosen


def rename(expression: Any, names: Mapping[str, str]) -> Any:
    """The expression with its symbols renamed."""
    import sympy

    from inner.rules.functions import replace

    moved = {
        s: sympy.Symbol(names[s.name], real=True)
        for s in expression.free_symbols
        if names.get(s.name, s.name) != s.name
    }
    return replace(expression, moved) if moved else expression


def meanings(names: Iterable[str]) -> list[str]:
    """One line per signal for a docstring."""
    from inner.rules.signals import SIGNALS

    wanted = set(names)
    return [f"{name}: {signal.meaning}" for name, signal in SIGNALS.items() if name in wanted]


def one_line(value: object) -> str:
    """Text from the run made safe for a comment or docstring: one line, no quotes or backslashes."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=True, default=str)
    kept = " ".join(str(text).split()).replace("\\", "/").replace('"', "'")
    return "".join(c for c in kept if c.isprintable())[:200]


def functions_of(rule: Rule) -> dict[str, Any]:
    """Name of a function in generated code -> its expression: traces first, then dw, or dw_hidden, dw_output, ..."""
    made = {f"trace_{name}": expression for name, expression in rule.trace_expressions.items()}
    return made | {key.replace(".", "_"): expression for key, expression in rule.expressions.items()}


def _latex(rule: Rule, values: Mapping[str, Any]) -> str:
    lines = [
        line.replace(" = ", " &= ", 1) if k < len(rule.formulas) else line.replace(r" \leftarrow ", r" &\leftarrow ", 1)
        for k, line in enumerate(rule.latex().split(" \\\\\n"))
    ]
    from inner.rules.sharing import describe

    header = [f"% feedback pathway: {one_line(rule.pathway)}"]
    for c in rule.coefficients:
        value = values[c.name]
        header.append(f"% {c.name} = {describe(c, value) if isinstance(value, list) else repr(value)}")
    body = " \\\\\n".join(lines)
    return "\n".join([*header, r"\begin{align*}", body, r"\end{align*}"]) + "\n"


KEEP = '''def homeostasis(weights):
    """The incoming weights of one unit after the step: {text}."""
    {body}'''
KEEP_BODIES = {
    "max_norm": "norm = math.sqrt(sum(w * w for w in weights))\n    return [w * min(1.0, {c} / norm) if norm else w for w in weights]",
    "normalise": "norm = math.sqrt(sum(w * w for w in weights))\n    return [w * {c} / norm if norm else w for w in weights]",
    "max_weight": "return [min({c}, max(-{c}, w)) for w in weights]",
}


def _python(rule: Rule, values: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """Stand-alone source: a function per trace, then `dw`, with the evolved values as defaults."""
    from inner.rules.faces import to_python_source
    from inner.rules.signals import SIGNALS

    names = safe_names([*values, *rule.trace_expressions])
    formulas = functions_of(rule)
    sources, helpers = [], dict[str, None]()
    for function, expression in formulas.items():
        used = {symbol.name for symbol in expression.free_symbols}
        seen = [n for n in [*SIGNALS, *rule.trace_expressions] if n in used]
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
