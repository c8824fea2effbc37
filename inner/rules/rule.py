"""A rule: the formula of dw, its traces, its coefficients and the feedback pathway that serves it.

    dw: "eta * (a*pre*post + b*err*e)"      traces: {e: "decay*e + (1 - decay)*pre"}

Names that are neither signals, traces nor functions are coefficients. A rule is a value: equal rules have equal
dictionaries, and everything else (SymPy, torch, C, text) is derived from the formula on demand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import sympy

from inner.components import names as component_names
from inner.components import suggest
from inner.rules import terms as term_tools
from inner.rules.coefficient import Coefficient
from inner.rules.faces import to_latex, to_python_source, to_text
from inner.rules.families import expand
from inner.rules.parse import check_name, names_in, parse
from inner.rules.signals import SIGNALS

KEYS = ("name", "family", "dw", "traces", "pathway", "coefficients")
MAX_TRACES = 16


@dataclass(frozen=True)
class Rule:
    """A checked rule. Coefficients not given get their defaults; order is that of first appearance in the formula.

    Raises ValueError, in one line, for a formula, name or pathway that is not valid.
    """

    dw: str
    traces: dict[str, str] = field(default_factory=dict, hash=False)  # trace name -> its next value
    coefficients: tuple[Coefficient, ...] = ()
    pathway: str = "none"
    name: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isprintable():
            raise ValueError(f"rule.name: expected a text of one line, got {str(self.name)[:40]!r}")
        object.__setattr__(self, "traces", dict(self.traces))
        if len(self.traces) > MAX_TRACES:
            raise ValueError(f"rule.traces: expected at most {MAX_TRACES} traces, got {len(self.traces)}")
        for trace in self.traces:
            check_name(trace, "rule.traces: name")
            if trace in SIGNALS:
                raise ValueError(f"rule.traces: '{trace}' is a signal; choose another name")
        self._parsed("dw", self.dw)
        for trace, text in self.traces.items():
            self._parsed(f"traces.{trace}", text)
        self._check_pathway()
        object.__setattr__(self, "coefficients", self._completed())

    def _parsed(self, key: str, text: str) -> sympy.Expr:
        if not isinstance(text, str):
            raise ValueError(f"rule.{key}: expected a formula as text, got {type(text).__name__}")
        try:
            return _parse_once(text, (*SIGNALS, *self.traces))
        except ValueError as error:
            raise ValueError(f"rule.{key}: {str(error).removeprefix('formula: ')}") from None

    def _check_pathway(self) -> None:
        known = component_names("pathway")
        if not isinstance(self.pathway, str) or ("." not in self.pathway and self.pathway not in known):
            near = suggest(str(self.pathway), known)
            raise ValueError(
                f"rule.pathway: unknown name {str(self.pathway)[:40]!r}{near}; known: {', '.join(known) or 'none'}"
            )

    def _completed(self) -> tuple[Coefficient, ...]:
        given = {coefficient.name: coefficient for coefficient in self.coefficients}
        if len(given) != len(self.coefficients):
            raise ValueError("rule.coefficients: a name is given twice")
        occurring = [name for text in (self.dw, *self.traces.values()) for name in names_in(text)]
        wanted = [name for name in dict.fromkeys(occurring) if name not in SIGNALS and name not in self.traces]
        for name in given:
            if name not in wanted:
                raise ValueError(
                    f"rule.coefficients: '{name}' does not occur in the formula{suggest(name, wanted)}; "
                    f"it has: {', '.join(wanted) or 'no coefficients'}"
                )
        return tuple(given.get(name) or Coefficient(name) for name in wanted)

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any]) -> Rule:
        """From the keys name, dw (or family and its options), traces, pathway and coefficients."""
        if not isinstance(mapping, Mapping):
            raise ValueError(f"rule: expected a mapping with 'dw' or 'family', got {type(mapping).__name__}")
        fields = expand(mapping)
        for key in fields:
            if key not in KEYS:
                near = suggest(str(key), KEYS)
                raise ValueError(f"rule: unknown key {str(key)[:40]!r}{near}; known: {', '.join(KEYS)}")
        if "dw" not in fields:
            raise ValueError("rule: expected 'dw' (a formula) or 'family', got neither")
        for key in ("traces", "coefficients"):
            fields[key] = {} if fields.get(key) is None else fields[key]
            if not isinstance(fields[key], Mapping):
                raise ValueError(f"rule.{key}: expected a mapping of names, got {type(fields[key]).__name__}")
        fields["coefficients"] = tuple(
            Coefficient.from_dict(name, spec) for name, spec in fields["coefficients"].items()
        )
        return cls(**fields)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, such that `Rule.from_dict(rule.to_dict()) == rule`."""
        return {
            "name": self.name,
            "dw": self.dw,
            "traces": dict(self.traces),
            "pathway": self.pathway,
            "coefficients": {coefficient.name: coefficient.to_dict() for coefficient in self.coefficients},
        }

    @property
    def expression(self) -> sympy.Expr:
        """dw as SymPy expression."""
        return self._parsed("dw", self.dw)

    @property
    def trace_expressions(self) -> dict[str, sympy.Expr]:
        """The next value of every trace as SymPy expression."""
        return {trace: self._parsed(f"traces.{trace}", text) for trace, text in self.traces.items()}

    @property
    def signals(self) -> frozenset[str]:
        """The signals of the catalogue that dw or a trace uses; traces are not among them."""
        used = {name for text in (self.dw, *self.traces.values()) for name in names_in(text)}
        return frozenset(used & set(SIGNALS))

    @property
    def defaults(self) -> dict[str, float]:
        """The `init` of every coefficient."""
        return {coefficient.name: coefficient.init for coefficient in self.coefficients}

    def latex(self) -> str:
        r"""\Delta w = ... in LaTeX, and one more line per trace."""
        lines = [rf"\Delta w = {to_latex(self.expression)}"]
        lines += [
            rf"{to_latex(sympy.Symbol(trace, real=True))} \leftarrow {to_latex(expression)}"
            for trace, expression in self.trace_expressions.items()
        ]
        return " \\\\\n".join(lines)

    def terms(self) -> list[tuple[str, str]]:
        """[(coefficient part, signal part)] of the expanded dw as texts, for example ("a*eta", "pre*post")."""
        pairs = term_tools.expanded_terms(self.expression, (*SIGNALS, *self.traces))
        return [(to_text(front), to_text(basis)) for front, basis in pairs]

    def with_values(self, values: Mapping[str, float], digits: int = 3) -> str:
        """dw as text with numbers for coefficients, largest term first. Names not in `values` take their `init`."""
        return term_tools.terms_text(self._numeric(values, digits))

    def pruned(self, values: Mapping[str, float], tolerance: float = 0.01, digits: int = 3) -> str:
        """`with_values` without the terms whose |number| is below `tolerance` times the largest.

        It looks at numbers only: a small factor of a large signal may matter, so the reader's proof is an ablation.
        """
        if not 0 <= tolerance <= 1:
            raise ValueError(f"tolerance: expected a number from 0 to 1, got {tolerance!r}")
        found = self._numeric(values, digits)
        return term_tools.terms_text([term for term in found if abs(term[0]) >= tolerance * abs(found[0][0])])

    def python(self, values: Mapping[str, float] | None = None, function_name: str = "dw") -> str:
        """Source of dw as a plain Python function of its signals and traces, with the numbers put in."""
        numeric = term_tools.with_numbers(self.expression, self.merged(values or {}))
        used = set(names_in(self.dw))
        parameters = [name for name in (*SIGNALS, *self.traces) if name in used]
        return to_python_source(numeric, function_name, parameters)

    def merged(self, values: Mapping[str, float]) -> dict[str, float]:
        """`values` completed by the coefficients' `init`. Raises ValueError for an unknown name or no finite number."""
        known = self.defaults
        for name, value in values.items():
            if name not in known:
                near = suggest(name, known)
                has = ", ".join(known) or "none"
                raise ValueError(f"values: the rule has no coefficient {str(name)[:40]!r}{near}; it has: {has}")
            if not abs(value) <= 1e30:
                raise ValueError(f"values.{name}: expected a finite number within 1e30, got {value!r}")
        return known | {name: float(value) for name, value in values.items()}

    def _numeric(self, values: Mapping[str, float], digits: int | None) -> list[tuple[float, sympy.Expr]]:
        return term_tools.numeric_terms(self.expression, (*SIGNALS, *self.traces), self.merged(values), digits)


@lru_cache(maxsize=256)
def _parse_once(text: str, signals: tuple[str, ...]) -> sympy.Expr:
    return parse(text, signals)
