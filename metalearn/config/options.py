"""Checks the options of a component against the types of their defaults, and their size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inner.components import Plain, load, options_of, suggest
from inner.printable import short
from metalearn.config.schema import Config
from outer import draws

if TYPE_CHECKING:  # it brings torch
    from outer.mixture import Mixture

LARGEST = 1e15  # size of a number


def check_tasks(tasks: Mixture) -> None:
    """Check every task of a config, its options and the ends of their ranges. Raises ValueError in one line."""
    for k in range(len(tasks.entries)):
        fields = tasks.fields(k)
        for spec in tasks.ends(k):
            check_options(tasks.where(k), spec, fields)
    tasks.check()


def check_options(kind: str, spec: Mapping[str, Any], fields: draws.Fields | None = None) -> None:
    """Check that a component's options have the types of their defaults; raises ValueError for the first that has not.

    fields: its options, where they are not only those of the component of that kind and name.
    """
    fields = options_of(load(kind, str(spec.get("name")))) if fields is None else fields
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
    for end in draws.ends(fields, options, "network"):
        check_options("network", end)
    if config.compare.births and "birth" not in fields:
        raise ValueError(f"compare.births: network '{name}' has no births to choose from")
    return options


def whole_network(config: Config) -> Plain:
    """The network section as plain JSON with every option of the network, given or default.

    Of options that are drawn it has the middle, or the first choice.
    """
    section = config.network
    fields = options_of(load("network", section.name))
    defaults = {key: field.default for key, field in fields.items() if key != "hidden"}
    shape = section.model_dump(mode="json", include={"name", "depth", "width", "hidden"})
    given = draws.middle(fields, section.options, "network")
    return shape | defaults | {key: value for key, value in given.items() if key != "name"}
