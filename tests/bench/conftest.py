"""Speed is measured only where it is asked for: `pytest tests/bench`, never as a part of the whole suite."""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the tests here alone unless an argument names this folder or a file in it."""
    asked = any("bench" in Path(argument.split("::")[0]).parts for argument in config.args)
    return True if collection_path.name.startswith("test_") and not asked else None
