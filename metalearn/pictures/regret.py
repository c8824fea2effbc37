"""Draws what was earned in worlds that answer: regret against the actor that knows the world, and reward step by step."""

from __future__ import annotations

import numpy as np

from metalearn.evidence.documents import Cell, Comparison
from metalearn.pictures.comparison import arm_colours
from metalearn.pictures.search import EVOLVED, HEIGHT, MUTED, label_ends, new_figure, style, to_svg
from metalearn.report.tables import title


def regret_curves(comparison: Comparison, cell: Cell, name: str = "regret") -> str | None:
    """Regret summed over steps, for every arm of a cell, with 95 % bands; None where the world has no ceiling."""
    colours = arm_colours(comparison)
    curves = {arm: entry.regret for arm, entry in cell.arms.items() if entry.regret is not None}
    if not curves:
        return None
    with style(name):
        figure, axes = new_figure(height=HEIGHT + 0.1)
        axes.set_title(cell.name)
        ends = []
        for arm in [a for a in reversed(comparison.names) if a in curves]:
            curve, lead = curves[arm], colours[arm] == EVOLVED
            axes.fill_between(curve.steps, curve.low, curve.high, color=colours[arm], alpha=0.2 if lead else 0.12, linewidth=0)
            axes.plot(curve.steps, curve.mean, color=colours[arm], linewidth=2.3 if lead else 1.3)
            ends.append((float(curve.steps[-1]), float(curve.mean[-1]), title(arm), colours[arm]))
        axes.margins(x=0)
        axes.set_xlabel("step of a life")
        axes.set_ylabel("regret, summed (lower is better)")
        figure.draw_without_rendering()
        label_ends(axes, ends)
        return to_svg(figure, name)


def reward_curves(comparison: Comparison, cell: Cell, name: str = "reward") -> str | None:
    """Reward per step between the points of the learning curve, for every arm of a cell, and the ceiling's mean."""
    colours = arm_colours(comparison)
    curves = {arm: entry.curve for arm, entry in cell.arms.items() if entry.regret is not None and entry.curve is not None}
    if not curves:
        return None
    with style(name):
        figure, axes = new_figure(height=HEIGHT + 0.1)
        axes.set_title(cell.name)
        ends = []
        for arm in [a for a in reversed(comparison.names) if a in curves]:
            steps, mean = np.array(curves[arm].steps), np.array(curves[arm].mean)
            earned = np.diff(steps * mean) / np.diff(steps)
            middle = (steps[1:] + steps[:-1]) / 2
            axes.plot(middle, earned, color=colours[arm], linewidth=2.3 if colours[arm] == EVOLVED else 1.3)
            ends.append((float(middle[-1]), float(earned[-1]), title(arm), colours[arm]))
        if cell.ceiling is not None:
            axes.axhline(cell.ceiling, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
            ends.append((float(axes.get_xlim()[1]), cell.ceiling, "who knows the world", MUTED))
        axes.margins(x=0)
        axes.set_xlabel("step of a life")
        axes.set_ylabel("reward per step")
        figure.draw_without_rendering()
        label_ends(axes, ends)
        return to_svg(figure, name)
