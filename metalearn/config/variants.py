"""Variants of an experiment: what each changes in the config that all share.

    variants:
      random: {rule: {pathway: random}}
      backprop: {rule: {pathway: backprop}}

A mapping inside a mapping changes the keys that it names and leaves the others; anything else takes the place of what
was there. Each variant is a search of its own; baselines that do not depend on what a variant changes are tuned once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from inner.components import suggest
from metalearn.config.schema import Config, validate
from metalearn.config.sections import Plain

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}")


def variants_of(config: Config) -> dict[str, Config]:
    """The config of every variant, by name. Raises ValueError in one line."""
    found = {}
    for name, change in config.variants.items():
        if not NAME.fullmatch(name):
            raise ValueError(f"variants: expected names of letters, digits, - and _, got '{name[:60]}'")
        if "variants" in change:
            raise ValueError(f"variants.{name}: expected keys of an experiment, got 'variants'")
        shared = config.plain()
        shared.pop("variants", None)
        if len({"rule", "learner"} & set(change)) == 1:  # one takes the place of the other
            shared.pop("learner" if "rule" in change else "rule", None)
        for key in change:
            if isinstance(change[key], dict) and isinstance(shared.get(key), str):
                raise ValueError(
                    f"variants.{name}: changes keys of '{key}', which is the name '{str(shared[key])[:60]}' here; "
                    f"expected a mapping, or variants={{}} for one search"
                )
        try:
            found[name] = validate(merged(shared, change))
        except ValueError as error:
            raise ValueError(f"variants.{name}: {str(error).removeprefix('config: ')}") from None
    return found


def merged(content: Mapping[str, object], change: Mapping[str, object]) -> Plain:
    """Content with the keys of a change, mappings inside mappings key by key."""
    found: Plain = dict(content)
    for key, value in change.items():
        before = found.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        found[key] = merged(before, value) if both else value  # type: ignore[arg-type]
    return found


def variant_of(config: Config, name: str) -> Config:
    """The config of one variant. Raises ValueError, in one line, where there is none of this name."""
    found = variants_of(config)
    if name not in found:
        known = f"{suggest(name, found)}; variants: {', '.join(found)}" if found else "; the config has no variants"
        raise ValueError(f"no variant '{name[:60]}'{known}")
    return found[name]


def refuse_variants(config: Config, command: str, leave: str = "variants={}") -> None:
    """A command for one search says so of a config with several, and how to `leave` one. Raises ValueError."""
    if config.variants:
        names = ", ".join(config.variants)
        raise ValueError(f"{command}: for one search, and this config has the variants {names}; leave one with {leave}")
