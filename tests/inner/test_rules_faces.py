"""All faces of a formula say the same: torch, Python source, C, the node-by-node value and SymPy's own arithmetic.

The reference is Python's `eval` of the formula's text (in this test only), which shares no code with the faces.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import sympy
import torch
from faces import PYTHON, compile_c

from inner.random import stream
from inner.rules.faces import to_latex, to_python_source, to_text, to_torch
from inner.rules.families import FAMILIES
from inner.rules.numeric import evaluate
from inner.rules.parse import names_in, parse

NAMES = (
    "pre",
    "post",
    "w",
    "err",
    "reward",
    "a",
    "b",
    "eta",
    "int",
    "math",
)  # the last two: reserved in C, used in Python
POINTS = 5

HAND_WRITTEN = """
eta*(a*pre*post + b*err*pre - a*post**2*w)
pre
-w
2/3*pre - 1/7
1.5
exp(1)*pre + log(2)
max(pre, 0) - min(w, a)
max(0.5, w)*min(-0.25, post)
1/(pre**2 + 0.3) - a/(b*w)
pre**-3*w**7
(pre + w)**8/(1 + post**2)**5
((pre + w)**4)**3
(pre*w)**8*pre**3*w**5
tanh(a*pre*post)*sigmoid(b*drive) - 0.01*w
abs(pre - post)*sign(w) + relu(-err)*step(pre)
eta*reward*(pre - post*w)*exp(-abs(w))
log(abs(pre) + 1) - log(exp(w))
int*pre + math*post + double
-a*pre - b*post - 3*w
(a - b)*(a - b)*(pre - post)/(a - b)
""".strip().splitlines()


def random_formula(rng: np.random.Generator, depth: int) -> str:
    """A formula from a small grammar; quotients and logarithms stay away from their poles."""
    if depth == 0 or rng.random() < 0.1:
        number = str(rng.choice(["2", "3", "0.5", "1.25", "1e-2"]))
        return str(rng.choice(NAMES)) if rng.random() < 0.8 else number
    parts = [random_formula(rng, depth - 1) for _ in range(3)]
    patterns = ["{} + {}", "{} - {}", "{} - {}*{}", "({})*({})", "({})*({})", "({})*({})*({})", "-({})", "({})**2"]
    patterns += [
        "({})**3",
        "({})/(1.5 + ({})**2)",
        "1/(2 + abs({}))",
        "tanh({})",
        "sigmoid({})",
        "exp(-abs({}))",
        "exp(tanh({}))",
    ]
    patterns += ["log(abs({}) + 0.1)", "abs({})", "sign({})", "step({})", "relu({})", "max({}, {})", "min({}, {})"]
    patterns += ["sqrt(abs({}) + 0.2)", "where({}, {}, {})", "where({} >= {}, {}, 0.5)", "({} < {})*({})", "pow(0.5 + abs({}), {})"]
    pattern = str(rng.choice(patterns))
    return pattern.format(*(part if "," in pattern or "**" in pattern else f"({part})" for part in parts))


RANDOM = [random_formula(stream(0, "test formula", index), 1 + index % 4) for index in range(200)]
FAMILY = [str(make()["dw"]) for make in FAMILIES.values()]
FORMULAS = HAND_WRITTEN + FAMILY + RANDOM


def points(text: str) -> list[dict[str, float]]:
    """`POINTS` addressed values for every name of the formula."""
    rng = stream(1, "test points", text)
    names = names_in(text)
    return [dict(zip(names, rng.uniform(-2, 2, len(names)).tolist())) for _ in range(POINTS)]


def reference(text: str, values: dict[str, float]) -> tuple[float, float]:
    """The value by Python's own reading of the text, and how far it moves when the inputs move by 1e-6."""
    value = float(eval(text, dict(PYTHON), dict(values)))
    moved = 0.0
    for name in values:
        for change in (1 - 1e-6, 1 + 1e-6):
            near = eval(text, dict(PYTHON), values | {name: values[name] * change})
            moved = max(moved, abs(near - value))
    return value, moved


def close(found: float, wanted: tuple[float, float], relative: float) -> bool:
    """Within `relative` of the value, or within what inputs of that precision allow."""
    value, moved = wanted
    return abs(found - value) <= relative * (abs(value) + 1e-3) + relative * 1e6 * moved


@pytest.mark.parametrize("text", FORMULAS)
def test_torch_python_sympy_and_text_agree(text: str) -> None:
    expression = parse(text)
    assert parse(to_text(expression)) == expression
    scope: dict[str, object] = {}
    exec(to_python_source(expression, "rule"), scope)
    compiled = to_torch(expression)
    for values in points(text):
        wanted = reference(text, values)
        used = {symbol.name: values[symbol.name] for symbol in expression.free_symbols}
        assert close(evaluate(expression, values), wanted, 1e-10)
        assert close(float(scope["rule"](**used)), wanted, 1e-10)  # type: ignore[operator]
        assert close(float(eval(to_text(expression), dict(PYTHON), values)), wanted, 1e-10)
        numbers = {symbol: values[symbol.name] for symbol in expression.free_symbols}
        assert close(float(expression.evalf(subs=numbers)), wanted, 1e-10)
        tensors = {name: torch.tensor([value], dtype=torch.float64) for name, value in values.items()}
        assert close(float(compiled(tensors)), wanted, 1e-10)


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_c_agrees(tmp_path: Path) -> None:
    compared = 0
    for text, function in zip(FORMULAS, compile_c([parse(text) for text in FORMULAS], tmp_path)):
        for values in points(text):
            single = {name: float(np.float32(value)) for name, value in values.items()}
            wanted = reference(text, single)
            if wanted[1] > 1e-3 * (1 + abs(wanted[0])):
                continue  # beside a jump or a pole: float32 may land on the other side
            compared += 1
            assert close(function(single), wanted, 2e-5), text
    assert compared > 0.9 * POINTS * len(FORMULAS)


