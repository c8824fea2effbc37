"""Draws a comparison as SVG text: learning curves, differences with their intervals, and the transfer cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metalearn.evidence.documents import Cell, Comparison
from metalearn.pictures.search import EVOLVED, HEIGHT, INK, MUTED, OTHERS, label_ends, new_figure, style, to_svg
from metalearn.report.tables import difference, number, title


def arm_colours(comparison: Comparison) -> dict[str, str]:
    """One colour per arm, the same in every picture; the reference has the emphasised one."""
    reference = comparison.reference
    others = [arm for arm in comparison.names if arm != reference]
    return {reference: EVOLVED, **{arm: OTHERS[k % len(OTHERS)] for k, arm in enumerate(others)}}


def learning_curves(comparison: Comparison, cell: Cell, name: str = "curves") -> str | None:
    """Score against training step for every arm of a cell, with 95 % bands; None without stored curves."""
    colours = arm_colours(comparison)
    curves = {arm: entry.curve for arm, entry in cell.arms.items() if entry.curve is not None}
    if not curves:
        return None
    percent = 100 if cell.metric == "accuracy" else 1
    with style(name):
        figure, axes = new_figure(height=HEIGHT + 0.1)
        axes.set_title(cell.name)
        ends = []
        for arm in [a for a in reversed(comparison.names) if a in curves]:
            curve, lead = curves[arm], colours[arm] == EVOLVED
            x, mean = np.array(curve.steps, dtype=float), percent * np.array(curve.mean, dtype=float)
            low, high = (percent * np.array(values, dtype=float) for values in (curve.low, curve.high))
            axes.fill_between(x, low, high, color=colours[arm], alpha=0.2 if lead else 0.12, linewidth=0)
            axes.plot(x, mean, color=colours[arm], linewidth=2.3 if lead else 1.3)
            ends.append((float(x[-1]), float(mean[-1]), title(arm), colours[arm]))
        if cell.chance is not None:
            axes.axhline(percent * cell.chance, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
            ends.append((float(axes.get_xlim()[1]), percent * cell.chance, "chance", MUTED))
        axes.margins(x=0)
        axes.set_xlabel("training step")
        axes.set_ylabel(_axis(cell))
        figure.draw_without_rendering()
        label_ends(axes, ends)
        return to_svg(figure, name)


def _axis(cell: Cell) -> str:
    metric = cell.metric or "score"
    return "test accuracy (%)" if metric == "accuracy" else f"test {metric} (higher is better)"


def forest(comparison: Comparison, cells: Sequence[Cell], name: str = "forest") -> str | None:
    """The reference minus each arm with its 95 % interval, a row per cell and arm; cells must share one metric."""
    rows = [(cell, arm, cell.differences[arm]) for cell in cells for arm in comparison.names if arm in cell.differences]
    if not rows:
        return None
    reference = title(comparison.reference)
    percent, unit = (100, "percentage points") if rows[0][0].metric == "accuracy" else (1, rows[0][0].metric or "score")
    with style(name):
        names = {cell.name for cell, _, _ in rows}
        figure, axes = new_figure(height=0.85 + 0.25 * (len(rows) + len(names)))
        at, ticks, labels, seen = 0.0, [], [], None
        for cell, arm, entry in rows:
            if cell.name != seen:
                seen = cell.name
                ticks.append(at)
                labels.append(cell.name)
                at += 1
            low, mean, high = (percent * value for value in (entry.low, entry.mean, entry.high))
            colour = {"better": EVOLVED, "worse": OTHERS[0]}.get(entry.shown, "#8d96a3")
            axes.plot([low, high], [at, at], color=colour, linewidth=2)
            axes.plot([mean], [at], "o", color=colour, markersize=5)
            axes.text(
                1.02,
                at,
                f"{difference(entry, cell.metric)}",
                transform=axes.get_yaxis_transform(),
                va="center",
                color=colour,
                fontsize=8.5,
            )
            ticks.append(at)
            labels.append(title(arm))
            at += 1
        axes.axvline(0, color=INK, linewidth=0.9)
        axes.set_yticks(ticks, labels)
        axes.tick_params(axis="y", colors=INK)
        for label in axes.get_yticklabels():
            label.set_fontweight("bold" if label.get_text() in names else "normal")
        axes.grid(axis="y", visible=False)
        axes.set_ylim(at - 0.4, -0.7)
        axes.set_xlabel(f"{reference} - arm ({unit}, 95 % interval)\nright of 0: {reference} is better")
        return to_svg(figure, name)


def heat_table(comparison: Comparison) -> str | None:
    """Transfer cells x arms: the mean as a number, the colour is the reference minus the arm (per row)."""
    cells, arms = comparison.group("transfer"), comparison.names
    if not cells:
        return None
    reference = comparison.reference
    with style("heat"):
        from matplotlib.colors import LinearSegmentedColormap

        shades = LinearSegmentedColormap.from_list("gap", ["#5b9bd1", "#f4f5f7", "#ec8a6a"])
        figure, axes = new_figure(1.9 + 0.92 * len(arms), 1.0 + 0.34 * len(cells))
        gaps = np.full((len(cells), len(arms)), np.nan)
        for row, cell in enumerate(cells):
            for column, arm in enumerate(arms):
                if reference in cell.arms and arm in cell.arms:
                    gaps[row, column] = cell.arms[reference].mean - cell.arms[arm].mean
        reach = np.nanmax(np.abs(gaps), axis=1, keepdims=True) if np.isfinite(gaps).any(axis=1).all() else 1.0
        edges = (np.arange(len(arms) + 1) - 0.5, np.arange(len(cells) + 1) - 0.5)
        axes.pcolormesh(
            *edges, gaps / np.maximum(reach, 1e-12), cmap=shades, vmin=-1, vmax=1, edgecolors="white", linewidth=1.5
        )
        axes.invert_yaxis()
        for row, cell in enumerate(cells):
            for column, arm in enumerate(arms):
                mark = " !" if cell.verdict(arm) == "worse" else ""
                text = number(cell.arms[arm].mean, cell.metric) + mark if arm in cell.arms else "-"
                axes.text(
                    column,
                    row,
                    text,
                    ha="center",
                    va="center",
                    fontsize=8.5,
                    weight="bold" if arm == cell.best else "normal",
                )
        axes.set_xticks(range(len(arms)), [title(a).replace(" ", "\n") for a in arms])
        axes.set_yticks(range(len(cells)), [cell.name for cell in cells])
        axes.xaxis.tick_top()
        axes.tick_params(colors=INK)
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        return to_svg(figure, "heat")
