"""What a refusal may cost: 0.5 s and 100 MB without torch, 4 s where a component is loaded; `pytest -m fuzz`.

Times are those of a processor, the least of three, in a process of its own.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz.harness import one_line, run, tree

pytestmark = pytest.mark.fuzz
LIGHT_S, LIGHT_MB, LOADED_S = 0.5, 100.0, 4.0
DEEP = "tanh(" * 58 + "pre" + ")" * 58
ANCHORS = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi")
)
LIGHT = {
    "command": ["serch"],
    "config": ["search", "digts"],
    "key": ["search", "tiny.yaml", "lifetmes=3"],
    "value": ["search", "tiny.yaml", "lifetimes=1.0e+30"],
    "bracket": ["search", "tiny.yaml", "rule.dw=eta*("],
    "function": ["search", "tiny.yaml", "rule.dw=eta*foo(pre)"],
    "division": ["search", "tiny.yaml", "rule.dw=eta/(pre - pre)"],
    "power": ["search", "tiny.yaml", "rule.dw=((pre**8)**8)**8"],
    "deep": ["search", "tiny.yaml", f"rule.dw={DEEP}*{DEEP}*{'(' * 99}"],
    "long": ["search", "tiny.yaml", "rule.dw=" + "pre*" * 3000 + "w"],
    "code": ["search", "tiny.yaml", "rule.dw=__import__('os').system('touch hacked')"],
    "coefficient": ["search", "tiny.yaml", "rule.coefficients.zz=1"],
    "rule": ["search", "tiny.yaml", "rule=bakprop"],
    "task": ["search", "tiny.yaml", "task=digts"],
    "network": ["search", "tiny.yaml", "network=mlpp"],
    "search": ["search", "tiny.yaml", "search=cmaa"],
    "baseline": ["search", "tiny.yaml", "compare.baselines=[bakprop]"],
    "anchors": ["search", "anchors.yaml"],
    "nested": ["search", "tiny.yaml", "task=" + "[" * 3000 + "]" * 3000],
    "study": ["baldwin", "papers/hinton_nowlan", "study=needl"],
    "estimate": ["estimate", "tiny.yaml", "rule.dw=eta*("],
    "sweep": ["sweep", "tiny.yaml", "rule.dw=eta*("],
    "missing": ["show", "nowhere"],
    "name": ["search", "tiny.yaml", "--name", "a" * 300],
}
LOADED = {
    "option": ["search", "tiny.yaml", "search.popsiz=4"],
    "inputs": ["search", "tiny.yaml", "task={name: linear, inputs: 0}"],
    "private": ["search", "tiny.yaml", "evaluator={name: processes, _pool: 1}"],
    "gain": ["search", "tiny.yaml", "network.gain=1.0e+300"],
    "scale": ["search", "tiny.yaml", "life.scale=1.0e+300"],
    "module": ["search", "tiny.yaml", "task=no.such"],
    "rule file": ["compare", "anchors.yaml"],
}


def least(arguments: list[str], place: Path) -> tuple[float, float]:
    """Seconds and megabytes of a command that is refused and leaves nothing behind."""
    (place / "anchors.yaml").write_text(ANCHORS, encoding="utf-8")
    before = tree(place)
    ended = [run(arguments, place) for _ in range(3)]
    for each in ended:
        assert each.code == 2 and each.stdout == "" and not one_line(each.stderr), each
    assert tree(place) == before
    return min(each.seconds for each in ended), min(each.megabytes for each in ended)


@pytest.mark.parametrize("name", LIGHT)
def test_what_needs_no_torch(place: Path, name: str) -> None:
    seconds, megabytes = least(LIGHT[name], place)
    assert seconds <= LIGHT_S and megabytes <= LIGHT_MB, f"{seconds:.2f} s, {megabytes:.0f} MB"


@pytest.mark.parametrize("name", LOADED)
def test_what_loads_a_component(place: Path, name: str) -> None:
    seconds, megabytes = least(LOADED[name], place)
    assert seconds <= LOADED_S, f"{seconds:.2f} s, {megabytes:.0f} MB"
