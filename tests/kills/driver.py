"""Kills runs at random moments, lets them go on, and holds what they leave against the undisturbed run: seeded, counted.

    python tests/kills/driver.py --kills 1000 --seed 0 [--only NAME] [--folder FOLDER]

A kill is a SIGKILL to the whole process group of a command. After the last kill of a round the run must hold the same
bits as the undisturbed one, its folder the same files, the temporary folder nothing, and no process may be left.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]
from kills.contents import Contents, contents  # noqa: E402
from kills.scenarios import FILES, SCENARIOS, Scenario  # noqa: E402

from inner.random import stream  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
GO_ON = 0.85  # chance that a round goes on to another kill
ORPHANS_S = 90.0  # in which a mirror of a killed search must have ended
MARK = "METALEARN_KILLS"


class Failed(AssertionError):
    """A run that did not come through, with what it printed."""


@dataclass
class Server:
    """Starts commands from one warm process."""

    token: str
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        environment = os.environ | {
            MARK: self.token,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
            "MPLBACKEND": "agg",
        }
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._answer("ready")

    def _answer(self, key: str) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())[key]

    def run(
        self, place: Path, arguments: Iterable[str], output: Path, environment: dict[str, str], kill_at: float | None
    ) -> int:
        """A command to its end, or to its kill after so many seconds; its exit code."""
        assert self.process.stdin is not None
        request = {"folder": str(place), "arguments": list(arguments), "output": str(output), "kill_at": kill_at}
        self.process.stdin.write(json.dumps(request | {"environment": environment}) + "\n")
        self.process.stdin.flush()
        return int(self._answer("code"))

    def close(self) -> None:
        """No more requests."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)


@dataclass
class Place:
    """A working folder of its own: config files, temporary folder, output. Kernels are compiled once for all places."""

    folder: Path
    cache: Path

    def __post_init__(self) -> None:
        for name in ("work", "tmp"):
            (self.folder / name).mkdir(parents=True)
        for name, text in FILES.items():
            (self.work / name).write_text(text, encoding="utf-8")
        shutil.rmtree(self.cache / "baselines", ignore_errors=True)  # no run answers for another

    @property
    def work(self) -> Path:
        """Where commands run."""
        return self.folder / "work"

    @property
    def output(self) -> Path:
        """What the last command printed."""
        return self.folder / "output.txt"

    def environment(self, scenario: Scenario) -> dict[str, str]:
        """Of commands that run here."""
        own = {
            "METALEARN_CACHE": str(self.cache),
            "TMPDIR": str(self.folder / "tmp"),
            "TORCHINDUCTOR_CACHE_DIR": str(self.cache / "inductor"),  # torch's own; its default lies in TMPDIR
            "WANDB_MODE": "",
        }
        return own | scenario.environment


