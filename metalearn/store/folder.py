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


def begin(folder: Path, config: Mapping[str, Any], command: str, kind: str = "search") -> RunStore:
    """A new folder with its store and config.yaml; `config` is plain, `kind` as in `metalearn/runs/kinds.py`. Raises RunError."""
    if "tracking" in config:
        resolved_mode(config["tracking"]["mode"])  # what is wrong with it is said before anything is written
    store = RunStore.create(folder, dict(config), describe())
    if kind != "search":
        store.put("kind", kind)
    store.put("command", command)
    text = yaml.safe_dump(dict(config), sort_keys=False, width=120)
    write_text_atomically(folder / "config.yaml", f"# {command}\n" + text)
    return store


def mirror(store: RunStore, folder: Path, name: str, tracking: TrackingConfig, group: str | None = None) -> Tracker:
    """The W&B mirror of a store; a run that is resumed goes on in the same W&B run. group: of W&B runs that belong together."""
    stored = store.typed("tracking", dict, {})
    tracker = Tracker.start(
        folder, name, store.config, tracking.mode, tracking.project, stored.get("run_id"), store.count, group
    )
    store.put("tracking", {"run_id": tracker.run_id})
    return tracker
