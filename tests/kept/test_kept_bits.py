"""Candidates, fitness and chosen rule of short runs of every kind keep every bit of the digests recorded for this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from kept import record

HERE = record.fingerprint()
KNOWN = record.load().get(HERE, {}).get("runs", {})


@pytest.mark.parametrize("name", record.CONFIGS)
def test_bits_are_those_recorded(name: str, tmp_path: Path) -> None:
    if not KNOWN:
        pytest.skip(f"no digests for this machine ({HERE}); python tests/kept/record.py adds them")
    assert name in KNOWN, "python tests/kept/record.py records a new config"
    try:
        got = record.run(name, tmp_path)
    except record.DataMissing as missing:
        pytest.skip(str(missing))
    lines = record.moved(KNOWN[name], got)
    assert not lines, "\n  ".join([f"{name}: {len(lines)} of {len(got)} parts moved", *lines])


def test_two_workers_give_the_bits_of_one(tmp_path: Path) -> None:
    """Asserted on every machine, known or not."""
    one = record.run("rewarded_trace", tmp_path / "one")
    two = record.run("rewarded_trace", tmp_path / "two", "evaluator={name: processes, workers: 2}")
    assert len(one["candidates"]) == 4 and len(set(one["candidates"])) == 4
    assert record.moved(one, two) == []


def test_what_moved_is_named() -> None:
    old = {"fitness": ["a best 1.0", "b best 2.0"], "rule dw": "c", "gone": "d"}
    assert record.moved(old, dict(old)) == []
    assert record.moved(old, {"fitness": ["a best 1.0", "e best 3.0"], "rule dw": "f"}) == [
        "fitness from generation 1: recorded b best 2.0, got e best 3.0",
        "gone: recorded d, got nothing",
        "rule dw: recorded c, got f",
    ]