class Driver:
    """Rounds of kills over all scenarios."""

    def __init__(self, folder: Path, seed: int, log: Any = print) -> None:
        self.folder, self.seed, self.log = folder, seed, log
        self.kills = self.rounds = self.late = 0
        self.token = f"{os.getpid()}-{seed}"
        self.server = Server(self.token)
        self.cache = folder / "cache"
        self.cache.mkdir(parents=True, exist_ok=True)  # kernels of an earlier piece are not compiled again
        self.whole: dict[str, tuple[Contents, float]] = {}

    def close(self) -> None:
        """End the server."""
        self.server.close()

    def run(
        self, place: Place, arguments: Iterable[str], scenario: Scenario, kill_at: float | None = None
    ) -> tuple[int, float]:
        """A command to its end, or to its kill after so many seconds: exit code and seconds."""
        place.output.unlink(missing_ok=True)
        started = time.monotonic()
        code = self.server.run(place.work, arguments, place.output, place.environment(scenario), kill_at)
        return code, time.monotonic() - started

    def undisturbed(self, scenario: Scenario) -> tuple[Contents, float]:
        """What a scenario leaves without a kill, and its seconds; the second run of it, whose kernels are compiled."""
        if scenario.name not in self.whole:
            for _ in range(2):
                place = Place(self._fresh("whole"), self.cache)
                if scenario.before:
                    self._through(place, scenario.before, scenario)
                code, seconds = self.run(place, scenario.start, scenario)
                if code:
                    raise Failed(f"{scenario.name}: undisturbed run ended with {code}\n{_text(place.output)}")
                self._clean(place, scenario)
            self.whole[scenario.name] = contents(place.work, place.output if scenario.prints else None), seconds
            shutil.rmtree(place.folder)
        return self.whole[scenario.name]

    def round(self, scenario: Scenario, most: int) -> int:
        """Kill a run of a scenario several times, let it end, and compare; how often it was killed."""
        expected, seconds = self.undisturbed(scenario)
        place = Place(self._fresh("round"), self.cache)
        if scenario.before:
            self._through(place, scenario.before, scenario)
        draw = stream(self.seed, "kills", self.rounds)
        self.rounds += 1
        killed, moments, arguments = 0, [], scenario.start
        while killed < most:
            moment = float(draw.uniform(0, seconds))
            code, _ = self.run(place, arguments, scenario, moment)
            if code != -signal.SIGKILL:
                self.late += 1
                self._ended(code, place, scenario, moments)
                break
            killed += 1
            moments.append(round(moment, 4))
            arguments = self._next(place, scenario)
            if draw.random() > GO_ON:
                break
        if killed:
            arguments = self._next(place, scenario)
            code, _ = self.run(place, arguments, scenario)
            self._ended(code, place, scenario, moments)
        self._clean(place, scenario)
        found = contents(place.work, place.output if scenario.prints else None)
        different = expected.differences(found)
        if different:
            raise Failed(
                f"{scenario.name}: killed at {moments}, seed {self.seed}, {place.folder}: " + "; ".join(different[:8])
            )
        shutil.rmtree(place.folder)
        self.kills += killed
        return killed

    def _next(self, place: Place, scenario: Scenario) -> tuple[str, ...]:
        """The command that goes on after a kill."""
        begun = scenario.run and (place.work / scenario.run / "run.sqlite").exists()
        return ("resume", scenario.run) if begun else scenario.start

    def _through(self, place: Place, arguments: Iterable[str], scenario: Scenario) -> None:
        code, _ = self.run(place, arguments, scenario)
        if code:
            raise Failed(f"{scenario.name}: {' '.join(arguments)} ended with {code}\n{_text(place.output)}")

    def _ended(self, code: int, place: Place, scenario: Scenario, moments: list[float]) -> None:
        text = _text(place.output)
        if code or "Traceback" in text:
            raise Failed(
                f"{scenario.name}: killed at {moments}, seed {self.seed}, {place.folder}: ended with {code}\n{text[-3000:]}"
            )

    def _clean(self, place: Place, scenario: Scenario) -> None:
        """Nothing in the temporary folder, and no process of this place."""
        deadline = time.monotonic() + ORPHANS_S
        while living := self._living(place):
            if time.monotonic() > deadline:
                raise Failed(f"{scenario.name}: {place.folder}: processes are left: {living}")
            time.sleep(0.2)
        left = sorted(str(p.relative_to(place.folder)) for p in (place.folder / "tmp").rglob("*"))
        if left:
            raise Failed(f"{scenario.name}: {place.folder}: left in the temporary folder: {left[:5]}")

    def _living(self, place: Place) -> list[str]:
        """Commands of processes whose temporary folder is that of a place."""
        found, mark = [], f"TMPDIR={place.folder / 'tmp'}".encode()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:120])
            except OSError:
                continue
        return found

    def _fresh(self, stem: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"{stem}-", dir=self.folder))


def _text(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def drive(driver: Driver, kills: int, scenarios: Iterable[Scenario], log: Any = print) -> list[str]:
    """Rounds over the scenarios until there were so many kills; the failures, one text each."""
    failures, chosen, started = [], list(scenarios), time.monotonic()
    while driver.kills < kills:
        for scenario in list(chosen):
            if driver.kills >= kills:
                break
            try:
                killed = driver.round(scenario, kills - driver.kills)
                log(
                    f"{driver.kills:5d} kills, {driver.rounds} rounds, {time.monotonic() - started:.0f} s: {scenario.name} {killed}"
                )
            except Failed as failure:
                failures.append(str(failure))
                chosen = [each for each in chosen if each is not scenario]
                log(f"FAILED {failure}")
        if not chosen:
            break
    return failures


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="metalearn-kills-"))
    driver = Driver(folder, given.seed)
    chosen = [s for s in SCENARIOS if not given.only or s.name in given.only]

    def log(text: str) -> None:
        print(text, flush=True)

    failures = drive(driver, given.kills, chosen, log)
    driver.close()
    log(
        f"{driver.kills} kills in {driver.rounds} rounds, {len(failures)} failures, {driver.late} runs ended before their kill"
    )
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
