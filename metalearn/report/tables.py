"""Tables of a comparison for the terminal (rich), for plain text, and for Markdown: no mean without its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

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


def difference(entry: Mapping[str, Any] | None, metric: str = "") -> str:
    """The reference minus an arm, signed; for accuracies in percentage points."""
    if entry is None:
        return ""
    mean = float(entry["mean"])
    return f"{100 * mean:+.1f}" if metric == "accuracy" else f"{mean:+.3g}"


def verdict(entry: Mapping[str, Any] | None) -> str:
    """ "better", "worse" or "not distinguishable": the stored verdict, never stronger than what its interval shows."""
    if entry is None:
        return ""
    low, high, stored = float(entry["low"]), float(entry["high"]), str(entry.get("verdict", ""))
    shown = "better" if low > 0 else "worse" if high < 0 else "not distinguishable"
    return shown if stored in ("", shown) else "not distinguishable"


def cells_of(comparison: Mapping[str, Any], group: str) -> list[dict[str, Any]]:
    """The cells of one group, "main" or "transfer"."""
    return [cell for cell in comparison.get("cells", []) if cell.get("group", "main") == group]


def arms_of(comparison: Mapping[str, Any]) -> list[str]:
    """Arms in the order of the comparison, its reference first."""
    reference = comparison.get("reference", "evolved")
    named = [*comparison.get("arms", {})]
    named += [arm for cell in comparison.get("cells", []) for arm in cell["arms"] if arm not in named]
    unique = list(dict.fromkeys(named))
    return [arm for arm in unique if arm == reference] + [arm for arm in unique if arm != reference]


def best_arm(cell: Mapping[str, Any]) -> str | None:
    """The arm with the highest mean score in a cell."""
    means = {arm: entry["mean"] for arm, entry in cell["arms"].items() if entry.get("mean") is not None}
    return max(means, key=lambda arm: means[arm]) if means else None


def about(cell: Mapping[str, Any]) -> str:
    """One line on the conditions of a cell: task, network, steps, number of lifetimes, chance."""
    parts = [str(cell["task"])] if "task" in cell else []
    parts += [f"network {cell['network']}"] if "network" in cell else []
    parts += [f"{cell['steps']} steps"] if "steps" in cell else []
    parts += [f"{cell['lifetimes']} lifetimes per arm"] if "lifetimes" in cell else []
    parts += [f"chance {number(cell['chance'], cell.get('metric', ''))}"] if cell.get("chance") is not None else []
    return ", ".join(parts)


def main_rows(comparison: Mapping[str, Any], cell: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of one cell: arm, mean, 95 % CI, reference minus arm, its CI, verdict, failures, tuning."""
    reference, metric = comparison.get("reference", "evolved"), cell.get("metric", "")
    header = [
        "arm",
        "mean",
        "95 % CI",
        f"{title(reference)} - arm" + (", points" if metric == "accuracy" else ""),
        "95 % CI",
        title(reference) + " is",
        "failed",
        "tuned on",
    ]
    rows = []
    for arm in arms_of(comparison):
        if arm not in cell["arms"]:
            continue
        entry, gap = cell["arms"][arm], cell.get("differences", {}).get(arm)
        spent = comparison.get("arms", {}).get(arm, {}).get("lifetimes")
        rows.append(
            [
                title(arm) + (" *" if arm == best_arm(cell) else ""),
                number(entry["mean"], metric),
                interval(entry.get("low"), entry.get("high"), metric),
                difference(gap, metric),
                interval(gap["low"], gap["high"], metric, signed=True) if gap else "",
                verdict(gap),
                str(entry.get("failures", 0)),
                f"{spent:,}" if isinstance(spent, int) else "",
            ]
        )
    return header, rows


def transfer_rows(comparison: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the transfer table: one row per cell, one column per arm, with the marks of LEGEND."""
    arms, rows = arms_of(comparison), []
    for cell in cells_of(comparison, "transfer"):
        row, metric = [str(cell["name"])], cell.get("metric", "")
        for arm in arms:
            entry = cell["arms"].get(arm)
            text = "" if entry is None else number(entry["mean"], metric)
            text += " *" if arm == best_arm(cell) else ""
            text += " !" if verdict(cell.get("differences", {}).get(arm)) == "worse" else ""
            row.append(text)
        rows.append(row)
    return ["cell", *map(title, arms)], rows


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


def comparison_tables(comparison: Mapping[str, Any]) -> list[Table]:
    """Rich tables: one per main cell, then the transfer table when there is one."""
    tables = []
    for cell in cells_of(comparison, "main"):
        header, rows = main_rows(comparison, cell)
        if all(row[6] == "0" for row in rows):  # the common case: leave the room to the numbers
            header, rows = header[:6] + header[7:], [row[:6] + row[7:] for row in rows]
        tables.append(_table(f"{cell['name']}: {about(cell)}", header, rows, text_columns=(0, 5)))
    header, rows = transfer_rows(comparison)
    for start in range(1, len(header) if rows else 0, PER_TABLE):
        part = slice(start, start + PER_TABLE)
        some = [[row[0], *row[part]] for row in rows]
        tables.append(
            _table(TRANSFER if start == 1 else f"{TRANSFER}, continued", [header[0], *header[part]], some, (0,))
        )
    return tables


def legend(comparison: Mapping[str, Any]) -> str:
    """What the marks of the tables mean."""
    reference = comparison.get("reference", "evolved")
    return LEGEND.format(reference="the evolved rule" if reference == "evolved" else f"'{title(reference)}'")


def skipped_lines(comparison: Mapping[str, Any]) -> list[str]:
    """One sentence for each cell that was not run."""
    return [f"Skipped {entry['cell']}: {entry['why']}" for entry in comparison.get("skipped", [])]


def print_comparison(comparison: Mapping[str, Any], console: Any = None) -> None:
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


def comparison_text(comparison: Mapping[str, Any], width: int = 100) -> str:
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


def comparison_markdown(comparison: Mapping[str, Any]) -> str:
    """The same tables as Markdown; text from the run is escaped, so that it cannot break a row."""
    parts = []
    for cell in cells_of(comparison, "main"):
        parts += [f"**{_cell(str(cell['name']))}**: {_cell(about(cell))}", _markdown(*main_rows(comparison, cell))]
    header, rows = transfer_rows(comparison)
    if rows:
        parts += [f"**{TRANSFER}**", _markdown(header, rows)]
    return "\n\n".join([*parts, _cell(legend(comparison)), *map(_cell, skipped_lines(comparison))]) + "\n"


def _cell(text: str) -> str:
    kept = " ".join(text.split())
    for sign in "\\`*_|<[":
        kept = kept.replace(sign, "\\" + sign)
    return kept


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    def line(row: list[str]) -> str:
        return (
            "| " + " | ".join(f"**{_cell(v.replace(' *', ''))}**" if "*" in v.split() else _cell(v) for v in row) + " |"
        )

    return "\n".join([line(header), "|---" + "|---:" * (len(header) - 1) + "|", *map(line, rows)])
