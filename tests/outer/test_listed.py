"""A distribution over listed settings, and the peak memory of a step."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch

from inner.criteria import CLASSES
from inner.learners.base import Spec
from inner.learners.forward_gradient import Learner as Forward
from inner.learners.local_rule import Learner as LocalRule
from inner.networks.mlp import Network
from inner.rules.coefficient import Coefficient
from inner.rules.rule import Rule
from inner.tasks.digits import Task
from outer.evidence.peak_memory import Peak, bytes_of_a_step, peak
from outer.listed import Listed
from outer.settings import Setting

PLACES = tuple(Setting(Task(), Network((4,) * depth), 10 * depth, 2, ()) for depth in (1, 2, 3))
LISTED = Listed(task="digits", places=PLACES)  # type: ignore[arg-type]


def test_lives_are_shared_out_evenly() -> None:
    """All places where there are lives for each, every label once, the same for the same address."""
    found = LISTED.settings("select", 0, ("a", 1), 7, 3)
    assert [len(setting.labels) for setting in found] == [3, 2, 2] and all(setting.tier == "select" for setting in found)
    assert sorted(label for setting in found for label in setting.labels) == [("select", "a", 1, n) for n in range(7)]
    assert found == LISTED.settings("select", 0, ("a", 1), 7, 99)
    assert [replace(setting, labels=(), tier="search") for setting in found] == list(PLACES)


def test_fewer_lives_than_places_draw_places_anew() -> None:
    """Every generation has its own, all equally often; a place's steps have no part in it."""
    drawn = Counter(s.steps for g in range(600) for s in LISTED.settings("search", 0, (g,), 2, 3))
    assert set(drawn) == {10, 20, 30} and all(abs(count - 400) < 60 for count in drawn.values())
    longer = replace(LISTED, places=tuple(replace(place, steps=99) for place in PLACES))
    one, other = LISTED.settings("search", 0, (3,), 2, 3), longer.settings("search", 0, (3,), 2, 3)
    assert [s.network for s in one] == [s.network for s in other] and [s.labels for s in one] == [s.labels for s in other]


def test_a_value_per_synapse_needs_one_shape() -> None:
    each = Coefficient("eta", 0.1, share="synapse")
    with pytest.raises(ValueError, match="coefficients.eta: share 'synapse' needs networks of one shape, got several"):
        LISTED.counts([each])
    assert replace(LISTED, places=PLACES[:1]).counts([each]) == (64 * 4 + 4 * 10,)
    assert LISTED.counts([Coefficient("eta", 0.1)]) == (1,) and LISTED.shape() is None


def test_peak_counts_what_lives_at_once() -> None:
    """Two vectors of 400 bytes at a time, whatever the number of steps; views cost nothing."""
    start = torch.ones(100)

    def run() -> torch.Tensor:
        x = start
        for _ in range(10):
            x = x + 1
        return x.view(10, 10)

    assert peak(run) == 800
    with Peak() as mode:
        kept = torch.zeros(100)
    assert mode.now == 400
    del kept
    assert mode.now == 0


def test_memory_of_a_step_by_depth() -> None:
    """Backpropagation keeps every layer's activity, forward gradients only two layers beside weights and directions."""
    rule = Rule.from_dict({"dw": "eta*err*pre", "pathway": "backprop", "coefficients": {"eta": {"init": 0.01}}})
    spec, batch = Spec(16, 10, CLASSES, 1, 2048, False), 2048

    def per_layer(make: object) -> float:
        shallow, deep = (bytes_of_a_step(make(Network((16,) * depth)), spec) for depth in (2, 10))  # type: ignore[operator]
        return (deep - shallow) / 8 / (4 * batch * 16)

    assert 1.5 < per_layer(lambda network: LocalRule(rule, network)) < 8 and per_layer(Forward) < 0.2
