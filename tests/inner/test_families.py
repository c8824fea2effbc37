"""The faces battery over every family and every rule in configs/: torch, Python, C, text, LaTeX and JSON say the same.

Families are also held against their papers' equations, written down here a second time; a family with swapped axes,
or a face that swaps them, fails.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
import torch
import yaml
from faces import EXACT, Face, Values, check_rule, compile_c

from inner.criteria import CLASSES, NONE
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules.families import FAMILIES
from inner.rules.functions import replace
from inner.rules.parse import parse
from inner.rules.rule import Rule
from inner.rules.signals import SIGNALS
from metalearn.config import library


def polynomial(v: Values, order: int = 2) -> float:
    """Confavreux et al. 2020: sum of A_abc x^a y^b w^c."""
    r = range(order + 1)
    return sum(v[f"c{a}{b}{c}"] * v["pre"] ** a * v["post"] ** b * v["w"] ** c for a in r for b in r for c in r)


def ten_terms(v: Values) -> float:
    """Chalmers 1990 with a input, o output, t target."""
    w, a, o, t = v["w"], v["pre"], v["post"], v["target"]
    basis = (w, a, o, t, w * a, w * o, w * t, a * o, a * t, o * t)
    return v["k0"] * sum(v[f"k{n}"] * term for n, term in enumerate(basis, 1))


def pool(v: Values) -> float:
    """Shervani-Tabar & Rosenbaum 2023 with e = -err; sums over layers as one number each."""
    e, below, x, y, w = -v["err"], -v["pre_err"], v["pre"], v["post"], v["w"]
    f5, f67, f8 = v["post_sum"], -v["recon_err"], -v["drive_err"]
    terms = [-e * x, -y * below, -e * below, -w, -below, -e * f5 * x, -y * f67 * below, -e * f67 * x, -y * f8 * below]
    terms.append(y * x - y * v["recon"])
    return sum(v[f"theta{r}"] * term for r, term in enumerate(terms))


def small_network(v: Values) -> float:
    """Bengio, Bengio & Cloutier 1991: a hidden layer of tanh units per synapse."""
    total = 0.0
    for h in range(4):
        drive = v[f"b{h}"] + sum(v[f"u{h}_{s}"] * v[s] for s in ("pre", "post", "w", "err"))
        total += v[f"v{h}"] * math.tanh(drive)
    return v["eta"] * total


PUBLISHED: dict[str, Face] = {
    "hebb": lambda v: v["eta"] * v["pre"] * v["post"],
    "oja": lambda v: v["eta"] * (v["pre"] * v["post"] - v["post"] ** 2 * v["w"]),
    "sanger": lambda v: v["eta"] * (v["post"] * v["pre"] - v["post"] * v["recon_ordered"]),
    "bcm": lambda v: v["eta"] * v["post"] * (v["post"] - v["threshold"]) * v["pre"],
    "delta": lambda v: v["eta"] * v["err"] * v["pre"],
    "stdp": lambda v: v["plus"] * v["pre_before"] * v["post"] - v["minus"] * v["post_before"] * v["pre"],
    "three_factor": lambda v: v["eta"] * (v["reward"] - v["gamma"] * v["expected"]) * v["eligible"],
    "abcd": lambda v: v["eta"] * (v["A"] * v["post"] * v["pre"] + v["B"] * v["pre"] + v["C"] * v["post"] + v["D"]),
    "taylor": polynomial,
    "chalmers": ten_terms,
    "pool": pool,
    "mlp": small_network,
}

VARIANTS: list[dict[str, Any]] = [
    {"family": "taylor", "order": 4},
    {"family": "taylor", "order": 3, "reward": True},
    {"family": "taylor", "terms": ["X1Y1W0", "X0Y2W1", "X8R1", "E1Y3T2"]},
    {"family": "pool", "terms": [9, 0, 2]},
    {"family": "mlp", "hidden": 8, "inputs": ["pre", "post", "err", "reward", "slope"]},
    {"family": "oja", "coefficients": {"eta": {"share": "neuron"}}, "homeostasis": {"normalise": 2}},
]


def of_configs() -> dict[str, Rule]:
    """Every rule under configs/: the library's and those of the experiments."""
    root = Path(__file__).resolve().parent.parent.parent / "configs"
    found = {f"library {name}": library.rule(name) for name in library.named()}
    for path in sorted(root.rglob("*.yaml")):
        spec = yaml.safe_load(path.read_text(encoding="utf-8")).get("rule")
        if isinstance(spec, str | dict) and path.parent.name != "configs" or path.stem not in ("rules", "named_rules"):
            if spec is not None:
                found[path.relative_to(root).as_posix()] = library.rule(spec)
    return found


