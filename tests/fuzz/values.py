"""Hostile values for the fuzzer: plain JSON values, YAML texts, and mutations of texts and documents, all seeded."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

CANARY = "fuzz_canary.pathways"  # a module that can be imported, and must not be

STRINGS = [
    *("", " ", "x", "digits", "mlp", "cma", "local_rule", "backprop", "auto", "native", "serial", "all", "."),
    *(
        "..",
        "/",
        "/etc/passwd",
        "../../x",
        "a.b.c",
        CANARY,
        "venv.__main__",
        "__import__('os')",
        "_private",
        "__class__",
    ),
    *(
        "a" * 300,
        "a/" * 200,
        "x." * 150,
        "\x1b[31mred\x1b[0m",
        "bell\x07",
        "two\nlines",
        "nul\x00",
        "\u202ereversed",
        "\ud7ff",
    ),
    *("[/bold]", "[red]", "[link=x]", "{x}", "%s%n", "'", '"', "\\", "<script>", "nan", "inf", "1e999", "null", "~"),
    *(
        "eta*err*pre",
        "eta*(",
        "tanh(" * 90 + "pre" + ")" * 90,
        "pre**99",
        "1/0",
        "lambda: 1",
        "2020-01-01",
        "0x10",
        "1_000",
    ),
]
NUMBERS: list[Any] = [
    *(0, 1, 2, 3, 7, -1, -7, 10**9 + 1, 2**31, 2**63, 2**64, 10**30, -(10**30), 10**400),
    *(0.0, -0.0, 0.5, 1.0, -1.0, 1.5, 1e-320, 1e-300, 1e30, 1e300, -1e300, float("inf"), float("-inf"), float("nan")),
]
OPTIONS: list[Any] = [  # of components: no size that a machine could hold in part only
    *(0, 1, 2, 3, 7, -1, 10**30, 10**400, 0.0, 0.5, 1.0, -1.0, 1.5, 2.0, 1e-320, 1e-30, 1e30, 1e300, -1e300, 1e16),
    *(
        float("inf"),
        float("nan"),
        True,
        False,
        None,
        "",
        "x",
        [],
        {},
        [1, 2],
        [0],
        [1e300],
        {"x": 1},
        [[1]],
        "0",
        "1e9",
        [None],
    ),
]
YAMLS = [
    *(
        "",
        "~",
        "[]",
        "{}",
        "[[]]",
        "{a: }",
        "[1, [2, [3]]]",
        "{name: x}",
        "{name: }",
        "{name: 1}",
        "{name: []}",
        "{name: {name: mlp}}",
    ),
    *(
        "!!binary aGFsbG8=",
        "!!set {a, b}",
        "!!python/object:os.system x",
        "!!float x",
        "!!timestamp 2020-01-01",
        "2020-01-01",
    ),
    *(
        "2020-13-45",
        "{? [1, 2] : 3}",
        "{1: 2}",
        "{null: 1}",
        "{true: 1}",
        "&a [*a]",
        "[&a 1, *a]",
        "*b",
        "<<: 1",
        "{<<: {a: 1}}",
    ),
    *(
        "{<<: [1]}",
        "1e30",
        "1.0e+400",
        ".inf",
        ".nan",
        "-.inf",
        "0o7",
        "0x1F",
        "1_0",
        "1:30",
        "yes",
        "on",
        "'",
        '"',
        "[",
        "]",
        "{",
    ),
    *(
        "%TAG x",
        "---",
        "--- 1\n--- 2",
        "...",
        "\t",
        "a: b: c",
        "- x",
        "|\n a",
        ">",
        "@x",
        "`x`",
        "[" * 60 + "]" * 60,
        "{a: " * 30,
    ),
    *(
        "9" * 5000,
        "{x: &a [1,1,1,1,1,1,1,1], y: &b [*a,*a,*a,*a,*a,*a,*a,*a]}",
        "{name: digits, _pool: 1}",
        "{name: linear, inputs: 0}",
    ),
]
LETTERS = "abeprost0123456789._*+-/(),:;[]{}'\"\\#&!|>%@` \n\t\r\x00\x07\x1b\x7f\x85äß∞🙂\u202e\ufeff"


def scalar(draw: random.Random) -> Any:
    """A number, text, truth value or nothing."""
    return draw.choice(
        [lambda: draw.choice(STRINGS), lambda: draw.choice(NUMBERS), lambda: draw.choice([None, True, False])]
    )()


def value(draw: random.Random, depth: int = 2) -> Any:
    """A plain JSON value."""
    kind = draw.random()
    if depth == 0 or kind < 0.7:
        return scalar(draw)
    if kind < 0.85:
        return [value(draw, depth - 1) for _ in range(draw.choice([0, 1, 2, 3]))]
    return {str(draw.choice(STRINGS + ["name", "dw"])): value(draw, depth - 1) for _ in range(draw.choice([0, 1, 2]))}


def mutated_text(draw: random.Random, text: str, times: int = 0) -> str:
    """A text with characters taken out, put in, doubled or exchanged."""
    for _ in range(times or draw.choice([1, 1, 2, 3, 8])):
        at = draw.randrange(len(text) + 1)
        end = min(len(text), at + draw.choice([1, 1, 2, 5, 20]))
        insert = draw.choice(
            ["", draw.choice(LETTERS), draw.choice(LETTERS) * draw.choice([1, 3, 200]), text[at:end] * 2]
        )
        text = text[:at] + insert + text[end if draw.random() < 0.6 else at :]
    return text


def places(document: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) inside a document."""
    found: list[tuple[Any, Any]] = []
    ahead = [document]
    while ahead:
        node = ahead.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        found += [(node, key) for key in keys]
        ahead += [node[key] for key in keys]
    return found


def mutated(draw: random.Random, document: Any, make: Callable[[random.Random], Any] = value) -> Any:
    """A copy of a document with one to three places replaced, removed, doubled or added to."""
    changed = copy.deepcopy(document)
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        found = places(changed)
        if not found or draw.random() < 0.02:
            return make(draw)
        node, key = draw.choice(found)
        action = draw.random()
        if action < 0.65:
            node[key] = make(draw)
        elif action < 0.8:
            del node[key]
        elif action < 0.9 and isinstance(node, dict):
            node[draw.choice([str(key) + "x", "_" + str(key), *STRINGS])] = node[key]
        else:
            other, place = draw.choice(found)
            with_copy = copy.deepcopy(node[key])
            if (isinstance(other, dict) and place in other) or (isinstance(other, list) and place < len(other)):
                other[place] = with_copy
    return changed
