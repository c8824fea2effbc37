"""Reads rule.json, the file of an evolved rule or learner, as untrusted input: size limit, JSON only, every field checked."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from inner.components import Plain, consent_to, suggest
from inner.printable import check_json, short

if TYPE_CHECKING:
    from inner.learners.base import Learner
    from inner.rules.coefficient import Coefficient, Values
    from inner.rules.rule import Rule

NAME = "rule.json"
FORMAT = 1
LARGEST = sys.float_info.max
LIMIT = 200_000_000  # bytes; a rule is a few thousand, a value per synapse about 20 each
KEYS = ("name", "dw", "traces", "pathway", "coefficients", "homeostasis", "noise", "surprise")  # of the rule itself


class RuleDocument(TypedDict, total=False):
    """The keys of rule.json."""

    format: int
    name: str
    dw: str | dict[str, str]
    traces: dict[str, str]
    pathway: str | Plain
    coefficients: dict[str, Plain]
    homeostasis: dict[str, float]
    noise: Plain
    surprise: Plain
    learner: Plain  # in place of dw and what belongs to it
    values: Values
    formula: str  # with numbers
    pruned: str  # the same
    whole: str  # before pruning
    activation: str
    network: Plain
    birth: str  # of its networks, where the select tier has decided among several
    task: str
    run: str
    fitness: float | None  # on the select tier
    generations: int


def read(path: str | Path) -> RuleDocument:
    """The document of a rule.json, or of the run folder that holds one.

    Raises ValueError, in one line, for a file that is missing, damaged or no rule. Nothing in it is executed.
    """
    path = Path(path)
    file = path / NAME if path.is_dir() else path
    try:
        if file.exists() and not file.is_file():  # a pipe would be waited for
            raise ValueError(f"rule: {file} is no file, expected a rule.json or a run's folder")
        with file.open("rb") as stream:
            data = stream.read(LIMIT + 1)
    except FileNotFoundError:
        inside = sorted(str(p.parent) for p in path.glob(f"*/{NAME}"))
        hint = "; the run has not written a rule yet (experiments on inheritance write none)" if path.is_dir() else ""
        hint = f"; it has several: {', '.join(inside)}" if inside else hint
        if not path.exists() and path.parent.is_dir():
            hint = suggest(path.name, sorted(p.name for p in path.parent.iterdir() if (p / NAME).exists()))
        raise ValueError(f"rule: no file {file}{hint}") from None
    except OSError as error:
        raise ValueError(f"rule: cannot read {file}: {error.strerror or error}") from None
    if len(data) > LIMIT:
        raise ValueError(f"rule: {file} is larger than {LIMIT:,} bytes, expected a rule.json")
    try:
        text = data.decode("utf-8")
        document = json.loads(text, parse_constant=_refuse)
        check_json(text, document, "a text")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"rule: {file} is no rule.json ({_line(error)})") from None
    try:
        values_of(document)
    except ValueError as error:
        raise ValueError(f"rule: {file} is no rule.json ({_line(error)})") from None
    return cast(RuleDocument, document)


def rule_of(document: object) -> Rule:
    """The rule in a document of rule.json. Raises ValueError in one line."""
    from inner.rules.rule import Rule

    if isinstance(document, Mapping) and "learner" in document:
        found = learner_of(document)
        if found.formula is None:
            raise ValueError(f"learner '{found.name}' has no formula")
        return found.formula
    if not isinstance(document, Mapping) or not isinstance(document.get("dw"), str | Mapping):
        raise ValueError("expected a mapping with a formula 'dw' or a 'learner'")
    _check_format(document)
    consent_to({"pathway": document.get("pathway")})
    try:
        return Rule.from_dict({key: document[key] for key in KEYS if document.get(key) is not None})
    except (TypeError, AttributeError, KeyError) as error:
        raise ValueError(f"a field has the wrong type: {_line(error)}") from None


def learner_of(document: object) -> Learner:
    """The learner in a document of rule.json; a rule is the local rule. Raises ValueError in one line."""
    if not isinstance(document, Mapping) or "learner" not in document:
        from inner.learners.local_rule import Learner as LocalRule

        return LocalRule(rule_of(document))
    from metalearn.config.library import learner

    _check_format(document)
    spec = document["learner"]
    if not isinstance(spec, Mapping) or not isinstance(spec.get("name"), str):
        raise ValueError("learner: expected a mapping with a 'name'")
    consent_to({"learner": spec})
    try:
        return learner(spec)
    except (TypeError, AttributeError, KeyError) as error:
        raise ValueError(f"learner: a field has the wrong type: {_line(error)}") from None


def coefficients_of(document: Mapping[str, Any]) -> tuple[Coefficient, ...]:
    """The coefficients of the rule or learner in a document."""
    return learner_of(document).coefficients if "learner" in document else rule_of(document).coefficients


def birth_of(document: Mapping[str, Any]) -> str:
    """The birth of networks that the select tier has decided for; "" where there was no choice. Raises ValueError."""
    found = document.get("birth", "")
    if not isinstance(found, str):
        raise ValueError(f"birth: expected a name, got {str(found)[:40]!r}")
    return found


def text_of(learner: Learner, values: Mapping[str, Any]) -> str:
    """The formula with numbers, terms whose coefficient is exactly 0 left out; or what a learner says of itself."""
    return learner.text(values) if learner.formula is None else learner.formula.pruned(values, 0.0)


def _check_format(document: Mapping[str, Any]) -> None:
    if document.get("format", FORMAT) != FORMAT:
        raise ValueError(f"format: expected {FORMAT}, got {short(document['format'])}; another version wrote this file")


def values_of(document: Mapping[str, Any]) -> Values:
    """Value of every coefficient, in the learner's order: `values` where given, else the initial value.

    A list of numbers where a coefficient has a value of its own per layer, unit or synapse.
    """
    if not isinstance(document, Mapping):
        raise ValueError("expected a mapping with a formula 'dw' or a 'learner'")
    given = document.get("values", {})
    if not isinstance(given, Mapping):
        raise ValueError(f"values: expected a mapping, got {type(given).__name__}")
    return checked_values(coefficients_of(document), given)


def checked_values(coefficients: Iterable[Coefficient], given: Mapping[str, Any]) -> Values:
    """A finite number, or a list of them, for every coefficient: as given, else its initial value."""
    values: Values = {}
    for coefficient in coefficients:
        value = given.get(coefficient.name, coefficient.init)
        if coefficient.share != "rule" and isinstance(value, list):
            if any(isinstance(v, bool) or not isinstance(v, int | float) or not abs(v) <= 1e30 for v in value):
                raise ValueError(f"values.{coefficient.name}: expected a list of finite numbers")
            values[coefficient.name] = [float(v) for v in value]
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
            raise ValueError(f"values.{coefficient.name}: expected a finite number, got {short(value)}")
        values[coefficient.name] = float(value)
    return values


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no finite number")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
