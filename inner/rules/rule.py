"""A rule: the formula of dw, its traces, its coefficients and the feedback pathway that serves it.

    dw: "eta * (a*pre*post + b*err*e)"      traces: {e: "decay*e + (1 - decay)*pre"}
    dw: {hidden: "a*pre*post", output: "b*err*pre", 0: "c*pre"}      homeostasis: {max_norm: 1.0}

Names that are neither signals, traces nor functions are coefficients. With a formula per layer, `output` is the last
layer of synapses, a number counts layers from the input, 0, and `hidden` is every other one. A rule is a value: equal
rules have equal dictionaries, and everything else (SymPy, torch, C, text) is derived from the formula on demand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from inner.components import Plain, suggest
from inner.rules import terms as term_tools
from inner.rules.coefficient import Coefficient
from inner.rules.exploration import Surprise, check_noise
from inner.rules.faces import to_latex, to_python_source, to_text
from inner.rules.families import expand
from inner.rules.homeostasis import Homeostasis
from inner.rules.layers import latex_head, per_layer
from inner.rules.misspelling import check_spelling
from inner.rules.parse import check_name, names_in, parse
from inner.rules.pathway import check_pathway, rates_of
from inner.rules.signals import SIGNALS, before_names

KEYS = ("name", "family", "dw", "traces", "pathway", "coefficients", "homeostasis", "noise", "surprise")
MAX_TRACES = 16
Terms = list[tuple[float, sympy.Expr]]  # [(number, signal part)]


@dataclass(frozen=True)
class Rule:
    """A checked rule. Coefficients not given get their defaults; order is that of first appearance in the formula.

    Raises ValueError, in one line, for a formula, name or pathway that is not valid.
    """

    dw: str  # of every layer, or of those that `layers` does not name
    traces: dict[str, str] = field(default_factory=dict, hash=False)  # trace name -> its next value
    coefficients: tuple[Coefficient, ...] = ()
    pathway: str = "none"
    name: str = ""
    layers: dict[str, str] = field(default_factory=dict, hash=False)  # "output" or "0", "1", ... -> its own dw
    homeostasis: Homeostasis | None = None
    pathway_options: Plain = field(default_factory=dict, hash=False)
    noise: float | str = 0.0  # standard deviation of the noise in every drive, or the coefficient that holds it
    surprise: Surprise = Surprise()  # what a reward is compared with

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isprintable():
            raise ValueError(f"rule.name: expected a text of one line, got {str(self.name)[:40]!r}")
        object.__setattr__(self, "traces", dict(self.traces))
        object.__setattr__(self, "layers", dict(self.layers))
        object.__setattr__(self, "pathway_options", dict(self.pathway_options))
        check_noise(self.noise)
        if len(self.traces) > MAX_TRACES:
            raise ValueError(f"rule.traces: expected at most {MAX_TRACES} traces, got {len(self.traces)}")
        for trace in self.traces:
            check_name(trace, "rule.traces: name")
            if trace in SIGNALS and not SIGNALS[trace].before:
                raise ValueError(f"rule.traces: '{trace}' is a signal; choose another name")
        for key, text in self.formulas.items():
            self._parsed(key, text, before_names(self.traces))
        for trace, text in self.traces.items():
            self._parsed(f"traces.{trace}", text)
            for name in set(names_in(text)) & set(before_names(self.traces)) - set(self.traces):
                raise ValueError(f"rule.traces.{trace}: '{name}' is known in dw only; a trace sees the traces before this step")
        check_pathway(self.pathway, self.pathway_options)
        if self.noise in self.visible:
            raise ValueError(f"rule.noise: expected a number or a coefficient, got '{self.noise}', which is a signal or trace")
        object.__setattr__(self, "coefficients", self._completed())
        single: dict[Any, str] = {self.noise: "noise"}
        single |= dict.fromkeys(rates_of(self.pathway, self.pathway_options), "pathway")
        for c in self.coefficients:
            if c.name in single and c.share != "rule":
                raise ValueError(f"rule.{single[c.name]}: expected a coefficient with one value, '{c.name}' has several")

    def _parsed(self, key: str, text: str, further: tuple[str, ...] = ()) -> sympy.Expr:
        if not isinstance(text, str):
            raise ValueError(f"rule.{key}: expected a formula as text, got {type(text).__name__}")
        try:
            return _parse_once(text, (*SIGNALS, *self.traces, *further))
        except ValueError as error:
            raise ValueError(f"rule.{key}: {str(error).removeprefix('formula: ')}") from None

    def _completed(self) -> tuple[Coefficient, ...]:
        given = {coefficient.name: coefficient for coefficient in self.coefficients}
        if len(given) != len(self.coefficients):
            raise ValueError("rule.coefficients: a name is given twice")
        occurring = [name for text in (*self.formulas.values(), *self.traces.values()) for name in names_in(text)]
        occurring += [self.noise] if isinstance(self.noise, str) else []
        rates = rates_of(self.pathway, self.pathway_options)
        for name in set(rates) & set(self.visible):
            raise ValueError(f"rule.pathway: expected a number or a coefficient, got '{name}', which is a signal or trace")
        occurring += list(rates)
        wanted = [name for name in dict.fromkeys(occurring) if name not in self.visible]
        for name in given:
            if name not in wanted:
                raise ValueError(
                    f"rule.coefficients: '{name}' does not occur in the formula{suggest(name, wanted)}; "
                    f"it has: {', '.join(wanted) or 'no coefficients'}"
                )
        check_spelling(wanted, given, self.visible)
        return tuple(given.get(name) or rates.get(name) or Coefficient(name) for name in wanted)

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any]) -> Rule:
        """From the keys name, dw (or family and its options), traces, pathway, coefficients and homeostasis."""
        if not isinstance(mapping, Mapping):
            raise ValueError(f"rule: expected a mapping with 'dw' or 'family', got {type(mapping).__name__}")
        fields = expand(mapping)
        for key in fields:
            if key not in KEYS:
                near = suggest(str(key), KEYS)
                raise ValueError(f"rule: unknown key {str(key)[:40]!r}{near}; known: {', '.join(KEYS)}")
        if "dw" not in fields:
            raise ValueError("rule: expected 'dw' (a formula) or 'family', got neither")
        fields["dw"], fields["layers"] = per_layer(fields["dw"])
        fields["homeostasis"] = Homeostasis.from_dict(fields.get("homeostasis"))
        fields["surprise"] = Surprise.from_dict(fields.get("surprise"))
        if isinstance(pathway := fields.get("pathway"), Mapping):
            if not isinstance(pathway.get("name"), str):
                raise ValueError(f"rule.pathway: expected a name or {{name: ..., option: ...}}, got {str(pathway)[:80]}")
            fields["pathway_options"] = {key: value for key, value in pathway.items() if key != "name"}
            fields["pathway"] = pathway.get("name", "")
        for key in ("traces", "coefficients"):
            fields[key] = {} if fields.get(key) is None else fields[key]
            if not isinstance(fields[key], Mapping):
                raise ValueError(f"rule.{key}: expected a mapping of names, got {type(fields[key]).__name__}")
        fields["coefficients"] = tuple(
            Coefficient.from_dict(name, spec) for name, spec in fields["coefficients"].items()
        )
        return cls(**fields)

    def to_dict(self) -> Plain:
        """Plain JSON types, such that `Rule.from_dict(rule.to_dict()) == rule`."""
        made: Plain = {
            "name": self.name,
            "dw": {"hidden": self.dw, **self.layers} if self.layers else self.dw,
            "traces": dict(self.traces),
            "pathway": {"name": self.pathway, **self.pathway_options} if self.pathway_options else self.pathway,
            "coefficients": {coefficient.name: coefficient.to_dict() for coefficient in self.coefficients},
        }
        made |= {"homeostasis": self.homeostasis.to_dict()} if self.homeostasis else {}
        made |= {"noise": self.noise} if self.noise else {}
        return made | ({"surprise": self.surprise.to_dict()} if self.surprise != Surprise() else {})

    @property
    def visible(self) -> tuple[str, ...]:
        """The names that are no coefficients: signals, traces, and traces one step back. A trace hides those of its name."""
        further = (name for name in before_names(self.traces) if name not in self.traces)
        return (*(name for name in SIGNALS if name not in self.traces), *self.traces, *further)

    @property
    def formulas(self) -> dict[str, str]:
        """The formulas of dw: {"dw": ...}, or one for each of "dw.hidden", "dw.output", "dw.0", ..."""
        if not self.layers:
            return {"dw": self.dw}
        return {"dw.hidden": self.dw} | {f"dw.{key}": text for key, text in self.layers.items()}

    def key_of(self, layer: int, layers: int) -> str:
        """Which of `formulas` holds in a layer of synapses, counted from the input, of a network with so many."""
        if not self.layers:
            return "dw"
        last = "output" if layer == layers - 1 else "hidden"
        return f"dw.{layer if str(layer) in self.layers else last}"

    @property
    def expressions(self) -> dict[str, sympy.Expr]:
        """The formulas of dw as SymPy expressions."""
        return {key: self._parsed(key, text, before_names(self.traces)) for key, text in self.formulas.items()}

    @property
    def expression(self) -> sympy.Expr:
        """dw as SymPy expression. Raises ValueError for a rule with a formula per layer, which has `expressions`."""
        if self.layers:
            raise ValueError("rule.dw: expected one formula for all layers here, got one per layer")
        return self._parsed("dw", self.dw, before_names(self.traces))

    @property
    def beyond_one_formula(self) -> tuple[str, ...]:
        """Features beside one formula, its traces and one value per coefficient, in words; empty for most rules."""
        shared = any(coefficient.share != "rule" for coefficient in self.coefficients)
        held = {"a formula per layer": self.layers, "homeostasis": self.homeostasis, "values per layer or unit": shared}
        return tuple(what for what, has in held.items() if has)

    @property
    def trace_expressions(self) -> dict[str, sympy.Expr]:
        """The next value of every trace as SymPy expression."""
        return {trace: self._parsed(f"traces.{trace}", text) for trace, text in self.traces.items()}

    @property
    def signals(self) -> frozenset[str]:
        """The signals of the catalogue that dw or a trace uses; traces are not among them."""
        used = {name for text in (*self.formulas.values(), *self.traces.values()) for name in names_in(text)}
        return frozenset(used & set(SIGNALS) - set(self.traces))

    @property
    def defaults(self) -> dict[str, float]:
        """The `init` of every coefficient."""
        return {coefficient.name: coefficient.init for coefficient in self.coefficients}

    def latex(self) -> str:
        r"""\Delta w = ... in LaTeX, one line per formula, then one per trace, then the homeostatic step."""
        lines = [rf"{latex_head(key)} = {to_latex(expression)}" for key, expression in self.expressions.items()]
        lines += [
            rf"{to_latex(sympy.Symbol(trace, real=True))} \leftarrow {to_latex(expression)}"
            for trace, expression in self.trace_expressions.items()
        ]
        lines += [self.homeostasis.latex] if self.homeostasis else []
        return " \\\\\n".join(lines)

    def terms(self) -> list[tuple[str, str]]:
        """[(coefficient part, signal part)] of the expanded dw as texts, for example ("a*eta", "pre*post")."""
        pairs = term_tools.expanded_terms(self.expression, self.visible)
        return [(to_text(front), to_text(basis)) for front, basis in pairs]

    def with_values(self, values: Mapping[str, Any], digits: int = 3) -> str:
        """dw as text with numbers for coefficients, largest term first. Names not in `values` take their `init`.

        A coefficient with many values keeps its name. With a formula per layer: "hidden: ...; output: ...".
        """
        return self._joined(values, digits, lambda terms: terms)

    def pruned(self, values: Mapping[str, Any], tolerance: float = 0.01, digits: int = 3) -> str:
        """`with_values` without the terms whose |number| is below `tolerance` times the largest.

        It looks at numbers only: a small factor of a large signal may matter, so the reader's proof is an ablation.
        """
        if not 0 <= tolerance <= 1:
            raise ValueError(f"tolerance: expected a number from 0 to 1, got {tolerance!r}")
        return self._joined(
            values, digits, lambda terms: [t for t in terms if abs(t[0]) >= tolerance * abs(terms[0][0])]
        )

    def _joined(self, values: Mapping[str, Any], digits: int, kept: Callable[[Terms], Terms]) -> str:
        texts = {key: term_tools.terms_text(kept(terms)) for key, terms in self.numeric(values, digits).items()}
        if not self.layers:
            return texts["dw"]
        return "; ".join(f"{key.removeprefix('dw.')}: {text}" for key, text in texts.items())

    def numeric(self, values: Mapping[str, Any], digits: int | None) -> dict[str, Terms]:
        """[(number, signal part)] of every formula; a coefficient with many values counts among the signals."""
        numbers = self.merged(values)
        seen = (*self.visible, *(name for name in self.defaults if name not in numbers))
        return {key: term_tools.numeric_terms(e, seen, numbers, digits) for key, e in self.expressions.items()}

    def python(self, values: Mapping[str, Any] | None = None, function_name: str = "dw") -> str:
        """Source of dw as a plain Python function of its signals and traces, with the numbers put in."""
        numbers = self.merged(values or {})
        numeric = term_tools.with_numbers(self.expression, numbers)
        used = set(names_in(self.dw))
        many = [name for name in self.defaults if name not in numbers]
        return to_python_source(
            numeric, function_name, [name for name in (*self.visible, *many) if name in used]
        )

    def merged(self, values: Mapping[str, Any]) -> dict[str, float]:
        """`values` completed by the coefficients' `init`, without coefficients that have a row of values.

        Raises ValueError for an unknown name, no finite number, or a row where one number is expected.
        """
        known = self.defaults
        shares = {coefficient.name: coefficient.share for coefficient in self.coefficients}
        for name, value in values.items():
            if name not in known:
                near = suggest(name, known)
                has = ", ".join(known) or "none"
                raise ValueError(f"values: the rule has no coefficient {str(name)[:40]!r}{near}; it has: {has}")
            if shares[name] != "rule" and isinstance(value, list | tuple | np.ndarray):
                if not np.all(np.abs(np.asarray(value, dtype=np.float64)) <= 1e30):
                    raise ValueError(f"values.{name}: expected finite numbers within 1e30")
                del known[name]
            elif isinstance(value, str | list | tuple | np.ndarray) or not abs(value) <= 1e30:
                raise ValueError(f"values.{name}: expected a finite number within 1e30, got {str(value)[:40]}")
            else:
                known[name] = float(value)
        return known


@lru_cache(maxsize=256)
def _parse_once(text: str, signals: tuple[str, ...]) -> sympy.Expr:
    return parse(text, signals)
