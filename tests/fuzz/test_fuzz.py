"""The fuzzer: seeded formulas, configs, rule files, databases and command lines; each is used or refused as promised.

Refused: exit code 2, one line, no traceback, nothing imported, nothing written. The default suite runs a quick share, and
`pytest -m fuzz` runs all of them.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from fuzz import databases, formulas
from fuzz.harness import broken, ending, tree
from fuzz.values import OPTIONS, STRINGS, YAMLS, mutated, mutated_text, value

from inner.components import load, names, options_of
from inner.rules.rule import Rule

WHOLE = pytest.param(1.0, marks=pytest.mark.fuzz, id="all")
SHARES = [pytest.param(0.0, id="quick"), WHOLE]


def cases(name: str, quick: int, whole: int, share: float) -> Iterator[random.Random]:
    """A generator of its own for every case: one that fails can be run alone."""
    for number in range(whole if share else quick):
        yield random.Random(f"{name} {number}")


def fails(found: list[str]) -> str:
    return f"{len(found)} cases broke a promise\n" + "\n".join(found[:40])


@pytest.mark.parametrize("share", SHARES)
def test_formulas(share: float) -> None:
    """A formula is a rule with all its renderings, or a ValueError of one printable line."""
    found, accepted = [], 0
    for draw in cases("formula", 300, 6000, share):
        text = formulas.formula(draw)
        with ending(text):
            try:
                rule = Rule.from_dict({"dw": text, "pathway": "backprop"})
                assert rule.latex() and rule.python()
                accepted += 1
            except ValueError as error:
                if not str(error).isprintable() or len(str(error)) > 1000:
                    found.append(f"{text!r:.200}: {error!s:.400}")
            except (TypeError, AttributeError, KeyError, RecursionError, OverflowError, MemoryError) as error:
                found.append(f"{text!r:.200}: {type(error).__name__}: {error!s:.200}")
    assert not found, fails(found)
    assert accepted > 20


def overrides(draw: random.Random, keys: list[str]) -> list[str]:
    """KEY=VALUE words: known and spoilt keys, hostile values."""
    found = []
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        key = draw.choice(keys)
        if draw.random() < 0.15:
            key = draw.choice([mutated_text(draw, key, 1), key + "." + draw.choice(STRINGS), draw.choice(STRINGS)])
        kind = draw.random()
        text = draw.choice(YAMLS) if kind < 0.5 else json.dumps(value(draw)) if kind < 0.8 else draw.choice(STRINGS)
        if key.endswith("dw"):
            text = formulas.formula(draw)
        found.append(f"{key}={text}".replace("\x00", ""))
    return found


def keys_of(document: object, front: str = "") -> Iterator[str]:
    """The dotted keys of a config."""
    if isinstance(document, dict):
        for key, inside in document.items():
            yield f"{front}{key}"
            yield from keys_of(inside, f"{front}{key}.")


def component(draw: random.Random) -> str:
    """KEY={name: ..., option: ...} with hostile values for options that the component has."""
    kind = draw.choice(["task", "task", "search", "network", "evaluator", "fitness", "pathway", "learner"])
    name = draw.choice(names(kind))
    options = [key for key, field in options_of(load(kind, name)).items() if key not in ("rule", "form", "network")]
    spec = {"name": name}
    for option in draw.sample(options, min(len(options), draw.choice([0, 1, 1, 2]))):
        spec[option] = draw.choice(OPTIONS)
    if draw.random() < 0.05:
        spec[draw.choice(STRINGS)] = value(draw, 1)
    place = {"fitness": "fitness.measure", "pathway": "rule.pathway"}.get(kind, kind)
    return f"{place}={json.dumps(spec)}"


@pytest.mark.parametrize("share", SHARES)
def test_options_of_components(place: Path, keys: list[str], share: float) -> None:
    found, before = [], tree(place)
    for number, draw in enumerate(cases("component", 40, 3000, share)):
        words = [draw.choice(["search", "search", "baldwin"]), "tiny.yaml", component(draw), "--name", "run"]
        why = check(place, before, words, named=True)
        found.append(why and f"{number}: {why}")
    assert not any(found), fails([why for why in found if why])


@pytest.fixture
def keys(place: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All keys of a config; a valid one is checked and its run begun, but not lived."""
    from metalearn.commands import baldwin, search
    from metalearn.config.schema import validate

    for command in (baldwin, search):
        monkeypatch.setattr(command, "guarded", lambda folder, work: None)
    plain = validate(yaml.safe_load((place / "tiny.yaml").read_text(encoding="utf-8"))).plain()
    options = ("task.inputs", "task.classes", "network.gain", "network.activation", "network.birth", "search.sigma0")
    return [*keys_of(plain), *options, "search.popsize", "rule.dw", "genome.weights", "inheritance.arms", "racing.at"]


def clean(place: Path, before: set[str]) -> list[str]:
    """Takes away what a command left behind, and says what that was."""
    left = sorted(tree(place) - before - {"ledger.jsonl"})  # what is written beside the runs of a folder
    for name in reversed(left):
        (place / name).rmdir() if (place / name).is_dir() else (place / name).unlink()
    return left


