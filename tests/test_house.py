"""The house rules that a machine can read: imports go one way, nothing runs foreign code, small files that say why."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("inner", "outer", "metalearn")  # each may import itself and those before it
FILES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))
ADDRESSED = {"Generator", "Philox", "SeedSequence"}  # what numpy.random may be used for
# of torch, without a generator
DRAWS = {"manual_seed", "seed", "rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial"}
PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}
NAMES = [str(file.relative_to(ROOT)) for file in FILES]


def dotted(node: ast.AST) -> str:
    """`np.random.normal` as text; empty for what is no chain of names."""
    if isinstance(node, ast.Attribute):
        front = dotted(node.value)
        return f"{front}.{node.attr}" if front else ""
    return node.id if isinstance(node, ast.Name) else ""


def imported(tree: ast.AST) -> list[str]:
    """Modules that a file imports, at the top or inside functions."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append("." * node.level + (node.module or ""))
            found += [f"{node.module}.{alias.name}" for alias in node.names if node.module]
    return found


def wrong_imports(tree: ast.AST, package: str) -> list[str]:
    later = PACKAGES[PACKAGES.index(package) + 1 :]
    return [name for name in imported(tree) if name.split(".")[0] in later or name.startswith(".")]


def foreign_code(tree: ast.AST) -> list[str]:
    """Imports of pickle and its like, and calls that run text or load pickles."""
    found = [name for name in imported(tree) if name.split(".")[0] in PICKLES]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in {"eval", "exec", "__import__", "yaml.load", "torch.load", "sympy.sympify", "os.system"}:
                found.append(name)
            found += [k.arg for k in node.keywords if k.arg in ("allow_pickle", "shell") and truth(k.value)]
    return found


def truth(node: ast.expr) -> bool:
    return not (isinstance(node, ast.Constant) and not node.value)


def broad_excepts(tree: ast.AST) -> list[int]:
    """Lines of handlers that swallow everything; one that cleans up and raises again is none of them."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            broad = any(kind is None or dotted(kind) in {"Exception", "BaseException"} for kind in kinds)
            last = node.body[-1]
            if broad and not (isinstance(last, ast.Raise) and last.exc is None):
                found.append(node.lineno)
    return found


def global_random(tree: ast.AST) -> list[str]:
    """Draws from generators that nobody addressed; torch's draws pass with an explicit generator."""
    found = [name for name in imported(tree) if name.split(".")[0] == "random"]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = dotted(node)
            if re.match(r"(np|numpy)\.random\.\w+$", name) and node.attr not in ADDRESSED:
                found.append(name)
        if isinstance(node, ast.Call) and re.match(r"torch\.(cuda\.)?\w+$", dotted(node.func)):
            if dotted(node.func).split(".")[-1] in DRAWS and not any(k.arg == "generator" for k in node.keywords):
                found.append(dotted(node.func))
    return found


def first_statement_is_docstring(text: str) -> bool:
    tree = ast.parse(text)
    return bool(text) and text.startswith(('"""', 'r"""')) and bool((ast.get_docstring(tree) or "").strip())


def test_there_is_something_to_read() -> None:
    assert {file.relative_to(ROOT).parts[0] for file in FILES} == set(PACKAGES) and CONFIGS


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_product_file(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert not wrong_imports(tree, file.relative_to(ROOT).parts[0]), "imports go metalearn -> outer -> inner"
    assert not foreign_code(tree), "runs text or pickles"
    assert not broad_excepts(tree), "catches everything"
    assert not global_random(tree), "draws from a global generator"
    assert first_statement_is_docstring(text), "a file says in its first line why it exists"
    assert len(text.splitlines()) <= 300, "split it"
    assert not re.findall(r"\b(?:TODO|FIXME|XXX|HACK)\b", text)


@pytest.mark.parametrize("file", CONFIGS, ids=[str(file.relative_to(ROOT)) for file in CONFIGS])
def test_config_file(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    assert re.match(r"# \w", lines[0]), "the first line is a comment that says what it is for"
    assert len(lines) <= 40


@pytest.mark.parametrize(
    "check, bad, good",
    [
        (foreign_code, "import pickle", "import json"),
        (foreign_code, "def f():\n from pickle import loads", "from pickles import jar"),
        (foreign_code, "eval('1')", "formula.eval('1'); model.eval()"),
        (foreign_code, "np.load(f, allow_pickle=True)", "np.load(f, allow_pickle=False)"),
        (foreign_code, "yaml.load(f)", "yaml.safe_load(f)"),
        (broad_excepts, "try:\n f()\nexcept Exception:\n pass", "try:\n f()\nexcept (OSError, ValueError):\n pass"),
        (broad_excepts, "try:\n f()\nexcept:\n pass", "try:\n f()\nexcept BaseException:\n g()\n raise"),
        (broad_excepts, "try:\n f()\nexcept (OSError, BaseException):\n pass", "raise Exception"),
        (global_random, "import random", "from inner.random import stream"),
        (global_random, "np.random.default_rng(0)", "np.random.Generator(np.random.Philox(0))"),
        (global_random, "torch.manual_seed(0)", "torch.randn(3, generator=g)"),
        (global_random, "torch.randn(3)", "torch.zeros(3)"),
        (lambda tree: wrong_imports(tree, "inner"), "def f():\n from outer.worlds import World", "import inner.random"),
        (lambda tree: wrong_imports(tree, "outer"), "import metalearn.store", "from inner import random"),
        (lambda tree: wrong_imports(tree, "outer"), "from . import worlds", "from outer import worlds"),
    ],
)
def test_the_checks_see_what_they_look_for(check: object, bad: str, good: str) -> None:
    assert check(ast.parse(bad)) and not check(ast.parse(good))
