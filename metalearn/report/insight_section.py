"""The part of a report that takes the rule apart: what each term is worth, the smallest rule, and its known neighbours."""

from __future__ import annotations

from html import escape

import numpy as np

from metalearn.evidence.findings import AblationResult, Distances


def ablation_bars(document: AblationResult) -> str | None:
    """SVG: score lost when one term of the whole rule is dropped and nothing refitted, with 95 % intervals."""
    from metalearn.pictures.search import EVOLVED, INK, MUTED, OTHERS, new_figure, style, to_svg

    ranked = sorted(document.alone.items(), key=lambda item: -item[1].lost)[:24]
    if not ranked:
        return None
    with style("ablation"):
        figure, axes = new_figure(height=0.75 + 0.25 * len(ranked))
        rows = np.arange(len(ranked))
        lost, low, high = np.array([(entry.lost, entry.low, entry.high) for _, entry in ranked]).T
        axes.barh(rows, lost, height=0.6, color=[EVOLVED if v > 0 else OTHERS[0] for v in low])
        axes.errorbar(
            lost, rows, xerr=np.maximum(0, np.array([lost - low, high - lost])), fmt="none", ecolor=INK, elinewidth=0.9
        )
        axes.axvline(0, color=MUTED, linewidth=0.8)
        labels = [f"{name}: {entry.term}" for name, entry in ranked]
        axes.set_yticks(rows, [n if len(n) < 34 else n[:32] + "…" for n in labels])
        axes.tick_params(axis="y", colors=INK)
        axes.grid(axis="y", visible=False)
        axes.set_ylim(len(ranked) - 0.4, -0.6)
        axes.set_xlabel("score lost without the term")
        return to_svg(figure, "ablation")


def insight_section(ablation: AblationResult | None, near: Distances | None) -> str:
    """HTML of what is there of an ablation and distances; empty without either."""
    from metalearn.report.rule_section import inline

    parts = []
    if ablation:
        smallest = ablation.stages[ablation.smallest]
        parts.append(
            f"<p>The smallest rule that is as good as the best within the 95 % interval has {smallest.terms} terms: "
            f"<code>dw = {escape(smallest.formula)}</code></p>"
        )
        caption = "Score lost when one term goes and nothing is refitted; red where the interval excludes 0."
        bars = ablation_bars(ablation)
        picture = f"<figure>{inline(bars, caption)}<figcaption>{caption}</figcaption></figure>" if bars else ""
        rows = [
            [
                str(stage.terms) + (" *" if k == ablation.smallest else ""),
                stage.removed or "-",
                f"{stage.mean:.4f}",
                f"{stage.lost:.4f} [{stage.lost_low:+.4f}, {stage.lost_high:+.4f}]",
            ]
            for k, stage in enumerate(ablation.stages)
        ]
        table = _table(["terms", "without", "score", "lost to the best, 95 % CI"], rows)
        parts.append(f'<div class="pictures">{picture}<div>{table}</div></div>')
        parts.append(
            f'<p class="note">Terms go one after the other, the least missed first; after each, the others are refitted '
            f"for {ablation.generations} generations and fresh networks are trained in {ablation.lifetimes} lives "
            "of the select tier.</p>"
        )
    if near:
        shown = [
            [
                row.rule.replace("_", " "),
                *("-" if angle is None else f"{angle:.0f}°" for angle in (row.terms, row.behaviour)),
                "-" if row.correlation is None else f"{row.correlation:+.2f}",
            ]
            for row in near.rows
        ]
        parts.append("<h3>Known rules near by</h3>")
        parts.append(_table(["rule", "angle of terms", "angle of changes", "correlation of changes"], shown))
        parts.append(
            f'<p class="note">Angle to the nearest member of each named family; changes of weights are compared in a life '
            f"of {escape(near.where)}.</p>"
        )
    return "<section><h2>What each term is worth</h2>" + "".join(parts) + "</section>" if parts else ""


def _table(header: list[str], rows: list[list[str]]) -> str:
    head = "".join(f'<th class="{"num" if k else ""}" scope="col">{escape(h)}</th>' for k, h in enumerate(header))
    lines = "".join(
        "<tr>" + "".join(f'<td class="{"num" if k else ""}">{escape(v)}</td>' for k, v in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
