"""The battery that every search must pass, and one update of CMA-ES against pycma's plain reference implementation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from inner.components import build, names
from inner.random import stream
from outer.objective import Evaluation
from outer.searches.base import Running

SEARCHES = names("search")
RANK_BASED = ("cma", "es")
Function = Callable[[np.ndarray], np.ndarray]  # [P, D] -> [P], higher is better


def sphere(x: np.ndarray) -> np.ndarray:
    return -np.square(x).sum(1)


def ellipsoid(x: np.ndarray) -> np.ndarray:
    """Condition number 1e6."""
    scales = 10.0 ** (6 * np.arange(x.shape[1]) / max(x.shape[1] - 1, 1))
    return -(np.square(x) * scales).sum(1)


def evaluation(fitness: np.ndarray) -> Evaluation:
    return Evaluation(fitness, fitness[:, None], np.ones((len(fitness), 1), dtype=bool))


def start(name: str, size: int = 10, seed: int = 0, **options: object) -> Running:
    return build("search", {"name": name, **options}).start(np.ones(size), seed)


def advance(running: Running, function: Function, generations: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Run; the history of (candidates, fitness)."""
    history = []
    for _ in range(generations):
        candidates = running.ask()
        fitness = function(candidates)
        running.tell(candidates, evaluation(fitness))
        history.append((candidates, fitness))
    return history


# search -> (generations of 16, fitness of the favourite to reach on the sphere, on the ellipsoid); start: -10, -1.3e6
BUDGETS = {"cma": (400, -1e-9, -1e-9), "es": (400, -0.05, -1e4)}


@pytest.mark.parametrize("function", [sphere, ellipsoid])
@pytest.mark.parametrize("name", SEARCHES)
def test_optimises(name: str, function: Function) -> None:
    """Ten dimensions within a stated budget; a search without a budget in the table must at least improve."""
    origin = float(function(np.ones((1, 10)))[0])
    generations, *goals = BUDGETS.get(name, (60, 0.9 * -10.0, 0.9 * origin))
    running = start(name)
    history = advance(running, function, generations)
    reached = float(function(running.favourite()[None])[0])
    assert reached >= goals[function is ellipsoid], f"reached {reached}"
    if name not in BUDGETS:
        assert reached == max(float(f.max()) for _, f in history)


