"""Every row of the table of functions: its renderings agree with each other, and what a row does not have is refused by name."""

from __future__ import annotations

import ctypes
import itertools
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import oracle_formula
import pytest
import sympy
import torch
from faces import check_latex, compiled
from native_help import SPEC, Toy, against_oracle, both, coefficients

from inner.engines.choice import choose
from inner.engines.native import engine as native
from inner.engines.native import head
from inner.learners.local_rule import Learner
from inner.networks.mlp import Network
from inner.rules.faces import to_latex, to_python_source, to_text, to_torch
from inner.rules.functions import FUNCTIONS, Function
from inner.rules.functions.row import symbolic
from inner.rules.numeric import evaluate
from inner.rules.parse import parse
from inner.rules.rule import Rule
from metalearn.rule.formats.torch import torch_source

GRID = [
    -math.inf,
    -1e4,
    -800.0,
    -88.0,
    -3.7,
    -1.0,
    -1e-3,
    -0.0,
    0.0,
    1e-3,
    0.6,
    1.0,
    2.5,
    88.0,
    709.5,
    800.0,
    1e4,
    math.inf,
]
GRID += [math.nan]
SMOOTH = [-2.3, -1.0, -0.4, 0.3, 1.0, 2.7]  # away from jumps and kinks
LANE = ctypes.c_float * 16


def points(row: Function, values: list[float] = GRID) -> list[tuple[float, ...]]:
    """Arguments: every combination of the grid for up to two, and every third of those of three."""
    found = list(itertools.product(values, repeat=row.arguments))
    return found if row.arguments < 3 else found[::3]


def formula(row: Function) -> str:
    return f"{row.name}({', '.join('abc'[: row.arguments])})"


def same(found: float, wanted: float, relative: float, absolute: float) -> bool:
    return math.isnan(found) if math.isnan(wanted) else math.isclose(found, wanted, rel_tol=relative, abs_tol=absolute)


def defined(source: str, name: str, **modules: Any) -> Callable[..., Any]:
    scope: dict[str, Any] = dict(modules)
    exec(source, scope)
    found: Callable[..., Any] = scope[name]
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_agree_at_the_edges_in_double_precision(name: str) -> None:
    """Plain Python, torch, the exported torch file and arrays against the value: 1e-12 relative or 1e-15, nan for nan."""
    row = FUNCTIONS[name]
    expression = parse(formula(row))
    on_tensors = to_torch(expression)
    python = defined(to_python_source(expression, "rule", "abc"[: row.arguments]), "rule")
    exported = defined(row.torch_source, f"_{name}", torch=torch)
    for given in points(row):
        wanted = row.value(*given)
        tensors = [torch.tensor(x, dtype=torch.float64) for x in given]
        found = {
            "expression": evaluate(expression, dict(zip("abc", given))),
            "python": python(*given),
            "torch": float(on_tensors(dict(zip("abc", tensors)))),
            "exported": float(exported(*tensors)),
        }
        if row.numpy is not None and not any(map(math.isnan, given)):  # a program that meets nan is none
            with np.errstate(all="ignore"):
                found["numpy"] = float(row.numpy(*map(np.float64, given)))
        for what, value in found.items():
            assert same(value, wanted, 1e-12, 1e-15), f"{what} of {name}{given}: {value}, expected {wanted}"


@pytest.mark.parametrize("name", [name for name, row in FUNCTIONS.items() if row.arguments > 1])
def test_numbers_among_tensors(name: str) -> None:
    """Every mixture of numbers and tensors gives a tensor of the tensors' type."""
    row = FUNCTIONS[name]
    assert row.torch is not None
    operation = row.torch(torch)
    for given in points(row, [-1.5, 0.25, 3.0]):
        for tensors in itertools.product([False, True], repeat=row.arguments):
            if any(tensors) and not math.isnan(row.value(*given)):
                mixed = [torch.tensor([x], dtype=torch.float64) if t else x for x, t in zip(given, tensors)]
                found = operation(*mixed)
                assert found.dtype == torch.float64, (given, tensors)
                assert math.isclose(float(found), row.value(*given), rel_tol=4e-16), (given, tensors)


