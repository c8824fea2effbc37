"""Begins the folder of a run, and starts its W&B mirror."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from metalearn.config.schema import TrackingConfig
from metalearn.store.environment import describe
from metalearn.store.run_store import RunStore, write_text_atomically
from metalearn.tracking.tracker import Tracker, resolved_mode

CONFIG = "config.yaml"


def begin(
    folder: Path,
    config: Mapping[str, Any],
    command: str,
    kind: str = "search",
    documents: Mapping[str, Any] | None = None,
) -> RunStore:
    """A new folder with its store and config.yaml; `config` is plain, `kind` as in `metalearn/runs/kinds.py`.

    documents: what the store holds beside them from its first moment, whenever the process may be killed. Raises RunError.
    """
    if "tracking" in config:
        resolved_mode(config["tracking"]["mode"])  # what is wrong with it is said before anything is written
    own = {"command": command} if kind == "search" else {"kind": kind, "command": command}
    store = RunStore.create(folder, dict(config), describe(), own | dict(documents or {}))
    write_config(store)
    return store


def go_on(folder: Path) -> RunStore:
    """The store of an existing run, to be written; its config.yaml is made where a kill came before it. Raises RunError."""
    store = RunStore.open(folder, write=True)
    write_config(store)
    return store


def write_config(store: RunStore) -> None:
    """Write config.yaml as the store holds it, unless it is there."""
    if not (store.folder / CONFIG).exists():
        text = yaml.safe_dump(store.config, sort_keys=False, width=120)
        write_text_atomically(store.folder / CONFIG, f"# {store.typed('command', str, '')}\n{text}")


def mirror(store: RunStore, folder: Path, name: str, tracking: TrackingConfig, group: str | None = None) -> Tracker:
    """The W&B mirror of a store; a run that is resumed goes on in the same W&B run. group: of W&B runs that belong together."""
    stored = store.typed("tracking", dict, {})
    tracker = Tracker.start(
        folder, name, store.config, tracking.mode, tracking.project, stored.get("run_id"), store.count, group
    )
    store.put("tracking", {"run_id": tracker.run_id})
    return tracker
