"""A league as people read it: one table per question, learners in the order of their mean score."""

from __future__ import annotations

from typing import NamedTuple

from inner.learners.base import KNOWLEDGE
from metalearn.evidence.league_documents import LeagueResult, Place, ToThreshold
from metalearn.report.tables import difference, interval, number, title


class Table(NamedTuple):
    """One question, and its answer for every learner."""

    heading: str
    about: str
    header: list[str]
    rows: list[list[str]]


def tables(result: LeagueResult) -> list[Table]:
    """All questions; learners in the order of their mean score."""
    return [
        accuracy(result),
        *(to_threshold(result, what, about) for what, about in THRESHOLDS),
        memory(result),
        knowledge(result),
        failures(result),
        tuning(result),
    ]


def accuracy(result: LeagueResult) -> Table:
    """Final scores with intervals, ranks, and how far behind the leader, paired."""
    cells, metric = result.plan.cells, result.plan.cells[0].metric
    rows = []
    for name, found in result.standings.items():
        gap = found.behind
        behind = ["", ""] if gap is None else [f"{difference(gap, metric)} {interval(gap.low, gap.high, metric, True)}", ""]
        if gap is not None:
            behind[1] = {"better": "worse", "worse": "better"}.get(gap.shown, gap.shown)
        scores = [_score(found.places[cell.name], metric) for cell in cells]
        rank = f"{found.rank.mean:.1f} [{found.rank.low:.1f}, {found.rank.high:.1f}]"
        mean = f"{number(found.mean.mean, metric)} {interval(found.mean.low, found.mean.high, metric)}"
        rows.append([title(name), mean, *scores, rank, *behind])
    leader = title(result.leader)
    header = ["learner", "mean of all", *(cell.name for cell in cells), "mean rank", f"{leader} is ahead by", "than it"]
    about = (
        f"Score on {result.lifetimes} fresh lives in every cell, the same for all, with 95 % intervals; the lead of "
        f"{leader} is paired, life by life. Every life has the same number of passes."
    )
    return Table("Final score", about, header, rows)


def _score(place: Place, metric: str) -> str:
    return f"{number(place.score.mean, metric)} {interval(place.score.low, place.score.high, metric)}"


THRESHOLDS = (
    ("samples", "training samples seen"),
    ("passes", "passes, forward, backward and perturbed ones alike"),
    ("multiply_adds", "multiply-adds, those of the updates among them"),
)


def to_threshold(result: LeagueResult, what: str, about: str) -> Table:
    """The median cost of reaching the threshold of every cell."""
    cells, metric = result.plan.cells, result.plan.cells[0].metric
    rows = []
    for name, found in result.standings.items():
        entries = []
        for cell in cells:
            costs = found.places[cell.name].costs
            entries.append(_cost(getattr(costs, what), costs.reached, result.lifetimes))
        rows.append([title(name), *entries])
    header = ["learner", *(f"{cell.name}: {number(cell.threshold, metric)}" for cell in cells)]
    text = f"Median over lives of the {about}, up to the score that heads the column, with its 95 % interval."
    return Table(f"{what.capitalize().replace('_', '-')} to a threshold", text, header, rows)


def _cost(found: ToThreshold, reached: int, lives: int) -> str:
    if found.median is None:
        return f"not reached ({reached} of {lives})"
    high = "..." if found.high is None else counted(found.high)
    some = "" if reached == lives else f" ({reached} of {lives})"
    return f"{counted(found.median)} [{counted(found.low or 0.0)}, {high}]{some}"


def counted(value: float) -> str:
    """A large number in three digits: 950, 12.3 k, 4.56 M, 7.89 G."""
    for size, unit in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def memory(result: LeagueResult) -> Table:
    """Peak bytes of a step by depth."""
    rows = []
    for name in result.standings:
        found = result.memory.get(name)
        peaks = found.peak if found else (None,) * len(result.memory_depths)
        rows.append([title(name), *("-" if peak is None else f"{peak / 1024:.0f}" for peak in peaks)])
    header = ["learner", *(f"{depth} hidden layers" if depth != 1 else "1 hidden layer" for depth in result.memory_depths)]
    about = (
        f"KiB of one network at the peak of a step of {result.plan.batch} samples on {result.plan.cells[0].task['name']}, "
        "weights and all that is kept between steps included: every tensor of the eager engine, counted."
    )
    return Table("Peak memory against depth", about, header, rows)


def knowledge(result: LeagueResult) -> Table:
    """The knowledge that each synapse needs, as the learners declare it."""
    classes, rows = needed(result), []
    for name, found in result.standings.items():
        entrant = result.plan.entrants[name]
        marks = ["x" if known in entrant.knows else "" for known in classes]
        rows.append([title(name), *marks, number(found.mean.mean, result.plan.cells[0].metric), entrant.source])
    header = ["learner", *classes, "mean of all", "source"]
    about = "From every learner's own declaration; `local` is what the synapse and its two units hold."
    return Table("What each synapse must know", about, header, rows)


def needed(result: LeagueResult) -> list[str]:
    """The classes of knowledge that any learner here needs."""
    return [known for known in KNOWLEDGE if any(known in entrant.knows for entrant in result.plan.entrants.values())]


def failures(result: LeagueResult) -> Table:
    """Lives that left the finite range, and lives that ended no better than chance."""
    lives, rows = result.lifetimes * len(result.plan.cells), []
    for name, found in result.standings.items():
        failed = sum(place.failures for place in found.places.values())
        chance = sum(place.chance for place in found.places.values())
        rows.append([title(name), f"{failed}", f"{100 * failed / lives:.1f} %", f"{chance}", f"{100 * chance / lives:.1f} %"])
    header = ["learner", "left the finite range", "share", "no better than chance", "share"]
    return Table("Failures", f"Of {lives} fresh lives of each learner.", header, rows)


def tuning(result: LeagueResult) -> Table:
    """The values that the search found, and its budget."""
    rows = []
    for name, found in result.standings.items():
        entrant = result.plan.entrants[name]
        select = number(found.select, result.plan.cells[0].metric) if found.select is not None else "-"
        rows.append([title(name), f"{found.lifetimes:,}", select, found.birth or "-", entrant.engine, found.text])
    header = ["learner", "lifetimes", "on select", "birth", "engine", "tuned"]
    about = f"Every learner was offered {result.offered:,} lifetimes by the same search, births of networks included."
    return Table("Tuning", about, header, rows)


def headline(result: LeagueResult) -> str:
    """The table in two sentences."""
    leader, metric = result.standings[result.leader], result.plan.cells[0].metric
    same = [
        title(name)
        for name, found in result.standings.items()
        if found.behind is not None and found.behind.shown == "not distinguishable"
    ]
    text = (
        f"{title(result.leader).capitalize()} leads {len(result.standings)} learners with a mean {metric or 'score'} of "
        f"{number(leader.mean.mean, metric)} over {len(result.plan.cells)} cells"
    )
    return f"{text}; not distinguishable from it: {', '.join(same)}." if same else f"{text}, ahead of all others."


def left_out(result: LeagueResult) -> list[str]:
    """A line for every learner that could not live in every cell."""
    return [f"{title(name)}: {why}" for name, why in result.plan.left_out.items()]
