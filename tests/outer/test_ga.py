"""Deep GA: seed lists rebuild weights bit for bit, and selection is what the paper says."""

from __future__ import annotations

import numpy as np
import pytest
from drive import advance, evaluation, sphere, start

from inner.components import build
from outer.searches.ga import rebuild


def test_seed_lists_rebuild_every_survivor_bit_for_bit() -> None:
    """After 60 generations, from the options, the origin, the seed and the list alone."""
    running = start("ga", 50, seed=7, decay=0.95)
    for _ in range(60):
        advance(running, sphere, 1)
        for individual in running.survivors:
            again = rebuild(running.options, np.ones(50), 7, individual.seeds)
            assert again.tobytes() == individual.vector.tobytes()
    longest = max(len(individual.seeds) for individual in running.survivors)
    assert longest > 10 and running.seeds() == running.survivors[0].seeds
    wrong = rebuild(running.options, np.ones(50), 8, running.seeds())
    assert wrong.tobytes() != running.recommendation().tobytes()


def test_selection_by_a_plain_loop() -> None:
    """Children come from the best `parents` by one mutation, elites are asked again, the champion wins on two generations."""
    running = start("ga", 5, popsize=12, parents=4, elites=3)
    previous: list[tuple[float, np.ndarray]] = []  # survivors as (rank in their generation, vector), champion first
    noise = np.random.Generator(np.random.Philox(0))
    for g in range(30):
        candidates = running.ask()
        fitness = sphere(candidates) + noise.standard_normal(12)
        ranks = [sum(other < f for other in fitness) for f in fitness]
        if g == 0:
            champion = ranks.index(max(ranks))
        else:
            for row in range(3):
                assert candidates[row].tobytes() == previous[row][1].tobytes()
            for child in candidates[3:]:  # one mutation of power 0.3 away from exactly one parent, most likely
                assert min(np.abs(child - parent).max() for _, parent in previous) < 0.3 * 5
            sums = [previous[row][0] + ranks[row] for row in range(3)]
            champion = sums.index(max(sums))
        others = sorted((row for row in range(12) if row != champion), key=lambda row: -ranks[row])
        previous = [(ranks[row], candidates[row].copy()) for row in [champion, *others[:3]]]
        running.tell(candidates, evaluation(fitness))
        assert running.recommendation().tobytes() == previous[0][1].tobytes()
        assert [s.vector.tobytes() for s in running.survivors] == [v.tobytes() for _, v in previous]


def test_children_have_parents_drawn_evenly() -> None:
    """900 children of 4 parents: 225 each, within 5 standard deviations."""
    running = start("ga", 3, popsize=902, parents=4, elites=2)
    running.tell(running.ask(), evaluation(np.arange(902.0)))
    counts = np.bincount(running._drawn(), minlength=4)
    assert counts.sum() == 900 and np.abs(counts - 225).max() < 5 * np.sqrt(900 * 3 / 16)


def test_mutation_power() -> None:
    """The first generation is spread by sigma0, children by sigma, and decay shrinks only the latter."""
    running = start("ga", 20_000, popsize=6, parents=2, elites=1, sigma=0.1, sigma0=0.5, decay=0.5)
    first = running.ask()
    assert abs((first - 1).std() - 0.5) < 0.01
    for power in (0.1, 0.05, 0.025):
        running.tell(running.ask(), evaluation(np.arange(6.0)))
        children = running.ask()[1:]
        steps = [min(np.std(child - s.vector) for s in running.survivors) for child in children]
        np.testing.assert_allclose(steps, power, rtol=0.05)


@pytest.mark.parametrize(
    "option, value", [("parents", 0), ("parents", 16), ("elites", 5), ("elites", 0), ("sigma", 0.0)]
)
def test_refuses(option: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"search.{option}: expected") as caught:
        build("search", {"name": "ga", option: value})
    assert "\n" not in str(caught.value)
