"""The part of a program search's report that shows the trade between score and complexity: its Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from metalearn.evidence.documents import FrontRow
from metalearn.report.rule_section import inline


def front_section(front: Sequence[FrontRow] | None) -> str:
    """HTML of the best formula of every complexity, as a picture and a table; empty where there is no front."""
    if not front:
        return ""
    caption = "Score on the select tier of the best formula with at most so many operations and constants."
    rows = "".join(
        f'<tr><td class="num">{row.complexity}</td><td class="num">{row.score:.4f}</td>'
        f"<td><code>dw = {escape(row.formula)}</code></td></tr>"
        for row in front
    )
    head = '<thead><tr><th class="num">complexity</th><th class="num">score</th><th>formula</th></tr></thead>'
    figure = f"<figure>{inline(picture(front), caption)}<figcaption>{caption}</figcaption></figure>"
    return (
        '<section><h2>Score against complexity</h2><div class="pictures">'
        f'{figure}</div><div class="scroll"><table>{head}<tbody>{rows}</tbody></table></div></section>'
    )


def picture(front: Sequence[FrontRow]) -> str:
    """The front as steps: SVG."""
    from matplotlib.ticker import MaxNLocator

    from metalearn.pictures.search import EVOLVED, new_figure, style, to_svg

    x, y = [row.complexity for row in front], [row.score for row in front]
    with style("front"):
        figure, axes = new_figure()
        axes.step([*x, x[-1] + 1], [*y, y[-1]], where="post", color=EVOLVED, linewidth=1.4)
        axes.plot(x, y, "o", color=EVOLVED, markersize=4)
        axes.set_xlabel("operations and constants")
        axes.set_ylabel("score (higher is better)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return to_svg(figure, "front")
