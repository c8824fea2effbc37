"""The experiment as a value: one YAML file, checked key by key, with a sentence on every field and "did you mean" on every slip."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from inner.components import suggest
from metalearn.config.inheritance import GenomeConfig, InheritanceConfig
from metalearn.config.sections import Component, FloatRange, IntRange, Section, named


class NetworkConfig(Section):
    """The inner network, or a range of networks: a component with options of its own beside the keys here."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    name: str = Field("mlp", description="a network, such as mlp; its options stand beside the keys here")
    depth: IntRange = Field((1, 1), description="hidden layers: a number, or [low, high] drawn per setting")
    width: IntRange = Field((32, 32), description="units of each hidden layer: a number, or [low, high]")
    hidden: tuple[int, ...] | None = Field(None, description="exact widths such as [200]; replaces depth and width")

    @property
    def options(self) -> dict[str, Any]:
        """The component: its name and the options that are the network's own."""
        return {"name": self.name, **(self.model_extra or {})}


class LifeConfig(Section):
    """One inner life."""

    steps: IntRange = Field((300, 300), description="training steps: a number, or [low, high] drawn per setting")
    batch: int = Field(1, ge=1, description="samples per step")
    scale: FloatRange | None = Field(
        None, description="input scale: a number, or [low, high] drawn log-evenly per setting"
    )


class FitnessConfig(Section):
    """What a life earns."""

    measure: str | dict[str, Any] = Field(
        "final",
        description="final, halvings (of the error), area, steps_to_threshold, prequential_bits, or {name: ..., option: ...}",
    )
    threshold: float = Field(0.8, description="the score that steps_to_threshold waits for")
    complexity: float = Field(0.0, ge=0, description="fitness lost per unit of sum |coefficient|")

    @property
    def name(self) -> str:
        """The name of the measure."""
        return self.measure if isinstance(self.measure, str) else str(self.measure.get("name"))


class RacingConfig(Section):
    """Racing inside a generation: hopeless candidates stop early; the ranking of the others does not change."""

    at: float = Field(0.25, gt=0, lt=1, description="share of a life after which the hopeless stop")
    keep: float = Field(0.5, gt=0, lt=1, description="share of the candidates that live to the end")


class SelectionConfig(Section):
    """How the winner is chosen: the finalists are scored again on fresh lives of the select tier."""

    finalists: int = Field(8, ge=1, description="candidates that are scored again")
    lifetimes: int = Field(24, ge=1, description="fresh lives of each finalist")
    shapes: int = Field(8, ge=1, description="different settings among them")
    tolerance: float = Field(
        0.003, ge=0, description="mean score that pruning, or a simpler program, may give up in all"
    )


class CellConfig(Section):
    """One cell of a comparison: fresh lives on the final tier."""

    task: Component = Field(description="a task, such as digits or {name: mnist, size: 8}")
    hidden: tuple[int, ...] = Field((32,), description="widths of the hidden layers")
    steps: int = Field(300, ge=1, description="training steps")
    batch: int = Field(1, ge=1, description="samples per step")

    @property
    def titles(self) -> tuple[str, str]:
        """The task with its options, and the network, as words."""
        options = {k: v for k, v in self.task.items() if k != "name"}
        task = self.task["name"] + ("" if not options else f" ({', '.join(f'{k} {v}' for k, v in options.items())})")
        widths = list(self.hidden)
        if widths and len(set(widths)) == 1:
            return task, f"{len(widths)} x {widths[0]}"
        return task, "-".join(str(width) for width in widths) or "no hidden layer"


class CompareConfig(Section):
    """What the winner is held against, and where."""

    baselines: tuple[str, ...] | Literal["all"] = Field("all", description="names from the rule library, or all of it")
    random_search: bool = Field(True, description="whether random search over the same rule is a baseline too")
    lifetimes: int = Field(24, ge=2, description="fresh lives per cell, the same ones for every arm")
    main: tuple[CellConfig, ...] = Field((), description="cells of the main table")
    transfer: tuple[CellConfig, ...] = Field((), description="cells far from what was searched; nobody is tuned again")


class TrackingConfig(Section):
    """The Weights & Biases mirror of the run."""

    mode: Literal["offline", "online", "disabled"] = Field("offline", description="offline needs no account")
    project: str = Field("metalearn", description="the W&B project")


class Config(Section):
    """One experiment."""

    task: Component = Field(description="what is learned in a life: a name, or {name: digits, option: ...}")
    rule: dict[str, Any] | str = Field(
        description="the rule: {dw: formula, pathway: ..., ...}, or a name in the library"
    )
    network: Annotated[NetworkConfig, BeforeValidator(named)] = Field(
        NetworkConfig(), description="the inner network: a name, or {name: mlp, width: 32, ...}"
    )
    life: LifeConfig = Field(LifeConfig(), description="length of a life")
    search: Component = Field({"name": "cma"}, description="the outer search: a name, or {name: cma, popsize: 16}")
    lifetimes: int = Field(6, ge=1, description="lives of each candidate per generation")
    shapes: int = Field(2, ge=1, description="different settings (network, length, scale) among them")
    seed: int = Field(0, ge=0, description="addresses every random draw of the run")
    fitness: FitnessConfig = Field(FitnessConfig(), description="what a life earns")
    racing: RacingConfig | None = Field(None, description="stop hopeless candidates early; off by default")
    selection: SelectionConfig = Field(SelectionConfig(), description="how the winner is chosen")
    compare: CompareConfig = Field(CompareConfig(), description="what the winner is held against")
    evaluator: Component = Field({"name": "auto"}, description="auto, serial or {name: processes, workers: 2}")
    genome: GenomeConfig | None = Field(None, description="what evolves besides the rule; for metalearn baldwin")
    inheritance: InheritanceConfig = Field(InheritanceConfig(), description="what the young inherit")
    engine: Literal["auto", "native", "eager"] = Field(
        "auto",
        description="how lives are run: native (generated C), eager (torch), or auto: native where it can be had",
    )
    device: Literal["cpu", "cuda", "auto"] = Field(
        "cpu", description="where lives run: cpu, cuda (a GPU, by the eager engine), or auto: cuda where there is one"
    )
    tracking: TrackingConfig = Field(TrackingConfig(), description="the W&B mirror")

    def plain(self) -> dict[str, Any]:
        """JSON types only; `Config.model_validate(config.plain()) == config`."""
        return self.model_dump(mode="json")


