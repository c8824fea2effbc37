"""Random formulas from a grammar: every face of every formula agrees, nothing crashes, nothing hangs.

The quick test reads two thousand formulas; `pytest -m paper` a million, at other addresses.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from faces import EXACT, close, compile_c, moved, own_reading, points

from inner.random import stream
from inner.rules.functions import FUNCTIONS
from inner.rules.parse import MAX_CHARACTERS, names_in, parse
from inner.rules.signals import SIGNALS

NAMES = [*SIGNALS, "a", "b", "eta", "int", "double", "E", "I", "lam"]  # also names that C, Python and SymPy know
NUMBERS = ["0", "1", "2", "3", "7", "0.5", "1.25", "1e-2", "2/3", "1e3"]
PER_LIBRARY = 250  # formulas in one C file


def formula(rng: np.random.Generator, depth: int) -> str:
    """A random formula; poles and overflow may happen, and are met by every face alike."""
    if depth == 0 or rng.random() < 0.1:
        return str(rng.choice(NAMES)) if rng.random() < 0.8 else f"({rng.choice(NUMBERS)})"
    kind = rng.random()
    if kind < 0.30:
        return (
            "(" + str(rng.choice([" + ", " - "])).join(formula(rng, depth - 1) for _ in range(rng.integers(2, 5))) + ")"
        )
    if kind < 0.60:
        return "*".join(formula(rng, depth - 1) for _ in range(rng.integers(2, 4)))
    if kind < 0.68:
        return f"({formula(rng, depth - 1)})/({formula(rng, depth - 1)})"
    if kind < 0.78:
        return f"({formula(rng, depth - 1)})**{rng.choice([0, 1, 2, 2, 3, 3, 4, 8, -1, -2])}"
    if kind < 0.83:
        return f"(-{formula(rng, depth - 1)})"
    name = str(rng.choice(list(FUNCTIONS)))
    arguments = [formula(rng, depth - 1) for _ in range(FUNCTIONS[name].arguments)]
    return f"{name}({', '.join(arguments)})"


def formulas(address: str, start: int) -> Iterator[str]:
    """An endless row of formulas, each at its own address."""
    index = start
    while True:
        rng = stream(3, "grammar", address, index)
        yield formula(rng, int(rng.integers(1, 5)))
        index += 1


def agree(texts: list[str], folder: Path | None) -> tuple[int, int]:
    """Hold all faces of these formulas against Python's reading; returns how many were read and points compared."""
    read = []
    for text in texts:
        assert len(text) < MAX_CHARACTERS
        try:
            read.append((text, parse(text)))
        except ValueError as error:  # such as a constant 1/0, or a power beyond the limit: one clear line
            assert str(error).startswith("formula: ") and str(error).isprintable() and len(str(error)) < 400, text
    singles = [None] * len(read) if folder is None else compile_c([e for _, e in read], folder, "-O0")
    compared = 0
    for (text, expression), single in zip(read, singles):
        faces = {name: make(expression) for name, make in EXACT.items()}
        printed = faces.pop("text")
        reference, names = own_reading(text), names_in(text)
        used = {symbol.name for symbol in expression.free_symbols}
        assert parse(text) == expression
        for values in points(names, text, 2):
            found = {name: face({n: values[n] for n in used}) for name, face in faces.items()}
            try:
                wanted = reference(values)
                again = printed(values)
            except (ArithmeticError, ValueError):  # Python raises at a pole or an overflow, the faces never do
                continue
            far = moved(reference, values, wanted)
            if not math.isfinite(wanted) or not far <= 1e-3 * (1 + abs(wanted)) or abs(wanted) > 1e100:
                continue  # beside a jump or a pole, or out of the range where rounding can be told from difference
            found["text"] = again
            compared += 1
            for name, value in found.items():
                assert close(value, wanted, far, 1e-9), f"{name} of {text} at {values}: {value!r} instead of {wanted!r}"
            if single is not None and _within_single(expression, values):
                rounded = {n: float(np.float32(v)) for n, v in values.items()}
                wanted = reference(rounded)
                far = moved(reference, rounded, wanted)
                if far <= 1e-4 * (1 + abs(wanted)):
                    assert close(single(rounded), wanted, far, 1e-4), f"C of {text} at {values}"
    return len(read), compared


def _within_single(expression: object, values: dict[str, float]) -> bool:
    """Whether every part of the formula stays in the range of single precision, and none cancels most of its digits."""
    from sympy import preorder_traversal

    from inner.rules.numeric import evaluate

    for part in preorder_traversal(expression):
        size = abs(evaluate(part, values))
        if not (size == 0 or 1e-6 < size < 1e6):
            return False
        if part.is_Add and size < 1e-2 * max(abs(evaluate(term, values)) for term in part.args):
            return False
    return True


def test_two_thousand_formulas_agree_in_all_faces(tmp_path: Path) -> None:
    compiler = shutil.which("cc") is not None
    read = compared = 0
    row = formulas("quick", 0)
    for number in range(8):
        texts = list(islice(row, PER_LIBRARY))
        counts = agree(texts, tmp_path / str(number) if compiler else None)
        read, compared = read + counts[0], compared + counts[1]
    assert read > 1800 and compared > 2000


def a_share(start: int, count: int, folder: str) -> tuple[int, int]:
    """One worker's part of the million: every tenth batch also in C."""
    read = compared = 0
    for first in range(start, start + count, PER_LIBRARY):
        texts = list(islice(formulas("million", first), PER_LIBRARY))
        with_c = (first // PER_LIBRARY) % 10 == 0 and shutil.which("cc") is not None
        counts = agree(texts, Path(folder) / str(first) if with_c else None)
        read, compared = read + counts[0], compared + counts[1]
    return read, compared


@pytest.mark.paper
def test_a_million_formulas_agree_in_all_faces(tmp_path: Path) -> None:
    """About an hour of processor time."""
    total, part = 1_000_000, 5_000
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(a_share, start, part, str(tmp_path)) for start in range(0, total, part)]
        counts = [job.result() for job in jobs]
    assert sum(read for read, _ in counts) > 0.9 * total and sum(c for _, c in counts) > total
