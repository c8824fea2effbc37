"""What a user probably meant: keys that stand in a section, options that are keys, and what pydantic expected in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from inner.components import suggest
from inner.printable import short

OF_SEARCHES = ("popsize", "generations", "sigma0")  # options that a config sets most; they belong to the search
FLAGS = {"name": "--name", "runs": "--runs", "trust": "--trust", "seeds": "--seeds"}
WORDS: Mapping[str, str] = {  # pydantic's type of an error -> what was expected
    "model_type": "a mapping such as {key: value}",
    "model_attributes_type": "a mapping such as {key: value}",
    "dict_type": "a mapping such as {key: value}",
    "mapping_type": "a mapping such as {key: value}",
    "tuple_type": "a list such as [1, 2]",
    "list_type": "a list such as [1, 2]",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
}


def sections_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that a field may hold."""
    kinds = (annotation, *getattr(annotation, "__args__", ()))
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]


def keys_of(model: type[BaseModel], before: str = "") -> Iterator[str]:
    """Every dotted key below a model, sections and what is in them."""
    for name, field in model.model_fields.items():
        yield before + name
        for section in sections_in(field.annotation):
            yield from keys_of(section, f"{before}{name}.")


def section_at(model: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel] | None:
    """The model that holds the keys below a path, None where it leads to no section."""
    for part in path:
        if isinstance(part, str):
            found = sections_in(model.model_fields[part].annotation) if part in model.model_fields else []
            if not found:
                return None
            model = found[0]
    return model


def near_key(key: str, model: type[BaseModel]) -> str:
    """ " (did you mean 'search.popsize'?)" for a key that stands elsewhere, or is an option of the command; else the nearest."""
    if key in FLAGS:
        return f" (did you mean the option {FLAGS[key]} {key.upper()}?)"
    known = [*(f"search.{name}" for name in OF_SEARCHES), *keys_of(model)]
    found = [path for path in known if path.rpartition(".")[2] == key]
    return f" (did you mean '{found[0]}'?)" if found else suggest(key, [path for path in known if "." not in path])


def near_option(option: str, model: type[BaseModel]) -> str:
    """ " (keys of a config are written search.popsize=VALUE)" for an option that is a key of a config; else nothing."""
    key = option.lstrip("-").replace("-", "_")
    known = [*(f"search.{name}" for name in OF_SEARCHES), *keys_of(model)]
    found = [path for path in known if key in (path, path.rpartition(".")[2])]
    return f" (keys of a config are written {found[0]}=VALUE)" if found else ""


def in_words(kind: str, message: str) -> str:
    """The message of a pydantic error without pydantic's own words."""
    return f"expected {WORDS[kind]}" if kind in WORDS else f"{message[:1].lower()}{message[1:]}"


def sentence(error: Any, model: type[BaseModel], door: str) -> str:
    """One line for the first mistake that pydantic found in a `model`: key, what was expected, what was given, nearest name.

    door: what the line begins with, such as "config".
    """
    path = [part for part in error["loc"] if "[" not in str(part)]  # pydantic adds the branch of a union
    where = ".".join(map(str, path))
    if error["type"] == "extra_forbidden":
        section = section_at(model, path[:-1])
        names = section.model_fields if section else ()
        near = suggest(str(path[-1]), names) if "." in where else near_key(where, model)
        return f"{door}: unknown key '{where}'{near}; known here: {', '.join(names)}"
    if error["type"] == "missing":
        return f"{door}: key '{where}' is missing"
    message = error["msg"].removeprefix("Value error, ")
    if not where:
        return f"{door}: {message}"
    choices = re.findall(r"'([^']*)'", error["ctx"]["expected"]) if error["type"] == "literal_error" else []
    near = suggest(error["input"], choices) if isinstance(error["input"], str) else ""
    return f"{door}: {where}: {in_words(error['type'], message)}, got {short(error['input'])}{near}"[:400]
