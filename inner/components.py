"""Finds components by name: `task: digits` is the class `Task` in `inner/tasks/digits.py`; a dotted name is a user's module."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import pkgutil
import sys
from collections.abc import Iterable

# kind -> (package that holds one file per component, class that each file defines)
KINDS = {
    "task": ("inner.tasks", "Task"),
    "learner": ("inner.learners", "Learner"),
    "network": ("inner.networks", "Network"),
    "pathway": ("inner.pathways", "Pathway"),
    "search": ("outer.searches", "Search"),
    "evaluator": ("outer.evaluators", "Evaluator"),
    "study": ("outer.studies", "Study"),
}
NOT_COMPONENTS = {"base"}


def suggest(word: str, choices: Iterable[str]) -> str:
    """Return " (did you mean 'x'?)" for the choice nearest to `word`, or an empty string."""
    near = difflib.get_close_matches(str(word), list(choices), n=1, cutoff=0.5)
    return f" (did you mean '{near[0]}'?)" if near else ""


def names(kind: str) -> list[str]:
    """The components of one kind: the files in its folder, sorted. Nothing is imported but the package itself."""
    package = importlib.import_module(KINDS[kind][0])
    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    return sorted(name for name in found if not name.startswith("_") and name not in NOT_COMPONENTS)


def load(kind: str, name: str) -> type:
    """Return the class of a component.

    Raises ValueError, in one line, for an unknown name or a module that does not define the class.
    """
    package, symbol = KINDS[kind]
    own = "." in name
    if not all(name.split(".")):
        raise ValueError(f"{kind}: expected a name or a dotted module name, got {name!r}")
    if not own and not _loaded(package, name) and name not in names(kind):
        raise ValueError(f"{kind}: unknown name '{name}'{suggest(name, names(kind))}; known: {', '.join(names(kind))}")
    target = name if own else f"{package}.{name}"
    try:
        module = importlib.import_module(target)
    except ModuleNotFoundError as error:
        if error.name and (target == error.name or target.startswith(error.name + ".")):
            hint = " (for a file in this folder: PYTHONPATH=. metalearn ...)" if own else ""
            raise ValueError(f"{kind}: no module named '{target}' can be imported{hint}") from error
        raise
    if not hasattr(module, symbol):
        raise ValueError(f"{kind}: module '{target}' must define a class named '{symbol}'")
    return getattr(module, symbol)


def _loaded(package: str, name: str) -> bool:
    """Whether the component was loaded before: no need to look for its file again."""
    return f"{package}.{name}" in sys.modules and not name.startswith("_") and name not in NOT_COMPONENTS


def options_of(component: type) -> dict[str, dataclasses.Field]:
    """The options that a component takes, by name: the fields of its dataclass, class variables left out."""
    return {field.name: field for field in dataclasses.fields(component)} if dataclasses.is_dataclass(component) else {}


def build(kind: str, spec: str | dict) -> object:
    """Construct a component from `name` or `{name: ..., option: ...}`.

    Raises ValueError naming the unknown option and the nearest valid one.
    """
    options = {"name": spec} if isinstance(spec, str) else dict(spec)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise ValueError(f"{kind}: expected a name or a mapping with a 'name', got {spec!r}")
    component = load(kind, name)
    fields = options_of(component)
    for key in options:
        if key not in fields:
            raise ValueError(
                f"{kind}.{key}: '{name}' has no such option{suggest(key, fields)}; options: {', '.join(fields) or 'none'}"
            )
    return component(**options)
