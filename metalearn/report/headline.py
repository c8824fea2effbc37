"""Says in plain sentences what a comparison shows, and no more: losses and ties are named before and like wins."""

from __future__ import annotations

from collections.abc import Sequence

from metalearn.evidence.documents import Cell, Comparison, Verdict
from metalearn.report.tables import difference, interval, number, title

VERDICTS: tuple[Verdict, ...] = ("worse", "not distinguishable", "better")
PHRASES = {"worse": "It is worse than", "not distinguishable": "It cannot be told from", "better": "It is better than"}


def headline(comparison: Comparison | None, generations: int = 0, best: float | None = None) -> str:
    """A few sentences; before a comparison they say that nothing is known yet about unseen data."""
    if comparison is None or not comparison.cells:
        if not generations or best is None:
            return "No generation has finished yet: there is nothing to report about this rule."
        plural = "generation" if generations == 1 else "generations"
        return (
            f"After {generations:,} {plural} the best fitness on the search's own tasks is {best:.4g}. "
            "The rule has not been compared with baselines on unseen data yet, so this does not say how good it is."
        )
    main, transfer = comparison.group("main"), comparison.group("transfer")
    sentences = [_level(comparison, main[0])] if main else []
    sentences += _against(comparison, main) if main else []
    sentences += [_transfer(comparison, transfer)] if transfer else []
    sentences += [_alone(comparison, arm) for arm in comparison.names if arm not in comparison.same_budget]
    return " ".join(s for s in sentences if s)


def _level(comparison: Comparison, cell: Cell) -> str:
    """A sentence on the score of the reference in the first main cell, with its interval, chance and failures."""
    entry, metric, reference = cell.arms.get(comparison.reference), cell.metric, title(comparison.reference)
    if entry is None:
        return f"The {reference} rule was not run in {cell.name}."
    reached = f"{number(entry.mean, metric)} {metric}" if metric else f"a score of {number(entry.mean)}"
    count = cell.lifetimes if cell.lifetimes is not None else len(entry.scores)
    text = (
        f"On {cell.name}, over {count} lifetimes that the search never saw, the {reference} rule reaches {reached} "
        f"(95 % interval {interval(entry.low, entry.high, metric)})."
    )
    if cell.chance is not None and entry.low <= cell.chance:
        text += f" That is not above chance ({number(cell.chance, metric)})."
    if entry.failures:
        text += f" It failed in {entry.failures} of them."
    return text


def _against(comparison: Comparison, cells: Sequence[Cell]) -> list[str]:
    """A sentence per kind of verdict, losses first; an arm whose verdict depends on the cell is counted."""
    by_verdict: dict[str, list[str]] = {name: [] for name in PHRASES}
    mixed = []
    for arm in comparison.same_budget:
        gaps = [(cell.differences[arm], cell.metric) for cell in cells if arm in cell.differences]
        found = [gap.shown for gap, _ in gaps]
        if len(set(found)) == 1:
            amount = (
                f" ({difference(*gaps[0])}{' points' if gaps[0][1] == 'accuracy' else ''})" if len(gaps) == 1 else ""
            )
            by_verdict[found[0]].append(title(arm) + amount)
        elif found:
            counts = [f"{found.count(name)} {name}" for name in VERDICTS if name in found]
            mixed.append(f"Against {title(arm)} the cells disagree ({', '.join(counts)} of {len(found)}).")
    if not any(by_verdict.values()) and not mixed:
        return ["It was not compared with any baseline."]
    where = f" in all {len(cells)} main cells" if len(cells) > 1 else ""
    return [f"{PHRASES[name]} {_list(arms)}{where}." for name, arms in by_verdict.items() if arms] + mixed


def _alone(comparison: Comparison, arm: str) -> str:
    """A sentence on an opponent that is tuned for each cell alone."""
    found = [cell.differences[arm].shown for cell in comparison.cells if arm in cell.differences]
    counts = [f"{found.count(name)} {name}" for name in VERDICTS if name in found]
    return f"Against {title(arm)}, the strongest opponent, it is {', '.join(counts)} in {len(found)} cells."


def _transfer(comparison: Comparison, cells: Sequence[Cell]) -> str:
    """In how many transfer cells the reference is not worse than any arm."""
    arms = comparison.same_budget
    lost = [cell.name for cell in cells if any(cell.verdict(arm) == "worse" for arm in arms)]
    if not lost:
        return f"In none of the {len(cells)} transfer cells is it worse than a baseline."
    return f"In {len(lost)} of {len(cells)} transfer cells at least one baseline is better ({_list(lost)})."


def _list(words: Sequence[str]) -> str:
    shown = list(words) if len(words) <= 5 else [*words[:4], f"{len(words) - 4} more"]
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1]
