"""Draws searches held against each other: quality over inner steps consumed, hand-written rules as levels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metalearn.pictures.search import EVOLVED, MUTED, OTHERS, label_ends, new_figure, style, to_svg
from metalearn.runs.documents import BenchCurve, BenchResult

RULE = "rule: "


def draw(document: BenchResult) -> str:
    """SVG text: a line with its 95 % band per search (the best one emphasised), a dashed level per hand-written rule."""
    arms, metric = document.arms, document.metric
    percent = 100 if metric == "accuracy" else 1
    searches = [arm for arm in arms if not arm.startswith(RULE)]
    best = max(searches, key=lambda arm: arms[arm].final.mean)
    others = [arm for arm in searches if arm != best]
    colours = {best: EVOLVED} | {arm: OTHERS[k % len(OTHERS)] for k, arm in enumerate(others)}
    with style("searches"):
        figure, axes = new_figure(7.2, 4.4)
        axes.set_title(f"Quality over inner steps: {document.plan.seeds} seeds, bands are 95 % intervals")
        ends = []
        for arm in [*others, best]:
            curve, lead = arms[arm].curve, arm == best
            x = np.array(curve.inner_steps, dtype=float)
            mean, low, high = (percent * np.array(row, dtype=float) for row in (curve.mean, curve.low, curve.high))
            axes.fill_between(x, low, high, color=colours[arm], alpha=0.2 if lead else 0.12, linewidth=0)
            axes.plot(x, mean, color=colours[arm], linewidth=2.3 if lead else 1.4)
            ends.append((float(x[-1]), float(mean[-1]), arm, colours[arm]))
        for arm in (arm for arm in arms if arm.startswith(RULE)):
            level = percent * arms[arm].final.mean
            axes.axhline(level, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
            ends.append((float(axes.get_xlim()[1]), level, arm.removeprefix(RULE).replace("_", " "), MUTED))
        axes.margins(x=0)
        axes.set_xlim(0)
        axes.set_ylim(*_window([arms[arm].curve for arm in sorted(arms)], percent))
        axes.set_xlabel("inner steps consumed by the search")
        axes.set_ylabel("test accuracy on fresh lives (%)" if metric == "accuracy" else f"{metric} on fresh lives")
        figure.draw_without_rendering()
        label_ends(axes, ends)
        return to_svg(figure, "searches")


def _window(curves: Sequence[BenchCurve], percent: float) -> tuple[float, float]:
    """Limits of the axis: all means, and bands up to half the range of the means beyond them (few seeds make wild bands)."""
    low = percent * np.concatenate([curve.low for curve in curves])
    mean = percent * np.concatenate([curve.mean for curve in curves])
    high = percent * np.concatenate([curve.high for curve in curves])
    room = max(0.5 * float(np.ptp(mean)), 1e-3 * max(float(np.abs(mean).max()), 1e-9))
    bottom = max(float(low.min()), float(mean.min()) - room)
    top = min(float(high.max()), float(mean.max()) + room)
    return bottom - 0.05 * room, top + 0.05 * room
