"""Prints what can be used by name, and what a run or a rule.json holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inner.components import load, names, options_of
from inner.learners.base import KNOWLEDGE
from metalearn.config.library import GIVEN, LOCAL_RULE, learner, learners
from metalearn.config.sections import Plain

if TYPE_CHECKING:
    from metalearn.store.run_store import RunStore


def _first_sentence(kind: str, name: str) -> str:
    """The first line of a component's docstring."""
    import sys

    module = sys.modules[load(kind, name).__module__]
    return (module.__doc__ or "").strip().splitlines()[0]


def _rows(kind: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows of one listing."""
    if kind == "configs":
        from metalearn.config.files import known

        lines = {name: path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ") for name, path in known().items()}
        return ["config", "what it shows"], [[name, line] for name, line in lines.items()]
    if kind == "rules":
        from metalearn.config.library import entries, named, rule

        rows = []
        for name in named():
            made = rule(name)
            formulas = "; ".join(text if key == "dw" else f"{key[3:]}: {text}" for key, text in made.formulas.items())
            short = formulas if len(formulas) <= 160 else f"{formulas[:150]} ..."
            rows.append([name, short, made.pathway, "baseline" if name in entries() else ""])
        return ["rule", "dw", "pathway", "use"], rows
    if kind == "signals":
        from inner.rules.signals import SIGNALS

        return ["signal", "side", "locality", "meaning", "source"], [
            [s.name, s.side, s.locality, s.meaning, s.source] for s in SIGNALS.values()
        ]
    if kind == "functions":
        from inner.rules.functions import FUNCTIONS

        return ["function", "meaning", "torch", "C", "gradient"], [
            [f.name, f.meaning, _yes(f.torch), _yes(f.c), "0" if f.jumps else _yes(f.torch)] for f in FUNCTIONS.values()
        ]
    if kind == "families":
        from inspect import signature

        from inner.rules.families import FAMILIES

        return ["family", "options", "what it is"], [
            [name, ", ".join(signature(make).parameters), (make.__doc__ or "").splitlines()[0]]
            for name, make in FAMILIES.items()
        ]
    plural = {"searches": "search", "studies": "study", "fitness": "fitness"}
    single = plural.get(kind, kind.removesuffix("s"))
    if single == "learner":
        return ["learner", "options", "a synapse must know", "source", "what it is"], _learner_rows()
    rows = []
    for name in names(single):
        fields = list(options_of(load(single, name)))
        rows.append([name, ", ".join(fields), _first_sentence(single, name)])
    return [single, "options", "what it is"], rows


def _learner_rows() -> list[list[str]]:
    """Components, then the learners of the library: options, what a synapse must know, and where each comes from."""
    rows = []
    for name in names("learner"):
        fields = ", ".join(key for key in options_of(load("learner", name)) if key not in GIVEN)
        rows.append([name, fields, *_said(name), _first_sentence("learner", name)])
    for name, content in _read_learners().items():
        options = ", ".join(f"{key}: {value}" for key, value in content.items() if key != "name")
        what = f"{content['name']} of the library" + (f" with {options}" if options else "")
        rows.append([name, "", *_said(name), what])
    return rows


def _said(name: str) -> list[str]:
    """The knowledge that a synapse of a learner needs, and its source; of the local rule its formula says both."""
    if name == LOCAL_RULE:
        return ["as its formula says", "as its formula says"]
    found = learner(name)
    return [", ".join(known for known in KNOWLEDGE if known in found.knows), found.source]


def _yes(held: object) -> str:
    return "yes" if held else "no"


def _read_learners() -> dict[str, Plain]:
    """Learners of the library that are not components with their defaults."""
    return {name: content for name, content in learners().items() if name not in names("learner")}


def listing(kind: str, console: Any, titled: bool = False) -> None:
    """Print one listing as a table."""
    from rich.table import Table

    header, rows = _rows(kind)
    table = Table(box=None, title=kind if titled else None, title_justify="left", title_style="bold")
    for column, heading in enumerate(header):
        table.add_column(heading, no_wrap=column == 0, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table, highlight=False, markup=False)


def show(path: Path, console: Any) -> None:
    """Print a rule's formula, coefficients and origin; of a run also how far it is and how it compared."""
    from metalearn.rule.file import read
    from metalearn.store.run_store import RunStore

    store = RunStore.open(path, write=False) if path.is_dir() else None
    try:
        if store is not None:
            status = store.typed("status", str, f"in progress: metalearn resume {path}")
            console.print(f"run {path}: {store.count} generations, {status}", highlight=False, markup=False)
            if not (path / "rule.json").exists():
                return
        document = read(path)
        lines = learner_lines(document)
        for key in ("task", "run", "fitness"):
            if document.get(key) is not None:
                lines.append(f"{key:<8}= {document[key]}")
        for line in lines:
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        if store is not None:
            _print_documents(store, console)
    finally:
        if store is not None:
            store.close()


def learner_lines(document: Mapping[str, Any]) -> list[str]:
    """The lines on a rule or another learner: formula, pathway, values, and the knowledge that a synapse needs."""
    from inner.rules.sharing import describe
    from metalearn.rule.file import learner_of, values_of

    learner, values = learner_of(document), values_of(document)
    rule = learner.formula
    lines = [f"learner = {learner.text(values)}"]
    if rule is not None:
        lines = [
            *(f"{key:<8}= {text}" for key, text in rule.formulas.items()),
            f"        = {rule.with_values(values)}",
            f"mostly  = {rule.pruned(values, 0.02)}",  # numbers below 2 % of the largest left out
            *(f"trace   {name} <- {text}" for name, text in rule.traces.items()),
            *([f"then    {rule.homeostasis.text}"] if rule.homeostasis else []),
            f"pathway = {rule.pathway}",
        ]
    shown = ", ".join(f"{c.name} {describe(c, values[c.name])}" for c in learner.coefficients)
    return [*lines, f"values  = {shown}", f"knows   = {', '.join(sorted(learner.knows))}"]


def _print_documents(store: RunStore, console: Any) -> None:
    """Print the comparison, the ablation and the distances of a run, as far as they are there."""
    from metalearn.evidence.documents import Comparison
    from metalearn.evidence.findings import AblationResult, Distances
    from metalearn.report.tables import print_comparison

    if comparison := Comparison.found(store.get("comparison"), "comparison"):
        print_comparison(comparison, console)
    from metalearn.ledger.entry import looks_in
    from metalearn.ledger.summary import sentence
    from metalearn.verdict.of_run import judged
    from metalearn.verdict.output import print_claims

    if verdict := judged(store, store.folder):
        print_claims(verdict, console)
    for look in looks_in(store):
        console.print(sentence(look), highlight=False, markup=False, soft_wrap=True)
    ablation = AblationResult.found(store.get("ablation"), "ablation")
    distances = Distances.found(store.get("distances"), "distances")
    if ablation or distances:
        from metalearn.evidence.insight import print_ablation, print_distances

        if ablation:
            print_ablation(ablation, console)
        if distances:
            print_distances(distances, console)
