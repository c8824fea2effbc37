"""Messages never make more text of a value than they print, and print nothing that a terminal obeys."""

from __future__ import annotations

import tracemalloc

import pytest

from inner.printable import short, shown

LARGE = {
    "text": "x" * 10**7,
    "list": ["y" * 100] * 10**5,
    "mapping": {str(k): "z" * 100 for k in range(10**5)},
    "nested": [[[[[[[["deep" * 10**5]]]]]]]] * 1000,
    "number": 10**4000,
}


@pytest.mark.parametrize("name", LARGE)
def test_a_large_value_is_cut_before_its_text_is_made(name: str) -> None:
    tracemalloc.start()
    try:
        text = short(LARGE[name])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 10 < len(text) < 800 and peak < 2_000_000, f"{len(text)} characters, {peak} bytes"


def test_a_line_is_one_line_without_control_characters() -> None:
    assert shown("a\x1b[31m\nb\u202ec") == "a\\x1b[31m b\\u202ec"
    assert len(shown("z" * 10**6)) == 1000
