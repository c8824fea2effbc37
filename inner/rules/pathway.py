"""The pathway of a rule: its name, its options, and those of its options that are coefficients of the rule.

    pathway: {name: weight_mirror, rate: r}        coefficients: {r: {init: 0.1, transform: log}}
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from inner.components import Plain, build, names, suggest
from inner.rules.coefficient import Coefficient

if TYPE_CHECKING:
    from inner.pathways.base import Pathway


def pathway_of(name: str, options: Plain) -> Pathway:
    """The component. Raises ValueError, in one line, for an unknown name or an option that makes no sense."""
    return cast("Pathway", build("pathway", {"name": name, **options}))


def check_pathway(name: Any, options: Plain) -> None:
    """Raise ValueError, in one line, for a pathway that there is not; a dotted name is imported only with options."""
    known = names("pathway")
    if options:
        pathway_of(name, options)
    if not isinstance(name, str) or ("." not in name and name not in known):
        near = suggest(str(name), known)
        raise ValueError(f"rule.pathway: unknown name {str(name)[:40]!r}{near}; known: {', '.join(known) or 'none'}")


def rates_of(name: str, options: Plain) -> dict[str, Coefficient]:
    """The coefficients that options name, each as it is where the rule does not say; the first option of a name wins."""
    if not any(isinstance(value, str) for value in options.values()):
        return {}
    rates, found = pathway_of(name, options).rates, dict[str, Coefficient]()
    for option, value in options.items():
        if option in rates and isinstance(value, str):
            found.setdefault(value, replace(rates[option], name=value))
    return found
