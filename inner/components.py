"""Finds components by name: `task: digits` is the class `Task` in `inner/tasks/digits.py`; a dotted name is a user's module.

A dotted name that comes from a stored document (a run's config, a rule.json) is imported only with the user's consent.
The consent is a context variable and no argument: names are imported deep inside lives, pathways and workers, and one
call that forgot the argument would open the gate.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from types import ModuleType
from typing import Any

# kind -> (package that holds one file per component, class that each file defines)
KINDS = {
    "task": ("inner.tasks", "Task"),
    "learner": ("inner.learners", "Learner"),
    "network": ("inner.networks", "Network"),
    "pathway": ("inner.pathways", "Pathway"),
    "search": ("outer.searches", "Search"),
    "fitness": ("outer.fitness", "Fitness"),
    "evaluator": ("outer.evaluators", "Evaluator"),
    "study": ("outer.studies", "Study"),
}
NOT_COMPONENTS = {"base"}
Plain = dict[str, Any]  # a component or a rule in plain JSON types: its name and its options
LONGEST = 200  # characters of a name
SHOWN = 24  # names in a message
PLURALS = {"search": "searches", "fitness": "fitness", "study": "studies"}
NAMING = {*KINDS, "name", "measure", "factory", "cls"}  # keys of a document under which modules are named
_TRUSTED: ContextVar[frozenset[str] | None] = ContextVar("trusted", default=None)


@contextlib.contextmanager
def trusting(modules: Iterable[str] | None) -> Iterator[None]:
    """Limit imports of modules outside the project to `modules`, for as long as stored documents are in use.

    None lifts the limit: the names come from the caller's own code.
    """
    token = _TRUSTED.set(None if modules is None else frozenset(modules))
    try:
        yield
    finally:
        _TRUSTED.reset(token)


def trust(modules: frozenset[str] | None) -> None:
    """Set the limit of `trusting` for the rest of a process: in a worker, to what it is in its parent."""
    _TRUSTED.set(modules)


def trusted() -> frozenset[str] | None:
    """The modules that the user has consented to; None where no limit is set."""
    return _TRUSTED.get()


def consent(kind: str, name: str) -> None:
    """Raise ValueError for a module outside the project that a stored document names and the user has not named."""
    if "." in name and name not in (_TRUSTED.get() or ()):
        shown = name if len(name) <= 100 else name[:97] + "..."
        raise ValueError(
            f"{kind}: '{shown}' is a module outside the project, named by a stored document; nothing was imported; "
            f'if you trust it: --trust {shown} (in Python: trust=["{shown}"])'
        )


def modules_in(document: object, key: str = "") -> Iterator[tuple[str, str]]:
    """The (key, dotted name) pairs under which a document of plain JSON types names modules; a rule's own name is none."""
    if isinstance(document, Mapping):
        for inside, value in document.items():
            if isinstance(value, str):
                if inside in NAMING and "." in value and (key, inside) != ("rule", "name"):
                    yield (key or str(inside)) if inside == "name" else str(inside), value
            else:
                yield from modules_in(value, key if inside == "name" else str(inside))
    elif isinstance(document, list | tuple):
        for value in document:
            yield from modules_in(value, key)


def consent_to(document: object) -> None:
    """Raise ValueError for the first module in a stored document that needs consent and has none."""
    for key, name in modules_in(document):
        consent(key, name)


def own_module(kind: str, name: str) -> ModuleType:
    """Import a module by its dotted name; every import of a name from a config or a stored document goes through here.

    Raises ValueError where the user's consent is needed and missing.
    """
    if _TRUSTED.get() is not None:
        consent(kind, name)
    return importlib.import_module(name)


def own_attribute(kind: str, name: str) -> Any:
    """The attribute of a user's own module named by the last part of a dotted name, such as the factory `package.make`.

    Raises ValueError, in one line, where it is not there, or the user's consent is needed and missing.
    """
    if _TRUSTED.get() is not None:
        consent(kind, name)
    module, _, attribute = name.rpartition(".")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(error.name + ".")):
            hint = " (for a file in this folder: PYTHONPATH=. metalearn ...)"
            raise ValueError(f"{kind}: no module named '{module}' can be imported{hint}") from error
        raise
    if not hasattr(found, attribute):
        near = suggest(attribute, (word for word in vars(found) if not word.startswith("_")))
        raise ValueError(f"{kind}: module '{module}' has no '{attribute}'{near}")
    return getattr(found, attribute)


def suggest(word: str, choices: Iterable[str]) -> str:
    """Return " (did you mean 'x'?)" for the choice nearest to `word`, or an empty string."""
    near = difflib.get_close_matches(str(word), list(choices), n=1, cutoff=0.5)
    return f" (did you mean '{near[0]}'?)" if near else ""


def names(kind: str) -> list[str]:
    """The components of one kind: the files in its folder, sorted. Nothing is imported but the package itself."""
    package = importlib.import_module(KINDS[kind][0])
    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    return sorted(name for name in found if not name.startswith("_") and name not in NOT_COMPONENTS)


def check_name(kind: str, name: str) -> None:
    """Raise ValueError, in one line, for an unknown name. Nothing is imported; a dotted name is only looked at."""
    if len(name) > LONGEST:
        raise ValueError(f"{kind}: expected a name of at most {LONGEST} characters, got {len(name)}")
    if not all(name.split(".")):
        raise ValueError(f"{kind}: expected a name or a dotted module name, got {name!r}")
    if "." not in name and not _loaded(KINDS[kind][0], name) and name not in names(kind):
        several, known = PLURALS.get(kind, f"{kind}s"), names(kind)
        there = f"known: {', '.join(known)}" if len(known) <= SHOWN else f"metalearn list {several} shows all {len(known)}"
        raise ValueError(f"{kind}: unknown name '{name}'{suggest(name, known)}; {there}")


def load(kind: str, name: str) -> type:
    """Return the class of a component.

    Raises ValueError, in one line, for an unknown name or a module that does not define the class.
    """
    package, symbol = KINDS[kind]
    own = "." in name
    check_name(kind, name)
    target = name if own else f"{package}.{name}"
    try:
        module = own_module(kind, name) if own else importlib.import_module(target)
    except ModuleNotFoundError as error:
        if error.name and (target == error.name or target.startswith(error.name + ".")):
            hint = " (for a file in this folder: PYTHONPATH=. metalearn ...)" if own else ""
            raise ValueError(f"{kind}: no module named '{target}' can be imported{hint}") from error
        raise
    if not hasattr(module, symbol):
        raise ValueError(f"{kind}: module '{target}' must define a class named '{symbol}'")
    found: type = getattr(module, symbol)
    return found


def _loaded(package: str, name: str) -> bool:
    """True for a component that was loaded before: its file need not be looked for again."""
    return f"{package}.{name}" in sys.modules and not name.startswith("_") and name not in NOT_COMPONENTS


def options_of(component: type) -> dict[str, dataclasses.Field[Any]]:
    """The options that a component takes, by name: the fields of its dataclass but for private ones."""
    if not dataclasses.is_dataclass(component):
        return {}
    fields = dataclasses.fields(component)
    return {field.name: field for field in fields if field.init and not field.name.startswith("_")}


def build(kind: str, spec: str | Plain) -> object:
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
    try:
        return component(**options)
    except (TypeError, OverflowError) as error:
        raise ValueError(f"{kind}: options of '{name}': {str(error)[:200]}") from error
