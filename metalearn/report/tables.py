"""Tables of a comparison for the terminal (rich) and as plain text: no mean without its interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from metalearn.evidence.documents import ArmDocument, Cell, Comparison, Interval

if TYPE_CHECKING:
    from rich.table import Table

LEGEND = "Best mean of a row in bold and with *;  ! marks an arm that {reference} is worse than (95 % interval)."
TRANSFER = "Transfer: tasks and networks outside the search"
PER_TABLE = 5  # arms side by side, so that a table fits in 100 columns


def title(arm: str) -> str:
    """Name of an arm as people read it: `feedback_alignment` -> `feedback alignment`."""
    return str(arm).replace("_", " ")


def number(value: float | None, metric: str = "") -> str:
    """One score as text: accuracies in percent with one decimal, everything else with three significant digits."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{100 * value:.1f} %" if metric == "accuracy" else f"{value:.3g}"


def interval(low: float | None, high: float | None, metric: str = "", signed: bool = False) -> str:
    """An interval as `[low, high]`, in percent (points) for accuracies."""
    if low is None or high is None:
        return ""
    if metric == "accuracy":
        return f"[{100 * low:+.1f}, {100 * high:+.1f}]" if signed else f"[{100 * low:.1f}, {100 * high:.1f}]"
    return f"[{low:+.3g}, {high:+.3g}]" if signed else f"[{low:.3g}, {high:.3g}]"


def difference(entry: Interval | None, metric: str = "") -> str:
    """The reference minus an arm, signed; for accuracies in percentage points."""
    if entry is None:
        return ""
    return f"{100 * entry.mean:+.1f}" if metric == "accuracy" else f"{entry.mean:+.3g}"


def about(cell: Cell) -> str:
    """One line on the conditions of a cell: task, network, steps, number of lifetimes, chance."""
    parts = [cell.task] if cell.task else []
    parts += [f"network {cell.network}"] if cell.network else []
    parts += [f"{cell.steps} steps"] if cell.steps is not None else []
    parts += [f"{cell.lifetimes} lifetimes per arm"] if cell.lifetimes is not None else []
    parts += [f"chance {number(cell.chance, cell.metric)}"] if cell.chance is not None else []
    parts += [f"who knows the world {number(cell.ceiling, cell.metric)}"] if cell.ceiling is not None else []
    return ", ".join(parts)


def lifetimes(arm: ArmDocument) -> str:
    """Lifetimes spent on tuning, of those offered where the arm has stopped before."""
    if arm.lifetimes is None:
        return ""
    stopped = arm.offered is not None and arm.offered != arm.lifetimes
    return f"{arm.lifetimes:,}" + (f" of {arm.offered:,}" if stopped else "")


def main_rows(comparison: Comparison, cell: Cell) -> tuple[list[str], list[list[str]]]:
    """Header and rows of one cell: arm, mean, 95 % CI, reference minus arm, its CI, verdict, failures, lifetimes spent on tuning."""
    reference, metric = title(comparison.reference), cell.metric
    ahead = f"{reference} - arm" + (", points" if metric == "accuracy" else "")
    header = ["arm", "mean", "95 % CI", ahead, "95 % CI", reference + " is", "failed", "tuned on"]
    rows = []
    for arm in [arm for arm in comparison.names if arm in cell.arms]:
        entry, gap = cell.arms[arm], cell.differences.get(arm)
        known = comparison.arms.get(arm)
        alone = known.cells.get(cell.name) if known is not None else None
        birth = "" if known is None else known.birth if alone is None else alone.birth
        rows.append(
            [
                title(arm) + (f", {birth}" if birth else "") + (" *" if arm == cell.best else ""),
                number(entry.mean, metric),
                interval(entry.low, entry.high, metric),
                difference(gap, metric),
                interval(gap.low, gap.high, metric, signed=True) if gap else "",
                cell.verdict(arm),
                str(entry.failures),
                f"{alone.lifetimes:,} here" if alone is not None else "" if known is None else lifetimes(known),
            ]
        )
    return header, rows


