"""The experiment as a value: one YAML file, checked key by key, with a sentence on every field and "did you mean" on every slip."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from metalearn.config.claims import ClaimConfig
from metalearn.config.hints import sentence
from metalearn.config.inheritance import GenomeConfig, InheritanceConfig
from metalearn.config.sections import Component, Count, FloatRange, IntRange, Plain, Samples, Section, Tasks, named


class NetworkConfig(Section):
    """The inner network, or a range of networks: a component with options of its own beside the keys here."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    name: str = Field("mlp", description="a network, such as mlp; its options stand beside the keys here")
    depth: IntRange = Field((1, 1), description="hidden layers: a number, or [low, high] drawn per setting")
    width: IntRange = Field(
        (32, 32), description="units of each hidden layer: a number, [low, high], or {low: 12, high: 512, draw: log}"
    )
    hidden: tuple[Count, ...] | None = Field(None, description="exact widths such as [200]; replaces depth and width")

    @property
    def options(self) -> Plain:
        """The component: its name and the options that are the network's own."""
        return {"name": self.name, **(self.model_extra or {})}


class LifeConfig(Section):
    """One inner life."""

    steps: IntRange = Field(
        (300, 300),
        description="training steps: a number, [low, high] drawn per setting, or {low: 100, high: 2000, draw: log}",
    )
    batch: Samples = Field(1, description="samples per step: a number, [low, high], or {of: [1, 4, 16]}")
    scale: FloatRange | None = Field(
        None, description="input scale: a number, or [low, high] drawn log-evenly per setting"
    )
    power: FloatRange | None = Field(
        None,
        description="mean of sum x^2 over samples, to which inputs are scaled: a number, or [low, high], log-evenly",
    )
    noise: FloatRange | None = Field(
        None, description="Gaussian noise on inputs, in units of their root mean square: a number, or [low, high]"
    )
    label_noise: FloatRange | None = Field(
        None, description="share of training samples with a random label: a number, or [low, high]"
    )


class FitnessConfig(Section):
    """The fitness of a life."""

    measure: str | Plain = Field(
        "final",
        description="final, halvings (of the error), area, steps_to_threshold, prequential_bits, or {name: ..., option: ...}",
    )
    threshold: float = Field(0.8, description="the score that steps_to_threshold waits for")
    complexity: float = Field(0.0, ge=0, description="fitness lost per unit of sum |coefficient|")
    over: str | dict[str, float] = Field(
        "mean",
        description="aggregate over worlds: mean, median, worst_quarter, below (mean of min(0, score)), or a weighted "
        "sum such as {mean: 1, below: 2}",
    )
    reference: str | Plain | None = Field(
        None,
        description="scores are leads over this learner in the same world: a name or run, {rule: ..., values: ...} or "
        "{run: ..., arm: ...}",
    )

    @property
    def name(self) -> str:
        """The name of the measure."""
        return self.measure if isinstance(self.measure, str) else str(self.measure.get("name"))


class RacingConfig(Section):
    """Racing inside a generation: hopeless candidates stop early; the ranking of the others does not change."""

    at: float = Field(0.25, gt=0, lt=1, description="share of a life after which the hopeless stop")
    keep: float = Field(0.5, gt=0, lt=1, description="share of the candidates that live to the end")


class PlateauConfig(Section):
    """Searches end where their recommendation no longer gains: that of the rule and those of all baselines."""

    generations: Count = Field(10, ge=1, description="generations between two checks")
    lifetimes: Count = Field(128, ge=2, description="fresh lives of the recommendations of now and of an earlier check")
    back: Count = Field(3, ge=1, description="how many checks ago that was: gains are measured over so many")
    patience: Count = Field(2, ge=1, description="checks in a row without a significant gain that end a search")


class SelectionConfig(Section):
    """The choice of the winner: the finalists are scored again on fresh lives of the select tier."""

    finalists: Count = Field(8, ge=1, description="candidates that are scored again")
    lifetimes: Count = Field(24, ge=1, description="fresh lives of each finalist")
    shapes: Count = Field(8, ge=1, description="different settings among them")
    tolerance: float = Field(
        0.003, ge=0, description="mean score that pruning, or a simpler program, may give up in all"
    )


