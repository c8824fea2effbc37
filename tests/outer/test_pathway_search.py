"""Options of pathways in the search's hands: coefficients like any other, with every rule and with descent; resumed bit for bit."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from inner.components import build, load, names
from inner.learners.base import Learner
from inner.learners.descent import Learner as Descent
from inner.learners.local_rule import Learner as LocalRule
from inner.pathways.base import Pathway
from inner.rules.rule import Rule
from outer.evaluators.serial import Evaluator
from outer.evolution import evolve
from outer.learner_objective import LearnerObjective
from outer.searches.base import Search
from outer.settings import Distribution

SHORT = Distribution({"name": "digits", "test": 40}, (2, 2), (5, 5), (4, 6), 4)
FREE: dict[str, Any] = {"local_loss": {"loss": "predsim"}, "synthetic": {"label": True}}


def free(name: str) -> dict[str, Any]:
    """The pathway with every rate a coefficient of its own."""
    rates = cast(type[Pathway], load("pathway", name)).rates
    return {"name": name, **FREE.get(name, {}), **{option: f"my_{option}" for option in rates}}


EAGER = [name for name in names("pathway") if not cast(type[Pathway], load("pathway", name)).native]  # others: any search


@pytest.mark.parametrize("by", ["rule", "adam"])
@pytest.mark.parametrize("name", EAGER)
def test_a_search_over_a_pathway_goes_on_bit_for_bit(name: str, by: str) -> None:
    """After one of two generations; what it moves are the numbers of the formula and of the pathway, from where these start."""
    pathway = free(name)
    rates = cast(type[Pathway], load("pathway", name)).rates
    learner: Learner = Descent(method="adam", pathway=pathway, values={"eta": 0.1})
    if by == "rule":
        learner = LocalRule(Rule.from_dict({"dw": "eta*(err*pre - 0.01*w) + b*post*pre", "pathway": pathway}))
    own = {f"my_{option}" for option in rates}
    assert own < {c.name for c in learner.coefficients}
    assert {c.name: c.init for c in learner.coefficients if c.name[:3] == "my_"} == {
        f"my_{option}": row.init for option, row in rates.items()
    }
    objective = LearnerObjective(learner, SHORT, 3, lifetimes=2, shapes=1)
    assert own <= set(objective.genome.names)
    search = cast(Search, build("search", {"name": "cma", "popsize": 4, "generations": 2}))
    with Evaluator() as evaluator:
        whole = list(evolve(objective, search, evaluator))
        rest = list(evolve(objective, search, evaluator, whole[:1]))
    assert len(rest) == 1 and rest[0].same_bits(whole[1])
    assert len(np.unique(whole[1].fitness)) > 1, "candidates differ in what they learn"


def test_a_number_may_serve_two() -> None:
    """The rate of the formula and that of a readout may be one coefficient; what is said of it in the rule holds."""
    pathway = {"name": "local_loss", "rate": "eta"}
    learner = LocalRule(Rule.from_dict({"dw": "eta*err*pre", "pathway": pathway, "coefficients": {"eta": 0.25}}))
    assert [(c.name, c.init, c.transform) for c in learner.coefficients] == [("eta", 0.25, "sinh")]
    assert Rule.from_dict(learner.rule.to_dict()) == learner.rule
    adam = Descent(method="adam", pathway={"name": "weight_mirror", "rate": "r"}, values={"r": {"init": 0.2, "fixed": True}})
    assert [(c.init, c.fixed, c.high) for c in adam.coefficients if c.name == "r"] == [(0.2, True, 1.0)]
    assert build("learner", adam.plain()) == adam


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"dw": "eta*err*pre", "traces": {"r": "pre"}}, "rule.pathway: expected a number or a coefficient, got 'r', which is"),
        ({"dw": "eta*err*pre", "coefficients": {"r": {"share": "layer"}}}, "rule.pathway: expected a coefficient with one value, 'r'"),
        ({"dw": "eta*err*pre", "coefficients": {"q": 1.0}}, "rule.coefficients: 'q' does not occur"),
    ],
)
def test_what_cannot_be_such_a_number_is_refused(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Rule.from_dict({**rule, "pathway": {"name": "weight_mirror", "rate": "r"}})
