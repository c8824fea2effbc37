"""Reads rule.json, the file of an evolved rule, as untrusted input: size limit, JSON only, every field checked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inner.components import consent_to

if TYPE_CHECKING:
    from inner.rules.rule import Rule

NAME = "rule.json"
FORMAT = 1
LIMIT = 200_000_000  # bytes; a rule is a few thousand, a value per synapse about 20 each
KEYS = ("name", "dw", "traces", "pathway", "coefficients", "homeostasis")  # what belongs to the rule itself


def read(path: str | Path) -> dict[str, Any]:
    """The document of a rule.json, or of the run folder that holds one.

    Raises ValueError, in one line, for a file that is missing, damaged or no rule. Nothing in it is executed.
    """
    path = Path(path)
    file = path / NAME if path.is_dir() else path
    try:
        with file.open("rb") as stream:
            data = stream.read(LIMIT + 1)
    except FileNotFoundError:
        hint = "; the run has not written a rule yet (experiments on inheritance write none)" if path.is_dir() else ""
        raise ValueError(f"rule: no file {file}{hint}") from None
    except OSError as error:
        raise ValueError(f"rule: cannot read {file}: {error.strerror or error}") from None
    if len(data) > LIMIT:
        raise ValueError(f"rule: {file} is larger than {LIMIT:,} bytes, expected a rule.json")
    try:
        document = json.loads(data.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"rule: {file} is no rule.json ({_line(error)})") from None
    try:
        rule_of(document)
        values_of(document)
    except ValueError as error:
        raise ValueError(f"rule: {file} is no rule.json ({_line(error)})") from None
    return document


def rule_of(document: object) -> Rule:
    """The rule in a document of rule.json. Raises ValueError in one line."""
    from inner.rules.rule import Rule

    if not isinstance(document, Mapping) or not isinstance(document.get("dw"), str | Mapping):
        raise ValueError("expected a mapping with a formula 'dw'")
    if document.get("format", FORMAT) != FORMAT:
        raise ValueError(f"format: expected {FORMAT}, got {document['format']!r}; another version wrote this file")
    consent_to({"pathway": document.get("pathway")})
    try:
        return Rule.from_dict({key: document[key] for key in KEYS if document.get(key) is not None})
    except (TypeError, AttributeError, KeyError) as error:
        raise ValueError(f"a field has the wrong type: {_line(error)}") from None


def values_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Value of every coefficient, in the rule's order: `values` where given, else the initial value.

    A list of numbers where a coefficient has a value of its own per layer, unit or synapse.
    """
    given = document.get("values", {})
    if not isinstance(given, Mapping):
        raise ValueError(f"values: expected a mapping, got {type(given).__name__}")
    values: dict[str, Any] = {}
    for coefficient in rule_of(document).coefficients:
        value = given.get(coefficient.name, coefficient.init)
        if coefficient.share != "rule" and isinstance(value, list):
            if any(isinstance(v, bool) or not isinstance(v, int | float) or not abs(v) <= 1e30 for v in value):
                raise ValueError(f"values.{coefficient.name}: expected a list of finite numbers")
            values[coefficient.name] = [float(v) for v in value]
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"values.{coefficient.name}: expected a finite number, got {str(value)[:40]!r}")
        values[coefficient.name] = float(value)
    return values


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no finite number")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
