"""Enters the look of a run into its store and into the ledger beside it, before the lives of the comparison are lived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metalearn.build import Experiment
from metalearn.evidence.arms import Arm
from metalearn.ledger import file
from metalearn.ledger.documents import Entry, Look, Registered
from metalearn.ledger.forms import digest
from metalearn.ledger.looks import look_of
from metalearn.store.files import RunError
from metalearn.store.run_store import DATABASE, RunStore

LOOKS, CLAIMS, GROUP = "looks", "claims", "group"  # documents of a run store


def looks_in(store: RunStore) -> list[Look]:
    """The looks of a run, in order."""
    return [Look.read(content, LOOKS) for content in store.typed(LOOKS, list, [])]


def claims_in(store: RunStore) -> list[Registered]:
    """The claims that a run has registered."""
    return [Registered.read(content, CLAIMS) for content in store.get(CLAIMS) or ()]


def ledger_of(store: RunStore, folder: Path) -> Path:
    """The ledger that a run writes into; the seed of a sweep into that of the sweep."""
    seed = store.get(GROUP) and (folder.resolve().parent / DATABASE).exists()
    return file.beside(folder.resolve().parent if seed else folder)


def open_cells(
    store: RunStore, folder: Path, experiment: Experiment, arms: Mapping[str, Arm], held: Sequence[str], console: Any
) -> None:
    """Enter the look of a run that is about to open its final cells; a resumed run goes on with the look it began."""
    looks = looks_in(store)
    if not looks:
        group, claims = str(store.get(GROUP) or ""), [claim.id for claim in claims_in(store)]
        entries = file.read_all([ledger_of(store, folder), *file.known_ledgers(folder)])
        looks = [look_of(experiment, arms, held, folder.name, entries, group, claims)]
        store.put(LOOKS, [look.plain() for look in looks])
    write(ledger_of(store, folder), looks, console)


def enter_comparison(
    beside: Path, experiment: Experiment, arms: Mapping[str, Arm], held: Sequence[str], run: str, console: Any
) -> None:
    """Enter a comparison that belongs to no run, into the ledger beside a folder.

    The same arms on the same lives are the same look however often they are asked for: it gives the same numbers.
    """
    entries = file.read_all(file.known_ledgers(beside))
    look = look_of(experiment, arms, held, run, entries)
    changing = ("id", "time", "before")  # another time
    content = {key: value for key, value in look.plain().items() if key not in changing}
    repeated = digest([content, {name: arm.document().plain() for name, arm in arms.items()}])
    write(file.beside(beside), [look.model_copy(update={"id": repeated})], console)


def write(path: Path, entries: Sequence[Entry], console: Any) -> None:
    """Append to a ledger; where it cannot be written, say that these entries are missing there."""
    try:
        file.append(path, entries)
    except RunError as error:
        console.print(f"warning: not in the ledger: {error}", highlight=False, markup=False, soft_wrap=True)


def entries_of(folder: Path) -> list[Entry]:
    """Claims and looks of a run, or of all runs in a sweep's folder. Raises RunError where there is none."""
    stores = [folder] if (folder / DATABASE).exists() else []
    stores += sorted(path.parent for path in folder.glob(f"*/{DATABASE}"))
    found: list[Entry] = []
    for path in stores or [folder]:  # opening says what is wrong with a folder that holds no run
        with RunStore.open(path, write=False) as store:
            found += [*claims_in(store), *looks_in(store)]
    return list({(entry.kind, entry.id, entry.experiment): entry for entry in found}.values())