RULES = {f"family {name}": Rule.from_dict({"family": name}) for name in FAMILIES}
RULES |= {f"variant {n}": Rule.from_dict(spec) for n, spec in enumerate(VARIANTS)}
RULES |= of_configs()


@pytest.fixture(scope="module")
def c_faces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Face] | None:
    """Text of a formula -> its C face; nothing without a compiler."""
    if shutil.which("cc") is None:
        return None
    texts = list({t: None for rule in RULES.values() for t in (*rule.formulas.values(), *rule.traces.values())})
    made = compile_c([parse(text) for text in texts], tmp_path_factory.mktemp("c"))
    return dict(zip(texts, made))


def test_every_family_has_its_equation_here_and_configs_are_read() -> None:
    assert list(PUBLISHED) == list(FAMILIES)
    assert len(of_configs()) > 20 and any(name.endswith(".yaml") for name in of_configs())


@pytest.mark.parametrize("name", RULES)
def test_battery(name: str, c_faces: dict[str, Face] | None) -> None:
    kind, _, family = name.partition(" ")
    check_rule(RULES[name], PUBLISHED[family] if kind == "family" else None, c=c_faces)


def exchanged(expression: sympy.Expr) -> sympy.Expr:
    pre, post = (sympy.Symbol(name, real=True) for name in ("pre", "post"))
    return replace(expression, {pre: post, post: pre})


def test_a_taylor_family_with_swapped_axes_fails_the_battery() -> None:
    """All its faces agree with each other: only the equation of the paper shows that c_abc stands at x^b y^a."""
    r = range(3)
    terms = [f"c{a}{b}{c}*pre**{b}*post**{a}*w**{c}" for a in r for b in r for c in r]
    swapped = Rule(" + ".join(terms), name="taylor")
    check_rule(swapped)
    with pytest.raises(AssertionError, match="torch of c000"):
        check_rule(swapped, PUBLISHED["taylor"])
    check_rule(RULES["family taylor"], PUBLISHED["taylor"])


@pytest.mark.parametrize("face", EXACT)
@pytest.mark.parametrize("family", ["oja", "taylor", "pool", "abcd", "mlp"])
def test_a_face_with_swapped_axes_fails_the_battery(family: str, face: str) -> None:
    makes = EXACT | {face: lambda expression: EXACT[face](exchanged(expression))}
    with pytest.raises(AssertionError, match=f"^{face} of "):
        check_rule(RULES[f"family {family}"], makes=makes)


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_a_c_face_with_swapped_axes_fails_the_battery(tmp_path: Path) -> None:
    rule = RULES["family oja"]
    (face,) = compile_c([exchanged(rule.expression)], tmp_path)
    with pytest.raises(AssertionError, match="^C of "):
        check_rule(rule, c={rule.dw: face})


MATRICES: dict[str, Callable[..., np.ndarray]] = {  # dw [I, O] of one sample: x [I], y [O], W [O, I]
    "oja": lambda x, y, W: np.outer(x, y) - W.T * y**2,
    "sanger": lambda x, y, W: (np.outer(y, x) - np.tril(np.outer(y, y)) @ W).T,  # eq. 3: LT sets what is above to 0
}


@pytest.mark.parametrize("family", MATRICES)
def test_whole_layers_by_the_equation_in_matrices(family: str) -> None:
    learner = Learner(Rule.from_dict({"family": family}), Network(hidden=(), output="linear"))
    state = learner.init(Spec(6, 4, NONE), torch.ones(2, 1), 1, 0, (("a",), ("b",)))
    x = torch.from_numpy(stream(0, "matrices").standard_normal((2, 5, 6))).float()
    changes, _, output = learner.changes(state, x, torch.zeros(2, 5, 4))
    for n in range(2):
        w = state.weights[0][n].numpy().T
        wanted = np.mean([MATRICES[family](a, w @ a, w) for a in x[n].numpy()], axis=0)
        np.testing.assert_allclose(changes[0][n].numpy(), wanted, rtol=1e-4, atol=1e-6)


