"""Makes the objective of an experiment on inheritance: the genome of networks, and the lives they are born into."""

from __future__ import annotations

import math

from inner.networks.mlp import Network
from inner.rules.sharing import spread
from metalearn.build import Experiment
from metalearn.config.inheritance import GenomeConfig
from outer.genome.network import Genes, NetworkGenome
from outer.inheritance.kinds import Inheritance
from outer.inheritance.objective import InheritanceObjective


def genes_of(genome: GenomeConfig) -> Genes:
    """The segments of a genome that evolve, with their options."""
    return Genes(
        rule=genome.rule == "evolved",
        rates=genome.rates == "evolved",
        weights=genome.weights,
        plasticity=genome.plasticity == "evolved",
        wiring=genome.wiring == "evolved",
        length=genome.length == "evolved",
        scale=genome.scale,
        bound=math.inf if genome.bound is None else genome.bound,
        expression=genome.expression,
        hidden=genome.hidden,
        fit_steps=genome.fit_steps,
    )


def inheritance_objective(experiment: Experiment, seed: int, kind: str = "baldwinian") -> InheritanceObjective:
    """The objective of one arm at one seed. Raises ValueError for what cannot work."""
    config, rule = experiment.config, experiment.rule
    if spread(rule.coefficients):
        shared = next(c for c in rule.coefficients if c.share != "rule")
        raise ValueError(
            f"rule.coefficients.{shared.name}: share '{shared.share}' is for `metalearn search`; "
            "here the genome has rates per layer and plasticity per synapse (genome.rates, genome.plasticity)"
        )
    genome = config.genome
    if genome is None:
        raise ValueError("config: metalearn baldwin needs a 'genome' section, such as genome: {weights: direct}")
    distribution = experiment.distribution
    for name, (low, high) in (("network.depth", distribution.depth), ("network.width", distribution.width)):
        if distribution.hidden is None and low != high:
            raise ValueError(
                f"config: {name}: inherited weights need one network, expected a number, got {low} to {high}"
            )
    if distribution.steps[0] != distribution.steps[1]:
        raise ValueError(f"config: life.steps: expected one number, got {list(distribution.steps)}")
    widths = distribution.hidden
    hidden = widths if widths is not None else (distribution.width[0],) * distribution.depth[0]
    if experiment.tasks.varied:
        raise ValueError(f"config: task: inherited weights need one task without ranges, got {experiment.tasks.title}")
    network, task = experiment.network(hidden), experiment.task
    if not isinstance(network, Network):
        raise ValueError(
            f"config: network.name: expected 'mlp', the only one with a genome, got '{config.network.name}'"
        )
    own = NetworkGenome(rule, network, task.inputs, task.outputs, distribution.steps[0], genes_of(genome))
    if not own.size:
        raise ValueError(
            "config: genome: every segment is fixed and so is every coefficient: there is nothing to evolve"
        )
    given = config.inheritance
    return InheritanceObjective(
        own,
        distribution,
        seed,
        Inheritance(kind, given.cost),
        config.lifetimes,
        given.learning,
        given.threshold,
        engine=config.engine,
        device=experiment.device,
    )