def check(place: Path, before: set[str], arguments: list[str], named: bool = False) -> str:
    """What a command line broke; a refused one leaves nothing behind, any other nothing but a run and files it names."""
    why, code = broken(arguments, named)
    left = clean(place, before | ({"sung"} if named else set()))
    if code == 0:
        named = [word for word in arguments if word] + ["runs"]
        left = [name for name in left if not any(name.startswith(word) for word in named)]
    return why or (f"{arguments!r:.400}: left behind {left[:5]}" if left else "")


@pytest.mark.parametrize("share", SHARES)
def test_overrides(place: Path, keys: list[str], share: float) -> None:
    found, before = [], tree(place)
    for draw in cases("override", 60, 3000, share):
        command = draw.choice(["search", "search", "search", "baldwin"])
        words = [command, "tiny.yaml", *overrides(draw, keys), "--name", "run"]
        found.append(check(place, before, words, named=True))
    assert not any(found), fails([why for why in found if why])


@pytest.mark.parametrize("share", SHARES)
def test_config_files(place: Path, keys: list[str], share: float) -> None:
    found, before = [], tree(place)
    text = (place / "tiny.yaml").read_text(encoding="utf-8")
    for draw in cases("config", 40, 2000, share):
        content = mutated_text(draw, text)
        if draw.random() < 0.6:
            try:
                content = yaml.safe_dump(mutated(draw, yaml.safe_load(text)), allow_unicode=True)
            except (yaml.YAMLError, UnicodeEncodeError):
                pass
        (place / "spoilt.yaml").write_text(content, encoding="utf-8", errors="replace")
        found.append(check(place, before | {"spoilt.yaml"}, ["search", "spoilt.yaml", "--name", "run"], named=True))
    (place / "spoilt.yaml").unlink()
    assert not any(found), fails([why for why in found if why])


def reading(draw: random.Random, what: str, heavy: float) -> list[str]:
    """A command that reads a run or a rule file."""
    if draw.random() < heavy:
        return ["compare", what, "--config", "tiny.yaml", "--lifetimes", "2"]
    kinds = [["show", what], ["show", what, "--kernel"]]
    kinds += [["export", what, "--to", form] for form in ("json", "latex", "python", "torch")]
    return draw.choice(kinds)


@pytest.mark.parametrize("share", SHARES)
def test_rule_files(place: Path, share: float) -> None:
    found, before = [], tree(place)
    text = (place / "runs" / "done" / "rule.json").read_text(encoding="utf-8")
    for draw in cases("rule", 100, 4000, share):
        if draw.random() < 0.75:
            content = json.dumps(mutated(draw, json.loads(text)))
        else:
            content = mutated_text(draw, text)
        if draw.random() < 0.1:
            content = json.dumps({**json.loads(text), "dw": formulas.formula(draw), "coefficients": {}, "values": {}})
        (place / "spoilt.json").write_text(content, encoding="utf-8", errors="replace")
        found.append(check(place, before | {"spoilt.json"}, reading(draw, "spoilt.json", 0.02)))
    (place / "spoilt.json").unlink()
    assert not any(found), fails([why for why in found if why])


@pytest.mark.parametrize("share", SHARES)
def test_databases(place: Path, monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    from metalearn.commands import resume

    found, before = [], tree(place)
    run: list[Callable[[], None]] = []
    monkeypatch.setattr(resume, "guarded", lambda folder, work: run.append(work))
    for number, draw in enumerate(cases("database", 50, 2000, share)):
        where = databases.spoil(draw, place / "runs" / "done", place / "spoilt")
        inside = tree(place)
        command = draw.choice(
            [["show", "spoilt"], ["report", "spoilt"], ["resume", "spoilt"], ["show", "spoilt", "--kernel"]]
        )
        if draw.random() < 0.02:
            command = ["compare", "spoilt", "--lifetimes", "2"]
        why, _ = broken(command)
        left = sorted(tree(place) - inside - {"spoilt/report.html", "spoilt/run.lock", "ledger.jsonl"})
        found.append(f"{why} number {number}" if why else f"{command}: left behind {left[:5]}" if left else "")
        shutil.rmtree(where)
    assert not clean(place, before)
    assert not any(found), fails([why for why in found if why])


@pytest.mark.parametrize("share", SHARES)
def test_command_lines(place: Path, keys: list[str], share: float) -> None:
    """Random words behind every command."""
    found, before = [], tree(place)
    commands = [
        "search",
        "baldwin",
        "sweep",
        "compare",
        "show",
        "resume",
        "report",
        "export",
        "list",
        "estimate",
        "bench-searches",
        "league",
    ]
    options = [
        "--name",
        "--runs",
        "--config",
        "--lifetimes",
        "--seed",
        "--seeds",
        "--to",
        "-o",
        "--over",
        "--json",
        "--trust",
    ]
    options += ["--searches", "--budget", "--set", "--inheritance", "--kernel", "--help", "--picture", "--controls"]
    for draw in cases("command", 80, 4000, share):
        words = [draw.choice([*commands, *commands, draw.choice(STRINGS)])]
        for _ in range(draw.choice([0, 1, 2, 3, 4])):
            words.append(
                draw.choice([draw.choice(STRINGS), draw.choice(options), *overrides(draw, keys)[:1], "nowhere", "-1"])
            )
        words = [word.replace("\x00", "").replace("\ud7ff", "") for word in words]
        if words[0] in ("estimate", "sweep", "bench-searches", "league") and not any(word in STRINGS for word in words[1:]):
            continue  # long work that is fine
        found.append(check(place, before, words))
    assert not any(found), fails([why for why in found if why])