def test_the_pool_by_its_matrices() -> None:
    """Shervani-Tabar & Rosenbaum 2023, F0 .. F9 of the middle layer, with e = output - target and random feedback."""
    learner = Learner(Rule.from_dict({"family": "pool"}), Network(hidden=(5, 4), activation="softplus"))
    labels = (("a",), ("b",))
    theta = torch.from_numpy(stream(0, "pool theta").standard_normal((2, 10))).float()
    state = learner.init(Spec(6, 3, CLASSES), theta, 1, 0, labels)
    x = torch.from_numpy(stream(0, "pool x").standard_normal((2, 1, 6))).float()
    target = torch.eye(3)[[1, 2]][:, None]
    changes, _, _ = learner.changes(state, x, target)
    for n in range(2):
        w = [layer[n].double().numpy().T for layer in state.weights]  # [above, below]
        b = [feedback[n].double().numpy().T for feedback in state.own]  # [below, above]
        y = [x[n, 0].double().numpy()]
        for layer in w[:2]:
            y.append(np.log1p(np.exp(10 * layer @ y[-1])) / 10)
        powers = np.exp(w[2] @ y[2])
        e3 = powers / powers.sum() - target[n, 0].numpy()
        e2 = (b[2] @ e3) * (1 - np.exp(-10 * y[2]))
        e1 = (b[1] @ e2) * (1 - np.exp(-10 * y[1]))
        one, W, e, below, post, pre = np.ones(4), w[1], e2, e1, y[2], y[1]
        f = [-np.outer(e, pre), -np.outer(post, below), -np.outer(e, below), -W, -np.outer(one, below)]
        f.append(-np.outer(e, pre) * (one @ post))
        f.append(-np.outer(post, post) @ W @ np.outer(below, below))
        f.append(-np.outer(e, post) @ W @ np.outer(below, pre))
        f.append(-np.outer(post, pre) @ W.T @ np.outer(e, below))
        f.append(np.outer(post, pre) - np.outer(post, post) @ W)
        wanted = sum(t * term for t, term in zip(theta[n].double().numpy(), f)).T
        np.testing.assert_allclose(changes[1][n].numpy(), wanted, rtol=2e-3, atol=1e-4 * np.abs(wanted).max())


def test_the_small_network_starts_with_a_slope() -> None:
    """d dw / d v_h is not 0 at the start: a search that follows gradients can leave it."""
    rule = Rule.from_dict({"family": "mlp"})
    values = {**rule.defaults, **dict.fromkeys(("pre", "post", "w", "err"), 0.5)}
    assert small_network(values) == 0
    for h in range(4):
        assert small_network(values | {f"v{h}": 1.0}) == pytest.approx(0.01 * math.tanh(0.5))


REFUSED = [
    ({"family": "taylor", "terms": ["X1Y1Q0"]}, "expected a string such as X1Y1W0"),
    ({"family": "taylor", "terms": ["X1X1"]}, "expected a string such as X1Y1W0"),
    ({"family": "taylor", "terms": ["X9"]}, "powers from 0 to 8"),
    ({"family": "taylor", "terms": "X1Y1W0"}, "expected a list of strings"),
    ({"family": "taylor", "terms": [3]}, "expected a string such as X1Y1W0"),
    ({"family": "taylor", "order": 4, "reward": True}, "from 1 to 3 with reward"),
    ({"family": "pool", "terms": [10]}, "numbers of terms from 0 to 9"),
    ({"family": "pool", "terms": []}, "numbers of terms from 0 to 9"),
    ({"family": "mlp", "hidden": 0}, "from 1 to 32"),
    ({"family": "mlp", "inputs": ["prre"]}, "(did you mean 'pre'?)"),
    ({"family": "mlp", "inputs": "pre"}, "up to 8 signals"),
]


@pytest.mark.parametrize("spec, part", REFUSED, ids=range(len(REFUSED)))
def test_options_are_refused_in_one_line(spec: dict[str, Any], part: str) -> None:
    with pytest.raises(ValueError) as caught:
        Rule.from_dict(spec)
    assert part in str(caught.value) and str(caught.value).isprintable()


def test_signals_of_families_are_in_the_catalogue() -> None:
    assert all(rule.signals <= set(SIGNALS) for rule in RULES.values())
