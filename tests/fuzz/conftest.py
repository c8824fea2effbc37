"""A folder with a finished run, a config, and a module that nothing may import: where the fuzzer works."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from fuzz.values import CANARY
from tiny import TINY

from metalearn.cli import main

SMALL = TINY.replace("generations: 3", "generations: 2").replace("lifetimes: 3", "lifetimes: 2")


def surround(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """The folder as the current one, with a cache of its own, importable modules and no W&B."""
    patch.setenv("METALEARN_CACHE", str(folder / "cache"))
    patch.setenv("WANDB_MODE", "disabled")
    patch.chdir(folder)
    patch.syspath_prepend(folder)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder, with a run; one for all tests, each of which sees it as `_here` says."""
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "tiny.yaml").write_text(SMALL, encoding="utf-8")
    package, module = CANARY.split(".")
    (folder / package).mkdir()
    (folder / package / "__init__.py").write_text("from pathlib import Path\nPath('sung').touch()\n", encoding="utf-8")
    (folder / package / f"{module}.py").write_text("from inner.pathways.backprop import Pathway\n", encoding="utf-8")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    with pytest.MonkeyPatch.context() as patch:
        surround(patch, folder)
        result = CliRunner().invoke(main, ["search", "tiny.yaml", "--name", "done"])
        assert result.exit_code == 0, result.output
        for number, handler in handlers.items():  # those of the run would end the tests in a traceback
            signal.signal(number, handler)
    yield folder
    for name in (package, CANARY):
        sys.modules.pop(name, None)


@pytest.fixture(autouse=True)
def _here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test works in the folder, without W&B; what it sets ends with it."""
    surround(monkeypatch, place)
