"""A rule as LaTeX: formulas and traces with the names of the coefficients, whose values are comments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metalearn.rule.file import rule_of, values_of
from metalearn.rule.source_names import one_line

LISTS = True  # values may be lists


def text(document: Mapping[str, Any]) -> str:
    """An align* environment."""
    rule, values = rule_of(document), values_of(document)
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
