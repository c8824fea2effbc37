"""The W&B mirror holds what the search sent, read back with W&B's own tool, and can never stop or slow the search."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from metalearn.tracking import tracker as tracking
from metalearn.tracking.tracker import Tracker
from outer.generation import Generation

ROOT = Path(__file__).resolve().parents[2]
CONFIG = {"seed": 3, "search": {"name": "cmaes", "popsize": 8}}
FAKE = """
import time
__version__ = "0"
class errors:
    class Error(Exception): pass
class Settings:
    model_fields = {}
class Run:
    def define_metric(self, *a, **k): pass
    def log(self, *a, **k): BODY
    def finish(self, **k): pass
def init(**k): return Run()
"""


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("WANDB_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nothing listens there
    for name in ("WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


def generation(index: int) -> Generation:
    metrics = {"best": index / 2, "theta/eta": 0.01 * index}
    alive = np.ones((2, 2), bool)
    return Generation(index, np.zeros((2, 3)), np.zeros(2), np.zeros((2, 2)), alive, np.zeros(3), metrics)


def records(folder: Path) -> list[list[dict]]:
    """The records of every W&B run folder in `folder`, oldest first."""
    command = [str(Path(sys.executable).with_name("wandb")), "leet", "inspect", "--json"]
    found = []
    for path in sorted(folder.glob("wandb/offline-run-*/run-*.wandb")):
        done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=True, timeout=60)
        found.append([json.loads(line) for line in done.stdout.splitlines()])
    return found


def of(kind: str, lines: list[dict]) -> list[dict]:
    return [line[kind] for line in lines if line["type"] == kind]


def rows(lines: list[dict]) -> list[dict]:
    return [history["item"] for history in of("history", lines)]


def wait_until(condition: object, seconds: float = 20.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def pumped(tracker: Tracker) -> Tracker:
    tracker._pump()
    return tracker


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [record.getMessage() for record in caplog.records if record.name == "metalearn.tracking"]
    assert not any("\n" in message for message in found)
    return found


def fake_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    package = tmp_path / "fake"
    package.mkdir()
    (package / "wandb.py").write_text(FAKE.replace("BODY", body))
    monkeypatch.setenv("PYTHONPATH", str(package))


def test_a_run_reads_back_with_wandbs_own_tool(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rule = tmp_path / "rule.json"
    rule.write_text('{"formula": "eta*pre*post", "values": {"eta": 0.1}}')
    with Tracker.start(tmp_path, "my run", CONFIG, "offline", "rules", None, group="my group") as tracker:
        for index in range(5):
            tracker.generation(generation(index))
        tracker.finish(
            rule, [{"rank": 0, "fitness": 0.5}, {"rank": 1, "note": "x"}], {"final/accuracy": np.float64(0.9)}
        )
    assert warnings_of(caplog) == []
    (lines,) = records(tmp_path)
    (run,) = of("run", lines)
    assert (run["project"], run["display_name"], run["run_id"]) == ("rules", "my run", tracker.run_id)
    assert run["run_group"] == "my group"
    assert {key: run["config"]["update"][key] for key in CONFIG} == CONFIG
    metrics = of("metric", lines)
    assert any(metric.get("name") == "generation" for metric in metrics)
    assert any(metric.get("glob_name") == "*" and metric["step_metric"] == "generation" for metric in metrics)
    assert [(row["generation"], row["best"], row["theta/eta"]) for row in rows(lines)] == [
        (index, index / 2, 0.01 * index) for index in range(5)
    ]
    artifacts = of("artifact", lines)
    (artifact,) = [artifact for artifact in artifacts if artifact["type"] == "rule"]
    assert artifact["name"] == "rule-my-run"
    (entry,) = artifact["manifest"]["contents"]
    assert entry["path"] == "rule.json"
    assert Path(entry["local_path"]).read_text() == rule.read_text()  # kept with the run, for a later sync
    assert Path(entry["local_path"]).is_relative_to(tmp_path / "wandb")
    (table,) = tmp_path.glob("wandb/offline-run-*/files/media/table/top_k*.json")
    content = json.loads(table.read_text())
    assert content["columns"] == ["rank", "fitness", "note"]
    assert content["data"] == [[0, 0.5, None], [1, None, "x"]]
    summaries = json.dumps(of("summary", lines))
    assert '"final/accuracy": 0.9' in summaries
    assert "top_k" in summaries
    assert of("exit", lines)[0].get("exit_code", 0) == 0


def test_a_resumed_search_goes_on_in_the_same_run_without_doubled_rows(tmp_path: Path) -> None:
    with Tracker.start(tmp_path, "x", CONFIG, "offline", "p", None) as tracker:
        for index in range(3):
            tracker.generation(generation(index))
    with Tracker.start(tmp_path, "x", CONFIG, "offline", "p", tracker.run_id, first=3) as resumed:
        for index in range(6):
            resumed.generation(generation(index))
    assert resumed.run_id == tracker.run_id
    first, second = records(tmp_path)
    assert [run["run_id"] for run in of("run", first) + of("run", second)] == [tracker.run_id] * 2
    assert of("run", second)[0]["resume"] is True
    assert [row["generation"] for row in rows(first) + rows(second)] == list(range(6))
    assert [row["_step"] for row in rows(second)] == [3, 4, 5]


def killed_search(folder: Path, orphan_s: float) -> int:
    """Run a search of four generations that kills itself; return the pid of its mirror."""
    code = (
        f"import os, signal, sys; sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}]\n"
        "from pathlib import Path\nfrom test_tracking import Tracker, generation, tracking\n"
        f"tracking.ORPHAN_S = {orphan_s}\n"
        f"tracker = Tracker.start(Path({str(folder)!r}), 'x', {{}}, 'offline', 'p', 'abc')\n"
        "for index in range(4):\n    tracker.generation(generation(index))\n"
        "print(tracker._process.pid, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    return int(done.stdout)


def test_rows_survive_a_sigkill_of_the_search(tmp_path: Path) -> None:
    killed_search(tmp_path, orphan_s=60.0)
    wait_until(lambda: any(of("exit", lines) for lines in records(tmp_path)))
    (lines,) = records(tmp_path)
    assert [row["generation"] for row in rows(lines)] == [0, 1, 2, 3]
    assert of("exit", lines)[0]["exit_code"] == 1


def test_the_mirror_of_a_killed_search_ends_even_if_wandb_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_wandb(tmp_path, monkeypatch, "time.sleep(1000)")
    pid = killed_search(tmp_path, orphan_s=0.5)
    with pytest.raises(ProcessLookupError):
        wait_until(lambda: os.kill(pid, 0))  # type: ignore[func-returns-value]


def service_of(tracker: Tracker) -> int:
    """The pid of the wandb-core that belongs to this tracker's mirror."""
    assert tracker._process is not None
    children = Path(f"/proc/{tracker._process.pid}/task/{tracker._process.pid}/children").read_text().split()
    (pid,) = [int(pid) for pid in children]
    return pid


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the service through /proc")
def test_a_killed_wandb_service_does_not_stop_or_slow_the_search(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = Tracker.start(tmp_path, "x", CONFIG, "offline", "p", None)
    tracker.generation(generation(0))
    wait_until(lambda: pumped(tracker)._done == 2)
    wait_until(
        lambda: [row["generation"] for lines in records(tmp_path) for row in rows(lines)] == [0]
    )  # while it runs
    os.kill(service_of(tracker), signal.SIGKILL)
    started = time.monotonic()
    for index in range(1, 200):
        tracker.generation(generation(index))
        time.sleep(0.001)
    assert time.monotonic() - started < 20.0
    tracker.close()
    assert time.monotonic() - started < 120.0
    assert not tracker.active
    assert len(warnings_of(caplog)) <= 1


@pytest.mark.parametrize("body", ["raise RuntimeError('two\\nlines')", "raise errors.Error('x')", "1 / 0"])
def test_an_exception_in_wandb_is_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, body: str
) -> None:
    fake_wandb(tmp_path, monkeypatch, body)
    with Tracker.start(tmp_path, "x", CONFIG, "offline", "p", None) as tracker:
        tracker.generation(generation(0))
        wait_until(lambda: not pumped(tracker).active)
        tracker.generation(generation(1))
        tracker.finish(None, [], {})
    (message,) = warnings_of(caplog)
    assert "the search goes on without it" in message
    assert "Error: " in message


