"""Everything that reads a formula takes time in proportion to its size, down to the deepest formula that is allowed."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import sympy
import torch

from inner.engines.native.generate import source
from inner.engines.native.plan import Plan
from inner.rules.depth import MAX_TREE_DEPTH, depth
from inner.rules.faces import to_latex, to_python_source, to_text, to_torch
from inner.rules.parse import parse
from inner.rules.rule import Rule
from inner.rules.separate import separate
from inner.rules.signals import SIGNALS
from inner.rules.update import Update

SECONDS = 2.0  # of processor time; what was exponential took minutes at a quarter of the depth
FRAMES = 350  # of Python's thousand that a caller may have used already
SIDES = {name: signal.side for name, signal in SIGNALS.items()}
PATTERNS = (
    "tanh(@)",
    "tanh(a*@)",
    "exp(log(@))",
    "1/(1+@)",
    "w/(post+1/@)",
    "max(a,@)",
    "max(@+1,min(w,@))",
    "(@+1)*w",
    "(@+a)*(post-b)",
    "-(@-post)*w",
    "(@+a)**8",
    "abs(@-1)",
    "tanh(@*(pre+post)+w*(err+a))",
    "tanh(@)*sigmoid(@)",
)


def nest(pattern: str, times: int) -> str:
    """The pattern put into itself; only the first place grows, so that the text does not double."""
    text = "pre"
    for _ in range(times):
        text = pattern.replace("@", text, 1).replace("@", "pre")
    return text


def deepest(pattern: str) -> tuple[str, str]:
    """The deepest nest that may be read, and the one that is a step deeper."""
    times = 1
    while depth(parse(nest(pattern, times))) < MAX_TREE_DEPTH:
        try:
            parse(nest(pattern, times + 1))
        except ValueError:
            break
        times += 1
    return nest(pattern, times), nest(pattern, times + 1)


def kernel(batched: bool) -> Callable[[sympy.Expr], object]:
    def write(expression: sympy.Expr) -> str:
        source.cache_clear()
        return source(Plan(Rule(to_text(expression)), "tanh", "softmax", True, "classes", batched))

    return write


def update(expression: sympy.Expr) -> torch.Tensor:
    """The change of the weights of two networks of four and three units, [2, 4, 3]."""
    fixed = frozenset(s.name for s in expression.free_symbols if s.name not in SIDES)
    run = Update(separate(expression, SIDES), SIDES, fixed)
    units = {"pre": (1, 4), "post": (1, 3), "synapse": (4, 3), "global": (1, 1)}
    values = {name: torch.full((2, *units[side]), 0.5) for name, side in SIDES.items()}
    return run(values | {name: torch.full((2, 1, 1), 0.25) for name in fixed}, (2, 4, 3), 1)


def torch_value(expression: sympy.Expr) -> object:
    compiled = to_torch(expression)
    return compiled({name: torch.full((3,), 0.5) for name in compiled.names})


def terms(expression: sympy.Expr) -> object:
    rule = Rule(to_text(expression))
    try:
        return rule.terms()
    except ValueError as error:
        assert "expanded form" in str(error)
        return None


def pruned(expression: sympy.Expr) -> object:
    """What is printed with numbers may be read again."""
    rule = Rule(to_text(expression))
    return parse(rule.pruned(dict.fromkeys(rule.defaults, 0.3)))


READERS: dict[str, Callable[[sympy.Expr], object]] = {
    "text": to_text,
    "python": lambda e: to_python_source(e, "rule"),
    "latex": to_latex,
    "torch": torch_value,
    "update": update,
    "kernel": kernel(False),
    "batched kernel": kernel(True),
    "terms": terms,
    "numbers": lambda e: Rule(to_text(e)).with_values({}),
    "pruned": pruned,
}


def below(frames: int, work: Callable[[], object]) -> object:
    """Do `work` with so many frames on the stack."""
    return work() if frames == 0 else below(frames - 1, work)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_deepest_formula_that_may_be_read_goes_through_everything(pattern: str) -> None:
    text, deeper = deepest(pattern)
    with pytest.raises(ValueError, match=f"nested too deeply.*at most {MAX_TREE_DEPTH}") as caught:
        parse(deeper)
    assert "\n" not in str(caught.value)
    expression = parse(text)
    for name, reader in READERS.items():
        start = time.process_time()
        below(FRAMES, lambda: reader(expression))
        assert time.process_time() - start < SECONDS, name
    assert parse(to_text(expression)) == expression


LONG = {  # formulas that are neither deep nor long, but were expanded or written without end
    "powers in a function": "tanh(((pre+post)**8+(pre+w)**8+1)**8)*pre",
    "powers side by side in a function": "tanh((pre+post)**8*(pre+w)**8*(post+w+err)**8)",
    "a sum that is doubled at every level": nest("tanh(@*(pre+post)+w*(err+a))", 20),
    "powers of coefficients": "pre*" + "((" * 12 + "a" + "+b)**8+c)**8" * 12,
    "many terms of a long function": "({})*({})*tanh({})".format(
        *("+".join(f"{letter}{n}*{name}" for n in range(40)) for letter, name in (("a", "w"), ("b", "pre"))),
        "+".join(f"c{n}*post" for n in range(400)),
    ),
}


@pytest.mark.parametrize("name", LONG)
def test_no_formula_is_expanded_without_end(name: str) -> None:
    expression = parse(LONG[name])
    for what, reader in READERS.items():
        start = time.process_time()
        reader(expression)
        assert time.process_time() - start < SECONDS, what


def test_depth_does_not_grow_with_a_rate_in_front_or_with_the_terms_of_a_sum() -> None:
    assert [depth(parse(text)) for text in ("pre", "a*pre", "pre + post", "tanh(pre)", "1/pre")] == [0, 0, 0, 1, 1]
    assert depth(parse("eta*(tanh(a*pre) + post)")) == 3
    assert depth(parse("eta*tanh(a*pre)")) == depth(parse("tanh(a*pre)")) == 2


def test_a_compiled_formula_does_not_depend_on_how_many_symbols_there_were() -> None:
    """SymPy sorts Dummy_100 before Dummy_99: operands of long sums changed places at such numbers."""
    expression = parse("+".join(f"{f}(pre*{g}(w+post))" for f in ("tanh", "exp", "abs") for g in ("tanh", "sigmoid")))
    first = to_torch(expression).instructions
    made = int(sympy.Dummy().name.removeprefix("Dummy_"))
    for _ in range(made, 10 ** len(str(made)) - 5):  # the next four have a digit less than those that follow
        sympy.Dummy()
    assert to_torch(expression).instructions == first
