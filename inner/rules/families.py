"""Families of rules: `rule: {family: abcd}` stands for the formula that the generator here writes.

Each generator returns what a user would have written by hand (`dw`, `coefficients`, ...), so a family needs no code
anywhere else; its arguments are the options beside `family`. Other keys there replace the generated ones.
"""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from inner.components import Plain, suggest
from inner.rules.signals import SIGNALS

LEARNING_RATE = {"transform": "log", "init": 0.01}
RATE = {"transform": "linear", "init": 0.9, "scale": 0.05, "low": 0.0, "high": 0.999}  # of a trace that fades
LETTERS = {"X": "pre", "Y": "post", "W": "w", "R": "reward", "E": "err", "T": "target"}  # of term strings
MAX_GRID = 130  # terms of a Taylor grid, which is what the longest formula holds


def hebb() -> Plain:
    """Hebb 1949: what fires together wires together."""
    return {"dw": "eta*pre*post", "coefficients": {"eta": LEARNING_RATE}}


def oja() -> Plain:
    """Oja 1982, eq. 4: Hebb with the decay that keeps the weight vector at length one."""
    return {"dw": "eta*post*(pre - post*w)", "coefficients": {"eta": LEARNING_RATE}}


def sanger() -> Plain:
    """Sanger 1989, the generalised Hebbian algorithm: unit j learns from what the units before it leave over."""
    return {"dw": "eta*post*(pre - recon_ordered)", "coefficients": {"eta": LEARNING_RATE}}


def bcm() -> Plain:
    """Bienenstock, Cooper & Munro 1982: the threshold slides with the mean square of the unit's own activity."""
    return {
        "dw": "eta*pre*post*(post - threshold)",
        "traces": {"threshold": "slide*threshold + (1 - slide)*post**2"},
        "coefficients": {"eta": LEARNING_RATE, "slide": RATE},
    }


def delta() -> Plain:
    """Widrow & Hoff 1960; with the pathway 'backprop' it is gradient descent (Rumelhart et al. 1986)."""
    return {"dw": "eta*err*pre", "coefficients": {"eta": LEARNING_RATE}}


def stdp() -> Plain:
    """Pair-based STDP for rates (Song, Miller & Abbott 2000): pre before post strengthens, post before pre weakens.

    `*_before` are the traces as they stood before this step, so that what is simultaneous counts for neither.
    """
    return {
        "dw": "plus*pre_before*post - minus*pre*post_before",
        "traces": {
            "pre_mean": "slow_pre*pre_mean + (1 - slow_pre)*pre",
            "post_mean": "slow_post*post_mean + (1 - slow_post)*post",
            "pre_before": "pre_mean",
            "post_before": "post_mean",
        },
        "coefficients": {"plus": LEARNING_RATE, "minus": LEARNING_RATE, "slow_pre": RATE, "slow_post": RATE},
    }


def three_factor() -> Plain:
    """Fremaux & Gerstner 2016: an eligibility trace of pre and post, gated by reward minus expected reward."""
    return {
        "dw": "eta*(reward - gamma*expected)*eligible",
        "traces": {
            "eligible": "fade*eligible + pre*post",
            "expected_now": "slide*expected_now + (1 - slide)*reward",
            "expected": "expected_now",
        },
        "coefficients": {
            "eta": LEARNING_RATE,
            "gamma": {"transform": "linear", "init": 0.0, "scale": 0.2},
            "fade": RATE | {"init": 0.0, "scale": 0.2},
            "slide": RATE,
        },
    }


def abcd() -> Plain:
    """Niv et al. 2002, as in Najarro & Risi 2020: general Hebbian plasticity."""
    return {"dw": "eta*(A*pre*post + B*pre + C*post + D)", "coefficients": {"eta": LEARNING_RATE}}


def taylor(order: int = 2, reward: bool = False, terms: Sequence[str] | None = None) -> Plain:
    """Confavreux et al. 2020: every pre**i * post**j * w**k up to `order` in each; 27 terms at order 2.

    reward: every term a second time, times the reward. terms: only these, of any order up to 8, as strings: X1Y1W0
    is pre*post, X0Y2W1 is post**2*w; X pre, Y post, W w, R reward, E err, T target.
    """
    if terms is not None:
        if isinstance(terms, str) or not isinstance(terms, Sequence) or not terms or len(terms) > MAX_GRID:
            raise ValueError(f"rule.terms: expected a list of strings such as X1Y1W0, got {str(terms)[:40]!r}")
        return {"dw": " + ".join(_term(text) for text in dict.fromkeys(terms))}
    most = 3 if reward else 4
    if isinstance(order, bool) or not isinstance(order, int) or not 1 <= order <= most:
        raise ValueError(
            f"rule.order: expected a whole number from 1 to {most}{' with reward' if reward else ''}, "
            f"got {str(order)[:20]!r}; higher powers go with terms: [X8Y1W0, ...]"
        )
    names = ("pre", "post", "w", *(["reward"] if reward else []))
    grid = itertools.product(*(range(order + 1) for _ in "xyw"), *([range(2)] if reward else []))
    return {"dw": " + ".join("*".join([f"c{''.join(map(str, powers))}", *_factors(names, powers)]) for powers in grid)}


def _factors(names: Sequence[str], powers: Sequence[int]) -> list[str]:
    return [f"{name}**{n}" if n > 1 else name for name, n in zip(names, powers) if n]