class CellConfig(Section):
    """One cell of a comparison: fresh lives on the final tier."""

    task: Component = Field(description="a task, such as digits or {name: mnist, size: 8}")
    hidden: tuple[Count, ...] = Field((32,), description="widths of the hidden layers")
    steps: Count = Field(300, ge=1, description="training steps")
    batch: Count = Field(1, ge=1, description="samples per step")

    @property
    def title(self) -> str:
        """The cell in words."""
        task, network = self.titles
        return f"{task}, {network}, {self.steps} steps" + (f" of {self.batch}" if self.batch > 1 else "")

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
    """The baselines and cells of the comparison with the winner."""

    baselines: tuple[str, ...] | Literal["all"] = Field(
        "all", description="names from the library of rules and learners, or all rules of rules.yaml"
    )
    births: tuple[str, ...] = Field(
        (),
        description="births of networks, such as orthogonal, that each baseline is tuned with; the better on the "
        "select tier is shown; default: the network's own birth",
    )
    per_cell: tuple[str, ...] = Field(
        (),
        description="names from the library that are tuned for each cell alone, on select-tier lives of that cell: the "
        "strongest opponents, with a row of their own",
    )
    tuned_at: Count | None = Field(
        None,
        description="the seed that baselines are tuned at, so that the searches of a sweep share them; default: the run's",
    )
    random_search: bool = Field(True, description="whether random search over the same rule is a baseline too")
    lifetimes: Count = Field(24, ge=2, description="fresh lives per cell, the same ones for every arm")
    cells: None = Field(None, description="a file with more cells (main: [...], transfer: [...]), read with the config")
    main: tuple[CellConfig, ...] = Field((), description="cells of the main table")
    transfer: tuple[CellConfig, ...] = Field((), description="cells far from what was searched, without further tuning")


class TrackingConfig(Section):
    """The Weights & Biases mirror of the run."""

    mode: Literal["offline", "online", "disabled"] = Field("offline", description="offline needs no account")
    project: str = Field("metalearn", description="the W&B project")


class Config(Section):
    """One experiment."""

    task: Tasks = Field(
        description="what is learned in a life: a name, {name: digits, option: ...}, or a list of these with weights; "
        "an option may be a range or a choice, drawn per setting"
    )
    rule: Plain | str | None = Field(
        None,
        description="the rule: {dw: formula, pathway: ..., ...}, or a name in the library; short for the learner local_rule",
    )
    learner: Component | None = Field(
        None, description="what learns, in place of a rule: a name, or {name: weight_perturbation, option: ...}"
    )
    network: Annotated[NetworkConfig, BeforeValidator(named)] = Field(
        NetworkConfig(), description="the inner network: a name, or {name: mlp, width: 32, ...}"
    )
    life: LifeConfig = Field(LifeConfig(), description="length of a life")
    search: Component = Field({"name": "cma"}, description="the outer search: a name, or {name: cma, popsize: 16}")
    lifetimes: Count = Field(6, ge=1, description="lives of each candidate per generation")
    shapes: Count = Field(2, ge=1, description="different settings (network, length, scale) among them")
    seed: Count = Field(0, ge=0, description="addresses every random draw of the run")
    fitness: FitnessConfig = Field(FitnessConfig(), description="what a life earns")
    racing: RacingConfig | None = Field(None, description="stop hopeless candidates early; off by default")
    plateau: PlateauConfig | None = Field(None, description="end every search that no longer gains; off by default")
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
    claims: tuple[ClaimConfig, ...] = Field((), description="what is claimed of the final cells before they are opened")
    tracking: TrackingConfig = Field(TrackingConfig(), description="the W&B mirror")

    variants: dict[str, Plain] = Field(
        {},
        description="several searches of this experiment, by name the keys that each changes: {random: {rule: {pathway: "
        "random}}, backprop: {rule: {pathway: backprop}}}",
    )

    @model_validator(mode="after")
    def _one_learner(self) -> Config:
        if (self.rule is None) == (self.learner is None):
            both = "both are given" if self.rule is not None else "neither is given"
            raise ValueError(f"expected either 'rule' or 'learner', {both}")
        return self

    @property
    def learner_spec(self) -> Plain:
        """The learner as a component; a rule is the learner local_rule."""
        return {"name": "local_rule", "rule": self.rule} if self.learner is None else self.learner

    def plain(self) -> Plain:
        """JSON types only; `Config.model_validate(config.plain()) == config`."""
        left_out = {"learner" if self.learner is None else "rule"} | (set() if self.variants else {"variants"})
        return self.model_dump(mode="json", exclude=left_out)


def validate(content: Plain) -> Config:
    """Check a mapping. Raises ValueError for the first mistake: key, what was expected, what was given, nearest name."""
    if "study" in content:
        raise ValueError("config: this is a study, not a search; run it with metalearn baldwin")
    if "learners" in content:
        raise ValueError("config: this is a league, not a search; run it with metalearn league")
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise ValueError(sentence(error.errors()[0], Config, "config")) from None
