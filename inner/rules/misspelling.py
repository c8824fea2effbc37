"""Catches `prre` for `pre`: an undeclared name one slip of the finger away from a signal is no coefficient."""

from __future__ import annotations

from collections.abc import Collection, Iterable

SHORTEST = 3  # letters; shorter names are one slip away from everything


def slips(word: str) -> set[str]:
    """Every text that `word` may stand for after one letter too many, or two letters in the wrong order."""
    cuts = range(len(word))
    return {word[:i] + word[i + 1 :] for i in cuts} | {
        word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in cuts[:-1]
    }


def one_slip(word: str, known: str) -> bool:
    """True for words that differ by one letter inserted, left out, replaced, or swapped with its neighbour."""
    if word == known or any(character.isdigit() for character in word):
        return False  # pre1, pre2 are numbered names, not slips
    replaced = len(word) == len(known) and sum(a != b for a, b in zip(word, known)) == 1
    return replaced or known in slips(word) or word in slips(known)


def check_spelling(names: Iterable[str], declared: Collection[str], known: Collection[str]) -> None:
    """Raise ValueError for the first undeclared coefficient that looks like a misspelt signal or trace."""
    for name in names:
        if name in declared:
            continue
        near = [k for k in known if len(k) >= SHORTEST and one_slip(name, k)]
        if near:
            raise ValueError(
                f"rule.dw: '{name}' is no signal (did you mean '{near[0]}'?); "
                f"a coefficient of that name must be declared: coefficients: {{{name}: 0.0}}"
            )
