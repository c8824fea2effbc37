"""Loads a config: reads the file, applies `key.sub=value` overrides, and checks every key."""

from __future__ import annotations

from collections.abc import Sequence

from inner.components import check_name
from metalearn.config.cells import with_cells
from metalearn.config.door import check
from metalearn.config.files import find, read_yaml, yaml_value
from metalearn.config.hints import near_key
from metalearn.config.inheritance import StudyConfig, validate_study
from metalearn.config.library import entry
from metalearn.config.override import parted, place_of
from metalearn.config.schema import Config, validate
from metalearn.config.sections import Plain

LOCAL_RULE = "local_rule"

COMPONENTS = ("search", "evaluator")  # whose options are those of the component that `name` chooses
KEPT = {"name", "popsize", "generations"}  # what a search of another name takes over


def load(name: str, overrides: Sequence[str] = ()) -> Config:
    """Read a config by path or name and apply `key.sub=value` overrides. Raises ValueError in one line."""
    path = find(name)
    content = read_yaml(path)
    for override in overrides:
        apply(content, override)
    config = validate(with_cells(content, path))
    check(config)
    return config


def apply(content: Plain, override: str) -> None:
    """Set `key.sub=value` in a nested mapping; the value is YAML, components may be given by name."""
    key, path, text = parted(override)
    formula = path[-1] == "dw" and not text.lstrip().startswith("{")  # {hidden: ..., output: ...} is a mapping
    value = text if formula else yaml_value(text, f"override: '{text[:60]}' for {key[:60]}:")
    if path[0] not in Config.model_fields:
        raise ValueError(f"config: unknown key '{path[0]}'{near_key(path[0], Config)}")
    _choose_learner(content, path, value)
    default = Config.model_fields[path[0]].default
    if len(path) > 1 and isinstance(
        default, dict
    ):  # `search.popsize=8` where the file leaves the search to its default
        content.setdefault(path[0], default)
    place = place_of(content, path, key, lambda part, name: dict(entry(name)) if part == "rule" else {"name": name})
    if path[1:] == ["name"] and path[0] in COMPONENTS and place.get("name") != value:  # options of another go with it
        for option in set(place) - KEPT:
            del place[option]
    place[path[-1]] = value
    if path[-2:] == [
        "rule",
        "dw",
    ]:  # what the file says of coefficients that the new formula lacks goes with the old one
        if isinstance(coefficients := place.get("coefficients") or {}, dict):
            place["coefficients"] = {k: v for k, v in coefficients.items() if _occurs(str(k), text)}


def _choose_learner(content: Plain, path: Sequence[str], value: object) -> None:
    """Drop the other one of `rule` and `learner`, with its options, where an override names one of them."""
    if path[0] == "rule":
        other = content.pop("learner", None)
        if isinstance(other, dict) and other.get("name") == LOCAL_RULE and "rule" in other:
            content.setdefault("rule", other["rule"])
    elif path[0] == "learner":
        rule = content.pop("rule", None)
        if len(path) == 1 or path[1] == "name":
            content.pop("learner", None)
            keep = rule is not None and len(path) == 2 and value == LOCAL_RULE
        else:  # an option of the learner that is there
            keep = rule is not None and "learner" not in content
        if keep:
            content["learner"] = {"name": LOCAL_RULE, "rule": rule}


def _occurs(name: str, text: str) -> bool:
    return name in "".join(c if c.isalnum() or c == "_" else " " for c in text).split()


def load_any(name: str, overrides: Sequence[str] = ()) -> Config | StudyConfig:
    """A `Config` or a `StudyConfig` by path or name, with `key.sub=value` overrides. Raises ValueError in one line."""
    content = read_yaml(find(name))
    if "study" not in content:
        return load(name, overrides)
    for override in overrides:
        key, equals, text = override.partition("=")
        path = key.strip().split(".")
        if path[0] == "inheritance":
            raise ValueError(
                f"'{name}' is a study: it has parts of its own and no arms of inheritance "
                "(--inheritance and --seeds); its options are study.OPTION=value and seed=value"
            )
        if not equals or path[0] not in StudyConfig.model_fields or len(path) > (2 if path[0] == "study" else 1):
            raise ValueError(f"override: expected study.OPTION=value or seed=value, got '{override}'")
        if len(path) == 2:
            spec = content["study"]
            content["study"] = {"name": spec} if isinstance(spec, str) else dict(spec)
            content["study"][path[1]] = yaml_value(text, f"override: {key[:60]}:")
        else:
            content[path[0]] = yaml_value(text, f"override: {key[:60]}:")
    found = validate_study(content)
    check_name("study", found.study["name"])
    return found


def inherits(name: str) -> bool:
    """True for a config, by path or name, for `metalearn baldwin`: it holds a study or a genome."""
    return bool({"study", "genome"} & set(read_yaml(find(name))))


def refuse_genome(config: Config, command: str, instead: str) -> None:
    """A command that knows rules only says so of a config with a genome. Raises ValueError."""
    if config.genome is not None:
        raise ValueError(f"{command}: for searches over rules, and this config has a genome; {instead}")