def test_overflow_and_division_by_zero_in_python_source() -> None:
    scope: dict[str, object] = {}
    exec(to_python_source(parse("exp(a)*1e30*b**8 + 1/c**2 - d/c"), "rule"), scope)
    assert scope["rule"](a=1000.0, b=1e300, c=1.0, d=0.0) == math.inf  # type: ignore[operator]
    assert scope["rule"](a=0.0, b=0.0, c=0.0, d=-1.0) == math.inf  # type: ignore[operator]


@pytest.mark.parametrize("text", HAND_WRITTEN + RANDOM[:60])
def test_torch_gradient_is_that_of_finite_differences(text: str) -> None:
    expression = parse(text)
    compiled = to_torch(expression)
    values = points(text)[0]
    wanted, moved = reference(text, values)
    if moved > 1e-3 * (1 + abs(wanted)):
        pytest.skip("beside a jump or a pole")
    inputs = {name: torch.tensor(values[name], dtype=torch.float64, requires_grad=True) for name in compiled.names}
    output = compiled(inputs)
    if not isinstance(output, torch.Tensor) or not output.requires_grad:
        assert moved < 1e-12  # a constant, or steps and signs only
        return
    output.backward()
    for name, tensor in inputs.items():
        step = 1e-5
        above, below = (reference(text, values | {name: values[name] + s})[0] for s in (step, -step))
        found = 0.0 if tensor.grad is None else float(tensor.grad)
        assert math.isclose(found, (above - below) / (2 * step), rel_tol=1e-4, abs_tol=1e-5), name


def test_torch_broadcasts_and_keeps_dtype_and_names() -> None:
    compiled = to_torch(parse("eta*(pre*post - 0.5*w) + max(pre, 0)"))
    assert compiled.names == ("eta", "pre", "post", "w")
    values = {
        "pre": torch.rand(2, 3, 1),
        "post": torch.rand(2, 1, 4),
        "w": torch.rand(2, 3, 4),
        "eta": torch.rand(2, 1, 1),
    }
    found = compiled(values)
    assert isinstance(found, torch.Tensor)
    assert found.shape == (2, 3, 4) and found.dtype == torch.float32
    wanted = values["eta"] * (values["pre"] * values["post"] - 0.5 * values["w"]) + values["pre"].clamp(min=0)
    assert torch.allclose(found, wanted)
    with pytest.raises(ValueError, match="no value for 'w'; given: pre, post, eta"):
        compiled({name: values[name] for name in ("pre", "post", "eta")})


def test_torch_constant_is_a_python_float() -> None:
    for text, wanted in {
        "2/3": 2 / 3,
        "tanh(1) + exp(1)": math.tanh(1) + math.e,
        "max(1, 2)**2": 4.0,
        "0": 0.0,
    }.items():
        found = to_torch(parse(text))({})
        assert isinstance(found, float) and math.isclose(found, wanted)


def test_torch_computes_shared_parts_once_and_powers_by_multiplying() -> None:
    assert len(to_torch(parse("tanh(a*pre)**2 + b*tanh(a*pre)")).instructions) == 5
    assert len(to_torch(parse("pre**8")).instructions) == 3
    operations = {step.operation for step in to_torch(parse("pre**7 + w**-5")).instructions}
    assert operations == {"multiply", "divide", "add"}


def test_torch_drops_registers_after_their_last_use() -> None:
    compiled = to_torch(parse("tanh(pre)*post + w"))
    dropped = [register for step in compiled.instructions for register in step.finished]
    written = [*range(len(compiled.names)), *(step.target for step in compiled.instructions)]
    assert sorted([*dropped, compiled.result]) == sorted(written)


def test_python_source_needs_math_only_and_checks_names() -> None:
    source = to_python_source(parse("a*tanh(pre)"), "rule", ["pre", "a"])
    assert "def rule(pre, a):" in source and source.count("import") == 1
    for name in ("lambda", "f(x): import os\ndef g", "_x", "a b"):
        with pytest.raises(ValueError, match="function name"):
            to_python_source(sympy.Integer(1), name)
    with pytest.raises(ValueError, match="missing: a"):
        to_python_source(parse("a*pre"), "rule", ["pre"])


@pytest.mark.parametrize(
    ("text", "latex"),
    {
        "eta*(pre*post - post**2*w)": r"\eta \left(x y - y^{2} w\right)",
        "a_1*err*recon": r"a_{1} \delta \mathrm{recon}",
        "decay*pre + k10": r"\mathrm{decay} x + k_{10}",
        "x*pre": r"x \mathrm{pre}",  # a coefficient x keeps its letter, the signal its name
        "pre/w": r"\frac{x}{w}",
        "max(pre, 0)*abs(w)": r"\left|{w}\right| \max\left(0, x\right)",
    }.items(),
)
def test_latex(text: str, latex: str) -> None:
    assert to_latex(parse(text)) == latex
