"""Genomic bottleneck (Shuvaev et al. 2024) on MNIST (`pytest -m paper`; about five minutes): innate accuracy at >= 100x."""

from __future__ import annotations

import pytest

from inner.tasks._download import DataMissing
from metalearn.config.load import load_any
from metalearn.makers import make_study as make
from outer.studies.bottleneck import SCHEMES

pytestmark = pytest.mark.paper


@pytest.mark.parametrize("scheme", SCHEMES)
def test_innate_accuracy_from_a_hundredth_of_the_size(scheme: str) -> None:
    overrides = [f"study.schemes=[{scheme}]", "study.widths=[[30, 10]]"]
    study = make(load_any("papers/genomic_bottleneck", overrides))
    try:
        found = {part: study.run(part, 0, lambda done, total: None) for part in study.parts()}
    except DataMissing as missing:
        pytest.skip(str(missing))
    print(study.summary(found).headline)
    (result,) = found.values()
    assert result["synapses"] / result["genes"] >= 100
    assert result["innate"] > 0.85
    assert result["shuffled"] < 0.2
    assert result["born"]["curve"][1] > result["random"]["curve"][1], (
        "after ten steps of learning the born network is ahead"
    )
