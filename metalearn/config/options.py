"""Checks the options of a component against the types of their defaults, and their size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inner.components import Plain, load, options_of, suggest
from metalearn.config.schema import Config, short

LARGEST = 1e15  # size of a number


def check_options(kind: str, spec: Mapping[str, Any]) -> None:
    """Check that a component's options have the types of their defaults; raises ValueError for the first that has not."""
    fields = options_of(load(kind, str(spec.get("name"))))
    for key, value in spec.items():
        default = fields[key].default if key in fields else None
        wanted = {bool: (bool,), int: (int,), float: (int, float), str: (str,)}.get(type(default))
        if wanted and (not isinstance(value, wanted) or isinstance(value, bool) != isinstance(default, bool)):
            like = "true or false" if isinstance(default, bool) else f"a value like {default!r}"
            raise ValueError(f"{kind}.{key}: expected {like}, got {short(value)}")
        if isinstance(value, int | float) and not abs(value) <= LARGEST:
            raise ValueError(f"{kind}.{key}: expected a number of at most {LARGEST:g}, got {short(value)}")


def network_options(config: Config) -> Plain:
    """The network's name and the options that a config gives it. Raises ValueError for one that it has not."""
    options = config.network.options
    name, fields = options["name"], options_of(load("network", options["name"]))
    known = list(dict.fromkeys(["depth", "width", "hidden", *fields]))
    for key in options:
        if key not in fields and key != "name":
            near = f"{suggest(key, known)}; options: {', '.join(known)}"
            raise ValueError(f"network.{key}: '{name}' has no such option{near}")
    check_options("network", options)
    if config.compare.births and "birth" not in fields:
        raise ValueError(f"compare.births: network '{name}' has no births to choose from")
    return options


def whole_network(config: Config) -> Plain:
    """The network section as plain JSON with every option of the network, given or default."""
    section = config.network
    fields = options_of(load("network", section.name))
    defaults = {key: field.default for key, field in fields.items() if key != "hidden"}
    shape = section.model_dump(mode="json", include={"name", "depth", "width", "hidden"})
    return shape | defaults | {key: value for key, value in section.options.items() if key != "name"}
