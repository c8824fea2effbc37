"""Cuts the lives of a generation into jobs: by networks in lockstep, by the workers, and by the bytes that a job takes.

No cut changes a bit of a score: neither the candidates nor the lifetimes of a job depend on each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from inner.life.size import Bytes
from outer.settings import Setting

CHUNK = 256  # networks in lockstep at most, so that their weights stay in the processor's cache
TINY = 2**15  # weights in lockstep that are always allowed: small networks run in larger chunks
ON_GPU = 2**26  # the same on a GPU, where small chunks are slow
BYTES = 2**29  # of one job at most, where it can be cut smaller


@dataclass(frozen=True)
class Cut:
    """One job: some candidates in some lifetimes of a setting."""

    owner: int  # place of the setting
    lifetimes: slice
    candidates: slice

    def setting(self, settings: Sequence[Setting]) -> Setting:
        """The setting with the job's lifetimes alone."""
        whole = settings[self.owner]
        labels = whole.labels[self.lifetimes]
        return whole if len(labels) == len(whole.labels) else replace(whole, labels=labels)


def slices(count: int, size: int) -> list[slice]:
    """0 .. count in slices of at most `size`."""
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def chunks(population: int, lives: int, parts: int = 1, limit: int | None = None) -> list[slice]:
    """Cut P candidates into slices of at most `limit` (CHUNK) networks, and into at least `parts` where there are enough."""
    return slices(population, chunk(population, lives, parts, limit))


def chunk(population: int, lives: int, parts: int = 1, limit: int | None = None) -> int:
    """How many candidates a slice of `chunks` has."""
    return max(1, min((limit or CHUNK) // max(lives, 1), -(-population // parts)))


def limit_of(setting: Setting, device: str = "cpu") -> int:
    """The most networks of this setting that run in lockstep."""
    synapses = setting.network.synapses(setting.task.inputs, setting.task.outputs)
    return max(CHUNK, (TINY if device == "cpu" else ON_GPU) // synapses)


def lifetimes_within(lifetimes: int, predicted: Bytes | None, most: float = 0.0) -> int:
    """How many of a candidate's lifetimes are lived in one job of at most `most` bytes (0: BYTES); at least one."""
    while predicted is not None and lifetimes > 1 and predicted(1, lifetimes) > (most or BYTES):
        lifetimes = -(-lifetimes // 2)
    return lifetimes


def cuts(
    population: int,
    settings: Sequence[Setting],
    workers: int,
    device: str,
    sized: Sequence[Bytes | None],
    apart: bool = True,
) -> list[Cut]:
    """The jobs of P candidates in all settings.

    sized: predicts the bytes of jobs in each setting, None where they are not known; apart: whether the lifetimes of a
    candidate may be lived in several jobs.
    """
    parts, found = -(-workers // len(settings)), []
    for owner, (setting, predicted) in enumerate(zip(settings, sized)):
        count = len(setting.labels)
        size, together = job_size(setting, population, count, parts, device, predicted, apart)
        found += [Cut(owner, part, piece) for part in slices(count, together) for piece in slices(population, size)]
    return found


def job_size(
    setting: Setting, population: int, count: int, parts: int, device: str, predicted: Bytes | None, apart: bool = True
) -> tuple[int, int]:
    """The candidates, of P, and the lifetimes of each, of `count`, that one job of a setting takes at most."""
    together = lifetimes_within(count, predicted) if apart else count
    size = chunk(population, together, parts, limit_of(setting, device))
    while predicted is not None and size > 1 and predicted(size, together) > BYTES:
        size = -(-size // 2)
    return size, together
