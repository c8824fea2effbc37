"""Finds config files by path or name and reads them as YAML; limits on size, nesting and aliases keep reading cheap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from inner.components import Plain, suggest
from inner.printable import check_printable

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same loader in C, where PyYAML was built with it
LIMIT = 1_000_000  # bytes of a file
MOST = 100_000  # values, aliases written out
DEEPEST = 20  # mappings and lists inside each other
LONGEST = 200  # characters of a name or path


def folders() -> list[Path]:
    """The folders of configs: that of the source checkout, then that of the installed package."""
    here = Path(__file__).resolve().parent.parent
    return [folder for folder in (here.parent / "configs", here / "configs") if folder.is_dir()]


def known() -> dict[str, Path]:
    """Configs by name, such as `digits`; the files of the library and lists of cells are none."""
    found: dict[str, Path] = {}
    for folder in folders():
        for path in sorted(folder.rglob("*.yaml")):
            name = path.relative_to(folder).with_suffix("").as_posix()
            if name not in ("rules", "named_rules", "learners", "own_learners") and not name.startswith("cells/"):
                found.setdefault(name, path)
    return found


def find(name: str) -> Path:
    """The path of a config given a path or a name. Raises ValueError with the nearest valid name."""
    if len(name) > LONGEST:
        raise ValueError(f"config: expected a name or path of at most {LONGEST} characters, got {len(name)}")
    if Path(name).is_file():
        return Path(name)
    stem = name.removesuffix(".yaml").removeprefix("configs/")
    if stem not in known():
        raise ValueError(
            f"config: no file and no config named '{name}'{suggest(stem, known())}; known: {', '.join(known())}"
        )
    return known()[stem]


def read_yaml(path: Path) -> Plain:
    """The mapping in a YAML file. Raises ValueError with the line of a mistake."""
    try:
        with path.open("rb") as stream:
            data = stream.read(LIMIT + 1)
        content = yaml_value(data.decode("utf-8"), f"{path}:")
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected keys and values, got {type(content).__name__}")
    return content


def yaml_value(text: str, what: str) -> Any:
    """The value of YAML text; `what` begins the message of a mistake.

    Raises ValueError for a mistake, and for text that is too large, too deep, or expands to too much by its aliases.
    """
    if len(text) > LIMIT:
        raise ValueError(f"{what} larger than {LIMIT:,} characters")
    try:
        _check_events(text, what)
        loader = LOADER(text)
        try:
            found = loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {min(mark.line + 1, max(1, len(text.splitlines())))}" if mark else ""
        raise ValueError(f"{what}{where} not valid YAML: {getattr(error, 'problem', error)}") from error
    check_printable(found, what.removesuffix(":"))
    return found


def _check_events(text: str, what: str) -> None:
    """Count values with aliases written out, and how deep they lie, before anything is built."""
    sizes: dict[str, int] = {}  # anchor -> values below it
    open_: list[tuple[str | None, int]] = []  # anchor and count before it, of what is being read
    count = 0
    for event in yaml.parse(text, Loader=LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor, count))
            if len(open_) > DEEPEST:
                raise ValueError(f"{what} line {line}: nested more than {DEEPEST} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_.pop()
            if anchor is not None:
                sizes[anchor] = count - before + 1
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes and any(anchor == event.anchor for anchor, _ in open_):
                raise ValueError(f"{what} line {line}: '*{event.anchor}' contains itself")
            count += sizes.get(event.anchor or "", 1)
        else:
            count += 1
        if count > MOST:
            raise ValueError(f"{what} more than {MOST:,} values once aliases are written out")