def test_a_hanging_wandb_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake_wandb(tmp_path, monkeypatch, "time.sleep(1000)")
    monkeypatch.setattr(tracking, "STALL_S", 1.5)
    started = time.monotonic()
    with Tracker.start(tmp_path, "x", CONFIG, "offline", "p", None) as tracker:
        longest = 0.0
        while tracker.active and time.monotonic() - started < 20:
            before = time.monotonic()
            tracker.generation(generation(0))
            longest = max(longest, time.monotonic() - before)
            time.sleep(0.005)
        assert not tracker.active
    assert longest < tracking.STALL_S
    (message,) = warnings_of(caplog)
    assert "no answer for" in message


@pytest.mark.parametrize(("limit", "word"), [("CLOSE_S", "not finished within"), ("BUFFER_BYTES", "too slow")])
def test_a_hang_is_bounded_in_close_and_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, limit: str, word: str
) -> None:
    fake_wandb(tmp_path, monkeypatch, "time.sleep(1000)")
    monkeypatch.setattr(tracking, limit, {"offline": 1.0} if limit == "CLOSE_S" else 10_000)
    started = time.monotonic()
    with Tracker.start(tmp_path, "x", CONFIG, "offline", "p", None) as tracker:
        for index in range(3000):
            tracker.generation(generation(index))
    assert time.monotonic() - started < 100.0
    (message,) = warnings_of(caplog)
    assert word in message


def test_online_without_a_key_goes_on_offline(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Tracker.start(tmp_path, "x", CONFIG, "online", "p", None) as tracker:
        tracker.generation(generation(0))
    (message,) = warnings_of(caplog)
    assert "logging offline" in message
    (lines,) = records(tmp_path)
    assert [row["generation"] for row in rows(lines)] == [0]


def test_the_environment_comes_before_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with Tracker.start(tmp_path, "x", CONFIG, "online", "p", None) as tracker:
        assert not tracker.active
        tracker.generation(generation(0))
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_PROJECT", "other")
    monkeypatch.setenv("WANDB_NAME", "named")
    monkeypatch.setenv("WANDB_RUN_ID", "mine")
    Tracker.start(tmp_path, "x", CONFIG, "online", "p", None).close()
    (lines,) = records(tmp_path)
    (run,) = of("run", lines)
    assert (run["project"], run["display_name"], run["run_id"]) == ("other", "named", "mine")


def test_an_unknown_mode_is_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"tracking.mode: .*got 'ofline' \(did you mean 'offline'\?\)"):
        Tracker.start(tmp_path, "x", CONFIG, "ofline", "p", None)


def test_a_folder_that_cannot_be_used_and_a_missing_package_are_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "wandb").write_text("in the way")
    Tracker.start(tmp_path, "x", CONFIG, "offline", "p", None).close()
    monkeypatch.setattr(tracking, "find_spec", lambda name: None)
    Tracker.start(tmp_path, "x", CONFIG, "offline", "p", None).close()
    assert ["not mirrored" in message for message in warnings_of(caplog)] == [True, True]
