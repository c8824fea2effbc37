"""Draws docs/pictures/bandit_rule.svg: one arm under the rules that were evolved for bandits that stay and that switch.

    python tests/bench/bandit_rule.py

The arm is pulled ten times, pays or not, and is then left alone; below it an arm that is never pulled.
"""

from __future__ import annotations

from pathlib import Path

from metalearn.pictures.line_panels import Panel, Series, save

RULES = {  # the first seed of tests/papers/test_bandits.py
    "stationary worlds (100 pulls, 10 arms)": {"eta": 10.0, "prior": 0.763, "decay": 0.085, "lift": -0.161, "leak": -0.014},
    "switching worlds (every 50 of 200 pulls)": {"eta": 10.0, "prior": 0.544, "decay": 0.178, "lift": 0.036, "leak": 0.035},
}
PULLED, ALONE = 10, 60


def preferences(rule: dict[str, float], pays: float | None) -> list[float]:
    """The preference of an arm that is pulled PULLED times and pays so much each time, then left alone; None: never pulled."""
    w, found = 0.0, [0.0]
    for t in range(PULLED + ALONE):
        if t < PULLED and pays is not None:
            w += rule["eta"] * (pays - rule["prior"]) - rule["decay"] * w
        else:
            w += rule["lift"] - rule["leak"] * w
        found.append(w)
    return found


def panel(title: str, rule: dict[str, float]) -> Panel:
    """The three arms under one rule."""
    x = tuple(float(t) for t in range(PULLED + ALONE + 1))
    names = {"paid each time": 1.0, "never paid": 0.0, "never pulled": None}
    series = tuple(Series(label=name, x=x, y=tuple(preferences(rule, pays))) for name, pays in names.items())
    return Panel(title=title, x="pull (the first ten are of this arm)", y="preference w", series=series)


def main() -> None:
    """Write the picture."""
    folder = Path(__file__).resolve().parents[2] / "docs" / "pictures"
    folder.mkdir(exist_ok=True)
    save([panel(title, rule) for title, rule in RULES.items()], folder, "bandit_rule", png=False)


if __name__ == "__main__":
    main()
