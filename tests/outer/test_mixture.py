"""Several tasks in one distribution: shares, addressed draws of options, and what one task keeps of its bits."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import pytest

from inner.components import build
from inner.random import stream
from inner.rules.coefficient import Coefficient
from outer import draws
from outer.mixture import Mixture
from outer.settings import Distribution

ONE = {"name": "digits", "test": 40}
LINEAR = {"name": "linear", "inputs": [4, 9], "outputs": 3, "weight": 3}
MANY: list[dict[str, Any]] = [{**ONE, "weight": 2.0}, {"name": "wine"}, {"name": "breast_cancer", "scale": [0.5, 2.0]}]
RANGES = {"depth": (1, 3), "width": (8, 90), "steps": (10, 90)}


def names(distribution: Distribution, worlds: int, generation: int = 0, tier: str = "search") -> list[str]:
    settings = distribution.settings(tier, 3, (generation,), worlds, worlds)
    return [type(setting.task).__module__.rpartition(".")[2] for setting in settings]


def test_one_task_draws_what_it_always_drew() -> None:
    (setting,) = Distribution(ONE, **RANGES, scale=(0.5, 2.0)).settings("search", 3, (5,), 2, 1)  # type: ignore[arg-type]
    rng = stream(3, "world", "search", 5, 0)
    depth, width, steps = (int(rng.integers(low, high + 1)) for low, high in RANGES.values())
    scale = round(float(0.5 * 4.0 ** rng.random()), 4)
    assert (setting.hidden, setting.steps) == ((width,) * depth, steps)
    assert setting.task == build("task", {**ONE, "scale": scale}) and setting.batch == 1


def test_a_list_changes_nothing_but_the_task() -> None:
    one, many = (Distribution(task, **RANGES).settings("search", 3, (1,), 8, 8) for task in (ONE, MANY))  # type: ignore[arg-type]
    assert [(s.hidden, s.steps, s.labels) for s in one] == [(s.hidden, s.steps, s.labels) for s in many]
    assert len({type(s.task) for s in many}) == 3


def test_worlds_are_shared_out_by_weight() -> None:
    distribution = Distribution(MANY)
    assert Counter(names(distribution, 8)) == {"digits": 4, "wine": 2, "breast_cancer": 2}
    counts = [Counter(names(distribution, 6, g)) for g in range(40)]
    assert all(count["digits"] == 3 and count["wine"] in (1, 2) for count in counts)
    assert len({tuple(names(distribution, 6, g)) for g in range(40)}) > 10, "the order is drawn"
    assert sum(count["wine"] for count in counts) == pytest.approx(60, abs=15)
    single = Counter(name for g in range(200) for name in names(distribution, 1, g))
    assert single["digits"] == pytest.approx(100, abs=25), "one world a generation has every task in turn"
    assert names(distribution, 8) == names(distribution, 8) != names(distribution, 8, tier="select")


def test_options_are_drawn_from_streams_of_their_own() -> None:
    found = [s.task.inputs for s in Distribution([LINEAR]).settings("search", 3, (0,), 60, 60)]
    assert set(found) == set(range(4, 10))
    more = Distribution([{**LINEAR, "outputs": [2, 3]}])
    assert [s.task.inputs for s in more.settings("search", 3, (0,), 60, 60)] == found
    alone = Distribution({k: v for k, v in LINEAR.items() if k != "weight"}).settings("search", 3, (0,), 60, 60)
    assert [s.task.inputs for s in alone] == found


def test_log_draws_and_choices() -> None:
    distribution = Distribution(
        ONE,
        width=draws.Log((8, 512)),
        steps=draws.Log((100, 1600)),
        batch={"of": [1, 16]},
        network={"birth": ["gaussian", "orthogonal"], "gain": [0.5, 2.0]},
    )
    settings = distribution.settings("search", 0, (0,), 400, 400)
    widths, steps = sorted(s.hidden[0] for s in settings), sorted(s.steps for s in settings)
    assert 8 <= widths[0] <= 9 and 450 < widths[-1] <= 512 and widths[200] == pytest.approx(64, rel=0.3)
    assert 100 <= steps[0] and steps[-1] <= 1600 and steps[200] == pytest.approx(400, rel=0.25)
    assert Counter(s.batch for s in settings).keys() == {1, 16}
    births = Counter(cast(Any, s.network).birth for s in settings)
    assert births["gaussian"] == pytest.approx(200, abs=50) and set(births) == {"gaussian", "orthogonal"}
    assert all(0.5 <= cast(Any, s.network).gain <= 2.0 for s in settings)
    plain = Distribution(ONE, width=(8, 512), steps=(100, 1600)).settings("search", 0, (0,), 400, 400)
    assert sorted(s.steps for s in plain)[200] == pytest.approx(850, rel=0.15)


def test_options_that_are_lists_stay_lists() -> None:
    mixture = Mixture({"name": "oja", "variances": [1.0, 0.7, 0.2]})
    assert mixture.middle()["variances"] == [1.0, 0.7, 0.2] and not mixture.varied


def test_general_options_are_drawn_too() -> None:
    common = {"power": {"low": 4.0, "high": 400.0, "draw": "log"}, "noise": (0.0, 0.5)}
    settings = Distribution([ONE, {"name": "wine", "noise": 0.1}], common=common).settings("search", 0, (0,), 40, 40)
    powers = sorted(cast(Any, s.task).power for s in settings)
    assert powers[0] < 10 and powers[20] == pytest.approx(40, rel=0.6) and powers[-1] > 150
    assert {cast(Any, s.task).noise for s in settings if s.task.inputs == 13} == {0.1}, "an entry knows better"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ([ONE, {"name": "digit"}], "task[1].name: unknown name 'digit' (did you mean 'digits'?)"),
        ([ONE, {"name": "wine", "tset": 3}], "task[1].tset: 'wine' has no such option (did you mean 'test'?)"),
        ([ONE, {"name": "wine", "test": 0}], "task[1].test: expected an integer"),
        ([ONE, {"name": "wine", "weight": 0}], "task[1].weight: expected a number above 0, got 0"),
        ([ONE, {"name": "mnist", "size": [8, 40]}], "task[1].size: expected an integer from 2 to 28, got 40"),
        ([ONE, {"name": "mnist", "size": [9, 8]}], "task[1].size: expected whole numbers low <= high, got 9 and 8"),
        ([ONE, {"name": "mnist", "size": {"low": 0, "high": 9, "draw": "log"}}], "task[1].size: expected low > 0"),
        ([ONE, {"name": "mnist", "size": {"low": 4, "hihg": 9}}], "task[1].size: unknown key 'hihg' (did you mean"),
        ([ONE, {"name": "regression"}], "task[1]: expected a task of classes as the first, 'regression' is of values"),
        ([ONE, {"name": "bandit", "power": 3.0}], "task[1]: an environment has no samples to alter"),
        ([], "task: expected at least one task"),
    ],
)
def test_mistakes_name_the_entry(spec: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        Mixture(spec).check()
    assert str(caught.value).startswith(message), caught.value


def test_values_per_unit_need_tasks_of_one_size() -> None:
    shared, layered = (Coefficient("eta", 0.1, share=share) for share in ("neuron", "layer"))
    mixed = Distribution([ONE, {"name": "wine"}])
    assert mixed.counts([layered]) == (2,) and mixed.shape() is None
    with pytest.raises(ValueError, match="expected tasks of one size, got several: digits, wine"):
        mixed.counts([shared])
    assert Distribution([ONE, {**ONE, "scale": 2.0}]).counts([shared]) == Distribution(ONE).counts([shared])
