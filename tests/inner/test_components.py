"""Components by name: what is offered is what can be set, and a slip is one line."""

from __future__ import annotations

import pytest

from inner.components import KINDS, build, load, names, options_of


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in names(kind)])
def test_only_real_options_are_offered_and_taken(kind: str, name: str) -> None:
    """What a class declares about itself (`kind`, `rank_based`) is no option."""
    options = options_of(load(kind, name))
    assert not {"kind", "rank_based"} & (set(options) - {"kind"} if name == "forward_gradient" else set(options))
    with pytest.raises(ValueError, match=f"{kind}.no_such: '{name}' has no such option"):
        build(kind, {"name": name, "no_such": 1})


def test_a_declaration_cannot_be_set() -> None:
    with pytest.raises(ValueError, match="search.rank_based: 'cma' has no such option"):
        build("search", {"name": "cma", "rank_based": False})
    with pytest.raises(ValueError, match="task.kind: 'digits' has no such option"):
        build("task", {"name": "digits", "kind": "regression"})


@pytest.mark.parametrize("name", [".digits", "digits.", "..", "", "digitz", "os.path"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(ValueError, match="task") as error:
        load("task", name)
    assert "\n" not in str(error.value)
