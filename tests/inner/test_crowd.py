"""Lives in worlds that answer, in C: the eager engine's lives, choice by choice, and not a bit from the neighbours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
import torch

from inner.components import build
from inner.engines import choice
from inner.engines.crowd import engine as crowd
from inner.learners.local_rule import Learner
from inner.life import eager
from inner.life.request import Life
from inner.networks.mlp import Network
from inner.rules.rule import Rule
from inner.tasks.base import Task

LABELS = tuple(("crowd", n) for n in range(11))
B4 = {
    "dw": "action*(eta*(reward - prior) - decay*w) + (1 - action)*(lift - leak*w)",
    "coefficients": {name: {"init": v} for name, v in zip(("eta", "prior", "decay", "lift", "leak"), (3.0, 0.5, 0.1, 0.1, 0.05))},
}  # fmt: skip
REINFORCE = {"dw": "eta*surprise*pre*(action - policy)", "coefficients": {"eta": {"init": 0.8}}}
TRACED = {
    "dw": "eta*surprise*trace + 0.1*eta*tanh(early)*usual_before*slope",
    "traces": {
        "trace": "fade*trace + pre*(action - post/(1 + post**2))", "usual": "0.9*usual + 0.1*reward", "early": "0.5*early + pre",
    },
    "coefficients": {"eta": {"init": 0.3, "share": "layer"}, "fade": {"init": 0.6}},
}  # fmt: skip
WORLDS = [{"name": "bandit", "arms": 5, "switch": 13}, {"name": "restless_bandit", "arms": 3}, {"name": "dependent_bandit"}]


def life_of(task: dict[str, Any], rule: dict[str, Any], hidden: tuple[int, ...], bias: bool, population: int = 3) -> Life:
    learner = Learner(Rule.from_dict({**rule, "pathway": "none"}), Network(hidden=hidden, bias=bias, activation="tanh"))
    made = cast(Task, build("task", task))
    inits = [c.init for c in learner.coefficients for _ in range(len(hidden) + 1 if c.share == "layer" else 1)]
    theta = torch.tensor([inits], dtype=torch.float64) * torch.linspace(0.5, 1.5, population)[:, None].double()
    return Life(learner, made, made.experience("search", 40, 1, 0, LABELS), theta, 0, LABELS, (0, 7, 40))


@pytest.mark.parametrize(
    "task, rule, hidden, bias",
    [(WORLDS[0], B4, (), False), (WORLDS[1], REINFORCE, (), False), (WORLDS[2], TRACED, (6,), True)],
    ids=["b4", "reinforce", "traced"],
)
def test_lives_are_those_of_the_eager_engine(
    task: dict[str, Any], rule: dict[str, Any], hidden: tuple[int, ...], bias: bool
) -> None:
    """Same choices, so same scores, in nearly all lives (two preferences may be equal up to rounding); same weights there."""
    life = life_of(task, rule, hidden, bias)
    assert crowd.why_not(life) == ""
    with torch.no_grad():
        mine, other = choice.live(life), eager.live(life)
    same = (mine.curve == other.curve).all(-1)
    assert float(same.double().mean()) > 0.9 and torch.equal(mine.alive, other.alive)
    for a, b in zip(mine.state.weights, other.state.weights):
        assert torch.allclose(a[same.flatten()], b[same.flatten()], rtol=1e-3, atol=1e-4)
    born = life.learner.network.init(1, life.task.outputs, 0, LABELS)[-1]
    assert float((mine.state.weights[-1] - born.repeat(3, 1, 1)).abs().max()) > 0.1, "something was learned"


def test_a_life_depends_on_no_neighbour() -> None:
    """Not by a bit: on other candidates, lifetimes, and the place in a vector."""
    life = life_of(WORLDS[0], B4, (), False, 9)
    whole = crowd.live(life)
    for p in (0, 4, 8):
        one = crowd.live(replace(life, theta=life.theta[p : p + 1]))
        assert torch.equal(one.curve[0], whole.curve[p])
        assert all(torch.equal(a, b[p * 11 : p * 11 + 11]) for a, b in zip(one.state.weights, whole.state.weights))
    few = (LABELS[7], LABELS[2])
    data = life.task.experience("search", 40, 1, 0, few)
    assert torch.equal(crowd.live(replace(life, data=data, labels=few)).curve, whole.curve[:, [7, 2]])


def test_a_life_that_fails_scores_the_worst_and_spares_the_others() -> None:
    life = life_of(WORLDS[0], B4, (), False)
    ill = life.theta.clone()
    ill[1] = float("nan")
    found, healthy = crowd.live(replace(life, theta=ill)), crowd.live(life)
    assert not found.alive[1].any() and (found.score[1] == life.task.worst).all()
    assert torch.equal(found.curve[[0, 2]], healthy.curve[[0, 2]])
    assert torch.equal(found.score, eager.live(replace(life, theta=ill)).score)


@pytest.mark.parametrize(
    "rule, said",
    [
        ({"dw": "eta*surprise*noise*pre", "noise": 0.1}, "signal 'noise'"),
        ({"dw": "eta*reward*pre*post_sum"}, "signal 'post_sum'"),
        ({"dw": "eta*surprise*pre", "surprise": {"baseline": "clean"}}, "surprise"),
        ({"dw": "eta*reward*pre", "homeostasis": {"max_norm": 1.0}}, "homeostasis"),
        ({"dw": "eta*reward*pre", "coefficients": {"eta": {"init": 0.1, "share": "synapse"}}}, "per unit or synapse"),
    ],
)
def test_what_has_no_kernel_is_refused_in_words(rule: dict[str, Any], said: str) -> None:
    life = life_of(WORLDS[0], {"coefficients": {"eta": {"init": 0.1}}, **rule}, (), False)
    assert said in crowd.why_not(life)


@pytest.mark.parametrize(
    "task, batch, said", [("bandit", 1, ""), ("bandit", 2, "side by side"), ("acrobot", 1, "text in C"), ("cart_pole", 1, "")]
)
def test_the_choice_of_an_engine_knows_of_crowds(task: str, batch: int, said: str) -> None:
    made = cast(Task, build("task", task))
    life = Life(
        Learner(Rule.from_dict({"dw": "0.1*reward*pre", "pathway": "none"}), Network(hidden=())), made,
        made.experience("search", 4, batch, 0, LABELS), torch.zeros(1, 0), 0, LABELS,
    )  # fmt: skip
    engine, why = choice.choose("auto", life.learner, life.spec)
    assert engine == ("eager" if said else "native") and said in why and bool(why) == bool(said)
    if said:
        with pytest.raises(ValueError, match="engine: native cannot run this"):
            choice.live(life, "native")
