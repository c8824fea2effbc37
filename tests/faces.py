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

from inner.engines.native import compiler, head
from inner.engines.native.lower import Lowering
from inner.random import stream
from inner.rules.faces import to_latex, to_python_source, to_text, to_torch
from inner.rules.functions import FUNCTIONS
from inner.rules.numeric import evaluate
from inner.rules.parse import names_in, parse
from inner.rules.rule import Rule
from inner.rules.signals import SIGNALS

Values = Mapping[str, float]
Face = Callable[[Values], float]
Make = Callable[[sympy.Expr], Face]

PYTHON: dict[str, Any] = {name: row.value for name, row in FUNCTIONS.items()}
PYTHON |= {name: getattr(math, name) for name in ("tanh", "exp", "log", "sqrt", "cos", "pow")}  # written down a second time
PYTHON |= {
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "abs": abs,
    "sign": lambda x: (x > 0) - (x < 0),
    "step": lambda x: 1.0 if x > 0 else 0.0,
    "relu": lambda x: max(x, 0.0),
    "max": max,
    "min": min,
    "where": lambda condition, x, y: x if condition > 0 else y,
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
    """The C of many formulas as the native engine writes it, compiled in one go; it computes in single precision."""
    written, orders = [], []
    for index, expression in enumerate(expressions):
        names = sorted(symbol.name for symbol in expression.free_symbols)
        order = [name for name in names if name in SIGNALS] + [name for name in names if name not in SIGNALS]
        written.append(c_function(f"f{index}", expression, order))
        orders.append(order)
    shared = (Path(head.__file__).parent / "lanes.h").read_text(encoding="utf-8")
    source = "#define NARROW 0\n" + head.lanes(shared, "\n".join(written)) + "\n".join(written)
    library = compiled(source, folder, level)

    def face(index: int) -> Face:
        function, order = getattr(library, f"f{index}"), orders[index]
        function.restype = ctypes.c_float
        return lambda values: float(function((ctypes.c_float * (len(order) + 1))(*(values[name] for name in order))))

    return [face(index) for index in range(len(orders))]


def compiled(source: str, folder: Path, level: str = "-O3") -> ctypes.CDLL:
    """C text as a library, with the flags of kernels."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.c").write_text(source + "\n")
    flags = [flag for flag in compiler.FLAGS if not flag.startswith("-O")]
    subprocess.run(["cc", level, *flags, "rules.c", "-o", "rules.so", "-lm"], cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "rules.so"))


def c_function(name: str, expression: sympy.Expr, order: Sequence[str]) -> str:
    """One synapse's share of a kernel: coefficients, the pre side, the post side and the synapse, each on its level.

    order: what the function's argument holds, signals first.
    """
    signals = [n for n in order if n in SIGNALS]
    sides = {n: ("sampled" if SIGNALS[n].per_sample else SIGNALS[n].side, f"{n}_") for n in signals}
    lowering = Lowering(sides, [n for n in order if n not in SIGNALS])
    inner = lowering.inner({n: f"{n}_" for n in signals if SIGNALS[n].side == "synapse"})
    result, code = inner.text(expression), lowering.code
    lines = [f"const float *c = v + {len(signals)};", f"float K[{len(code.constants) + 1}];", "(void)c, (void)K;"]
    lines += [f"K[{n}] = {text};" for n, text in enumerate(code.constants)]
    lines += [f"vec {n}_ = splat(v[{index}]); (void){n}_;" for index, n in enumerate(signals)]
    lines += [*code.pre, *code.post]
    lines += [f"float f{n} = ({text})[0]; (void)f{n};" for n, text in enumerate(code.pre_out)]
    lines += [f"vec e{n} = {text}; (void)e{n};" for n, (text, _) in enumerate(code.post_out)]
    lines += [*inner.statements, f"vec result = (vec){{0}} + {result};", "return result[0];"]
    return f"float {name}(const float *v)\n{{\n    " + "\n    ".join(lines) + "\n}"


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
