"""The faces of a formula as functions of a mapping of numbers, and the battery that holds them against each other.

The reference is Python's own reading of the formula's text (`eval`, in tests only), which shares no code with the faces.
"""

from __future__ import annotations

import ctypes
import json
import math
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sympy
import torch

from inner.random import stream
from inner.rules.faces import C_HELPERS, to_c, to_latex, to_python_source, to_text, to_torch
from inner.rules.numeric import evaluate
from inner.rules.parse import names_in, parse
from inner.rules.rule import Rule
from inner.rules.signals import SIGNALS

Values = Mapping[str, float]
Face = Callable[[Values], float]
Make = Callable[[sympy.Expr], Face]

PYTHON = {name: getattr(math, name) for name in ("tanh", "exp", "log")} | {
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "abs": abs,
    "sign": lambda x: (x > 0) - (x < 0),
    "step": lambda x: 1.0 if x > 0 else 0.0,
    "relu": lambda x: max(x, 0.0),
    "max": max,
    "min": min,
    "__builtins__": {},
}


def torch_face(expression: sympy.Expr) -> Face:
    compiled = to_torch(expression)
    return lambda values: float(
        compiled({name: torch.tensor([value], dtype=torch.float64) for name, value in values.items()})
    )


def python_face(expression: sympy.Expr) -> Face:
    scope: dict[str, Any] = {}
    exec(to_python_source(expression, "rule"), scope)
    used = [symbol.name for symbol in expression.free_symbols]
    return lambda values: float(scope["rule"](**{name: values[name] for name in used}))


def text_face(expression: sympy.Expr) -> Face:
    code = compile(to_text(expression), "formula", "eval")
    return lambda values: float(eval(code, PYTHON, dict(values)))


def value_face(expression: sympy.Expr) -> Face:
    return lambda values: evaluate(expression, values)


EXACT: dict[str, Make] = {"torch": torch_face, "python": python_face, "text": text_face, "value": value_face}


def compile_c(expressions: Sequence[sympy.Expr], folder: Path, level: str = "-O1") -> list[Face]:
    """The C faces of many formulas, compiled in one go; they compute in single precision."""
    source, orders = ["#include <math.h>", C_HELPERS], []
    for index, expression in enumerate(expressions):
        body, mapping = to_c(expression)
        declared = "".join(f" float {name} = v[{name[1:]}];" for name in mapping.values())
        source.append(f"float f{index}(const float *v) {{ (void)v;{declared} return {body}; }}")
        orders.append(list(mapping))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.c").write_text("\n".join(source) + "\n")
    command = ["cc", "-std=c99", level, "-Wall", "-Wno-unused-function", "-Werror", "-fPIC", "-shared", "rules.c"]
    subprocess.run([*command, "-o", "rules.so", "-lm"], cwd=folder, check=True)
    library = ctypes.CDLL(str(folder / "rules.so"))

    def face(index: int) -> Face:
        function, order = getattr(library, f"f{index}"), orders[index]
        function.restype = ctypes.c_float
        return lambda values: float(function((ctypes.c_float * (len(order) + 1))(*(values[name] for name in order))))

    return [face(index) for index in range(len(orders))]


def points(names: Sequence[str], label: str, count: int = 3) -> list[dict[str, float]]:
    """Addressed values between -2 and 2 for the names."""
    rng = stream(1, "faces", label)
    return [dict(zip(names, rng.uniform(-2, 2, len(names)).tolist())) for _ in range(count)]


def moved(face: Face, values: Values, value: float) -> float:
    """How far the value moves when every input moves by a millionth: beside a jump or a pole, far."""
    far = 0.0
    for name in values:
        for change in (1 - 1e-6, 1 + 1e-6):
            try:
                far = max(far, abs(face(dict(values) | {name: values[name] * change}) - value))
            except (OverflowError, ZeroDivisionError, ValueError):
                return math.inf
    return far


def close(found: float, wanted: float, far: float, relative: float) -> bool:
    """Within `relative` of the value, or within what inputs of that precision allow."""
    return abs(found - wanted) <= relative * (abs(wanted) + 1e-3) + relative * 1e6 * far


def check_formula(text: str, reference: Face, makes: Mapping[str, Make] = EXACT, c: Face | None = None) -> None:
    """Every face of a formula gives the reference's value; its text reads back; its LaTeX is well-formed."""
    expression = parse(text, (*SIGNALS,))
    assert parse(to_text(expression), (*SIGNALS,)) == expression, text
    check_latex(to_latex(expression))
    made = {name: make(expression) for name, make in makes.items()}
    for values in points(names_in(text), text):
        wanted = reference(values)
        far = moved(reference, values, wanted)
        for name, face in made.items():
            assert close(face(values), wanted, far, 1e-10), f"{name} of {text} at {values}"
        if c is not None:
            single = {name: float(np.float32(value)) for name, value in values.items()}
            wanted = reference(single)
            far = moved(reference, single, wanted)
            assert far > 1e-3 * (1 + abs(wanted)) or close(c(single), wanted, far, 5e-5), f"C of {text} at {single}"


def check_latex(latex: str) -> None:
    """Not empty, braces and brackets in pairs."""
    assert latex.strip()
    depth = 0
    for index, character in enumerate(latex):
        if character in "{}" and (index == 0 or latex[index - 1] != "\\"):
            depth += 1 if character == "{" else -1
        assert depth >= 0, latex
    left, right = (len(re.findall(rf"\\{side}(?![a-z])", latex)) for side in ("left", "right"))
    assert depth == 0 and left == right, latex


def own_reading(text: str) -> Face:
    """Python's reading of a formula's text."""
    code = compile(text.strip(), "formula", "eval")
    return lambda values: float(eval(code, PYTHON, dict(values)))


def check_rule(
    rule: Rule,
    published: Face | None = None,
    makes: Mapping[str, Make] = EXACT,
    c: Mapping[str, Face] | None = None,
) -> None:
    """The battery: a rule's formulas in all faces, its JSON, and the formulas that are printed with numbers in them.

    published: the rule's dw by its paper's equation, written down a second time.
    """
    assert Rule.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule
    for line in rule.latex().split(" \\\\\n"):
        check_latex(line)
    for text in (*rule.formulas.values(), *rule.traces.values()):
        reference = own_reading(text) if published is None or text != rule.dw else published
        check_formula(text, reference, makes, None if c is None else c[text])
    # what is printed with numbers is what runs
    numbers = {name: value for name, value in points(list(rule.defaults), "values", 1)[0].items()}
    positive = {c.name: abs(numbers[c.name]) + 0.01 for c in rule.coefficients}
    for key, terms in rule.numeric(positive, None).items():
        printed = " + ".join(f"{number!r}*({to_text(basis)})" for number, basis in terms) or "0"
        run = own_reading(rule.formulas[key])
        shown = own_reading(printed)
        for values in points([*SIGNALS, *rule.traces], key):
            wanted = run({**values, **positive})
            assert math.isclose(shown(values), wanted, rel_tol=1e-8, abs_tol=1e-9), printed
