"""The description of the machine imports nothing heavy, and names what would change the last bits of a result."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from metalearn.store import environment

ROOT = Path(__file__).resolve().parents[2]


def test_the_environment_is_plain_json_and_differences_name_what_matters(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import json; from metalearn.store.environment import describe;"
        "json.dumps(describe()); assert not {'torch', 'cma', 'wandb', 'sklearn', 'sympy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    now = environment.describe()
    assert now["numpy"] == np.__version__
    assert environment.differences(now, now) == []
    assert environment.differences({}, now) == []
    older = {**now, "torch": "1.0", "cpu": "Z80", "wandb": "0", "kernel": "0"}
    lines = environment.differences(older, now)
    assert [line.split(":")[0] for line in lines] == ["torch", "CPU"]
    assert "made with 1.0" in lines[0]
    assert environment.source_commit(tmp_path) is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "file").write_text("1")
    for arguments in (["init", "-q"], ["add", "file"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *arguments], check=True)
    commit = environment.source_commit(tmp_path)
    assert commit is not None
    assert len(commit) == 40
    (tmp_path / "file").write_text("2")
    assert environment.source_commit(tmp_path) == f"{commit}-dirty"
