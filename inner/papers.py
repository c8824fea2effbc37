"""Finds the papers that a component comes from in the first lines of its file."""

from __future__ import annotations

import re
import sys

NAME = r"[^\W\d_][\w'-]+"
PAPER = re.compile(rf"(?=[A-Z]){NAME}(?:, {NAME})*(?: & {NAME}| et al\.)? (?:19|20)\d\d\b")


def cited(text: str) -> str:
    """Authors and years in the first brackets of a text that hold any: (Jabri & Flower 1992, eq. 3); else empty."""
    for inside in re.findall(r"\(([^()]*)\)", text):
        if found := PAPER.findall(" ".join(inside.split())):
            return "; ".join(found)
    return ""


def cited_in(component: object) -> str:
    """The same of the docstring of the module that a component is defined in."""
    return cited(sys.modules[type(component).__module__].__doc__ or "")
