"""Opponents tuned for each cell alone: their values, births and lifetimes, their row, and what is not said of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from rich.console import Console
from tiny import TINY

from metalearn.build import Experiment
from metalearn.cli import main
from metalearn.config import library
from metalearn.config.schema import validate
from metalearn.evidence.arms import Arm
from metalearn.evidence.documents import CellTuning, Comparison
from metalearn.evidence.per_cell import objective_in, wanted_of
from metalearn.report.headline import headline
from metalearn.report.tables import comparison_text
from metalearn.runs.search import SearchRun, check
from metalearn.store.run_store import RunStore
from outer.evaluators.serial import Evaluator
from outer.evidence.fresh_lives import live_fresh
from outer.evidence.setting_tuning import tune_setting
from outer.fitness.final import Fitness as Final

NAME = "backprop, tuned per cell"
CELLS = {
    "main": [{"task": {"name": "digits", "test": 40}, "hidden": [8], "steps": 20}],
    "transfer": [{"task": "wine", "hidden": [5, 5], "steps": 30}],
}
CONFIG = yaml.safe_load(TINY) | {
    "compare": yaml.safe_load(TINY)["compare"]
    | CELLS
    | {"per_cell": ["backprop", "hebb"], "births": ["gaussian", "orthogonal"]},
    "fitness": {"measure": "halvings", "reference": "backprop", "over": "below"},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "cells"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("METALEARN_CACHE", str(folder.parent / "cache"))
        SearchRun.create(validate(CONFIG), folder, Console(quiet=True), []).run()
    return folder


def stored(run: Path) -> Comparison:
    with RunStore.open(run, write=False) as store:
        return Comparison.read(store.get("comparison"), "comparison")


def test_each_cell_has_the_better_birth_and_lives_its_values_there(run: Path) -> None:
    experiment, comparison = Experiment(validate(CONFIG)), stored(run)
    arm = comparison.arms[NAME]
    assert list(comparison.arms) == ["evolved", "backprop", NAME, "hebb, tuned per cell"]
    assert list(arm.cells) == [cell.name for cell in comparison.cells]
    chosen = experiment.config.selection
    for cell, (_, spec) in zip(comparison.cells, experiment.cells, strict=True):
        found = {}
        for each in wanted_of(experiment):
            if each.name == "backprop" and each.cell == spec:
                judged = (experiment.baseline_search, chosen.finalists, chosen.lifetimes, experiment.plateau)
                found[each.birth] = tune_setting(objective_in(experiment, each), *judged, spec.title)
        best = max(found, key=lambda birth: found[birth].select_score)
        here = arm.cells[cell.name]
        assert (here.values, here.birth, here.select) == (found[best].values, best, found[best].select_score)
        assert here.lifetimes == sum(tuned.lifetimes for tuned in found.values())
        own = Arm.of(arm).at(cell.name)
        assert own is not None
        setting = own.setting(experiment, experiment.setting(spec, 3))
        assert cell.arms[NAME].scores == tuple(live_fresh(own.learner, own.values, setting, 0).scores.tolist())
    assert arm.cells[comparison.cells[0].name].values != arm.cells[comparison.cells[1].name].values
    assert arm.lifetimes == sum(cell.lifetimes for cell in arm.cells.values())


def test_it_is_tuned_by_its_score_alone() -> None:
    """Neither the run's reference and aggregate nor its measure: the table shows scores."""
    experiment = Experiment(validate(CONFIG))
    own = objective_in(experiment, wanted_of(experiment)[1])
    assert own.reference is None and experiment.objective.reference is not None
    assert own.fitness == Final() != experiment.objective.fitness
    (setting,) = own.settings(0)
    assert setting.hidden == (8,) and setting.steps == 20 and setting.network.birth == "orthogonal"  # type: ignore[attr-defined]
    with Evaluator() as evaluator:
        scores = evaluator.evaluate(own, own.genome.start()[None], [setting]).scores
    assert ((0 <= scores) & (scores <= 1)).all(), "accuracies, no halvings"


def test_an_arm_has_the_values_and_the_birth_of_its_cell() -> None:
    cells = {"a": CellTuning(values={"eta": 0.2}, birth="orthogonal"), "b": CellTuning(values={"eta": 0.3})}
    arm = Arm(library.learner("backprop"), {"eta": 0.03}, birth="gaussian", cells=cells)
    a, b = arm.at("a"), arm.at("b")
    assert a is not None and (a.values, a.birth, dict(a.cells)) == ({"eta": 0.2}, "orthogonal", {})
    assert b is not None and (b.values, b.birth) == ({"eta": 0.3}, "")
    assert arm.at("c") is None and replace(arm, cells={}).at("c") == replace(arm, cells={})


def test_tables_say_what_it_is(run: Path) -> None:
    comparison = stored(run)
    text = comparison_text(comparison)
    here = comparison.arms[NAME].cells[comparison.cells[0].name]
    assert f"{here.lifetimes:,} here" in text and "no comparison of equal budgets" in text
    assert here.birth in text
    page = (run / "report.html").read_text(encoding="utf-8")
    assert NAME in page and "no comparison of equal budgets" in page
    assert comparison.same_budget == ["evolved", "backprop"]


def test_the_headline_keeps_it_apart(run: Path) -> None:
    comparison = stored(run)
    said = headline(comparison)
    assert f"Against {NAME}, the strongest opponent, it is" in said
    assert said.count("tuned per cell") == 2, "a sentence of its own for each of the two, and nowhere else"
    without = comparison.model_copy(update={"arms": {k: v for k, v in comparison.arms.items() if not v.cells}})
    assert "strongest" not in headline(without)


def test_compare_goes_on_with_it_where_its_cells_are(run: Path, tmp_path: Path) -> None:
    again = json.loads(CliRunner().invoke(main, ["compare", str(run), "--json"]).stdout)
    found = Comparison.read(again, "x")
    assert [cell.arms[NAME].scores for cell in found.cells] == [cell.arms[NAME].scores for cell in stored(run).cells]
    other = tmp_path / "other.yaml"
    other.write_text(TINY.replace("hidden: [8], steps: 20", "hidden: [9], steps: 20"), encoding="utf-8")
    there = json.loads(CliRunner().invoke(main, ["compare", str(run), "--config", str(other), "--json"]).stdout)
    assert NAME not in Comparison.read(there, "x").cells[0].arms, "it was not tuned for this cell"


def test_a_name_that_is_not_there_is_refused() -> None:
    config = validate(CONFIG | {"compare": CONFIG["compare"] | {"per_cell": ["backprob"]}})
    with pytest.raises(ValueError, match="did you mean 'backprop'"):
        check(config)


def test_the_second_time_is_remembered(run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("METALEARN_CACHE", str(run.parent / "cache"))
    monkeypatch.setattr("outer.evidence.setting_tuning.tune_setting", None)
    monkeypatch.setattr("metalearn.evidence.per_cell.tune_setting", None)
    SearchRun.create(validate(CONFIG), tmp_path / "again", Console(quiet=True), []).run()
    assert stored(tmp_path / "again").arms[NAME] == stored(run).arms[NAME]
