"""Yin-Yang (Kriener et al. 2021), 4-30-3: does a local rule assign credit to the hidden layer? (`pytest -m paper`; a minute)."""

from __future__ import annotations

import pytest

from inner.rules.rule import Rule
from metalearn.build import Experiment
from metalearn.config.load import load
from outer.evidence.fresh_lives import live_fresh

pytestmark = pytest.mark.paper


@pytest.mark.parametrize(
    "pathway, low, high",
    [
        ("backprop", 0.961, 0.991),  # the paper: 97.6 +- 1.5 % for this size
        ("random", 0.90, 1.0),
        ("direct", 0.90, 1.0),
        ("none", 0.0, 0.90),  # the hidden layer stays as it was born
    ],
)
def test_accuracy_after_80_epochs(pathway: str, low: float, high: float) -> None:
    """Mean over 10 seeds of 1,000 fresh points; learning rate 0.1, batches of 20 out of 5,000 points."""
    config = load("papers/yin_yang")
    setting = Experiment(config).setting(config.compare.main[0], 10)
    rule = Rule.from_dict({"dw": "eta*err*pre", "pathway": pathway, "coefficients": {"eta": {"init": 0.1}}})
    scores = live_fresh(rule, rule.defaults, setting, config.seed, points=2).scores
    print(f"yin-yang {pathway}: {scores.mean():.4f} +- {scores.std(ddof=1):.4f}")
    assert low <= scores.mean() <= high
