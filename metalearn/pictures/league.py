"""Draws a league as SVG: ranks with intervals, score against what a synapse must know, score against cost, memory by depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from metalearn.evidence.league_documents import LeagueResult
from metalearn.pictures.search import EVOLVED, INK, MUTED, OTHERS, label_ends, new_figure, style, to_svg
from metalearn.report.league_tables import counted, needed
from metalearn.report.tables import number, title

ROW, WIDE = 0.26, 7.4  # inches: a learner's row, a picture
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)))  # of lines whose colours repeat
FEWEST = 0.01  # share of a life that a picture against cost begins at


def pictures(result: LeagueResult) -> dict[str, tuple[str, str]]:
    """SVG and alternative text by name."""
    leader = title(result.leader)
    last = title(list(result.standings)[-1])
    many = len(result.standings)
    score = _score_name(result)
    return {
        "ranks": (
            ranks(result),
            f"Mean rank of {many} learners over all cells and lives, with 95 % intervals, 1 is the best: "
            f"{leader} has the highest mean {score}, {last} the lowest.",
        ),
        "knowledge": (
            knowledge(result),
            f"{score.capitalize()} against the information that a synapse needs: a dot for each class that a learner declares, "
            f"its mean {score} with the 95 % interval on the right.",
        ),
        "passes": (
            against(result, "passes"),
            f"Mean {score} over all cells against passes, a line per learner; forward, backward and perturbed passes count alike.",
        ),
        "multiply_adds": (
            against(result, "multiply_adds"),
            f"Mean {score} over all cells against cost in multiply-adds, a line per learner.",
        ),
        "memory": (
            memory(result),
            "Peak memory of a step against the number of hidden layers, a line per learner; the dashed line is the weights.",
        ),
    }


def colours(result: LeagueResult) -> dict[str, tuple[str, object]]:
    """Colour and dashes per learner, the same in every picture; the leader has the emphasised colour."""
    others = [name for name in result.standings if name != result.leader]
    found: dict[str, tuple[str, object]] = {result.leader: (EVOLVED, "-")}
    for k, name in enumerate(others):
        found[name] = OTHERS[k % len(OTHERS)], DASHES[k // len(OTHERS) % len(DASHES)]
    return found


def _score_name(result: LeagueResult) -> str:
    return result.plan.cells[0].metric or "score"


def _percent(result: LeagueResult) -> tuple[float, str]:
    name = _score_name(result)
    return (100.0, f"mean {name} (%)") if name == "accuracy" else (1.0, f"mean {name}")


def ranks(result: LeagueResult) -> str:
    """A row per learner: its mean rank and the 95 % interval."""
    names = sorted(result.standings, key=lambda name: result.standings[name].rank.mean)
    with style("ranks"):
        from matplotlib.ticker import MaxNLocator

        figure, axes = new_figure(WIDE, 0.9 + ROW * len(names))
        for at, name in enumerate(names):
            found, colour = result.standings[name].rank, EVOLVED if name == result.leader else OTHERS[0]
            axes.plot([found.low, found.high], [at, at], color=colour, linewidth=2)
            axes.plot([found.mean], [at], "o", color=colour, markersize=5)
        axes.set_yticks(range(len(names)), [title(name) for name in names])
        axes.tick_params(axis="y", colors=INK)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(0.5, len(names) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("mean rank over cells and lives (1 is the best, 95 % interval)")
        return to_svg(figure, "ranks")


def knowledge(result: LeagueResult) -> str:
    """Dots for what a synapse must know, and the mean score beside them."""
    names, classes = list(result.standings), needed(result)
    factor, label = _percent(result)
    with style("knowledge"):
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDE, 1.2 + ROW * len(names)), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.0, 1.15))
        for at, name in enumerate(names):
            knows = [k for k, known in enumerate(classes) if known in result.plan.entrants[name].knows]
            left.plot(range(len(classes)), [at] * len(classes), "o", color="#e4e7ec", markersize=6)
            left.plot(knows, [at] * len(knows), "-o", color=OTHERS[0], markersize=6, linewidth=1.2)
            mean, colour = result.standings[name].mean, EVOLVED if name == result.leader else OTHERS[0]
            right.plot([factor * mean.low, factor * mean.high], [at, at], color=colour, linewidth=2)
            right.plot([factor * mean.mean], [at], "o", color=colour, markersize=5)
            text = number(mean.mean, _score_name(result))
            right.text(1.02, at, text, transform=right.get_yaxis_transform(), va="center", fontsize=8)
        left.set_xticks(range(len(classes)), classes, fontsize=7.5, rotation=35, ha="left", rotation_mode="anchor")
        left.xaxis.tick_top()
        left.set_xlim(-0.6, len(classes) - 0.4)
        left.set_yticks(range(len(names)), [title(name) for name in names])
        left.set_ylim(len(names) - 0.5, -0.5)
        for axes in (left, right):
            axes.tick_params(axis="y", colors=INK)
            axes.grid(visible=axes is right, axis="x")
            axes.grid(visible=False, axis="y")
        right.set_xlabel(label)
        return to_svg(figure, "knowledge")


def against(result: LeagueResult, what: str) -> str:
    """Mean score over cells, a line per learner, against passes or multiply-adds on a log axis."""
    factor, label = _percent(result)
    passes = float(np.mean([cell.passes for cell in result.plan.cells]))
    with style(what):
        figure, axes = new_figure(WIDE, max(3.6, 0.9 + 0.19 * len(result.standings)))
        ends, looks = [], colours(result)
        for name in reversed(result.standings):
            share, score, work = np.array(result.standings[name].curve).T
            shown = share >= FEWEST
            x = (share * passes if what == "passes" else work)[shown]
            colour, dashes = looks[name]
            lead = name == result.leader
            axes.plot(x, factor * score[shown], color=colour, linestyle=dashes, linewidth=2.2 if lead else 1.3)
            axes.plot(x[-1:], factor * score[shown][-1:], "o", color=colour, markersize=3)
            ends.append((float(x[-1]), float(factor * score[shown][-1]), title(name), colour))
        axes.set_xscale("log")
        plain(axes.xaxis)
        axes.margins(x=0)
        axes.set_xlabel("passes (log)" if what == "passes" else "multiply-adds of one network (log)")
        axes.set_ylabel(label)
        figure.draw_without_rendering()
        label_ends(axes, ends)
        return to_svg(figure, what)


def plain(axis: Any) -> None:
    """Numbers as 950, 12 k, 4.5 M on a log axis."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: counted(value)))
    axis.set_minor_formatter(NullFormatter())


