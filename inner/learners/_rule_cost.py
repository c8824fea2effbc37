"""Price of a step of a local rule, from its formulas and the shapes of a network alone."""

from __future__ import annotations

from inner.learners._rule_state import RuleOnNetwork
from inner.learners.base import KEPT, Cost, Spec
from inner.rules.compiled import SidedTrace
from inner.rules.tape import Tape


def held(tape: Tape | None) -> int:
    """The most results that a tape which drops what it has used holds at a time; without one there are none."""
    now = most = 0
    for *_, dropped in tape.steps if tape is not None else ():
        most = max(most, now + 1)
        now += 1 - len(dropped)
    return most + (tape is not None)


def footprint_of(learner: RuleOnNetwork, spec: Spec) -> int:
    """Weights of one network, and what is computed synapse by synapse."""
    elementwise = any(update.rest is not None for update in learner.updates[0].values())
    # what is computed and read again at once should lie in the nearer cache
    return learner.network.synapses(spec.inputs, spec.outputs) * (1 + 4 * spec.batch if elementwise else 1)


def cost_of(learner: RuleOnNetwork, spec: Spec) -> Cost:
    """Forward pass, feedback, the formulas; weights, feedback weights, traces and coefficients per synapse are kept."""
    rule, network, pathway = learner.rule, learner.network, learner.pathway
    shapes = network.shapes(spec.inputs, spec.outputs)
    weights, largest = sum(i * o for i, o in shapes), max(i * o for i, o in shapes)
    sizes = network.sizes(spec.inputs, spec.outputs)
    units = sum(sizes)
    formulas, traces = learner.updates
    state, floats = float(weights), KEPT * (units - spec.inputs)
    state += pathway.floats(sizes)
    state += weights * sum(c.share == "synapse" for c in rule.coefficients)
    for _, update in traces:
        if isinstance(update, SidedTrace):
            floats += sum(update.width(i, o) for i, o in shapes)
        else:
            state += weights
            floats += weights / spec.batch  # the next value beside the last
    elementwise = max(held(update.rest) for update in formulas.values())
    matrices = 1 + max(len(update.others) for update in formulas.values())
    floats += largest * (matrices / spec.batch + elementwise)
    back = pathway.passes(sizes, spec.batch) if learner.hears else 0.0
    passes = 1.0 + back + learner.compares
    return Cost(passes, (passes + 1.0) * weights + weights * elementwise, floats, state)