def folders() -> list[Path]:
    """Where configs are looked for by name: the source checkout, then the installed package."""
    here = Path(__file__).resolve().parent.parent
    return [folder for folder in (here.parent / "configs", here / "configs") if folder.is_dir()]


def known() -> dict[str, Path]:
    """Configs by name, such as `digits`; the files of the rule library are none."""
    found: dict[str, Path] = {}
    for folder in folders():
        for path in sorted(folder.rglob("*.yaml")):
            name = path.relative_to(folder).with_suffix("").as_posix()
            if name not in ("rules", "named_rules"):
                found.setdefault(name, path)
    return found


def find(name: str) -> Path:
    """The path of a config given a path or a name. Raises ValueError with the nearest valid name."""
    if Path(name).is_file():
        return Path(name)
    stem = name.removesuffix(".yaml").removeprefix("configs/")
    if stem not in known():
        raise ValueError(
            f"config: no file and no config named '{name}'{suggest(stem, known())}; known: {', '.join(known())}"
        )
    return known()[stem]


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises ValueError with the line of a mistake."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        raise ValueError(f"{path}:{where} not valid YAML: {getattr(error, 'problem', error)}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected keys and values, got {type(content).__name__}")
    return content


def load(name: str, overrides: Sequence[str] = ()) -> Config:
    """Read a config by path or name and apply `key.sub=value` overrides. Raises ValueError in one line."""
    content = read_yaml(find(name))
    for override in overrides:
        apply(content, override)
    return validate(content)


def apply(content: dict[str, Any], override: str) -> None:
    """Set `key.sub=value` in a nested mapping; the value is YAML, components may be given by name."""
    key, equals, text = override.partition("=")
    path = key.strip().split(".")
    if not equals or not all(path):
        raise ValueError(f"override: expected key=value or key.sub=value, got '{override}'")
    try:
        formula = path[-1] == "dw" and not text.lstrip().startswith("{")  # {hidden: ..., output: ...} is a mapping
        value = text if formula else yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"override: '{text}' is not a YAML value for {key}") from error
    if path[0] not in Config.model_fields:
        raise ValueError(f"config: unknown key '{path[0]}'{suggest(path[0], Config.model_fields)}")
    default = Config.model_fields[path[0]].default
    if len(path) > 1 and isinstance(
        default, dict
    ):  # `search.popsize=8` where the file leaves the search to its default
        content.setdefault(path[0], default)
    place = content
    for part in path[:-1]:
        inside = place.get(part)
        if isinstance(inside, str):
            inside = _library_entry(inside) if part == "rule" else {"name": inside}
        if inside is None:
            inside = {}
        if not isinstance(inside, dict):
            raise ValueError(f"override: '{part}' in '{key}' has no keys below it")
        place[part] = dict(inside)
        place = place[part]
    place[path[-1]] = value
    if path == ["rule", "dw"]:  # what the file says of coefficients that the new formula lacks goes with the old one
        coefficients = content["rule"].get("coefficients") or {}
        content["rule"]["coefficients"] = {k: v for k, v in coefficients.items() if _occurs(k, text)}


def _occurs(name: str, text: str) -> bool:
    return name in "".join(c if c.isalnum() or c == "_" else " " for c in text).split()


def _library_entry(name: str) -> dict[str, Any]:
    from metalearn.config.library import entry

    return dict(entry(name))


def validate(content: dict[str, Any]) -> Config:
    """Check a mapping. Raises ValueError for the first mistake: key, what was expected, what was given, nearest name."""
    if "study" in content:
        raise ValueError("config: this is a study, not a search; run it with metalearn baldwin")
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise ValueError(_sentence(error.errors()[0])) from None


def _sentence(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"] if "[" not in str(part))  # pydantic adds the branch of a union
    if error["type"] == "extra_forbidden":
        section = _section(error["loc"][:-1])
        names = section.model_fields if section else ()
        return f"config: unknown key '{where}'{suggest(str(error['loc'][-1]), names)}; known here: {', '.join(names)}"
    if error["type"] == "missing":
        return f"config: key '{where}' is missing"
    message = error["msg"].removeprefix("Value error, ")
    choices = re.findall(r"'([^']*)'", error["ctx"]["expected"]) if error["type"] == "literal_error" else []
    near = suggest(str(error["input"]), choices)
    return f"config: {where}: {message[0].lower()}{message[1:]}, got {error['input']!r}{near}"[:400]


def _section(path: tuple[Any, ...]) -> type[BaseModel] | None:
    """The model that holds the keys below `path`."""
    model: Any = Config
    for part in path:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part) if isinstance(model, type) and issubclass(model, BaseModel) else None
        if field is None:
            return None
        model = next(
            (
                t
                for t in (field.annotation, *getattr(field.annotation, "__args__", ()))
                if isinstance(t, type) and issubclass(t, BaseModel)
            ),
            field.annotation,
        )
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None
