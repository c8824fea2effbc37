"""The parser refuses everything that is not a formula, at once and in one line, and keeps what it accepts."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
import sympy

from inner.rules.faces import to_text
from inner.rules.functions import FUNCTIONS
from inner.rules.parse import MAX_NODES, names_in, parse

LIMIT = 1_000_000  # function calls that reading a formula may take: about a second

# hostile or mistaken text -> a word that its error must contain
REFUSED = {
    "": "empty",
    "   \n": "empty",
    "__import__('os').system('id')": "__import__",
    "pre.__class__": "'.'",
    "pre.real": "'.'",
    "pre[0]": "'['",
    "lambda x: x": "lambda",
    "[x for x in pre]": "'['",
    "(x for x in pre)": "for",
    "f'{pre}'": '"\'"',
    '"text"': "character",
    "(x := 3)": "':'",
    "a = 3": "'='",
    "pre < post < w": "one at a time",
    "pre == post": "'='",
    "pre != post": "'!'",
    "pre <> post": "column",
    "pre in post": "reserved",
    "pre if w else post": "if",
    "pre and post": "and",
    "not pre": "not",
    "pre @ w": "'@'",
    "pre % w": "'%'",
    "pre // w": "FloorDiv",
    "pre ^ 2": "**",
    "pre | w": "'|'",
    "pre; post": "';'",
    "pre # comment": "'#'",
    "pre \\\n post": "character",
    "pre\x00": "x00",
    "`id`": "character",
    "{pre}": "character",
    "*pre": "column",
    "max(*pre)": "expected 2",
    "max(pre)": "expected 2",
    "max(pre, post, w)": "expected 2",
    "tanh()": "expected 1",
    "tanh(pre, post)": "expected 1",
    "tanh": "function",
    "tanh*2": "function",
    "(tanh)(pre, w)": "expected 1",
    "(pre)(post)": "unknown function 'pre'",
    "2(pre)": "called",
    "tanh(pre)(post)": "called",
    "tahn(pre)": "did you mean 'tanh'?",
    "sigmod(pre)": "did you mean 'sigmoid'?",
    "print(pre)": "unknown function",
    "eval(pre)": "unknown function",
    "pre, post": "Tuple",
    "()": "Tuple",
    "2pre": "*",
    "0x10": "*",
    "1_000": "*",
    "2j*pre": "*",
    "1..real": "*",
    "pre post": "column",
    "pre +": "column",
    "(pre": "open",
    "pre)": "closes",
    "007": "column",
    "True": "reserved",
    "None*pre": "reserved",
    "class + 1": "reserved",
    "_hidden": "_hidden",
    "__debug__": "__debug__",
    "a__b": "a__b",
    "x" * 65: "64",
    "ｐｒｅ*post": "uff50",  # full width letters: `ast` would read them as "pre"
    "рre": "u0440",  # Cyrillic
    "pre²": "xb2",
    "pre − post": "u2212",
    "π": "u03c0",
    "9**9**9**9": "exponent",
    "pre**9": "exponent",
    "pre**-9": "exponent",
    "pre**0.5": "exponent",
    "pre**w": "exponent",
    "2**(3)**(4+1)": "exponent",
    "pre**1e300": "1e+30",
    "pre**1e20": "exponent",
    "(((pre**8)**8)**8)**8": "64",
    "((((9**8)**8)**8)**8)": "1e+30",
    "(1e30)**8": "1e+30",
    "1e30*1e30*pre": "1e+30",
    "(1e-30*pre)**8*(1e-30*pre)**8": "1e-300",
    "1e999": "1e+30",
    "1" * 40: "1e+30",
    "1" * 9999: "1e+30",
    "1/0": "zero",
    "pre/0.0": "zero",
    "pre/(w - w)": "zero",
    "0**-1": "zero",
    "(w - w)**-2": "zero",
    "log(-1)": "finite",
    "log(0)": "finite",
    "exp(1000)*pre": "finite",
    "exp(exp(exp(exp(2))))": "finite",
    "pre*log(2 - 3)": "finite",
    "1/tanh(0)": "finite",
    "a" * 1_000_000: "10000",
    "a+" * 500_000 + "a": "10000",
    "(" * 1_000_000: "10000",
    "(" * 4000 + "a" + ")" * 4000: "deep",
    "(" * 101 + "a" + ")" * 101: "deep",
    "-" * 1900 + "a": "deep",
    "-" * 9000 + "a": str(MAX_NODES),
    "tanh(" * 1500 + "a" + ")" * 1500: "deep",
    "a+" * 1001 + "a": str(MAX_NODES),
    "a**1" * 2 + "*" * 1990: "column",
}


def calls(work: Callable[[], object]) -> int:
    """How many functions `work` calls: a cost that does not depend on the machine. Fails beyond LIMIT."""
    count = 0

    def seen(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"
        if count > LIMIT:
            sys.setprofile(None)
            pytest.fail("too many calls")

    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: ascii(text[:20]) + f"x{len(text)}")
def test_refuses_in_one_line_at_once(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(text)
    message = str(caught.value)
    assert REFUSED[text] in message
    assert message.isprintable() and len(message) < 300
    assert type(caught.value) is ValueError  # not a subclass that says something else, such as UnicodeError
    assert calls(lambda: pytest.raises(ValueError, parse, text)) < LIMIT / 50


@pytest.mark.parametrize("value", [None, 3, b"pre", ["pre"]])
def test_refuses_what_is_no_text(value: object) -> None:
    with pytest.raises(ValueError, match="expected text"):
        parse(value)  # type: ignore[arg-type]


def nested(pattern: str, times: int) -> str:
    text = "pre"
    for _ in range(times):
        text = pattern.replace("@", text)
    return text


# long or deep, but formulas: they must be read, written and read again, each step quickly
HEAVY = {
    "sum": "+".join(f"x{index}" for index in range(1000)),
    "product": "*".join(f"x{index}" for index in range(1000)),
    "fractions": "+".join(f"pre/{index}" for index in range(1, 40)),
    "powers of sums": "*".join(f"(a{index}+b{index})**8" for index in range(300)),
    "nested powers": nested("(@+a)**8", 30),
    "nested powers of powers": nested("((@+b)**3)**3+a", 20),
    "nested quotients": nested("1/(a+@)", 32),
    "nested maxima": nested("max(@+1,w*2)", 32),
    "doubled maxima": nested("max(@,a*@)", 7),
    "nested absolutes": nested("abs(@-1)", 32),
    "log of exp": nested("log(exp(@))", 32),
    "product of exponentials": "*".join(f"exp(x{index}*x{index + 1}-log(x{index}))" for index in range(200)),
    "maxima side by side": "+".join(f"max(x{index},min(x{index + 1},x{index + 2}))" for index in range(300)),
}


@pytest.mark.parametrize("name", HEAVY)
def test_heavy_formulas_are_read_quickly_and_round_trip(name: str) -> None:
    assert calls(lambda: parse(HEAVY[name])) < LIMIT
    expression = parse(HEAVY[name])
    assert calls(lambda: parse(to_text(expression))) < LIMIT
    assert parse(to_text(expression)) == expression


ROUND_TRIPS = """
pre
-pre
0
-1.5
2/3
-2/3*pre
pre/3 - 1/(2*w)
1e-17*pre + 123456789.123456789*post
0.1*0.2*pre
2*(pre + post)
-(pre + post)*(w - err)
a - (pre + post)*(w - err)
--(pre + post)*-(w - err)/-(a - b)
2*(pre + post)*(w - err)
-(pre + post)*w
(2*pre + 3*post)**2
(pre - w)**-3
pre**8*pre
(pre**8)**8
pre**8*pre**3
((pre + w)**8)**2/(a*b)**7
1/(a*b*(c + 1/pre))
exp(1)*pre
exp(pre)*exp(post)**2/exp(w)
exp(2*log(pre))
exp(0.5*log(pre))*exp(post)
abs(-pre)**2*sign(w)**2
max(0, pre) + min(pre, -w)
max(pre, pre)
relu(pre)*step(w)*sigmoid(err)*tanh(-post)
log(pre**2)
sign(2)*pre
eta * (a*pre*post + b*err*pre - c*post**2*w)
decay*e + (1 - decay)*pre
""".strip().splitlines()


@pytest.mark.parametrize("text", ROUND_TRIPS)
def test_text_round_trip(text: str) -> None:
    expression = parse(text)
    assert parse(to_text(expression)) == expression
    assert to_text(parse(to_text(expression))) == to_text(expression)


def test_reads_what_a_paper_writes() -> None:
    pre, post, w, err, eta, a, c = (sympy.Symbol(name, real=True) for name in "pre post w err eta a c".split())
    assert (
        parse("eta*(a*pre*post - c*post**2*w) + err*pre/2") == eta * (a * pre * post - c * post**2 * w) + err * pre / 2
    )
    assert parse("  pre\n + \t post ") == pre + post
    assert parse("-pre**2") == -(pre**2)
    assert parse("pre - post - w") == pre - post - w
    assert parse("pre / post * w / a") == pre * w / (post * a)
    assert parse("pre**-2") == 1 / pre**2
    assert all(symbol.is_real for symbol in parse("pre*x").free_symbols)


def test_a_minus_stays_in_front_of_its_product() -> None:
    for text in ("a - (post + pre)*(w - err)", "-(post + pre)*(w - err) + a"):
        assert to_text(parse(text)) == "-(-err + w)*(post + pre) + a"


def test_columns_count_from_one_in_the_text_as_given() -> None:
    with pytest.raises(ValueError, match="'foo' at column 7"):
        parse("pre + foo(w)")
    with pytest.raises(ValueError, match="'foo' at column 9"):
        parse("  pre\n+ foo(w)")


def test_signals_that_are_not_available_are_named() -> None:
    with pytest.raises(ValueError, match="signal 'target' at column 5 is not available here; available: post, pre"):
        parse("pre*target", signals=("pre", "post"))
    assert parse("pre*target_rate", signals=("pre",))  # no signal's name: a coefficient


def test_names_in_order_of_first_appearance() -> None:
    assert names_in("b*tanh(pre*a) + b*max(w, 1e3)") == ("b", "pre", "a", "w")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_parses_and_never_simplifies_away(name: str) -> None:
    arguments = ["exp(log(abs(-pre)))", "2", "w"][: FUNCTIONS[name].arguments]
    text = f"{name}({', '.join(arguments)})"
    assert type(parse(text)) is FUNCTIONS[name].symbolic
    assert parse(to_text(parse(text))) == parse(text)
