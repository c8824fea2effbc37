"""Draws panels of lines side by side as SVG and PNG: what studies and experiments with inheritance are shown with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metalearn.pictures import search as pictures

ARM_COLOURS = {"darwinian": "#0072b2", "baldwinian": pictures.EVOLVED, "lamarckian": "#009e73"}
PANEL_WIDTH = 4.4  # inches


def series(label: str, x: Any, y: Any, **more: Any) -> dict[str, Any]:
    """One line: `low` and `high` add a band; `dashed`, `thin`, `colour` and `marks` (x, y of points) its look."""
    return {"label": label, "x": list(map(float, x)), "y": list(map(float, y)), **more}


def draw(panels: Sequence[Mapping[str, Any]], name: str) -> Any:
    """A matplotlib figure: each panel has title, x, y (labels of axes), series, and may have log_x."""
    from matplotlib.figure import Figure

    with pictures.style(name):
        figure = Figure(figsize=(PANEL_WIDTH * len(panels), pictures.HEIGHT + 0.25), layout="constrained")
        for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels):
            _panel(axes, panel)
        return figure


def _panel(axes: Any, panel: Mapping[str, Any]) -> None:
    colours: dict[str, str] = {}
    for line in panel["series"]:
        label = line["label"]
        default = ARM_COLOURS.get(label.split(",")[0].split(" ")[0], "")
        if label not in colours:
            colours[label] = line.get("colour") or default or pictures.OTHERS[len(colours) % len(pictures.OTHERS)]
        colour, x, y = colours[label], line["x"], line["y"]
        if "low" in line:
            axes.fill_between(x, line["low"], line["high"], color=colour, alpha=0.15, linewidth=0)
        axes.plot(
            x,
            y,
            color=colour,
            linestyle="--" if line.get("dashed") else "-",
            linewidth=0.7 if line.get("thin") else 1.8,
            alpha=0.45 if line.get("thin") else 1.0,
            marker="o" if len(x) < 9 and not line.get("thin") else None,
            markersize=4,
            label=None if line.get("thin") or line.get("unnamed") else label,
        )
        for px, py in line.get("marks", ()):
            axes.plot([px], [py], marker="v", color=colour, markersize=6, linestyle="none")
    if panel.get("log_x"):
        from matplotlib.ticker import FuncFormatter, NullFormatter

        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    elif panel["x"] == "generation":
        from matplotlib.ticker import MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.set_title(panel["title"])
    axes.set_xlabel(panel["x"])
    axes.set_ylabel(panel["y"])
    if sum(not (line.get("thin") or line.get("unnamed")) for line in panel["series"]) > 1:
        axes.legend(fontsize=7.5, frameon=False)


def save(panels: Sequence[Mapping[str, Any]], folder: Path, name: str, png: bool = True) -> str:
    """Write NAME.svg (and NAME.png) into `folder`; returns the SVG's text."""
    from metalearn.store.files import write_text_atomically

    figure = draw(panels, name)
    with pictures.style(name):
        text = pictures.to_svg(figure, name)
        if png:
            figure.savefig(folder / f"{name}.png", dpi=130, facecolor="white", metadata={"Software": None})
    write_text_atomically(folder / f"{name}.svg", text + "\n")
    return text
