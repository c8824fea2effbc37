"""The README's own lines: its Python runs, its commands exist, its set-up commands are those of the CI."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_of_the_readme_learns() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", block], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) > 0.7, "400 digits, one look at each"


def test_every_command_of_the_readme_exists() -> None:
    from metalearn.cli import main

    commands = set(main.list_commands(click.Context(main)))
    named = set(re.findall(r"metalearn ([a-z][a-z-]*)", TEXT))
    assert {"search", "resume", "compare"} <= named & commands
    assert named - commands <= {"import"}


def test_ci_runs_the_readmes_own_test_command() -> None:
    (command,) = re.findall(r"^(pip install .*&& pytest)\b", TEXT, re.MULTILINE)
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert command.replace("pip install", "").strip() in script.replace("pip install -q", "")


def test_every_file_that_the_readme_names_is_there() -> None:
    for path in re.findall(r"`((?:configs|inner|outer|runs/example)[/\w.]*\.\w+)`", TEXT):
        if "NAME" not in path:
            assert (ROOT / path).exists(), path
