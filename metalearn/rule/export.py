"""Writes an evolved rule in a form that needs nothing of this project; a format is a file in `metalearn/rule/formats/`."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from metalearn.rule import formats
from metalearn.rule.file import learner_of, values_of


def known() -> tuple[str, ...]:
    """The formats: files of the folder, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(formats.__path__)))


def export(document: Mapping[str, Any], to: str, path: Path | None = None) -> str:
    """The text of the rule in the form `to`; also written to `path`, in one step, when there is one.

    Raises ValueError, in one line, for an unknown form or a document that is no rule.
    """
    from inner.components import suggest

    if to not in known():
        raise ValueError(f"to: expected one of {', '.join(known())}, got '{to}'{suggest(to, known())}")
    values = values_of(document)
    if to != "json" and "learner" in document and (learner := learner_of(document)).formula is None:
        raise ValueError(f"learner '{learner.name}' has no formula: nothing to export as {to}; use --to json")
    rows = {name: value for name, value in values.items() if isinstance(value, list)}
    form = import_module(f"metalearn.rule.formats.{to}")
    if rows and not form.LISTS:
        name, row = next(iter(rows.items()))
        raise ValueError(
            f"to: a {to} file holds one value per coefficient, '{name}' has {len(row):,}; "
            "use --to json, which metalearn.load_rule reads"
        )
    found: str = form.text(document)
    if path is not None:
        from metalearn.store.files import write_text_atomically

        write_text_atomically(Path(path), found)
    return found
