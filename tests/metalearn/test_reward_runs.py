"""A search from reward, start to end: regret against the actor that knows the world, and what differs between variants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from inner.components import build
from metalearn.cli import main
from metalearn.evidence.documents import Comparison
from metalearn.report import variants_report
from metalearn.store.run_store import RunStore

CELL = {"task": {"name": "bandit", "arms": 3}, "hidden": [], "steps": 20}
BANDITS: dict[str, Any] = {
    "task": {"name": "bandit", "arms": 3},
    "rule": {"dw": "action*(eta*reward - lift) + lift", "pathway": "none", "coefficients": {"eta": 1.0, "lift": {"init": 0.1}}},
    "network": {"hidden": []},
    "life": {"steps": 20},
    "search": {"name": "cma", "popsize": 4, "generations": 2},
    "lifetimes": 4,
    "shapes": 1,
    "engine": "eager",
    "evaluator": "serial",
    "selection": {"finalists": 2, "lifetimes": 4, "shapes": 1},
    "compare": {"baselines": ["ucb"], "random_search": False, "lifetimes": 5, "main": [CELL]},
    "variants": {"stay": {}, "switch": {"task": {"name": "bandit", "arms": 3, "switch": 5}}},
    "tracking": {"mode": "disabled"},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("reward")
    (place / "bandits.yaml").write_text(yaml.safe_dump(BANDITS), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("METALEARN_CACHE", str(place / "cache"))
        done = CliRunner().invoke(main, ["search", "bandits.yaml"])
    assert done.exit_code == 0, done.output
    return place / "runs" / "bandits"


def test_regret_is_what_the_one_who_knows_the_world_has_earned_more(run: Path) -> None:
    with RunStore.open(run / "stay", write=False) as store:
        comparison = Comparison.read(store.get("comparison"), "comparison")
    (cell,) = comparison.cells
    labels = [("compare", f"bandit (arms 3)/no hidden layer/{cell.steps}x1", n) for n in range(5)]
    pay = build("task", CELL["task"]).experience("final", 20, 1, 0, labels).pay  # type: ignore[attr-defined]
    assert cell.ceiling == pytest.approx(float(pay.amax(-1).double().mean()))
    for arm in cell.arms.values():
        assert arm.regret is not None and arm.regret.steps == tuple(range(21)) and arm.regret.mean[0] == 0
        assert arm.regret.mean[-1] == pytest.approx(20 * (cell.ceiling - np.mean(arm.scores)))
        assert arm.regret.low[-1] <= arm.regret.mean[-1] <= arm.regret.high[-1]


def test_the_page_shows_regret_and_reward_within_a_life(run: Path) -> None:
    text = (run / "stay" / "report.html").read_text(encoding="utf-8")
    assert "regret, summed" in text and "reward per step" in text and "who knows the world" in text


def test_the_page_of_all_variants_shows_which_numbers_flip(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "The same rule, evolved apart" in (run / "report.html").read_text(encoding="utf-8")
    values = {"stay": {"eta": 1.0, "lift": -0.2}, "switch": {"eta": 2.0, "lift": 0.3}}
    monkeypatch.setattr(variants_report, "_rule_of", lambda folder: {"values": values[folder.name]})
    text = variants_report._side_by_side(run, ["stay", "switch"])
    assert text.count("changes its sign") == 1 and text.index("lift") < text.index("changes its sign")
