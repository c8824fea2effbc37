"""`plateau` in a config: the rule and its baselines end by the same rule, and tables say what was offered and spent."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from rich.console import Console
from tiny import TINY

from metalearn.config.schema import Config, validate
from metalearn.evidence.arms import Arm
from metalearn.evidence.documents import ArmDocument, Comparison
from metalearn.report.tables import comparison_text, lifetimes
from metalearn.runs.baldwin import check
from metalearn.runs.search import SearchRun
from metalearn.store.run_store import RunStore

PLATEAU = {"generations": 1, "lifetimes": 8, "back": 1, "patience": 1}


def tiny(generations: int = 5, plateau: object = PLATEAU) -> Config:
    search = {"name": "cma", "popsize": 4, "generations": generations, "sigma0": 1e-6}  # nothing to gain
    return validate(yaml.safe_load(TINY) | {"search": search, "plateau": plateau})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run in which every arm has ended at its first check."""
    folder = tmp_path_factory.mktemp("runs") / "short"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("METALEARN_CACHE", str(folder.parent / "cache"))  # baselines are tuned here and now
        SearchRun.create(tiny(), folder, Console(quiet=True), []).run()
    return folder


def test_every_arm_ends_and_says_what_it_was_offered(finished: Path) -> None:
    with RunStore.open(finished, write=False) as store:
        comparison = Comparison.read(store.get("comparison"), "comparison")
        assert store.count == 1
    spent, offered = 4 * 2 * 1 + 2 * 8, 4 * 2 * 5 + 4 * 2 * 8
    for arm in comparison.arms.values():
        assert (arm.lifetimes, arm.offered) == (spent, offered)
        assert Arm.of(arm).document() == arm
    assert f"{spent} of {offered}" in comparison_text(comparison)
    assert "lifetimes spent, of those offered" in comparison_text(comparison)
    page = (finished / "report.html").read_text(encoding="utf-8")
    assert f"{spent} of {offered}" in page and "lifetimes spent, of those offered" in page


def test_a_table_says_both_where_an_arm_has_stopped() -> None:
    assert lifetimes(ArmDocument(lifetimes=12_000, offered=29_440)) == "12,000 of 29,440"
    assert lifetimes(ArmDocument(lifetimes=29_440, offered=29_440)) == "29,440"
    assert lifetimes(ArmDocument(lifetimes=29_440)) == "29,440", "a document of before"
    assert lifetimes(ArmDocument()) == ""


def test_without_it_every_generation_is_lived(tmp_path: Path) -> None:
    SearchRun.create(tiny(2, None), tmp_path / "whole", Console(quiet=True), []).run()
    with RunStore.open(tmp_path / "whole", write=False) as store:
        assert store.count == 2
        arms = Comparison.read(store.get("comparison"), "comparison").arms
    assert all(arm.lifetimes == arm.offered == 4 * 2 * 2 for arm in arms.values())


def test_experiments_on_inheritance_refuse_it() -> None:
    config = validate(yaml.safe_load(TINY) | {"plateau": PLATEAU, "genome": {"weights": "direct"}})
    with pytest.raises(ValueError, match="plateau: experiments on inheritance"):
        check(config)
