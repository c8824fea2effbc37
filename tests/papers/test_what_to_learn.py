"""Evolving what to learn (`pytest -m paper`; about five minutes): only what stays the same can move into the genome."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from metalearn.config.load import load
from metalearn.report.baldwin_report import read
from metalearn.runs.baldwin import BaldwinRun

pytestmark = pytest.mark.paper


def run(name: str, folder: Path, *overrides: str) -> dict[str, list[dict[str, Any]]]:
    BaldwinRun.create(load(name, ["evaluator=serial", *overrides]), folder, Console(quiet=True), [name]).run()
    return read(folder)[1]


def outcomes(entries: Any) -> dict[str, np.ndarray]:
    """Means on fresh lives of the final tier, one per seed."""
    return {key: np.array([e.outcome.means[key] for e in entries]) for key in entries[0].outcome.means}


def test_assimilation_with_fixed_classes_and_none_with_classes_renamed_in_every_life(tmp_path: Path) -> None:
    fixed = outcomes(run("papers/what_to_learn", tmp_path / "fixed")["baldwinian"])
    renamed = outcomes(run("papers/what_to_learn_reshuffled", tmp_path / "renamed")["baldwinian"])
    for name, found in (("fixed", fixed), ("renamed", renamed)):
        print(name, {key: f"{values.mean():.3f} +- {values.std(ddof=1):.3f}" for key, values in found.items()})
    assert (fixed["evolved/birth"] > 0.17).all(), "assimilation: the score at birth rises above chance"
    assert (np.abs(renamed["evolved/birth"] - 0.1) < 0.03).all(), "and stays there where classes are renamed"
    assert (fixed["evolved/bits"] < fixed["naive/bits"] - 0.3).all()
    assert (fixed["evolved/bits"] < renamed["evolved/bits"]).all()
    assert (renamed["evolved/adult"] > renamed["naive/adult"]).all(), "how to learn evolves in both"