@pytest.mark.parametrize("name", SEARCHES)
def test_shapes_and_kinds(name: str) -> None:
    search = build("search", {"name": name, "popsize": 6, "generations": 3})
    assert (search.popsize, search.generations) == (6, 3)
    running = search.start(np.arange(4.0), 0)
    candidates = running.ask()
    assert candidates.shape == (6, 4) and candidates.dtype == np.float64
    assert len(np.unique(candidates, axis=0)) == 6
    running.tell(candidates, evaluation(sphere(candidates)))
    assert running.favourite().shape == (4,) and running.favourite().dtype == np.float64
    assert all(isinstance(v, float) and np.isfinite(v) for v in (*running.metrics().values(), *running.stop().values()))


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("option, value", [("popsize", 0), ("generations", 0), ("popsize", -4)])
def test_refuses_options_that_cannot_work(name: str, option: str, value: int) -> None:
    with pytest.raises(ValueError, match=option) as caught:
        build("search", {"name": name, option: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", SEARCHES)
def test_same_seed_same_bits_and_no_global_generator(name: str) -> None:
    before = repr(np.random.get_state())  # noqa: NPY002  (reads the global generator to see that nobody moved it)
    one = advance(start(name, seed=3), ellipsoid, 8)
    two = advance(start(name, seed=3), ellipsoid, 8)
    other = advance(start(name, seed=4), ellipsoid, 8)
    assert repr(np.random.get_state()) == before  # noqa: NPY002
    for (x, _), (y, _), (z, _) in zip(one, two, other):
        assert x.tobytes() == y.tobytes() and not (x == z).any()
    assert (one[0][0] != one[1][0]).all(1).any(), "generations draw different numbers"  # parents may live on


@pytest.mark.parametrize("name", SEARCHES)
def test_two_searches_do_not_disturb_each_other(name: str) -> None:
    alone = advance(start(name, seed=3), sphere, 4)
    left, right = start(name, seed=3), start(name, seed=5)
    for x, _ in alone:
        asked = left.ask()
        advance(right, ellipsoid, 1)
        assert asked.tobytes() == x.tobytes()
        left.tell(asked, evaluation(sphere(asked)))


@pytest.mark.parametrize("name", SEARCHES)
def test_tell_does_not_change_its_arguments(name: str) -> None:
    running, origin = start(name), np.ones(10)
    origin.setflags(write=False)
    running = build("search", name).start(origin, 0)
    for _ in range(4):
        candidates = running.ask()
        told = evaluation(sphere(candidates))
        kept = candidates.tobytes(), told.fitness.tobytes()
        for array in (candidates, told.fitness, told.scores, told.alive):
            array.setflags(write=False)
        running.tell(candidates, told)
        running.favourite()[:] = np.nan  # what is handed out is the caller's own
        running.ask()[:] = np.nan if name == "random" else 0.0
        assert (candidates.tobytes(), told.fitness.tobytes()) == kept
    assert np.isfinite(running.favourite()).all()


@pytest.mark.parametrize("name", SEARCHES)
def test_replay_of_the_history_is_the_same_search(name: str) -> None:
    first = start(name, seed=2)
    history = advance(first, ellipsoid, 12)
    second = start(name, seed=2)
    for candidates, fitness in history:
        assert second.ask().tobytes() == candidates.tobytes()
        second.tell(candidates.copy(), evaluation(fitness.copy()))
    assert second.favourite().tobytes() == first.favourite().tobytes()
    assert second.metrics() == first.metrics()
    assert second.ask().tobytes() == first.ask().tobytes()


@pytest.mark.parametrize("name", SEARCHES)
def test_flat_fitness_is_survived(name: str) -> None:
    running = start(name)
    history = advance(running, lambda x: np.zeros(len(x)), 60)
    assert all(np.isfinite(x).all() and np.abs(x).max() < 1e12 for x, _ in history)
    assert np.isfinite(running.favourite()).all() and not running.stop()
    advance(running, sphere, 5)
    assert np.isfinite(running.favourite()).all()


@pytest.mark.parametrize("name", SEARCHES)
def test_failures_with_a_very_low_fitness_are_survived(name: str) -> None:
    """Half of each generation earns -1e9, as candidates do whose fitness is not finite."""
    running = start(name)
    start_value = float(sphere(np.ones((1, 10)))[0])
    advance(running, lambda x: np.where(x[:, 0] > 0.5, sphere(x), -1e9), 150)
    assert np.isfinite(running.favourite()).all()
    assert float(sphere(running.favourite()[None])[0]) > start_value


@pytest.mark.parametrize("name", SEARCHES)
def test_one_dimension(name: str) -> None:
    running = start(name, size=1)
    history = advance(running, lambda x: -np.square(x[:, 0] - 0.3), 100)
    assert all(x.shape == (running.ask().shape[0], 1) for x, _ in history[:1])
    assert abs(float(running.favourite()[0]) - 0.3) < 0.1 and running.favourite().shape == (1,)
    assert not running.stop()


@pytest.mark.parametrize("name", RANK_BASED)
def test_only_ranks_matter(name: str) -> None:
    """A monotone change of the fitness changes no bit of what is asked."""
    plain = advance(start(name), sphere, 15)
    for change in (lambda f: 3 * f + 7, lambda f: np.arctan(f / 50), lambda f: -np.log1p(-f)):
        changed = advance(start(name), lambda x, change=change: change(sphere(x)), 15)
        for (x, _), (y, _) in zip(plain, changed):
            assert x.tobytes() == y.tobytes()


@pytest.mark.parametrize("size", [2, 10])
def test_cma_moves_its_mean_as_purecma_does(size: int) -> None:
    """Changes of the mean, generation by generation, against pycma's readable reference and the formula itself."""
    from cma import purecma

    running = start("cma", size, popsize=12, sigma0=0.7)
    reference = purecma.CMAES(list(np.ones(size)), 0.7, popsize=12)
    order = np.log(6.5) - np.log(np.arange(1, 7))  # log((P + 1) / 2) - log i of the better half (Hansen 2016, eq. 49)
    recombination = order / order.sum()
    for _ in range(6):
        candidates = running.ask()
        fitness = ellipsoid(candidates)
        before, reference_before = running.favourite(), np.array(reference.xmean)
        running.tell(candidates, evaluation(fitness))
        reference.tell([list(x) for x in candidates], list(-fitness))
        change = running.favourite() - before
        best = candidates[np.argsort(-fitness)[:6]]
        np.testing.assert_allclose(change, recombination @ (best - before), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(change, np.array(reference.xmean) - reference_before, rtol=1e-9, atol=1e-12)


def test_es_moves_along_the_estimated_gradient() -> None:
    """Mirrored pairs, ranks and Adam's moments by a plain loop over Kingma & Ba's algorithm 1, compared on steps."""
    running = start("es", 4, popsize=8, sigma=0.2, lr=0.05, weight_decay=0.01)
    first, second, mean = [0.0] * 4, [0.0] * 4, [1.0] * 4
    for t in range(1, 6):
        candidates = running.ask()
        np.testing.assert_allclose(candidates[:4] + candidates[4:], 2 * np.array([mean] * 4), rtol=1e-12)
        fitness = ellipsoid(candidates)
        ranks = [sum(g < f for g in fitness) / 7 - 0.5 for f in fitness]
        for d in range(4):
            slope = sum(r * (x[d] - mean[d]) / 0.2 for r, x in zip(ranks, candidates)) / (8 * 0.2) - 0.01 * mean[d]
            first[d] = 0.9 * first[d] + 0.1 * slope
            second[d] = 0.999 * second[d] + 0.001 * slope**2
        mean = [
            m + 0.05 * (f / (1 - 0.9**t)) / ((s / (1 - 0.999**t)) ** 0.5 + 1e-8) for m, f, s in zip(mean, first, second)
        ]
        before = running.favourite()
        running.tell(candidates, evaluation(fitness))
        np.testing.assert_allclose(running.favourite() - before, np.array(mean) - before, rtol=1e-8)


def test_random_search_draws_from_one_fixed_distribution() -> None:
    """2,000 draws: mean at the origin and standard deviation sigma0, whatever it was told."""
    running = start("random", 10, popsize=50, sigma0=2.0)
    drawn = np.concatenate([x for x, _ in advance(running, sphere, 40)])
    assert np.abs(drawn.mean(0) - 1).max() < 5 * 2 / np.sqrt(2000)
    assert np.abs(drawn.std(0) / 2 - 1).max() < 5 / np.sqrt(4000)
    assert stream(0, "x").random() == stream(0, "x").random()
