"""Text that can be shown: values cut short before their repr is made, control characters refused or escaped."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from typing import Any

# control characters of terminals, those that turn the direction of writing, and halves of characters; not \n and \t
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
ESCAPED = re.compile(r"\\[bfr]|\\u(?:00[01]|007[fF]|00[89]|20[026]|[dD][89a-fA-F])")  # how JSON writes them


def short(value: object) -> str:
    """The repr of a value, cut short before it is made."""
    maker = reprlib.Repr()
    maker.maxstring = maker.maxother = maker.maxlong = 60
    return maker.repr(value)


def shown(text: str) -> str:
    """A text on one line of at most 1000 characters, what cannot be printed in it written as an escape."""
    line = " ".join(text[:4000].split())
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)
    return safe if len(safe) <= 1000 else safe[:997] + "..."


def check_printable(document: object, what: str) -> None:
    """Raise ValueError where a name or text in a document of plain JSON types holds control characters."""
    ahead: list[Any] = [document]
    while ahead:
        value = ahead.pop()
        if isinstance(value, str):
            if CONTROL.search(value):
                raise ValueError(f"{what}: expected text without control characters, got {ascii(value[:60])}")
        elif isinstance(value, Mapping):
            ahead += [*value, *value.values()]
        elif isinstance(value, list | tuple):
            ahead += value


def check_json(text: str, document: object, what: str) -> None:
    """As `check_printable`, for a document that was read from JSON text: large ones are looked through as text."""
    if CONTROL.search(text) or ESCAPED.search(text):
        check_printable(document, what)
