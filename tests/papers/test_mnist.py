"""Known rules at full size: ten epochs of MNIST through this engine (`pytest -m paper`; about a minute)."""

from __future__ import annotations

import pytest

from inner.rules.rule import Rule
from inner.tasks._download import DataMissing
from metalearn.build import Experiment
from metalearn.config.load import load
from outer.evidence.fresh_lives import live_fresh

pytestmark = pytest.mark.paper


@pytest.mark.parametrize(("name", "least"), [("mnist_backprop", 0.975), ("mnist_fa", 0.96)])
def test_test_accuracy_after_ten_epochs(name: str, least: float) -> None:
    """Backprop >= 97.5 %, feedback alignment >= 96 % (Lillicrap et al. 2016 report 97.6 and 97.9 % with 1000 units)."""
    config = load(name)
    rule = Rule.from_dict(config.rule if isinstance(config.rule, dict) else {"name": config.rule})
    try:
        setting = Experiment(config).setting(config.compare.main[0], config.compare.lifetimes)
    except DataMissing as missing:
        pytest.skip(str(missing))
    result = live_fresh(rule, rule.defaults, setting, config.seed, points=2)
    print(f"{name}: {result.scores.mean():.4f} of 10,000 test images, {len(result.scores)} lives")
    assert result.alive.all()
    assert result.scores.min() >= least
