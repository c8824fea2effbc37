"""The library of rules and learners by name.

`rules.yaml` holds the baselines, `named_rules.yaml` further rules, `learners.yaml` and `own_learners.yaml` learners that are
no rules. All are read from `configs/` and from the current folder, whose entries may replace the library's.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from inner.components import build, load, modules_in, names, options_of, suggest, trusted, trusting
from metalearn.config.files import folders, read_yaml
from metalearn.config.options import check_options
from metalearn.config.sections import Plain

if TYPE_CHECKING:
    from inner.learners.base import Learner
    from inner.rules.rule import Rule

BASELINES, NAMED = "rules", "named_rules"  # files
LEARNERS = ("learners", "own_learners")
LOCAL_RULE = "local_rule"
GIVEN = ("network", "form")  # fields of a learner that are no options: other parts of a run give them


def entries() -> dict[str, Plain]:
    """The rules that `baselines: all` stands for, by name."""
    return _read(BASELINES)


def named() -> dict[str, Plain]:
    """Every rule that can be used by name: the baselines first."""
    own = entries()
    return own | {name: content for name, content in _read(NAMED).items() if name not in own}


def learners() -> dict[str, Plain]:
    """Learners by name that are no rules: those of the two files, then every component with its defaults."""
    found = {name: {"name": name, **content} for name, content in _listed().items()}
    return found | {name: {"name": name} for name in names("learner") if name != LOCAL_RULE and name not in found}


def _listed() -> dict[str, Plain]:
    return {name: content for stem in LEARNERS for name, content in _read(stem).items()}


def _read(stem: str) -> dict[str, Plain]:
    found: dict[str, Plain] = {}
    for path in [folder / f"{stem}.yaml" for folder in folders()[:1]] + [Path(f"{stem}.yaml")]:
        if path.is_file():
            for name, content in read_yaml(path).items():
                if not isinstance(content, dict):
                    raise ValueError(f"{path}: '{name}': expected a mapping, got {str(content)[:60]!r}")
                found[name] = content
    return found


def trusting_user(*configs: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Consent to the modules that the user's own configs and the library in this folder name, beside those trusted already."""
    named_here = [{"pathway": content.get("pathway")} for content in named().values()]
    found = {name for _, name in modules_in([*configs, *named_here, {"learner": _listed()}])}
    return trusting(found | (trusted() or frozenset()))


def entry(name: str) -> Plain:
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


def check_listed(name: str) -> None:
    """Raise ValueError, with the nearest valid name, for a name that is no rule and no learner of the library."""
    rules, others = named(), learners()
    if name not in rules and name not in others:
        known = [*rules, *others]
        raise ValueError(f"library: no rule or learner named '{name}'{suggest(name, known)}; known: {', '.join(known)}")


def learner(spec: str | Mapping[str, Any]) -> Learner:
    """A learner from a component, or from a name in the library of rules and learners. Raises ValueError in one line."""
    if isinstance(spec, str):
        check_listed(spec)
        return learner({"name": LOCAL_RULE, "rule": spec} if spec in named() else learners()[spec])
    options = dict(spec)
    known_options = [key for key in options_of(load("learner", str(options.get("name")))) if key not in GIVEN]
    for key in options:
        if key not in known_options and key != "name":
            near = f"{suggest(key, known_options)}; options: {', '.join(known_options) or 'none'}"
            raise ValueError(f"learner.{key}: '{options['name']}' has no such option{near}")
    if options["name"] == LOCAL_RULE:
        if "rule" not in options:
            raise ValueError("learner.rule: expected a rule, such as {dw: formula, ...} or a name of the library")
        options["rule"] = rule(options["rule"])
    check_options("learner", options)
    return cast("Learner", build("learner", options))
