"""Families of rules: `rule: {family: abcd}` stands for the formula that the generator here writes.

Each generator returns what a user would have written by hand (`dw`, `coefficients`, ...), so a family needs no code
anywhere else. Keys that stand beside `family` replace the generated ones.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from inner.components import suggest

LEARNING_RATE = {"transform": "log", "init": 0.01}


def hebb() -> dict[str, Any]:
    """Hebb 1949: what fires together wires together."""
    return {"dw": "eta*pre*post", "coefficients": {"eta": LEARNING_RATE}}


def oja() -> dict[str, Any]:
    """Oja 1982, eq. 4: Hebb with the decay that keeps the weight vector at length one."""
    return {"dw": "eta*post*(pre - post*w)", "coefficients": {"eta": LEARNING_RATE}}


def delta() -> dict[str, Any]:
    """Widrow & Hoff 1960; with the pathway 'backprop' it is gradient descent (Rumelhart et al. 1986)."""
    return {"dw": "eta*err*pre", "coefficients": {"eta": LEARNING_RATE}}


def abcd() -> dict[str, Any]:
    """Niv et al. 2002, as in Najarro & Risi 2020: general Hebbian plasticity."""
    return {"dw": "eta*(A*pre*post + B*pre + C*post + D)", "coefficients": {"eta": LEARNING_RATE}}


def taylor(order: int = 2) -> dict[str, Any]:
    """Confavreux et al. 2020: every pre**i * post**j * w**k up to `order` in each; 27 terms at order 2."""
    if isinstance(order, bool) or not isinstance(order, int) or not 1 <= order <= 4:
        raise ValueError(f"rule.order: expected a whole number from 1 to 4, got {str(order)[:20]!r}")
    powers = range(order + 1)
    terms = []
    for i in powers:
        for j in powers:
            for k in powers:
                factors = [f"{name}**{n}" if n > 1 else name for name, n in (("pre", i), ("post", j), ("w", k)) if n]
                terms.append("*".join([f"c{i}{j}{k}", *factors]))
    return {"dw": " + ".join(terms)}


def chalmers() -> dict[str, Any]:
    """Chalmers 1990, eq. 1: ten terms in weight, input, output and training signal, scaled by k0."""
    basis = ["w", "pre", "post", "target"]
    basis += ["w*pre", "w*post", "w*target", "pre*post", "pre*target", "post*target"]
    terms = [f"k{index}*{term}" for index, term in enumerate(basis, 1)]
    return {"dw": f"k0*({' + '.join(terms)})", "coefficients": {"k0": LEARNING_RATE}}


FAMILIES: dict[str, Callable[..., dict[str, Any]]] = {
    generator.__name__: generator for generator in (hebb, oja, delta, abcd, taylor, chalmers)
}


def expand(mapping: Mapping[str, Any]) -> dict[str, Any]:
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