def memory(result: LeagueResult) -> str:
    """KiB at the peak of a step against depth, both on log axes."""
    looks = colours(result)
    with style("memory"):
        figure, axes = new_figure(WIDE, max(3.6, 0.9 + 0.19 * len(result.standings)))
        depths, ends = np.array(result.memory_depths, dtype=float), []
        for name in reversed(result.standings):
            found = result.memory.get(name)
            if found is None or all(peak is None for peak in found.peak):
                continue
            there = [k for k, peak in enumerate(found.peak) if peak is not None]
            x, y = depths[there], np.array([(found.peak[k] or 0.0) / 1024 for k in there])
            colour, dashes = looks[name]
            marker = "o" if len(x) == 1 else None
            axes.plot(x, y, color=colour, linestyle=dashes, linewidth=2.2 if name == result.leader else 1.3, marker=marker)
            ends.append((float(x[-1]), float(y[-1]), title(name), colour))
        weights = _weights(result)
        if weights is not None:
            axes.plot(depths, weights, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
            ends.append((float(depths[-1]), float(weights[-1]), "the weights", MUTED))
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        plain(axes.yaxis)
        axes.set_xticks(depths, [f"{depth:g}" for depth in depths])
        axes.margins(x=0)
        axes.set_xlabel("hidden layers")
        axes.set_ylabel("KiB of one network at the peak of a step")
        figure.draw_without_rendering()
        label_ends(axes, ends)
        return to_svg(figure, "memory")


def _weights(result: LeagueResult) -> np.ndarray | None:
    found: Mapping[str, object] = result.memory
    if not found:
        return None
    return np.array(next(iter(result.memory.values())).weights) / 1024
