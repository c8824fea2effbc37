"""Checks the claims of a config, and enters them in the ledger before the search begins: no final life has been lived."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inner.components import suggest
from metalearn.build import Experiment
from metalearn.claims.selector import select, words
from metalearn.claims.statement import statement_of
from metalearn.config.claims import ClaimConfig
from metalearn.evidence.comparison import REFERENCE
from metalearn.ledger import file
from metalearn.ledger.documents import Before, LookedCell, Registered
from metalearn.ledger.entry import CLAIMS, GROUP, claims_in, ledger_of, write
from metalearn.ledger.forms import digest
from metalearn.ledger.looks import APART, before, cells_of, config_digest, now
from metalearn.ledger.summary import times
from metalearn.makers import make_task
from metalearn.store.run_store import RunStore

METRIC = "accuracy"  # what points are of


def check_claims(experiment: Experiment) -> None:
    """Raise ValueError, in one line, for claims on arms or cells that the comparison will not have."""
    claims = experiment.config.claims
    if not claims:
        return
    if twice := [c.name for k, c in enumerate(claims) if c.name in [other.name for other in claims[:k]]]:
        raise ValueError(f"claims: expected different names, got '{twice[0]}' twice")
    arms = list(dict.fromkeys([REFERENCE, *(baseline.name for baseline in experiment.to_tune())]))
    for claim in claims:
        for arm in (claim.of, *(() if claim.against == "best" else claim.against)):
            if arm not in arms:
                near = f"{suggest(arm, arms)}; arms: {', '.join(arms)}"
                raise ValueError(f"claims.{claim.name}: no arm '{arm}'{near}")
        chosen = select(cells_of(experiment), claim.cells)
        if not chosen:
            raise ValueError(f"claims.{claim.name}.cells: no cell of the comparison is one of {words(claim.cells)}")
        tasks = {cell.family: make_task(spec.task) for cell, (_, spec) in zip(cells_of(experiment), experiment.cells)}
        for cell in chosen:
            if (metric := tasks[cell.family].criterion.metric) != METRIC:
                raise ValueError(
                    f"claims.{claim.name}: expected cells measured in {METRIC} (claims are in points), "
                    f"got {metric or 'another measure'} in '{cell.name}'"
                )


def in_words(claim: ClaimConfig) -> str:
    """A claim as a sentence."""
    statement = statement_of(claim.statement)
    names = list(claim.against)
    opponent = names[0] if len(names) == 1 else f"the best of {', '.join(names)}"
    said = f"{claim.of} {statement.against('the best opponent' if claim.against == 'best' else opponent)}"
    if statement.of_every_cell:
        return f"{said}, {words(claim.cells)}"
    where = f"in >= {100 * claim.share:g} % of" if claim.share else "on average over"
    return f"{said} {where} {words(claim.cells)}"


def register(store: RunStore, folder: Path, experiment: Experiment, console: Any) -> None:
    """Write the claims of a run or a sweep to its store and the ledger; those that are there already stay as they are."""
    registered = claims_in(store)
    if experiment.config.claims and not registered:
        group, time = str(store.get(GROUP) or ""), now()
        cells = cells_of(experiment)
        known = before(file.read_all(file.known_ledgers(folder)), (cell.family for cell in cells), group)
        for claim in experiment.config.claims:
            chosen = select(cells, claim.cells)
            content = {
                "claim": claim.model_dump(mode="json"),
                "cells": [cell.name for cell in chosen],
                "config": config_digest(experiment.config, (*APART, "claims")),
            }
            entry = content | {
                "id": digest(content),
                "time": time,
                "run": folder.name,
                "group": group,
                "name": claim.name,
                "text": in_words(claim),
                "left_out": _not_final(chosen, known),
            }
            registered.append(Registered.read(entry, "claim"))
        store.put(CLAIMS, [claim.plain() for claim in registered])
    if registered:
        write(ledger_of(store, folder), registered, console)


def _not_final(cells: list[LookedCell], known: Mapping[str, Before]) -> dict[str, str]:
    """Cells that cannot serve as evidence, and why: searched, or looked at before without a claim."""
    found = {}
    for cell in cells:
        seen = known[cell.family].unclaimed
        if cell.searched:
            found[cell.name] = f"family '{cell.family}' is searched"
        elif seen:
            found[cell.name] = f"family '{cell.family}' was looked at {times(seen)} before, without a claim"
    return found
