"""Weights that evolve without any learning: the genome of a network under a rule whose only coefficient is fixed at 0."""

from __future__ import annotations

from typing import Any, cast

from inner.components import build
from inner.networks.mlp import Network
from inner.rules.rule import Rule
from inner.tasks.base import Task
from outer.fitness.base import fitness_of
from outer.genome.network import Genes, NetworkGenome
from outer.learner_objective import LearnerObjective
from outer.settings import Distribution

STILL = Rule.from_dict(
    {"dw": "eta*err*pre", "pathway": "backprop", "coefficients": {"eta": {"init": 0.0, "fixed": True}}}
)


def evolved_weights(
    task: dict[str, Any],
    hidden: tuple[int, ...],
    seed: int,
    batch: int = 1,
    measure: str = "final",
    bias: bool = False,
    origin_seed: int | None = None,
) -> LearnerObjective:
    """Candidates are raw weights, scored as born in one life of one step.

    measure: `final` scores them on the life's test samples, `prequential_bits` by the log-likelihood of the `batch`
    samples that the step shows.
    """
    made, network = cast(Task, build("task", task)), Network(hidden=hidden, bias=bias)
    genes = Genes(rule=False, weights="direct", per_input=False)
    genome = NetworkGenome(STILL, network, made.inputs, made.outputs, 1, genes, origin_seed)
    distribution = Distribution(task, steps=(1, 1), batch=batch, hidden=hidden, network={"bias": bias})
    return LearnerObjective(STILL, distribution, seed, 1, 1, fitness_of(measure), born=genome)