@pytest.fixture(scope="module")
def in_c(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    lines = []
    for row in FUNCTIONS.values():
        names = "xyz"[: row.arguments]
        loads, lanes = ", ".join(f"load_any({x})" for x in names), ", ".join(f"{x}[0]" for x in names)
        head_ = ", ".join(f"const float *{x}" for x in names)
        lines.append(
            f"void on_lanes_{row.name}({head_}, float *to) {{ vec v = v_{row.name}({loads}); memcpy(to, &v, sizeof v); }}"
        )
        lines.append(f"float on_one_{row.name}({head_}) {{ return s_{row.name}({lanes}); }}")
    shared = (Path(head.__file__).parent / "lanes.h").read_text(encoding="utf-8")
    text = "\n".join(lines)
    return compiled("#define NARROW 0\n" + head.lanes(shared, text) + text, tmp_path_factory.mktemp("functions"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_c_agrees_at_the_edges_in_single_precision(name: str, in_c: ctypes.CDLL) -> None:
    """In vectors against the value: 2e-6 relative or 4e-7, infinities and nan alike; one number has the bits of a vector's."""
    row = FUNCTIONS[name]
    one = getattr(in_c, f"on_one_{name}")
    one.restype = ctypes.c_float
    for given in points(row):
        single = [float(np.float32(x)) for x in given]
        with np.errstate(over="ignore"):
            wanted = float(np.float32(row.value(*single)))
        arguments, found = [LANE(*[x] * 16) for x in single], LANE()
        getattr(in_c, f"on_lanes_{name}")(*arguments, found)
        assert same(found[0], wanted, 2e-6, 4e-7), f"{name}{given}: {found[0]}, expected {wanted}"
        alone = np.float32(one(*arguments))
        assert alone.tobytes() == np.float32(found[0]).tobytes() or (math.isnan(alone) and math.isnan(found[0]))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives(name: str) -> None:
    """By torch, and by SymPy where the row's class has one of its own, against finite differences."""
    row = FUNCTIONS[name]
    expression, symbols = parse(formula(row)), [sympy.Symbol(x, real=True) for x in "abc"[: row.arguments]]
    run = to_torch(expression)
    for given in points(row, SMOOTH):
        if math.isnan(row.value(*given)) or len({abs(x) for x in given}) < len(given):
            continue  # undefined, or at a kink
        tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in given]
        output = run(dict(zip("abc", tensors)))
        assert isinstance(output, torch.Tensor)
        slopes = [0.0] * row.arguments
        if output.requires_grad:
            found = torch.autograd.grad(output, tensors, allow_unused=True)
            slopes = [0.0 if slope is None else float(slope) for slope in found]
        for place, slope in enumerate(slopes):
            near = [row.value(*(x + step * (n == place) for n, x in enumerate(given))) for step in (1e-6, -1e-6)]
            wanted = (near[0] - near[1]) / 2e-6
            if math.isnan(wanted):
                continue  # at the edge of where it is defined
            assert math.isclose(slope, wanted, rel_tol=1e-7, abs_tol=1e-8), (given, place)
            if "fdiff" in vars(row.symbolic):
                inside = evaluate(expression.diff(symbols[place]), dict(zip("abc", given)))
                assert math.isclose(inside, wanted, rel_tol=1e-7, abs_tol=1e-8), (given, place)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_text_and_latex(name: str) -> None:
    row = FUNCTIONS[name]
    assert row.meaning and name.isalpha() and name.islower()
    for text in (
        formula(row),
        f"{formula(row)}**3",
        f"1/{formula(row)}",
        f"{name}({formula(row)}{', 2, w'[: 3 * row.arguments - 3]})",
    ):
        expression = parse(text)
        assert parse(to_text(expression)) == expression
        check_latex(to_latex(expression))


def test_latex_of_root_and_choice() -> None:
    assert to_latex(parse("sqrt(pre)**3")) == r"\left(\sqrt{x}\right)^{3}"
    otherwise = r"\\ a & \text{otherwise} \end{cases}}"
    assert to_latex(parse("where(w, pre, a)")) == r"{\begin{cases} x & \text{if } w > 0 " + otherwise
    assert to_latex(parse("where(w <= b, pre, a)")) == r"{\begin{cases} x & \text{if } b \geq w " + otherwise
    assert (
        to_latex(parse("(w > b)*pre")) == r"x \left[w > b\right]"
        and to_latex(parse("pow(a, w)")) == r"\left(a\right)^{w}"
    )


def test_comparisons_are_written_as_in_python() -> None:
    for text, wanted in {
        "where(pre > post, a, b)": "where(pre > post, a, b)",
        "where(pre < post, a, b)": "where(post > pre, a, b)",
        "(pre >= post)*err": "err*(pre >= post)",
        "(pre <= post)**2 - 1": "(post >= pre)**2 - 1",
        "(a > b) > c": "(a > b) > c",
        "greater(a, atleast(b, c))": "a > (b >= c)",
        "where((a > 1)*(b > 2), 1, tanh(a > b))": "where((a > 1)*(b > 2), 1, tanh(a > b))",
    }.items():
        expression = parse(text)
        assert to_text(expression) == wanted and parse(wanted) == expression
        for a, b in [(1.0, 2.0), (2.0, 1.0), (3.0, 3.0)]:
            values = {"pre": a, "post": b, "a": a, "b": b, "c": 2.5, "err": -1.5}
            assert evaluate(expression, values) == oracle_formula.evaluate(text, values)


@pytest.mark.parametrize("batch", [1, 3])
def test_choices_and_powers_everywhere_in_a_rule(batch: int) -> None:
    """In the pre-side, post-side and synapse's factor, in what does not separate, in traces, and of coefficients alone."""
    text = (
        "0.1*(where(pre > post, a*err, b*w)*pre + (pre >= 0.2)*err + where(post <= a, post, -1)*pre + (w < 0)*w"
        " + pow(abs(w) + 0.5, b)*pre + pow(1 + a**2, c)*err*pre + sqrt(1 + e**2)*pre*where(c > d, 1, -1))"
    )
    rule = Rule(text, {"e": "where(abs(e) > 0.3, 0.5*e, e + pre*post)"}, pathway="random")
    against_oracle(rule, Network(hidden=(17, 4)), Toy(6, 3), batch, 3)


@pytest.mark.filterwarnings("ignore:.*jit.script:DeprecationWarning")
def test_the_gradient_of_a_root_at_zero_is_zero() -> None:
    """As of a running mean of g^2 where g has always been 0; above 0 it is the root's own, below 0 nan."""
    x = torch.tensor([0.0, 4.0, -1.0], dtype=torch.float64, requires_grad=True)
    value = to_torch(parse("sqrt(pre**2)/(1 + sqrt(pre**2))"))({"pre": x})
    assert isinstance(value, torch.Tensor)
    assert torch.autograd.grad(value.sum(), x)[0].tolist() == pytest.approx([0.0, 1 / 25, -1 / 4])
    root = to_torch(parse("sqrt(pre)"))
    _, slope = torch.func.jvp(lambda x: root({"pre": x}), (x.detach(),), (torch.ones(3, dtype=torch.float64),))
    assert slope[:2].tolist() == [0.0, 0.25]
    for given in (x, x.detach()):
        assert torch.equal(torch.nan_to_num(root({"pre": given}), -7.0), torch.tensor([0.0, 2.0, -7.0]).double())


def test_kernels_carry_only_the_new_functions_that_they_call() -> None:
    shared = (Path(head.__file__).parent / "lanes.h").read_text(encoding="utf-8")
    assert "v_sqrt" not in head.lanes(shared, "v_tanh(x)") and "v_where" not in head.lanes(shared, "v_sqrt(x)")
    assert "s_sqrt" in head.lanes(shared, "v_sqrt(x)") or "SCALAR(sqrt)" in head.lanes(shared, "v_sqrt(x)")


CUBE = Function(
    "cube",
    "x to the third",
    1,
    symbolic("cube", 1, lambda x: x * x * x, lambda place, x: 3 * x**2, r"\left({0}\right)^{{3}}"),
    lambda x: x * x * x,
    torch=lambda torch: lambda x: x * x * x,
    torch_source="def _cube(x):\n    return x * x * x",
    python="def _cube(x):\n    return x * x * x\n",
    c="INLINE vec v_cube(vec x) { return x * x * x; }",
    numpy=lambda x: x * x * x,
)
TEXT = "0.1*(a*cube(err)*pre + b*cube(w - pre*post) + cube(c)*w)"


def test_a_new_function_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text, LaTeX, plain Python, both torch forms, both engines and the oracle, none of which was told of it."""
    monkeypatch.setitem(FUNCTIONS, "cube", CUBE)
    expression = parse("cube(pre)*w")
    assert to_text(expression) == "w*cube(pre)" and to_latex(expression) == r"w \left(x\right)^{3}"
    assert defined(to_python_source(expression, "rule"), "rule")(pre=2.0, w=0.5) == 4.0
    rule, network = Rule(TEXT, pathway="random"), Network(hidden=(7,))
    assert not native.obstacle(Learner(rule, network), SPEC)
    for batch in (1, 3):
        against_oracle(rule, network, Toy(9, 2), batch)
        one, two = both(rule, network, Toy(9, 2), 5, batch, coefficients(rule))
        assert torch.allclose(one.score, two.score, rtol=1e-4)
    source = torch_source(rule, {"a": 0.1, "b": 0.2, "c": 0.3}, {}, {n: n for n in "abc"})
    assert (
        defined(source, "dw", __name__="rule")(
            torch.tensor(2.0), torch.tensor(0.0), torch.tensor(1.0), torch.tensor(0.0)
        )
        != 0
    )


def test_what_a_function_does_not_have_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = replace(CUBE, torch=None, python="", torch_source="", c="", numpy=None)
    monkeypatch.setitem(FUNCTIONS, "cube", bare)
    rule = Rule(TEXT, pathway="random")
    with pytest.raises(ValueError, match="^formula: no form on tensors for the function 'cube'$"):
        to_torch(rule.expression)
    with pytest.raises(ValueError, match="no form in plain Python for the function 'cube'"):
        to_python_source(rule.expression, "rule")
    with pytest.raises(ValueError, match="no form in an exported torch file for the function 'cube'"):
        torch_source(rule, {"a": 0.1, "b": 0.2, "c": 0.3}, {}, {n: n for n in "abc"})
    monkeypatch.setitem(FUNCTIONS, "cube", replace(CUBE, c=""))
    learner = Learner(rule, Network(hidden=(7,)))
    assert choose("auto", learner, SPEC) == ("eager", "no kernel yet for the function 'cube'")
    with pytest.raises(ValueError, match="native cannot run this: no kernel yet for the function 'cube'"):
        choose("native", learner, SPEC)