def transfer_rows(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the transfer table: one row per cell, one column per arm, with the marks of LEGEND."""
    rows = []
    for cell in comparison.group("transfer"):
        row = [cell.name]
        for arm in comparison.names:
            text = number(cell.arms[arm].mean, cell.metric) if arm in cell.arms else ""
            text += " *" if arm == cell.best else ""
            text += " !" if cell.verdict(arm) == "worse" else ""
            row.append(text)
        rows.append(row)
    return ["cell", *map(title, comparison.names)], rows


def _table(caption: str, header: list[str], rows: list[list[str]], text_columns: tuple[int, ...]) -> Table:
    """A rich table; numbers right-aligned, the row or entry with * in bold."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(caption, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for column, name in enumerate(header):
        shown = Text(name.replace(" - ", "\n- ").replace(", ", ",\n"))
        side: Literal["left", "right"] = "left" if column in text_columns else "right"
        table.add_column(
            shown, justify=side, no_wrap=column > 0, overflow="fold", min_width=10 if column == 0 else None
        )
    for row in rows:
        table.add_row(*(Text(value, style="bold" if "*" in value.split() else _colour(value)) for value in row))
    return table


def _colour(value: str) -> str:
    return {"better": "green", "worse": "red", "not distinguishable": "dim"}.get(value, "")


def comparison_tables(comparison: Comparison) -> list[Table]:
    """Rich tables: one per main cell, then the transfer table when there is one."""
    tables = []
    for cell in comparison.group("main"):
        header, rows = main_rows(comparison, cell)
        if all(row[6] == "0" for row in rows):  # the common case: leave the room to the numbers
            header, rows = header[:6] + header[7:], [row[:6] + row[7:] for row in rows]
        tables.append(_table(f"{cell.name}: {about(cell)}", header, rows, text_columns=(0, 5)))
    header, rows = transfer_rows(comparison)
    for start in range(1, len(header) if rows else 0, PER_TABLE):
        part = slice(start, start + PER_TABLE)
        some = [[row[0], *row[part]] for row in rows]
        tables.append(
            _table(TRANSFER if start == 1 else f"{TRANSFER}, continued", [header[0], *header[part]], some, (0,))
        )
    return tables


def notes(comparison: Comparison) -> list[str]:
    """Sentences on what stands in the tables, where it does: births, searches that ended early."""
    arms, found = comparison.arms.values(), []
    if any(arm.birth for arm in arms):
        found.append("A birth behind a name is the better one of those that its arm was tuned with.")
    if any(arm.cells for arm in arms):
        found.append(
            "Tuned per cell: an opponent tuned for that very cell on lives of its select tier, with lifetimes of its own; "
            "no comparison of equal budgets."
        )
    if any(" of " in lifetimes(arm) for arm in arms):
        found.append("Tuned on: lifetimes spent, of those offered where a search ended at a plateau.")
    return found


def legend(comparison: Comparison) -> str:
    """The line that explains the marks of the tables."""
    reference = comparison.reference
    marks = LEGEND.format(reference="the evolved rule" if reference == "evolved" else f"'{title(reference)}'")
    return "  ".join([marks, *notes(comparison)])


def skipped_lines(comparison: Comparison) -> list[str]:
    """One sentence for each cell that was not run."""
    return [f"Skipped {entry.cell}: {entry.why}" for entry in comparison.skipped]


def print_comparison(comparison: Comparison, console: Any = None) -> None:
    """Print the tables; without a terminal the text is plain and 100 columns wide."""
    from rich.console import Console

    console = console or Console()
    if console.quiet:
        return
    if not console.is_terminal:
        console.file.write(comparison_text(comparison) + "\n")
        return
    for table in comparison_tables(comparison):
        console.print(table)
    for line in [legend(comparison), *skipped_lines(comparison)]:
        console.print(line, markup=False, highlight=False)


def comparison_text(comparison: Comparison, width: int = 100) -> str:
    """The same tables as plain text, without control codes, at most `width` columns wide."""
    import io

    from rich.console import Console

    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=False, no_color=True, color_system=None)
    for table in comparison_tables(comparison):
        console.print(table)
    for line in [legend(comparison), *skipped_lines(comparison)]:
        console.print(line, markup=False, highlight=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())
