"""Runs a study part by part in a run folder: resumable, with its table and pictures."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from metalearn.config.inheritance import StudyConfig, validate_study
from metalearn.makers import make_study
from metalearn.pictures.line_panels import Panel, save
from metalearn.progress import Progress
from metalearn.runs.base import Run, progress_line
from metalearn.size.door import Sized
from metalearn.size.others import sized_study
from metalearn.store.folder import begin
from metalearn.store.run_store import RunStore, write_text_atomically
from outer.studies.base import Notes, Summary


class StudyRun(Run):
    """A study, part by part."""

    def __init__(self, store: RunStore, folder: Path, console: Any) -> None:
        super().__init__(store, folder, console)
        self.config = validate_study(store.config)

    @classmethod
    def create(cls, config: StudyConfig, folder: Path, console: Any, arguments: Sequence[str]) -> StudyRun:
        """A new run; raises ValueError before anything is written when the config cannot work."""
        sized_study(config).refuse().ask(console)
        make_study(config).check()
        command = "metalearn baldwin " + " ".join(shlex.quote(argument) for argument in arguments)
        return cls(begin(folder, config.plain(), command, "study"), folder, console)

    def sized(self) -> Sized:
        """As the study says."""
        return sized_study(self.config)

    def run(self) -> None:
        """The parts that are missing, then table, pictures and page."""
        self.console.print(f"run {self.folder}", highlight=False)
        own = make_study(self.config)
        with closing(self.store):
            for part in own.parts():
                if self.store.get(f"part/{part}") is None:
                    with Progress(self.console, part, 1) as bar:

                        def tell(done: int, total: int) -> None:
                            if notes:
                                self.store.put(f"notes/{part}", notes)
                            bar.at(done, total)

                        notes: Notes = self.store.typed(f"notes/{part}", dict, {})
                        self.store.put(f"part/{part}", own.go_on(part, self.config.seed, tell, notes))
                        self.store.put(f"notes/{part}", {})
            self.store.put("status", "finished")
        path = self.report(self.folder)
        self.show(self.folder, self.console)
        self.console.print(f"report {path}", highlight=False)

    @staticmethod
    def show(folder: Path, console: Any) -> None:
        """Print the headline and the table; of an unfinished study how far it is."""
        print_summary(folder, console)

    @staticmethod
    def report(folder: Path) -> Path:
        """Write the pictures (SVG, PNG) and report.html of a run; returns the page's path."""
        return write(folder)


def summary(folder: Path) -> tuple[Summary | None, StudyConfig, str, Mapping[str, object]]:
    """The summary (None while a part is missing), the config, the command and the environment of a run."""
    with RunStore.open(folder, write=False) as store:
        config = validate_study(store.config)
        own = make_study(config)
        results = {part: store.get(f"part/{part}") for part in own.parts()}
        found = own.summary(results) if all(r is not None for r in results.values()) else None
        return found, config, store.typed("command", str, "metalearn baldwin"), store.environment


def print_summary(folder: Path, console: Any) -> None:
    """The headline and the table in the terminal; of an unfinished study how far it is."""
    from rich.box import SIMPLE
    from rich.table import Table

    found, config, _, _ = summary(folder)
    if found is None:
        with RunStore.open(folder, write=False) as store:
            parts = make_study(config).parts()
            done = sum(store.get(f"part/{part}") is not None for part in parts)
        line = progress_line(folder, f"{done} of {len(parts)} parts, ")
        console.print(line, highlight=False, markup=False, soft_wrap=True)
        return
    table = Table(box=SIMPLE, pad_edge=False)
    for k, column in enumerate(found.columns):
        table.add_column(column, justify="right" if k else "left")
    for row in found.rows:
        table.add_row(*row)
    console.print(table)
    console.print(found.headline, highlight=False)


def write(folder: Path) -> Path:
    """Write the pictures (SVG, PNG) and report.html of a run; returns the page's path."""
    from metalearn.report.page import conditions, figure, page, repeat, table

    found, config, command, environment = summary(folder)
    body = []
    if found is not None:
        marks = [["", *["num"] * (len(found.columns) - 1)]] * len(found.rows)
        body.append(f"<section><h2>Results</h2>{table(found.columns, found.rows, marks)}</section><section>")
        for name, drawn in found.pictures.items():
            panels = [Panel.read(panel, f"picture {name}") for panel in drawn]
            titles = "; ".join(panel.title for panel in panels)
            body.append(f'<div class="wide">{figure(save(panels, folder, name), titles)}</div>')
        body.append("</section>")
    body += [repeat(command), conditions(config.plain(), environment)]
    heading = str(config.study["name"]).replace("_", " ").capitalize()
    text = page(folder.name, folder.name, heading, found.headline if found else "Not finished yet.", body)
    write_text_atomically(folder / "report.html", text)
    return folder / "report.html"
