"""A rule is checked at the door with one clear line, round-trips, and reports its own terms and numbers honestly."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import inner.signals
from inner.components import names as component_names
from inner.random import stream
from inner.rules.coefficient import Coefficient
from inner.rules.families import FAMILIES
from inner.rules.numeric import evaluate
from inner.rules.parse import parse
from inner.rules.rule import Rule
from inner.rules.signals import SIGNALS

FULL = {
    "name": "traced delta",
    "dw": "eta*err*e - decay*w",
    "traces": {"e": "mix*e + (1 - mix)*pre*post", "slow": "0.9*slow + e"},
    "pathway": "random",
    "coefficients": {
        "eta": {"init": 0.1, "transform": "log", "low": 1e-4, "high": 1, "share": "layer"},
        "mix": {"init": 0.5, "transform": "linear", "scale": 0.1, "low": 0, "high": 1, "fixed": True},
        "decay": 0.001,
    },
}

# mapping -> a part of its error
REFUSED: list[tuple[Any, str]] = [
    ("eta*pre", "expected a mapping"),
    ({}, "expected 'dw'"),
    ({"dw": 3}, "rule.dw: expected a formula as text"),
    ({"dw": "eta*tahn(pre)"}, "rule.dw: unknown function 'tahn' at column 5 (did you mean 'tanh'?)"),
    ({"dw": "pre", "tracse": {}}, "unknown key 'tracse' (did you mean 'traces'?)"),
    ({"dw": "pre", "traces": ["e"]}, "rule.traces: expected a mapping"),
    ({"dw": "pre", "traces": {"pre": "w"}}, "'pre' is a signal"),
    ({"dw": "pre", "traces": {"tanh": "w"}}, "function"),
    ({"dw": "pre", "traces": {"lambda": "w"}}, "reserved word"),
    ({"dw": "pre", "traces": {3: "w"}}, "rule.traces"),
    ({"dw": "e", "traces": {"e": "e.real"}}, "rule.traces.e: character"),
    ({"dw": "e", "traces": {"e": None}}, "rule.traces.e: expected a formula"),
    ({"dw": "pre", "traces": {f"e{index}": "pre" for index in range(17)}}, "at most 16"),
    ({"dw": "pre", "pathway": "backpropp"}, "unknown name 'backpropp' (did you mean 'backprop'?)"),
    ({"dw": "pre", "pathway": None}, "rule.pathway"),
    ({"dw": "pre", "name": "two\nlines"}, "rule.name"),
    ({"dw": "eta*pre", "coefficients": {"etta": 1}}, "'etta' does not occur in the formula (did you mean 'eta'?)"),
    ({"dw": "eta*pre", "coefficients": {"pre": 1}}, "signal"),
    ({"dw": "eta*pre", "coefficients": 3}, "rule.coefficients: expected a mapping"),
    ({"dw": "eta*pre", "coefficients": {"eta": "big"}}, "coefficients.eta.init: expected a finite number"),
    ({"dw": "eta*pre", "coefficients": {"eta": True}}, "coefficients.eta.init"),
    ({"dw": "eta*pre", "coefficients": {"eta": None}}, "coefficients.eta.init"),
    ({"dw": "eta*pre", "coefficients": {"eta": math.nan}}, "coefficients.eta.init"),
    ({"dw": "eta*pre", "coefficients": {"eta": 10**400}}, "coefficients.eta.init"),
    ({"dw": "eta*pre", "coefficients": {"eta": 10**5000}}, "coefficients.eta.init"),
    ({"dw": "eta*pre", "coefficients": {"eta": {"int": 1}}}, "unknown key 'int' (did you mean 'init'?)"),
    ({"dw": "eta*pre", "coefficients": {"eta": {"transform": "sin"}}}, "(did you mean 'sinh'?)"),
    ({"dw": "eta*pre", "coefficients": {"eta": {"transform": ["log"]}}}, "transform: expected one of"),
    ({"dw": "eta*pre", "coefficients": {"eta": {"share": "network"}}}, "share: expected one of rule, layer"),
    ({"dw": "eta*pre", "coefficients": {"eta": {"scale": 0}}}, "scale: expected a number above 0"),
    ({"dw": "eta*pre", "coefficients": {"eta": {"scale": 1, "transform": "log"}}}, "log' has no scale"),
    ({"dw": "eta*pre", "coefficients": {"eta": {"low": 1, "high": 1}}}, "expected low < high"),
    ({"dw": "eta*pre", "coefficients": {"eta": {"init": 3, "high": 1}}}, "init: expected a value within"),
    ({"dw": "eta*pre", "coefficients": {"eta": {"init": 0, "transform": "log"}}}, "above 0"),
    ({"dw": "eta*pre", "coefficients": {"eta": {"init": 1, "low": -1, "transform": "log"}}}, "above 0"),
    ({"dw": "eta*pre", "coefficients": {"eta": {"fixed": "yes"}}}, "expected true or false"),
    ({"family": "abcde"}, "unknown name 'abcde' (did you mean 'abcd'?)"),
    ({"family": ["abcd"]}, "rule.family: unknown name"),
    ({"family": "hebb", "dw": "pre"}, "either 'family' or 'dw'"),
    ({"family": "hebb", "order": 2}, "unknown key 'order'"),
    ({"family": "taylor", "order": 9}, "from 1 to 4"),
    ({"family": "taylor", "order": "2"}, "from 1 to 4"),
    ({"family": "hebb", "coefficients": [1]}, "rule.coefficients: expected a mapping"),
]


@pytest.mark.parametrize(("mapping", "part"), REFUSED, ids=range(len(REFUSED)))
def test_refuses_in_one_line(mapping: Any, part: str) -> None:
    with pytest.raises(ValueError) as caught:
        Rule.from_dict(mapping)
    assert part in str(caught.value)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 300


@pytest.mark.parametrize("mapping", [FULL, {"dw": "pre"}, *({"family": name} for name in FAMILIES)])
def test_round_trips(mapping: dict[str, Any]) -> None:
    rule = Rule.from_dict(mapping)
    assert Rule.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule
    assert pickle.loads(pickle.dumps(rule)) == rule  # workers receive rules
    assert hash(Rule.from_dict(rule.to_dict())) == hash(rule)


def test_fields_of_a_full_rule() -> None:
    rule = Rule.from_dict(FULL)
    assert [coefficient.name for coefficient in rule.coefficients] == ["eta", "decay", "mix"]
    eta, decay, mix = rule.coefficients
    assert eta == Coefficient("eta", 0.1, "log", low=1e-4, high=1.0, share="layer")
    assert decay == Coefficient("decay", 0.001) and mix.fixed and mix.scale == 0.1
    assert rule.signals == {"err", "w", "pre", "post"}
    assert rule.expression == parse("eta*err*e - decay*w")
    assert rule.trace_expressions["e"] == parse("mix*e + (1 - mix)*pre*post")
    assert rule.defaults == {"eta": 0.1, "decay": 0.001, "mix": 0.5}
    assert rule.latex().splitlines()[0].startswith(r"\Delta w = ") and len(rule.latex().splitlines()) == 3


def test_defaults_of_coefficients() -> None:
    rule = Rule.from_dict({"dw": "b*pre + a*post", "coefficients": {"a": {"transform": "log"}, "b": {"low": 1}}})
    assert [(c.name, c.init, c.transform, c.scale) for c in rule.coefficients] == [
        ("b", 1.0, "sinh", 0.02),  # the default 0 moved to the nearest bound
        ("a", 0.01, "log", 0.02),
    ]


@pytest.mark.parametrize("name", component_names("pathway"))
def test_every_pathway_in_the_folder_is_accepted(name: str) -> None:
    assert Rule.from_dict({"dw": "err*pre", "pathway": name}).pathway == name


@pytest.mark.parametrize("transform", ["linear", "sinh", "log"])
def test_decode_is_the_stated_function_and_encode_its_inverse(transform: str) -> None:
    coefficient = Coefficient("eta", 0.1, transform, scale=0.05)
    z = stream(0, "test z", transform).normal(size=(4, 3)) * 3
    stated = {"linear": lambda x: 0.05 * x, "sinh": lambda x: 0.05 * math.sinh(x), "log": math.exp}[transform]
    values = coefficient.decode(z)
    assert values.shape == z.shape and values.dtype == np.float64
    np.testing.assert_allclose(values, np.vectorize(stated)(z), rtol=1e-14)
    np.testing.assert_allclose(coefficient.encode(values), z, rtol=1e-12, atol=1e-12)
    assert np.isfinite(coefficient.decode(np.array([-1e9, 1e9]))).all()


def test_decode_and_encode_keep_to_the_bounds() -> None:
    coefficient = Coefficient("eta", 0.1, "log", low=0.01, high=1.0)
    np.testing.assert_allclose(coefficient.decode(np.array([-50.0, 0.0, 50.0])), [0.01, 1.0, 1.0])
    np.testing.assert_allclose(coefficient.encode(np.array([0.0, 0.1, 9.0])), np.log([0.01, 0.1, 1.0]))
    with pytest.raises(ValueError, match="above 0"):
        Coefficient("eta", 0.1, "log").encode(-1.0)


def test_terms_split_coefficients_from_signals() -> None:
    rule = Rule.from_dict({"dw": "eta*(a*pre*post - 2*b*pre)*(1 + w) + 3*pre + tanh(c*post)*c + d", "traces": {}})
    assert rule.terms() == [
        ("d", "1"),
        ("-2*b*eta + 3", "pre"),
        ("a*eta", "pre*post"),
        ("a*eta", "pre*post*w"),
        ("-2*b*eta", "pre*w"),
        ("c", "tanh(c*post)"),
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_terms_and_numbers_add_up_to_the_rule(family: str) -> None:
    rule = Rule.from_dict({"family": family})
    rng = stream(0, "test terms", family)
    values = {name: float(rng.normal()) for name in rule.defaults}
    signals = {name: float(rng.normal()) for name in (*SIGNALS, *rule.traces)}
    wanted = evaluate(rule.expression, values | signals)
    total = sum(evaluate(parse(f), values) * evaluate(parse(b), signals | values) for f, b in rule.terms())
    assert math.isclose(total, wanted, rel_tol=1e-9)
    assert math.isclose(evaluate(parse(rule.with_values(values, digits=12)), signals), wanted, rel_tol=1e-8)
    scope: dict[str, Any] = {}
    exec(rule.python(values), scope)
    used = {s.name: signals[s.name] for s in rule.expression.free_symbols if s.name in signals}
    assert math.isclose(scope["dw"](**used), wanted, rel_tol=1e-9)


def test_with_values_sorts_rounds_and_leaves_out_zeros() -> None:
    rule = Rule.from_dict({"dw": "a*pre*post + b*pre + c*tanh(k*w) + d + f*err/w"})
    values = {"a": -0.0123456, "b": 2.0, "c": 1.0, "d": 0.0, "f": -0.5, "k": 1.23456}
    assert rule.with_values(values) == "2.0*pre + tanh(1.23*w) - 0.5*err/w - 0.0123*pre*post"
    assert rule.with_values({}) == "0"
    assert rule.pruned(values, 0.1) == "2.0*pre + tanh(1.23*w) - 0.5*err/w"
    assert rule.pruned(values, 0) == rule.with_values(values)


def test_values_are_checked() -> None:
    rule = Rule.from_dict({"dw": "a*pre/b + tanh(w/b)"})
    with pytest.raises(ValueError, match=r"no coefficient 'aa' \(did you mean 'a'\?\); it has: a, b"):
        rule.with_values({"aa": 1.0})
    with pytest.raises(ValueError, match="values.a: expected a finite number"):
        rule.with_values({"a": math.inf})
    for text_of in (rule.with_values, rule.python):
        with pytest.raises(ValueError, match="values: they make"):
            text_of({"a": 1.0, "b": 0.0})


def test_too_many_terms_are_refused_at_once() -> None:
    text = "pre"
    for _ in range(30):
        text = f"({text} + a)**8"
    with pytest.raises(ValueError, match="more than 2000 terms"):
        Rule.from_dict({"dw": text}).terms()


def test_a_formula_of_too_many_terms_is_printed_as_it_is_written() -> None:
    rule = Rule.from_dict({"dw": "(a*pre + post + w + err + drive)**8*(b*slope + recon)**8"})
    printed, signals = rule.with_values({"a": 2.0, "b": 0.5}), {name: 0.1 for name in SIGNALS}
    assert "2.0*pre" in printed and len(printed) < 100
    wanted = evaluate(rule.expression, signals | {"a": 2.0, "b": 0.5})
    assert math.isclose(evaluate(parse(printed), signals), wanted, rel_tol=1e-12)


def test_families_are_the_published_formulas() -> None:
    assert Rule.from_dict({"family": "oja"}).terms() == [("-eta", "post**2*w"), ("eta", "pre*post")]
    taylor = Rule.from_dict({"family": "taylor"})
    assert len(taylor.coefficients) == len(taylor.terms()) == 27
    assert ("c012", "post*w**2") in taylor.terms() and ("c210", "pre**2*post") in taylor.terms()
    assert len(Rule.from_dict({"family": "taylor", "order": 1}).coefficients) == 8
    chalmers = Rule.from_dict({"family": "chalmers", "name": "mine", "coefficients": {"k1": 0.3}})
    assert len(chalmers.terms()) == 10 and chalmers.name == "mine" and chalmers.defaults["k1"] == 0.3
    assert Rule.from_dict({"family": "delta", "pathway": "backprop"}).expression == parse("eta*err*pre")


def test_the_catalogue_is_complete() -> None:
    wanted = "pre post w err feedback pre_err recon drive slope reward target".split()
    sums = "pre_sum post_sum drive_err recon_err recon_ordered".split()
    wanted += [*sums, "noise", "surprise", "action"]
    before = [name + "_before" for name in wanted if name not in ("w", "recon_ordered")]
    files = sorted(file.stem for file in Path(inner.signals.__file__).parent.glob("*.py") if file.stem != "__init__")
    assert list(SIGNALS) == wanted + files + before + [n + "_before" for n in files if n + "_before" in SIGNALS]
    table = {name: signal for name, signal in SIGNALS.items() if name in wanted + before}
    wider = ["recon", "reward", *sums, "surprise"]
    wider += [name + "_before" for name in wider if name != "recon_ordered"]
    assert [name for name, signal in table.items() if signal.locality != "local"] == wider
    outputs = ["target", "action", "target_before", "action_before"]
    assert [name for name, signal in table.items() if signal.output_only] == outputs
    assert [name for name, signal in table.items() if signal.before] == before
    assert [name for name, signal in table.items() if signal.native] == wanted + before
    for name in before:  # one step back a signal stands where it stood
        row, was = SIGNALS[name], SIGNALS[SIGNALS[name].before]
        assert (row.side, row.locality, row.output_only) == (was.side, was.locality, was.output_only)


@pytest.mark.parametrize(
    ("text", "name", "meant"),
    [
        ("eta*prre", "prre", "pre"),
        ("eta*psot*pre", "psot", "post"),
        ("eta*er*pre", "er", "err"),
        ("a*recom", "recom", "recon"),
    ],
)
def test_a_misspelt_signal_is_no_coefficient(text: str, name: str, meant: str) -> None:
    with pytest.raises(ValueError, match=rf"'{name}' is no signal \(did you mean '{meant}'\?\)"):
        Rule(text)
    declared = Rule.from_dict({"dw": text, "coefficients": {name: 0.5}})
    assert name in declared.defaults and Rule.from_dict(declared.to_dict()) == declared


def test_ordinary_names_are_coefficients() -> None:
    assert set(Rule("eta*pre1 + pre2*w + drift*posture + rate*w0").defaults) == {
        *("eta", "pre1", "pre2", "drift", "posture", "rate", "w0")
    }
