"""What arms lose by ending at a plateau: each is searched to its last generation, and judged as if it had ended before.

    python tests/bench/plateau.py digits --seeds 5 --out plateau.jsonl

Every arm of a config, and its own learner under the name `evolved`, is searched once per seed and birth. The checks of
`plateau` say where it would have ended; the winner is selected from the generations up to there, and from all of them.
Both winners, each from its better birth on the select tier, then live the same fresh lives. Printed per arm: the share
of lifetimes spent, checks included, and what is lost in fitness, mean over seeds. One line of JSON per search goes to
--out, and what stands there already is not searched again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from metalearn.build import Baseline, Experiment
from metalearn.config.load import load
from outer.evaluators.serial import Evaluator
from outer.evolution import evolve
from outer.generation import Generation
from outer.learner_objective import LearnerObjective
from outer.plateau import Plateau, Watch
from outer.selection import select

FRESH, WORLDS = 512, 128  # lives that judge, and their settings
LOSS = 0.02  # halvings that no baseline may lose


def end_of(plateau: Plateau, own: LearnerObjective, history: list[Generation], planned: int) -> int:
    """Generations that are lived before a check ends the search."""
    start = own.genome.start()
    with Evaluator() as evaluator:
        watch = Watch(plateau, own, evaluator, start)
        watch.ends(0)
        for index in range(1, min(len(history) + 1, planned)):
            watch.now = history[index - 1].recommendation
            if watch.ends(index):
                return index
    return len(history)


def searched(experiment: Experiment, arm: Baseline, plateau: Plateau) -> dict[str, Any]:
    """One search, and its winners with and without an early end."""
    own, chosen = experiment.objective_of(arm.learner, arm.birth), experiment.config.selection
    planned = arm.search.generations
    with Evaluator() as evaluator:
        history = list(evolve(own, arm.search, evaluator, racing=experiment.racing))
        end = end_of(plateau, own, history, planned)
        both = [
            select(own, evaluator, part, chosen.finalists, chosen.lifetimes, chosen.shapes)
            for part in (history[:end], history)
        ]
        settings = own.distribution.settings("select", own.seed, ("judged",), FRESH, WORLDS)
        vectors = np.stack([winner.vector for winner in both])
        early, late = own.reduced(evaluator.evaluate(own, vectors, settings).scores, settings)
    each = history[0].scores.size
    return {
        "generations": end,
        "spent": each * end + plateau.spent(end, planned),
        "offered": each * planned,
        "select": [float(winner.values[winner.chosen]) for winner in both],
        "fitness": [float(early), float(late)],
    }


def rows(found: list[dict[str, Any]]) -> list[str]:
    """A line per arm: share of lifetimes spent, loss with twice its standard error, and per seed."""
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in found):
        losses, shares = [], []
        for seed in sorted({row["seed"] for row in found if row["arm"] == arm}):
            own = [row for row in found if row["arm"] == arm and row["seed"] == seed]
            early, late = (max(own, key=lambda row: row["select"][k])["fitness"][k] for k in (0, 1))
            losses.append(late - early)
            shares.append(sum(row["spent"] for row in own) / sum(row["offered"] for row in own))
        error = 2 * float(np.std(losses, ddof=1)) / len(losses) ** 0.5 if len(losses) > 1 else float("nan")
        loss = float(np.mean(losses))
        mark = "" if loss <= LOSS else f"  more than {LOSS}"
        each = " ".join(f"{one:+.3f}" for one in losses)
        lines.append(f"{arm:<28}{np.mean(shares):6.0%} of lifetimes, lost {loss:+.3f} +- {error:.3f}  ({each}){mark}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="What arms lose by ending at a plateau.")
    parser.add_argument("config", nargs="?", default="digits")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--arms", help="names, separated by commas; default: all")
    parser.add_argument("--generations", type=int, default=Plateau.generations)
    parser.add_argument("--lifetimes", type=int, default=Plateau.lifetimes)
    parser.add_argument("--back", type=int, default=Plateau.back)
    parser.add_argument("--patience", type=int, default=Plateau.patience)
    parser.add_argument("--out", type=Path, default=Path("plateau.jsonl"))
    given = parser.parse_args()
    plateau = Plateau(given.generations, given.lifetimes, given.back, given.patience)
    found = [json.loads(line) for line in given.out.read_text().splitlines()] if given.out.exists() else []
    known = {(row["seed"], row["arm"], row["birth"]) for row in found}
    for seed in range(given.seeds):
        experiment = Experiment(load(given.config, [*given.overrides, f"seed={seed}"]))
        own = Baseline("evolved", experiment.learner, experiment.search)
        for arm in [own, *experiment.to_tune()]:
            named = given.arms is None or arm.name in given.arms.split(",")
            free = experiment.objective_of(arm.learner, arm.birth).genome.size > 0
            if not named or not free or (seed, arm.name, arm.birth) in known:
                continue
            row = {"seed": seed, "arm": arm.name, "birth": arm.birth} | searched(experiment, arm, plateau)
            found.append(row)
            with given.out.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(json.dumps(row), flush=True)
    print("\n".join(rows(found)))


if __name__ == "__main__":
    main()
