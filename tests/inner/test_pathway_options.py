"""Options of a pathway: written in the rule, kept in its dictionary, used by every engine, refused by name."""

from __future__ import annotations

import pytest
import torch

from inner.components import build
from inner.engines.choice import choose, live
from inner.learners.local_rule import Learner
from inner.life.request import Life, Result
from inner.networks.mlp import Network
from inner.rules.rule import Rule

LABELS = (("options", 0), ("options", 1))


def rule(decay: float | None) -> Rule:
    pathway = "learned" if decay is None else {"name": "learned", "decay": decay}
    return Rule.from_dict({"dw": "eta*err*pre", "pathway": pathway})


def lived(decay: float | None, engine: str) -> Result:
    learner, task = Learner(rule(decay), Network(hidden=(6, 5))), build("task", "digits")
    data = task.life_data("search", 40, 3, 0, LABELS)  # type: ignore[attr-defined]
    with torch.no_grad():
        return live(Life(learner, task, data, torch.tensor([[0.05], [0.1]]), 0, LABELS), engine)  # type: ignore[arg-type]


def test_an_option_is_part_of_the_rule() -> None:
    found = rule(0.01)
    assert found.pathway == "learned" and found.to_dict()["pathway"] == {"name": "learned", "decay": 0.01}
    assert Rule.from_dict(found.to_dict()) == found != rule(None) and rule(None).to_dict()["pathway"] == "learned"
    assert Learner(found).pathway == build("pathway", {"name": "learned", "decay": 0.01})


@pytest.mark.parametrize("engine", ["eager", "native"])
def test_an_option_changes_the_life_on_every_engine(engine: str) -> None:
    if engine == "native" and choose("auto", Learner(rule(None)), Life(
        Learner(rule(None)), build("task", "digits"), build("task", "digits").life_data("search", 1, 1, 0, LABELS),  # type: ignore
        torch.zeros(1, 1), 0, LABELS,
    ).spec)[0] != "native":  # fmt: skip
        pytest.skip("no compiler here")
    usual, same, strong = (lived(decay, engine).state.weights[0] for decay in (None, 0.001, 0.05))
    assert torch.equal(usual, same), "0.001 is the default"
    assert float(strong.abs().mean()) < 0.7 * float(usual.abs().mean()), "weights decay"
    torch.testing.assert_close(strong, lived(0.05, "eager").state.weights[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "pathway, message",
    [
        ({"name": "learned", "dekay": 0.1}, "pathway.dekay: 'learned' has no such option .did you mean 'decay'"),
        ({"name": "learned", "decay": 2}, "pathway.decay: expected 0 <= decay < 1, got 2"),
        ({"name": "random", "decay": 0.1}, "pathway.decay: 'random' has no such option; options: none"),
        ({"nam": "learned"}, "rule.pathway: expected a name or {name: ..., option: ...}, got"),
        ({"name": "lerned", "decay": 0.1}, "pathway: unknown name 'lerned' .did you mean 'learned'"),
    ],
)
def test_a_wrong_option_is_one_line(pathway: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        Rule.from_dict({"dw": "eta*err*pre", "pathway": pathway})
    assert "\n" not in str(raised.value)
