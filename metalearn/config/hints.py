"""What a user probably meant: keys that stand in a section, options that are keys, and what pydantic expected in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from inner.components import suggest

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


def keys_of(model: type[BaseModel], before: str = "") -> Iterator[str]:
    """Every dotted key below a model, sections and what is in them."""
    for name, field in model.model_fields.items():
        yield before + name
        for kind in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from keys_of(kind, f"{before}{name}.")


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
