"""A rule as JSON: the document itself, which `metalearn.load_rule` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

LISTS = True  # values may be lists


def text(document: Mapping[str, Any]) -> str:
    """The document of rule.json."""
    return json.dumps(dict(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
