"""What the ledger says: per form and family how often looked at, when first, and whether the family was still final."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from metalearn.evidence.documents import Document
from metalearn.ledger.documents import Entry, Form, Look, Registered

SEARCHED = "searched: not final"
AGAIN = "opened again"


class FormRow(Document):
    """One form on one family of cells."""

    form: Form
    family: str
    looks: int
    first: str  # time
    last: str
    flags: tuple[str, ...] = ()


class ClaimRow(Document):
    """One registered claim, and how often it was opened."""

    id: str
    name: str
    text: str
    registered: str  # time of the first
    opened: int  # experiments
    flags: tuple[str, ...] = ()


class Summary(Document):
    """The tables of `metalearn ledger`."""

    looks: int
    forms: int
    families: int
    rows: tuple[FormRow, ...]
    claims: tuple[ClaimRow, ...]


def summary(entries: Sequence[Entry]) -> Summary:
    """The tables of a ledger; the seeds of a sweep are one look."""
    looks = [entry for entry in entries if isinstance(entry, Look)]
    pairs: dict[tuple[str, str], list[Look]] = {}
    forms: dict[str, Form] = {}
    for look in looks:
        for form in look.forms:
            forms.setdefault(form.hash, form)
            for family in look.families:
                pairs.setdefault((form.hash, family), []).append(look)
    rows = [_row(forms[key], family, there) for (key, family), there in pairs.items()]
    return Summary(
        looks=len({look.experiment for look in looks}),
        forms=len(forms),
        families=len({family for _, family in pairs}),
        rows=tuple(sorted(rows, key=lambda row: (row.first, row.form.hash, row.family))),
        claims=_claims(entries),
    )


def _row(form: Form, family: str, looks: Sequence[Look]) -> FormRow:
    times = sorted(look.time for look in looks)
    searched = any(cell.searched for look in looks for cell in look.cells if cell.family == family)
    claimed = any(look.claims for look in looks)
    return FormRow(
        form=form,
        family=family,
        looks=len({look.experiment for look in looks}),
        first=times[0],
        last=times[-1],
        flags=((SEARCHED,) if searched else ()) + (() if claimed else ("no claim",)),
    )


def _claims(entries: Iterable[Entry]) -> tuple[ClaimRow, ...]:
    made: dict[str, list[Registered]] = {}
    opened: dict[str, set[str]] = {}
    for entry in entries:
        if isinstance(entry, Registered):
            made.setdefault(entry.id, []).append(entry)
        else:
            for claim in entry.claims:
                opened.setdefault(claim, set()).add(entry.experiment)
    rows = []
    for key, those in made.items():
        first, number = those[0], len(opened.get(key, ()))
        searched = sum("searched" in why for why in first.left_out.values())
        seen = len(first.left_out) - searched
        flags = [f"{count(searched, 'cell')} {SEARCHED}"] * bool(searched) + [f"{count(seen, 'cell')} seen before"] * bool(seen)
        flags += [AGAIN] * (number > 1 or len(those) > 1)
        rows.append(
            ClaimRow(
                id=key, name=first.name, text=first.text, registered=first.time, opened=number, flags=tuple(flags)
            )
        )
    return tuple(rows)


def sentence(look: Look) -> str:
    """How often the final cells of a look have been looked at, itself included."""
    final = [cell for cell in look.cells if cell.tier == "final"]
    counts = [look.before[cell.family] for cell in final if cell.family in look.before]
    most = max((known.looks for known in counts), default=0) + 1
    forms = max((known.forms for known in counts), default=0) + len(look.forms)
    searched = sorted({cell.family for cell in final if cell.searched})
    text = f"These {count(len(final), 'final cell')} have been looked at {times(most)} by {count(forms, 'form')} of rule"
    text += ", this look included (as far as the ledger of this folder knows)."
    return text + (f" Not final for this rule, because searched: {', '.join(searched)}." if searched else "")


def times(number: int) -> str:
    """A count of looks in words."""
    return "once" if number == 1 else f"{number} times"


def count(number: int, noun: str) -> str:
    """A number with its noun."""
    many = f"{noun.removesuffix('y')}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {noun if number == 1 else many}"


def print_summary(found: Summary, console: Any) -> None:
    """Print the tables."""
    from rich import box
    from rich.table import Table

    if not found.looks and not found.claims:
        console.print("The ledger is empty: no final cell has been looked at.", highlight=False)
        return
    line = f"{count(found.looks, 'look')} at final cells of {count(found.families, 'family')} by {count(found.forms, 'form')}"
    console.print(line + "; the seeds of a sweep are one look", highlight=False)
    for form in {row.form.hash: row.form for row in found.rows}.values():
        console.print(f"{form.hash[:6]}  {form.text}", highlight=False, markup=False, soft_wrap=True)
    if found.rows:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("form", "family of cells", "looks", "first", "flags"):
            table.add_column(heading, justify="right" if heading == "looks" else "left", overflow="fold")
        for row in found.rows:
            table.add_row(row.form.hash[:6], row.family, str(row.looks), row.first[:10], ", ".join(row.flags))
        console.print(table)
    if found.claims:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="claims", title_justify="left")
        for heading in ("claim", "in words", "registered", "opened", "flags"):
            table.add_column(heading, justify="right" if heading == "opened" else "left", overflow="fold")
        for claim in found.claims:
            named = f"{claim.name} ({claim.id[:6]})"
            table.add_row(named, claim.text, claim.registered, str(claim.opened), ", ".join(claim.flags))
        console.print(table)
