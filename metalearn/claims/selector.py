"""Selects cells of a comparison: all, by conditions such as `depth >= 4 and family != digits`, or by a list of families."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

from inner.components import suggest
from metalearn.ledger.documents import LookedCell

Condition = Callable[[LookedCell], bool]
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    "==": operator.eq,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
NUMBERS: dict[str, Callable[[LookedCell], int]] = {
    "depth": lambda cell: len(cell.hidden),
    "width": lambda cell: max(cell.hidden, default=0),
    "steps": lambda cell: cell.steps or 0,
}
WORDS: dict[str, Callable[[LookedCell], str]] = {"family": lambda cell: cell.family, "group": lambda cell: cell.group}


def conditions(selector: str | tuple[str, ...]) -> list[Condition]:
    """The conditions of a selector, all of which a cell must meet. Raises ValueError in one line."""
    if not isinstance(selector, str):
        families = frozenset(selector)
        return [lambda cell: cell.family in families]
    if selector.strip() == "all":
        return []
    return [_condition(part.strip()) for part in selector.split(" and ")]


def select(cells: Iterable[LookedCell], selector: str | tuple[str, ...]) -> list[LookedCell]:
    """The cells that a selector takes, in order."""
    wanted = conditions(selector)
    return [cell for cell in cells if all(condition(cell) for condition in wanted)]


def words(selector: str | tuple[str, ...]) -> str:
    """A selector as people read it."""
    if not isinstance(selector, str):
        return f"cells of {', '.join(selector)}"
    return "all cells" if selector.strip() == "all" else f"cells of {selector.strip()}"


def _condition(text: str) -> Condition:
    known = [*NUMBERS, *WORDS]
    match = re.fullmatch(r"(\w+)\s*(>=|<=|!=|==|=|>|<)\s*([\w.-]+)", text)
    if match is None:
        near = suggest(text, ["all"])
        raise ValueError(f"expected all, or conditions such as 'depth >= 4', got '{text[:60]}'{near}")
    key, sign, right = match.groups()
    compare = COMPARE[sign]
    if key in NUMBERS:
        if not right.isdigit():
            raise ValueError(f"expected a whole number after '{key} {sign}', got '{right[:40]}'")
        number, read_number = int(right), NUMBERS[key]
        return lambda cell: compare(read_number(cell), number)
    if key not in WORDS:
        raise ValueError(f"unknown property '{key[:40]}'{suggest(key, known)}; known: {', '.join(known)}")
    if sign not in ("=", "==", "!="):
        raise ValueError(f"expected = or != after '{key}', got '{sign}'")
    read_word = WORDS[key]
    return lambda cell: compare(read_word(cell), right)
