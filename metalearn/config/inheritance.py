"""Sections of a config for the genome and for inheritance; and configs that hold a study."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationError

from inner.components import Plain
from metalearn.config.sections import Component, Count, Section

Kind = Literal["darwinian", "baldwinian", "lamarckian"]
Evolved = Literal["fixed", "evolved"]


class GenomeConfig(Section):
    """The segments of the genome: each evolves or is fixed, by one key."""

    rule: Evolved = Field("evolved", description="the rule's coefficients")
    rates: Evolved = Field("fixed", description="one factor on dw per layer")
    weights: Literal["random", "direct", "grown"] = Field(
        "random", description="initial weights: drawn anew in every life, a gene each, or written by a small network"
    )
    plasticity: Evolved = Field("fixed", description="which synapses learn (fixed: all)")
    wiring: Evolved = Field("fixed", description="which synapses exist (fixed: all)")
    length: Evolved = Field("fixed", description="steps of learning, at most life.steps (fixed: all)")
    scale: float = Field(1.0, gt=0, description="direct: a weight per unit of gene, in units of gain / sqrt(inputs)")
    bound: float | None = Field(None, gt=0, description="direct: genes stay within -bound .. bound")
    expression: Count = Field(6, ge=1, description="grown: numbers that describe a unit")
    hidden: Count = Field(8, ge=1, description="grown: hidden units of the shared network")
    fit_steps: Count = Field(30, ge=1, description="grown: steps of fitting learned weights back (lamarckian)")


class InheritanceConfig(Section):
    """Arms of the experiment, and the price of learning."""

    arms: tuple[Kind, ...] = Field(("darwinian", "baldwinian", "lamarckian"), min_length=1, description="what is run")
    seeds: Count = Field(3, ge=1, description="repetitions; each has its own lives, shared by the arms")
    learning: bool = Field(True, description="without it every life ends at birth")
    cost: float = Field(0.0, ge=0, description="fitness lost per step of learning")
    threshold: float = Field(0.7, description="the score that steps_to_threshold waits for")
    lifetimes: Count = Field(24, ge=2, description="fresh lives of the final tier that the outcome is measured on")


class StudyConfig(Section):
    """An experiment that is not a search over networks: a study by name, with its options."""

    study: Component = Field(description="a study, such as hinton_nowlan or {name: needle, runs: 20}")
    seed: Count = Field(0, ge=0, description="addresses every random draw")

    def plain(self) -> Plain:
        """JSON types only."""
        return self.model_dump(mode="json")


def validate_study(content: Plain) -> StudyConfig:
    """Check the mapping of a study. Raises ValueError in one line."""
    try:
        return StudyConfig.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        known = ", ".join(StudyConfig.model_fields)
        raise ValueError(f"config: {where}: {first['msg'].lower()}; a study's config has: {known}") from None