def _term(text: object) -> str:
    """The product that a string such as X1Y2W0 stands for; the string is also the name of its coefficient."""
    found = re.findall("([A-Z])([0-9])", text) if isinstance(text, str) else []
    letters = [letter for letter, _ in found]
    whole = "".join(letter + power for letter, power in found) == text
    if not found or not whole or len(set(letters)) != len(letters) or not set(letters) <= set(LETTERS):
        known = ", ".join(f"{letter} {name}" for letter, name in LETTERS.items())
        raise ValueError(f"rule.terms: expected a string such as X1Y1W0 ({known}), got {str(text)[:40]!r}")
    if any(int(power) > 8 for _, power in found):
        raise ValueError(f"rule.terms: expected powers from 0 to 8, got {text!r}")
    return "*".join([str(text), *_factors([LETTERS[letter] for letter in letters], [int(p) for _, p in found])])


def chalmers() -> Plain:
    """Chalmers 1990, eq. 1: ten terms in weight, input, output and training signal, scaled by k0."""
    basis = ["w", "pre", "post", "target"]
    basis += ["w*pre", "w*post", "w*target", "pre*post", "pre*target", "post*target"]
    terms = [f"k{index}*{term}" for index, term in enumerate(basis, 1)]
    return {"dw": f"k0*({' + '.join(terms)})", "coefficients": {"k0": LEARNING_RATE}}


POOL = (  # Shervani-Tabar & Rosenbaum 2023, for err = target - output, which is their -e
    "err*pre",  # F0, pseudo-gradient
    "post*pre_err",  # F1
    "-err*pre_err",  # F2, Hebbian in the errors; two signs cancel
    "-w",  # F3
    "pre_err",  # F4
    "err*post_sum*pre",  # F5
    "-post*recon_err*pre_err",  # F6
    "-err*recon_err*pre",  # F7
    "-post*drive_err*pre_err",  # F8
    "post*(pre - recon)",  # F9, Oja's subspace rule
)


def pool(terms: Sequence[int] = tuple(range(10))) -> Plain:
    """Shervani-Tabar & Rosenbaum 2023: theta0*F0 + ... + theta9*F9, or only the given ones; random feedback."""
    listed = isinstance(terms, Sequence) and not isinstance(terms, str)
    if not listed or not terms or any(isinstance(r, bool) or r not in range(10) for r in terms):
        raise ValueError(f"rule.terms: expected numbers of terms from 0 to 9, got {str(terms)[:40]!r}")
    chosen = sorted(set(terms))
    dw = " + ".join(f"theta{r}*{POOL[r]}" if POOL[r][0] != "-" else f"theta{r}*({POOL[r]})" for r in chosen)
    return {
        "dw": dw,
        "pathway": "random",
        "coefficients": {f"theta{r}": {"init": 1e-3 if r == 0 else 0.0, "scale": 1e-3} for r in chosen},
    }


def mlp(hidden: int = 4, inputs: Sequence[str] = ("pre", "post", "w", "err")) -> Plain:
    """Bengio, Bengio & Cloutier 1991: one small network per synapse, its weights shared by all synapses.

    dw = eta * sum_h v_h tanh(b_h + sum_s u_hs s); `inputs` are signals, `hidden` the number of tanh units. Unit h starts
    as tanh of one input, so that the outgoing weights v, which start at 0, have a slope.
    """
    if isinstance(hidden, bool) or not isinstance(hidden, int) or not 1 <= hidden <= 32:
        raise ValueError(f"rule.hidden: expected a whole number from 1 to 32, got {str(hidden)[:20]!r}")
    listed = isinstance(inputs, Sequence) and not isinstance(inputs, str)
    unknown = [name for name in inputs if name not in SIGNALS] if listed else [inputs]
    if unknown or not 1 <= len(inputs) <= 8:
        near = suggest(str(unknown[0]), SIGNALS) if unknown else ""
        raise ValueError(f"rule.inputs: expected up to 8 signals, got {str(inputs)[:60]!r}{near}")
    units = []
    for h in range(hidden):
        drive = " + ".join([f"b{h}", *(f"u{h}_{name}*{name}" for name in inputs)])
        units.append(f"v{h}*tanh({drive})")
    dw = f"eta*({' + '.join(units)})"
    weights = {name: {"transform": "linear", "scale": 0.5} for name in re.findall(r"\b(?:[bv]\d+|u\d+_\w+)", dw)}
    weights |= {
        f"u{h}_{inputs[h % len(inputs)]}": {"transform": "linear", "scale": 0.5, "init": 1.0} for h in range(hidden)
    }
    return {"dw": dw, "coefficients": {"eta": LEARNING_RATE} | weights}


_GENERATORS = (hebb, oja, sanger, bcm, delta, stdp, three_factor, abcd, taylor, chalmers, pool, mlp)
FAMILIES: dict[str, Callable[..., Plain]] = {generator.__name__: generator for generator in _GENERATORS}


def expand(mapping: Mapping[str, Any]) -> Plain:
    """Replace `family` and its options by what the family generates; other mappings come back as they are.

    Raises ValueError for an unknown family, or a `dw` beside `family`.
    """
    rest = dict(mapping)
    if "family" not in rest:
        return rest
    family = rest.pop("family")
    if not isinstance(family, str) or family not in FAMILIES:
        near = suggest(str(family), FAMILIES)
        raise ValueError(f"rule.family: unknown name {str(family)[:40]!r}{near}; known: {', '.join(FAMILIES)}")
    if "dw" in rest:
        raise ValueError(f"rule: give either 'family' or 'dw', got both (family '{family}')")
    options = {key: rest.pop(key) for key in inspect.signature(FAMILIES[family]).parameters if key in rest}
    made = FAMILIES[family](**options)
    if isinstance(rest.get("coefficients", {}), Mapping):
        rest["coefficients"] = {**made.get("coefficients", {}), **rest.get("coefficients", {})}
    return {"name": family, **made, **rest}
