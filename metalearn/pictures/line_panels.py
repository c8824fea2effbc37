"""Draws panels of lines side by side as SVG and PNG: what studies and experiments with inheritance are shown with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from metalearn.evidence.documents import Document
from metalearn.pictures import search as pictures

ARM_COLOURS = {"darwinian": "#0072b2", "baldwinian": pictures.EVOLVED, "lamarckian": "#009e73"}
PANEL_WIDTH = 4.4  # inches


class Series(Document):
    """One line: `low` and `high` make a band; `marks` are points (x, y)."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None
    colour: str | None = None
    dashed: bool = False
    thin: bool = False
    unnamed: bool = False  # without an entry in the legend
    marks: tuple[tuple[float, float], ...] = ()


class Panel(Document):
    """Lines on one pair of axes; x and y are the axes' labels."""

    title: str
    x: str
    y: str
    series: tuple[Series, ...]
    log_x: bool = False


def draw(panels: Sequence[Panel], name: str) -> Any:
    """A matplotlib figure of panels side by side."""
    from matplotlib.figure import Figure

    with pictures.style(name):
        figure = Figure(figsize=(PANEL_WIDTH * len(panels), pictures.HEIGHT + 0.25), layout="constrained")
        for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels):
            _panel(axes, panel)
        return figure


def _panel(axes: Any, panel: Panel) -> None:
    colours: dict[str, str] = {}
    for line in panel.series:
        label = line.label
        default = ARM_COLOURS.get(label.split(",")[0].split(" ")[0], "")
        if label not in colours:
            colours[label] = line.colour or default or pictures.OTHERS[len(colours) % len(pictures.OTHERS)]
        colour, x, y = colours[label], line.x, line.y
        if line.low is not None:
            axes.fill_between(x, line.low, line.high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(
            x,
            y,
            color=colour,
            linestyle="--" if line.dashed else "-",
            linewidth=0.7 if line.thin else 1.8,
            alpha=0.45 if line.thin else 1.0,
            marker="o" if len(x) < 9 and not line.thin else None,
            markersize=4,
            label=None if line.thin or line.unnamed else label,
        )
        for px, py in line.marks:
            axes.plot([px], [py], marker="v", color=colour, markersize=6, linestyle="none")
    if panel.log_x:
        axes.set_xscale("log")
        pictures.plain_numbers(axes.xaxis)
    elif panel.x == "generation":
        from matplotlib.ticker import MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.set_title(panel.title)
    axes.set_xlabel(panel.x)
    axes.set_ylabel(panel.y)
    if sum(not (line.thin or line.unnamed) for line in panel.series) > 1:
        axes.legend(fontsize=7.5, frameon=False)


def save(panels: Sequence[Panel], folder: Path, name: str, png: bool = True) -> str:
    """Write NAME.svg (and NAME.png) into `folder`; returns the SVG's text."""
    from metalearn.store.files import write_text_atomically

    figure = draw(panels, name)
    with pictures.style(name):
        text = pictures.to_svg(figure, name)
        if png:
            figure.savefig(folder / f"{name}.png", dpi=130, facecolor="white", metadata={"Software": None})
    write_text_atomically(folder / f"{name}.svg", text + "\n")
    return text
