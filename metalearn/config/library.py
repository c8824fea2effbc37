"""The rule library, one line per rule: `rules.yaml` holds the baselines, `named_rules.yaml` further rules to use by name.

Both are read from `configs/` and from the current folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inner.components import modules_in, suggest, trusted, trusting
from metalearn.config.files import folders, read_yaml

if TYPE_CHECKING:
    from inner.rules.rule import Rule

BASELINES, NAMED = "rules", "named_rules"  # files


def entries() -> dict[str, dict[str, Any]]:
    """The rules that `baselines: all` stands for, by name; those of the current folder may replace the library's."""
    return _read(BASELINES)


def named() -> dict[str, dict[str, Any]]:
    """Every rule that can be used by name: the baselines first."""
    own = entries()
    return own | {name: content for name, content in _read(NAMED).items() if name not in own}


def _read(stem: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in [folder / f"{stem}.yaml" for folder in folders()[:1]] + [Path(f"{stem}.yaml")]:
        if path.is_file():
            for name, content in read_yaml(path).items():
                if not isinstance(content, dict):
                    raise ValueError(f"{path}: rule '{name}': expected {{dw: ..., pathway: ...}}, got {content!r}")
                found[name] = content
    return found


def trusting_user(*configs: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Consent to the modules that the user's own configs and the library in this folder name, beside those trusted already."""
    named_here = [{"pathway": content.get("pathway")} for content in named().values()]
    found = {name for _, name in modules_in([*configs, *named_here])}
    return trusting(found | (trusted() or frozenset()))


def entry(name: str) -> dict[str, Any]:
    """One rule's mapping. Raises ValueError with the nearest valid name."""
    known = named()
    if name not in known:
        raise ValueError(
            f"rule: no rule named '{name}' in the library{suggest(name, known)}; known: {', '.join(known)}"
        )
    return known[name]


def rule(spec: str | Mapping[str, Any]) -> Rule:
    """A rule from a library name or a mapping."""
    from inner.rules.rule import Rule

    if isinstance(spec, str):
        return Rule.from_dict({"name": spec, **entry(spec)})
    return Rule.from_dict(dict(spec))
