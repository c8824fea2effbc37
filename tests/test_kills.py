"""Runs that are killed again and again end with the same bits: a seeded share of what `tests/kills/driver.py` repeats."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kills.driver import Driver, Failed, drive
from kills.scenarios import SCENARIOS, Scenario

pytestmark = pytest.mark.kills


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    found = Driver(tmp_path_factory.mktemp("kills"), seed=0)
    yield found
    found.close()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_killed(driver: Driver, scenario: Scenario) -> None:
    """At least two kills of every kind of run: the same bits and files as the undisturbed run, no process, no other file."""
    before = driver.kills
    assert drive(driver, before + 2, [scenario]) == []
    assert driver.kills >= before + 2


def test_the_driver_sees_what_is_different(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is resumed with another seed, one file too much and one in the temporary folder are failures."""
    (random,) = (scenario for scenario in SCENARIOS if scenario.name == "random")
    whole, wrong = driver.run, ("search", "tiny.yaml", "--name", "x", "search=random", "search.popsize=4", "seed=1")

    def other(place, arguments, scenario, kill_at=None):  # type: ignore[no-untyped-def]
        if kill_at is not None:
            return -9, 0.0
        return whole(place, wrong, scenario)

    def stray(place, arguments, scenario, kill_at=None):  # type: ignore[no-untyped-def]
        (place.work / "stray").touch()
        return whole(place, arguments, scenario, kill_at)

    def leftover(place, arguments, scenario, kill_at=None):  # type: ignore[no-untyped-def]
        found = whole(place, arguments, scenario, kill_at)
        (place.folder / "tmp" / "leftover").touch()
        return found

    driver.undisturbed(random)
    for broken, word in ((other, "differs"), (stray, "stray is left behind"), (leftover, "in the temporary folder")):
        monkeypatch.setattr(driver, "run", broken)
        with pytest.raises(Failed, match=word):
            driver.round(random, 1)
