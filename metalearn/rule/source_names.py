"""Names and comments of generated code: nothing is shadowed, and text from a run stays text."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inner.rules.rule import Rule

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


def functions_of(rule: Rule) -> Mapping[str, Any]:
    """Name of a function in generated code -> its expression: traces first, then dw, or dw_hidden, dw_output, ..."""
    made = {f"trace_{name}": expression for name, expression in rule.trace_expressions.items()}
    return made | {key.replace(".", "_"): expression for key, expression in rule.expressions.items()}
