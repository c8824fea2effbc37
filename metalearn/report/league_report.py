"""A league in the terminal, as Markdown, and on a page with its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from metalearn.evidence.league_documents import LeagueResult
from metalearn.report.league_tables import Table, accuracy, failures, headline, knowledge, left_out, tables
from metalearn.report.tables import number, title
from metalearn.store.run_store import RunStore, write_text_atomically

RESULT = "league"


def markdown(result: LeagueResult) -> str:
    """All tables as Markdown."""
    parts = [headline(result)]
    for each in tables(result):
        lines = [f"| {' | '.join(_cell(entry) for entry in row)} |" for row in [each.header, *each.rows]]
        lines.insert(1, "|" + "---|" * len(each.header))
        parts += [f"## {each.heading}", each.about, "\n".join(lines)]
    if out := left_out(result):
        parts += ["## Left out", "\n".join(f"- {line}" for line in out)]
    return "\n\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def print_league(result: LeagueResult, console: Any) -> None:
    """Scores, knowledge and failures in the terminal, without the intervals of single cells."""
    from rich.box import SIMPLE
    from rich.table import Table as Rich

    whole, metric = accuracy(result), result.plan.cells[0].metric
    ends = Table(whole.heading, "", [whole.header[0], whole.header[1], *whole.header[-3:]], [])
    ends.rows.extend([row[0], row[1], *row[-3:]] for row in whole.rows)
    cells = Table("Final score by cell", "", ["learner", *(cell.name for cell in result.plan.cells)], [])
    for name, found in result.standings.items():
        cells.rows.append([title(name), *(number(place.score.mean, metric) for place in found.places.values())])
    known = knowledge(result)
    known = known._replace(header=known.header[:-1], rows=[row[:-1] for row in known.rows])  # the sources are on the page
    for each in (ends, cells, known, failures(result)):
        shown = Rich(box=SIMPLE, pad_edge=False, title=each.heading, title_justify="left")
        for k, column in enumerate(each.header):
            shown.add_column(column, justify="right" if k else "left", overflow="fold")
        for row in each.rows:
            shown.add_row(*row)
        console.print(shown, markup=False)
    for line in left_out(result):
        console.print(f"left out  {line}", highlight=False, markup=False, soft_wrap=True)
    console.print(headline(result), highlight=False, markup=False, soft_wrap=True)


def write(folder: Path) -> Path:
    """Write report.html, with the pictures beside it, of a league however far it has come; returns its path."""
    from metalearn.report.page import conditions, figure, page, repeat, table

    with RunStore.open(folder, write=False) as store:
        result = LeagueResult.found(store.get(RESULT), RESULT)
        config, environment = store.config or {}, store.environment
        command = store.typed("command", str, "metalearn league")
    body: list[str] = []
    if result is not None:
        from metalearn.pictures.league import pictures

        drawn = pictures(result)
        for name, (svg, _) in drawn.items():
            write_text_atomically(folder / f"{name}.svg", svg + "\n")
        for each in tables(result):
            marks: Sequence[Sequence[str]] = [["", *["num"] * (len(each.header) - 1)]] * len(each.rows)
            shown = "".join(
                f'<div class="wide">{figure(svg, caption)}</div>'
                for name, (svg, caption) in drawn.items()
                if BESIDE[name] == each.heading
            )
            about = escape(each.about)
            body.append(f"<section><h2>{each.heading}</h2><p>{about}</p>{shown}{table(each.header, each.rows, marks)}</section>")
        if out := left_out(result):
            body.append(f"<section><h2>Left out</h2><ul>{''.join(f'<li>{escape(line)}</li>' for line in out)}</ul></section>")
    body += [repeat(command), conditions(config, environment)]
    said = headline(result) if result is not None else "Not finished yet."
    text = page(folder.name, folder.name, "The league of learners", said, body)
    write_text_atomically(folder / "report.html", text)
    return folder / "report.html"


BESIDE = {  # picture -> the table that it stands above
    "ranks": "Final score",
    "knowledge": "What each synapse must know",
    "passes": "Passes to a threshold",
    "multiply_adds": "Multiply-adds to a threshold",
    "memory": "Peak memory against depth",
}
