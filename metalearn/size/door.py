"""Refuses a run that does not fit into this machine's memory, and asks or warns before one that takes more than a day."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from metalearn.config.sections import Plain
from metalearn.size import machine
from metalearn.size.size import Size

DAY_S = 86_400.0
CLEARLY = 0.98  # a smaller number is named only where it matters clearly more
TRIED = 12  # keys that are halved to find the one to lower, the largest numbers first
MOST_LAYERS = 1000  # hidden layers of a network
Predict = Callable[[Plain], Size]  # of a changed config or command; raises ValueError for one that cannot work
FIXED = {"seed", "rule", "tracking", "claims", "fitness"}  # keys that say nothing of how much there is to do


@dataclass(frozen=True)
class Sized:
    """A run that has not begun: its predicted size, its config, and the size that a changed config would have."""

    size: Size
    plain: Plain
    predict: Predict

    def refuse(self) -> Sized:
        """Raise ValueError where there is less memory than the run takes; say on stderr where less is free."""
        have, wanted = machine.total(), self.size.bytes
        if wanted > have:
            raise ValueError(
                f"memory: this would take about {gigabytes(wanted)}, and this machine has {gigabytes(have)}; "
                f"lower {self.heaviest(lambda found: found.bytes)}"
            )
        if wanted > (free := machine.free()):
            print(f"warning: this may take {gigabytes(wanted)} of memory; {gigabytes(free)} are free", file=sys.stderr)
        return self

    def ask(self, console: Any) -> None:
        """Ask on a terminal, or else warn, before a run of more than a day. Raises ValueError where the answer is no."""
        if self.size.seconds <= DAY_S:
            return
        key = self.heaviest(lambda found: found.seconds)
        text = f"this takes about {days(self.size.seconds)}; what takes longest is {key}"
        if not (console.is_terminal and sys.stdin.isatty()):
            print(f"warning: {text}", file=sys.stderr)
            return
        import click

        if not click.confirm(f"{text}. Begin?"):
            raise ValueError("not begun")

    def heaviest(self, measure: Callable[[Size], float]) -> str:
        """The key, with its value, that a run becomes smallest without half of."""
        best, least = "", float("inf")
        for path, value in sorted(numbers(self.plain), key=lambda found: -_most(found[1]))[:TRIED]:
            try:
                found = measure(self.predict(halved(self.plain, path)))
            except ValueError:  # such a config cannot work
                continue
            if found < CLEARLY * least:
                best, least = f"{'.'.join(map(str, path))} (now {value})", found
        return best or "its sizes"


def check_layers(depth: int) -> None:
    """Raise ValueError for more hidden layers than can be listed in no time."""
    if depth > MOST_LAYERS:
        raise ValueError(f"config: network.depth: expected at most {MOST_LAYERS} hidden layers, got {depth}")


def gigabytes(count: float) -> str:
    """Bytes in words."""
    return f"{count / 1e9:.3g} GB" if count < 1e15 else f"{count / 1e9:.1e} GB"


def days(seconds: float) -> str:
    """Seconds in words."""
    found = seconds / DAY_S
    return f"{found:.1f} days" if found < 1000 else f"{found / 365:,.0f} years"


def numbers(plain: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every count in a config by its path, and ranges and widths as a whole."""
    if isinstance(plain, Mapping):
        for key, value in plain.items():
            if key not in FIXED:
                yield from numbers(value, (*path, key))
    elif _counts(plain):
        yield path, list(plain) if isinstance(plain, (list, tuple)) else plain
    elif isinstance(plain, (list, tuple)):
        for k, value in enumerate(plain):
            yield from numbers(value, (*path, k))


def _most(value: Any) -> int:
    return max(value) if isinstance(value, list) else int(value)


def _counts(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return bool(value) and all(isinstance(each, int) and not isinstance(each, bool) for each in value)
    return isinstance(value, int) and not isinstance(value, bool) and value > 1


def halved(plain: Plain, path: tuple[str | int, ...]) -> Plain:
    """The config with half of what is at a path."""
    found = deepcopy(plain)
    place: Any = found
    for part in path[:-1]:
        place = place[part]
    value = place[path[-1]]
    place[path[-1]] = [-(-each // 2) for each in value] if isinstance(value, (list, tuple)) else -(-value // 2)
    return found
