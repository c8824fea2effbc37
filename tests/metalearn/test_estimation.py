"""Which baselines are timed for all of them, and what a comparison of few arms says of many. No clock is judged here."""

from __future__ import annotations

import pytest

from metalearn.runs.estimate import SAMPLED, _representatives


@pytest.mark.parametrize(
    "searches, timed",
    [
        ([], []),
        (["a"], [0]),
        (["a", "a", "a"], [0, 1, 2]),
        (["b", "a", "a"], [0, 1, 2]),
    ],
)
def test_every_baseline_of_a_few_is_timed(searches: list[str], timed: list[int]) -> None:
    assert _representatives(searches) == timed


def test_of_many_baselines_neighbours_under_the_same_search_are_timed() -> None:
    searches = ["gradient"] * 20
    searches[3] = "random"
    found = _representatives(searches)
    assert len(set(found)) <= SAMPLED + 1 and found[3] == 3
    assert all(searches[j] == searches[at] for j, at in enumerate(found)), "a search is timed by one of its kind"
    assert all(abs(j - at) <= 4 for j, at in enumerate(found)), "they are sorted by size: neighbours are alike"
