"""Draws a verdict as SVG: the lead in every cell, families together, a dot per search seed."""

from __future__ import annotations

from metalearn.pictures.search import EVOLVED, INK, MUTED, OTHERS, new_figure, style, to_svg
from metalearn.report.tables import title
from metalearn.verdict.documents import VerdictDocument

COLOURS = {"better": EVOLVED, "not below": "#8d96a3", "below": OTHERS[0]}


def picture(document: VerdictDocument) -> str:
    """The forest plot against the best opponent, or the first one where none is the best."""
    arm = document.best or next(iter(document.opponents), None)
    cells = sorted(document.cells, key=lambda cell: (cell.family, cell.depth, cell.width, cell.steps or 0))
    with style("verdict"):
        families = list(dict.fromkeys(cell.family for cell in cells))
        figure, axes = new_figure(6.4, 1.1 + 0.21 * (len(cells) + len(families)))
        ticks, labels, at = [], [], 0.0
        for family in families:
            ticks.append(at)
            labels.append(family)
            at += 1
            for cell in (cell for cell in cells if cell.family == family):
                ticks.append(at)
                labels.append(cell.name.removeprefix(family).lstrip(" ,") + (" (searched)" if cell.searched else ""))
                if arm in cell.leads:
                    lead = cell.leads[arm]
                    colour = COLOURS[lead.label]
                    axes.plot(lead.seeds, [at] * len(lead.seeds), "o", color=colour, alpha=0.45, markersize=3)
                    if lead.low is not None and lead.high is not None:
                        axes.plot([lead.low, lead.high], [at, at], color=colour, linewidth=1.6)
                    axes.plot([lead.mean], [at], "D", color=colour, markersize=4.5)
                at += 1
        axes.axvline(0, color=INK, linewidth=0.9)
        axes.axvline(-1, color=MUTED, linewidth=0.7, linestyle=(0, (4, 3)))
        axes.set_yticks(ticks, labels)
        axes.tick_params(axis="y", colors=INK)
        for label in axes.get_yticklabels():
            label.set_fontweight("bold" if label.get_text() in families else "normal")
        axes.grid(axis="y", visible=False)
        axes.set_ylim(at - 0.4, -0.7)
        against = title(arm) if arm else "nothing"
        axes.set_xlabel(
            f"{title(document.subject)} - {against} in points\n"
            "a dot per search seed, mean and 95 % interval; dashed: -1 point"
        )
        return to_svg(figure, "verdict")
