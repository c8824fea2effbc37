"""The config of a league: learners, data sets, depths and lengths of life, and the one search and budget that tune them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from inner.components import Plain, check_name, names, suggest
from inner.printable import short
from metalearn.config import library
from metalearn.config.files import find, read_yaml, yaml_value
from metalearn.config.hints import sentence
from metalearn.config.override import parted, place_of
from metalearn.config.schema import Config, PlateauConfig, SelectionConfig, TrackingConfig, validate
from metalearn.config.sections import Component, Count, Section

LEARNERS = "learners"  # the key that makes a config a league


def _listed(value: Any) -> Any:
    """A single value stands for a list of one."""
    return value if isinstance(value, list | tuple) else [value]


def _learners(value: Any) -> Any:
    if value == "all":
        return value
    for entry in value if isinstance(value, list | tuple) else [value]:
        if not isinstance(entry, str) and not (isinstance(entry, dict) and isinstance(entry.get("name"), str)):
            raise ValueError("expected a list of names and {name: ..., option: ...}, or all")
    return value


class LeagueConfig(Section):
    """One league."""

    learners: Annotated[Literal["all"] | tuple[str | Plain, ...], BeforeValidator(_learners)] = Field(
        description="what competes: learners, rules and pathways by name, {name: weight_perturbation, sides: 2}, or all"
    )
    tasks: Annotated[tuple[Component, ...], BeforeValidator(_listed)] = Field(
        min_length=1, description="data sets, such as [digits, {name: mnist, size: 8}]"
    )
    depths: Annotated[tuple[Count, ...], BeforeValidator(_listed)] = Field((1,), description="hidden layers")
    passes: Annotated[tuple[Count, ...], BeforeValidator(_listed)] = Field(
        (2000,),
        description="lengths of life in passes: a pass is a minibatch once through the network, forward or back; a learner "
        "with k passes a step has 1/k as many steps",
    )
    batch: Count = Field(32, ge=1, description="samples of a minibatch")
    width: Count = Field(32, ge=1, description="units of each hidden layer")
    network: Component = Field({"name": "mlp"}, description="the network and its options, hidden layers apart")
    births: tuple[str, ...] = Field(
        (), description="births of networks that every learner is tuned with, each by the whole search; the better on select"
    )
    search: Component = Field({"name": "cma"}, description="the one search that tunes every learner")
    lifetimes: Count = Field(4, ge=1, description="lives of each candidate per generation, shared out among cells")
    selection: SelectionConfig = Field(SelectionConfig(), description="how tuned values are chosen")
    plateau: PlateauConfig | None = Field(None, description="end every search that no longer gains; off by default")
    fresh: Count = Field(24, ge=2, description="fresh lives of the final tier in every cell, the same for all learners")
    threshold: float = Field(
        0.8, gt=0, le=1, description="of the costs to a threshold: this share of the way from chance to a perfect score"
    )
    memory: Annotated[tuple[Count, ...], BeforeValidator(_listed)] = Field(
        (1, 2, 4, 8, 16, 32), description="depths at which the peak memory of a step is counted"
    )
    seed: Count = Field(0, ge=0, description="addresses every random draw")
    evaluator: Component = Field({"name": "auto"}, description="auto, serial or {name: processes, workers: 2}")
    engine: Literal["auto", "native", "eager"] = Field("auto", description="native where a learner has it, or one for all")
    device: Literal["cpu", "cuda", "auto"] = Field("cpu", description="where lives run")
    tracking: TrackingConfig = Field(TrackingConfig(), description="the W&B mirror")

    def plain(self) -> Plain:
        """JSON types only."""
        return self.model_dump(mode="json")

    @property
    def cells(self) -> int:
        """Data sets times depths times lengths of life."""
        return len(self.tasks) * len(self.depths) * len(self.passes)

    def experiment(self) -> Config:
        """The part of it that is an experiment like others: network, search, budget, seed."""
        shared = {key: self.plain()[key] for key in SHARED}
        options = {k: v for k, v in self.network.items() if k != "name"}
        network = {"name": self.network["name"], **options, "width": self.width, "depth": self.depths[0]}
        return validate(
            shared
            | {
                "task": list(self.tasks),
                "rule": {"dw": "0*w"},  # a place that no learner takes
                "network": network,
                "life": {"steps": max(self.passes), "batch": self.batch},
                "shapes": self.cells,
                "compare": {"baselines": [], "births": list(self.births), "lifetimes": self.fresh},
            }
        )


SHARED = (
    "search", "lifetimes", "selection", "plateau", "seed", "evaluator", "engine", "device", "tracking",
)  # fmt: skip


def check_entrant(name: str) -> None:
    """Raise ValueError, with the nearest valid name, for what is no rule, learner or pathway, and no module of the user's."""
    known = [*library.named(), *library.learners(), *names("pathway")]
    if name not in known and "." not in name:
        raise ValueError(
            f"league: no rule, learner or pathway named '{name[:60]}'{suggest(name, known)}; known: {', '.join(dict.fromkeys(known))}"
        )


def validate_league(content: Plain) -> LeagueConfig:
    """Check a mapping. Raises ValueError for the first mistake, in one line."""
    try:
        found = LeagueConfig.model_validate(content)
    except ValidationError as error:
        raise ValueError(sentence(error.errors()[0], LeagueConfig, "league")) from None
    for key in ("depths", "passes", "memory"):
        numbers = getattr(found, key)
        least = 0 if key == "depths" else 1
        if not numbers or min(numbers) < least or len(set(numbers)) != len(numbers):
            raise ValueError(f"league: {key}: expected numbers >= {least}, each once, got {short(list(numbers))}")
    for task in found.tasks:
        check_name("task", task["name"])
    for kind, spec in (("network", found.network), ("search", found.search)):
        check_name(kind, str(spec.get("name")))
    for entrant in () if found.learners == "all" else found.learners:
        if isinstance(entrant, str):
            check_entrant(entrant)
    return found


def load_league(name: str, overrides: Sequence[str] = ()) -> LeagueConfig:
    """A league by path or name with `key.sub=value` overrides. Raises ValueError in one line."""
    content = read_yaml(find(name))
    if LEARNERS not in content:
        raise ValueError(f"league: '{name}' is no league: it has no '{LEARNERS}'; try metalearn league league")
    for override in overrides:
        key, path, text = parted(override)
        place_of(content, path, key)[path[-1]] = yaml_value(text, f"override: {key[:60]}:")
    return validate_league(content)
