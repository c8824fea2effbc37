"""The battery that every search in the folder must pass: a new file is picked up because it exists.

What a search can do beyond the battery is declared here, by name: GOALS says how far it gets within which budget.
A search without an entry must improve on where it starts. `rank_based` is declared by the search itself.
"""

from __future__ import annotations

import numpy as np
import pytest
from drive import Function, advance, ellipsoid, evaluation, sphere, start

from inner.components import build, load, names
from inner.random import stream

SEARCHES = names("search")
RANK_BASED = [name for name in SEARCHES if load("search", name).rank_based]
# search -> (options, generations of 16, fitness of the recommendation to reach on the sphere, on the ellipsoid).
# They start at -10 and -1.3e6. Only CMA-ES learns the scales of a badly conditioned ellipsoid: for the others, 1e-8 there
# is out of reach, and the goal says how far they come.
GOALS: dict[str, tuple[dict[str, object], int, float, float]] = {
    "cma": ({}, 400, -1e-8, -1e-8),
    "es": ({"decay": 0.99}, 1500, -1e-8, -1e2),
    "ga": ({"decay": 0.98, "sigma": 0.5}, 900, -1e-8, -1e4),
    "hillclimb": ({"adapt": True}, 600, -1e-8, -1e3),
}


@pytest.mark.parametrize("function", [sphere, ellipsoid])
@pytest.mark.parametrize("name", SEARCHES)
def test_optimises(name: str, function: Function) -> None:
    """Ten dimensions within a stated budget."""
    origin = float(function(np.ones((1, 10)))[0])
    options, generations, *goals = GOALS.get(name, ({}, 60, 0.9 * -10.0, 0.9 * origin))
    running = start(name, **options)
    history = advance(running, function, generations)
    goal = goals[0] if function is sphere else goals[1]
    assert float(function(running.recommendation()[None])[0]) > max(goal, origin)
    assert all(x.shape[1] == 10 and np.isfinite(x).all() for x, _ in history)
    assert not running.stop(), "a search that has converged goes on"


@pytest.mark.parametrize("name", SEARCHES)
def test_noisy_sphere(name: str) -> None:
    """Noise of standard deviation 1, new in every evaluation: the true value still improves, on the mean of three seeds."""
    reached = []
    for seed in range(3):
        rng = stream(seed, "noise")
        running = start(name, seed=seed)
        advance(running, lambda x: sphere(x) + rng.standard_normal(len(x)), 150)
        reached.append(float(sphere(running.recommendation()[None])[0]))
    assert np.mean(reached) > -9.0


@pytest.mark.parametrize("name", SEARCHES)
def test_shapes_and_kinds(name: str) -> None:
    search = build("search", {"name": name, "popsize": 6, "generations": 3})
    assert (search.popsize, search.generations) == (6, 3)
    running = search.start(np.arange(4.0), 0)
    candidates = running.ask()
    assert candidates.shape == (6, 4) and candidates.dtype == np.float64
    assert len(np.unique(candidates, axis=0)) == 6
    running.tell(candidates, evaluation(sphere(candidates)))
    assert running.recommendation().shape == (4,) and running.recommendation().dtype == np.float64
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
        assert x.tobytes() == y.tobytes() and x.tobytes() != z.tobytes()
    assert (one[0][0] != one[1][0]).any(1).any(), "generations draw different numbers"  # parents may live on


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
        running.recommendation()[:] = np.nan  # what is handed out is the caller's own
        running.ask()[:] = np.nan
        assert (candidates.tobytes(), told.fitness.tobytes()) == kept
    assert np.isfinite(running.recommendation()).all()


@pytest.mark.parametrize("name", SEARCHES)
def test_replay_of_the_history_is_the_same_search(name: str) -> None:
    first = start(name, seed=2)
    history = advance(first, ellipsoid, 12)
    second = start(name, seed=2)
    for candidates, fitness in history:
        assert second.ask().tobytes() == candidates.tobytes()
        second.tell(candidates.copy(), evaluation(fitness.copy()))
    assert second.recommendation().tobytes() == first.recommendation().tobytes()
    assert second.metrics() == first.metrics()
    assert second.ask().tobytes() == first.ask().tobytes()


@pytest.mark.parametrize("name", SEARCHES)
def test_flat_fitness_is_survived(name: str) -> None:
    running = start(name)
    history = advance(running, lambda x: np.zeros(len(x)), 60)
    assert all(np.isfinite(x).all() and np.abs(x).max() < 1e12 for x, _ in history)
    assert np.isfinite(running.recommendation()).all() and not running.stop()
    advance(running, sphere, 5)
    assert np.isfinite(running.recommendation()).all()


@pytest.mark.parametrize("name", SEARCHES)
def test_failures_with_a_very_low_fitness_are_survived(name: str) -> None:
    """Half of each generation earns -1e9, as candidates do whose fitness is not finite."""
    running = start(name)
    start_value = float(sphere(np.ones((1, 10)))[0])
    advance(running, lambda x: np.where(x[:, 0] > 0.5, sphere(x), -1e9), 150)
    assert np.isfinite(running.recommendation()).all()
    assert float(sphere(running.recommendation()[None])[0]) > start_value


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_fitness_that_is_no_number_is_survived(name: str, bad: float) -> None:
    """A quarter of each generation has no number; no search may take it for good, and a whole bad generation is survived."""
    running = start(name)
    start_value = float(sphere(np.ones((1, 10)))[0])

    def broken(x: np.ndarray) -> np.ndarray:
        return np.where(x[:, 0] > 1.3, bad, sphere(x))

    advance(running, broken, 150)
    best = running.recommendation()
    assert np.isfinite(best).all() and float(sphere(best[None])[0]) > start_value and best[0] < 1.3
    advance(running, lambda x: np.full(len(x), bad), 3)
    assert np.isfinite(running.ask()).all() and np.isfinite(running.recommendation()).all()


@pytest.mark.parametrize("name", SEARCHES)
def test_asking_twice_is_asking_once(name: str) -> None:
    """Nobody has to count how often a search was asked."""
    once, twice = start(name), start(name)
    for _ in range(4):
        x = once.ask()
        twice.ask()
        y = twice.ask()
        assert x.tobytes() == y.tobytes()
        once.tell(x, evaluation(sphere(x)))
        twice.tell(y, evaluation(sphere(y)))
    assert once.recommendation().tobytes() == twice.recommendation().tobytes()


@pytest.mark.parametrize("name", SEARCHES)
def test_one_dimension(name: str) -> None:
    running = start(name, size=1)
    history = advance(running, lambda x: -np.square(x[:, 0] - 0.3), 100)
    assert all(x.shape == (running.ask().shape[0], 1) for x, _ in history[:1])
    assert abs(float(running.recommendation()[0]) - 0.3) < 0.1 and running.recommendation().shape == (1,)
    assert not running.stop()


@pytest.mark.parametrize("name", RANK_BASED)
def test_only_ranks_matter(name: str) -> None:
    """A monotone change of the fitness changes no bit of what is asked."""
    plain = advance(start(name), sphere, 15)
    for change in (lambda f: 3 * f + 7, lambda f: np.arctan(f / 50), lambda f: -np.log1p(-f)):
        changed = advance(start(name), lambda x, change=change: change(sphere(x)), 15)
        for (x, _), (y, _) in zip(plain, changed):
            assert x.tobytes() == y.tobytes()
