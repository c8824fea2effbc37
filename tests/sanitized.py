"""Lives in generated C that is compiled with AddressSanitizer and UndefinedBehaviorSanitizer; a process of its own runs them.

    python tests/sanitized.py [--replace OLD NEW] CASE ...    (with libasan and libubsan in LD_PRELOAD: `run` starts it so)

Every array of a kernel's workspace has a poisoned red zone behind it; the arrays that Python hands over lie in memory of
the sanitized malloc, which has such zones too. A finding ends the process with its report.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":  # before the project is imported
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

import torch  # noqa: E402
from fuzz.formulas import grown  # noqa: E402
from native_help import LABELS, Toy, coefficients  # noqa: E402
from random_rules import rule_of  # noqa: E402

from inner.activations import ACTIVATIONS  # noqa: E402
from inner.components import load, names  # noqa: E402
from inner.criteria import CRITERIA  # noqa: E402
from inner.engines.native import compiler, generate, head, kernel  # noqa: E402
from inner.engines.native import engine as native  # noqa: E402
from inner.engines.native.plan import Plan  # noqa: E402
from inner.learners.base import Spec  # noqa: E402
from inner.learners.local_rule import Learner  # noqa: E402
from inner.life.request import Life  # noqa: E402
from inner.networks.mlp import Network  # noqa: E402
from inner.rules.families import FAMILIES  # noqa: E402
from inner.rules.functions import FUNCTIONS  # noqa: E402
from inner.rules.rule import Rule  # noqa: E402
from inner.rules.signals import SIGNALS  # noqa: E402
from metalearn.config import library  # noqa: E402

SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g1")
WILD, ORDINARY = 40, 24  # random rules
MOST_CHARACTERS = 300  # of a wild formula: a sanitizer makes long ones slow to compile
PLACED = "        at += (size_t)(floats) * 4; \\\n"
FENCED = (
    PLACED
    + "        if (base) \\\n            __asan_poison_memory_region(base + at, 128 - at % 64); \\\n"
    + "        at += 128 - at % 64; \\\n"
)


@dataclass(frozen=True)
class Case:
    """Lives of one rule in one kernel."""

    rule: Rule
    network: Network
    task: Toy
    batch: int = 1
    fixed: bool = False
    scale: float = 0.1  # of the coefficients

    def live(self) -> None:
        """Three candidates, the last with nan, live two lives each, by two threads, with tests at birth and later."""
        lives = self.task.life_data("search", 35, self.batch, 0, LABELS)
        shapes = self.network.shapes(self.task.inputs, self.task.outputs)
        theta, learner = coefficients(self.rule, 3, self.scale, shapes), Learner(self.rule, self.network)
        theta[2] = float("nan")
        with torch.no_grad():
            native.live(
                Life(learner, self.task, lives, theta, 0, LABELS, (0, 5, 35), True, fixed=self.fixed, threads=2)
            )


def _number(k: int, rule: Rule, **options: object) -> Case:
    """Case k: sizes below, at and above whole vectors, with and without bias, one sample and several."""
    hidden = ((17, 6), (5,), (16,), (), (33, 3, 8))[k % 5]
    kinds = list(head.KINDS)
    given = {"batch": 1 + 2 * (k % 2), "fixed": k % 4 > 1} | options
    network = Network(hidden=hidden, bias=k % 3 == 0, activation=COMPILED[k % len(COMPILED)])
    task = Toy(1 + k % 9 * 4, (1, 3, 17)[k % 3], CRITERIA[kinds[k % len(kinds)]], tests=33 + k % 3)
    return Case(rule, network, task, **given)


COMPILED = [name for name, row in ACTIVATIONS.items() if row.c]
EVERYTHING = {
    "dw": {
        "hidden": "A*B*err*pre + C*post*pre_sum",
        "output": "A*tanh(C*pre) + D*post_sum*pre",
        "1": "B*recon_ordered*e",
    },
    "traces": {"e": "0.5*e + A*pre*drive_err*post + C*recon_err"},
    "coefficients": {n: {"share": s} for n, s in zip("ABCD", ("synapse", "neuron", "pre_neuron", "layer"))},
    "pathway": "random",
}
EXPLORING = {
    "dw": {"hidden": "a*surprise*pre*noise + b*x*y_before", "output": "a*surprise*e*noise_before + c*tanh(x*w)*action"},
    "traces": {
        "x": "0.5*x + pre*r",
        "y": "0.5*y + Q*post_before",
        "r": "0.9*r + a*reward",
        "e": "0.5*e + x*y*pre_sum_before",
    },
    "coefficients": {"Q": {"share": "neuron"}},
    "pathway": "random",
    "noise": "s",
}


@cache
def cases() -> dict[str, Callable[[], Case]]:
    """Every rule and family of the library, every pathway, activation, output, signal and function, and random rules."""
    found: dict[str, Callable[[], Case]] = {}

    def add(name: str, rule: Callable[[], Rule], **options: object) -> None:
        k = len(found)
        found[name] = lambda: _number(k, rule(), **options)

    for name in library.named():
        if not native.obstacle(Learner(library.rule(name)), Spec(4, 3, CRITERIA["classes"])):
            add(f"rule {name}", partial(library.rule, name))
    for family in FAMILIES:
        for batch in (1, 3):
            make = partial(Rule.from_dict, {"family": family})
            add(f"family {family}, batch {batch}", make, batch=batch, scale=0.01)
    for pathway in names("pathway"):
        if load("pathway", pathway).native:
            for batch in (1, 3):
                dw = "0.1*(a*err*pre + b*feedback*post + c*pre_err*w + d*slope*drive)"
                add(f"pathway {pathway}, batch {batch}", partial(Rule, dw, pathway=pathway), batch=batch)
    used = [name for name, row in SIGNALS.items() if row.native and name not in ("noise_before", "surprise_before")]
    every = " + ".join(f"c{n}*{signal}*{'post' if n % 2 else 'pre'}" for n, signal in enumerate(used))
    called = [name for name, row in FUNCTIONS.items() if row.c]
    inside = [f"{f}({', '.join(['1.3 + tanh(pre*post + w)', '0.1', '0.7'][: FUNCTIONS[f].arguments])})" for f in called]
    for batch in (1, 3):
        add(f"every signal, batch {batch}", partial(Rule, f"0.1*({every})", pathway="random"), batch=batch)
        text = f"0.1*({' + '.join(f'c{n}*{call}*post' for n, call in enumerate(inside))})"
        add(f"every function, batch {batch}", partial(Rule, text, pathway="random"), batch=batch)
        for kept in ({"max_norm": 0.9}, {"normalise": 0.9}, {"max_weight": 0.9}):
            plain = EVERYTHING | {"homeostasis": kept}
            add(f"everything, {next(iter(kept))}, batch {batch}", partial(Rule.from_dict, plain), batch=batch)
        for baseline in ("clean", "mean"):
            plain = EXPLORING | {"surprise": {"baseline": baseline, "over": "step" if batch > 1 else "sample"}}
            add(f"exploring, {baseline}, batch {batch}", partial(Rule.from_dict, plain), batch=batch)
    for number in range(ORDINARY):
        add(f"random {number}", partial(rule_of, 1000 + number))
    for number in range(WILD):
        add(f"wild {number}", partial(wild, number), scale=3.0)
    return found


def wild(number: int) -> Rule:
    """A formula of the fuzzer's grammar that has a kernel: poles, overflow and nan as they come."""
    draw = random.Random(f"sanitized {number}")
    while True:
        dw = f"{grown(draw, 3)} + {grown(draw, 2)}"
        try:
            rule = Rule(dw, {}, pathway=draw.choice(["random", "backprop"]))
            kernel_for = not native.obstacle(Learner(rule), Spec(4, 3, CRITERIA["classes"]))
        except ValueError:
            continue
        if kernel_for and len(dw) < MOST_CHARACTERS:
            return rule


def fenced(plan: Plan) -> str:
    """The C text of a plan with a red zone behind every array of its workspace."""
    text = generate.source(plan)
    assert text.count(PLACED) == 1
    return "#include <sanitizer/asan_interface.h>\n" + text.replace(PLACED, FENCED)


def broken(text: str, old: str, new: str) -> str:
    """A text with one place changed."""
    assert text.count(old) == 1, text.count(old)
    return text.replace(old, new)


def libraries() -> list[str]:
    """The sanitizers' libraries of the compiler; empty where it has none."""
    found = []
    for name in ("libasan.so", "libubsan.so"):
        words = [*compiler.command(), f"-print-file-name={name}"]
        path = subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
        found += [path] if os.path.isabs(path) and os.path.exists(path) else []
    return found if len(found) == 2 else []


def run(
    chosen: Sequence[str], cache_folder: Path, processor: str = "native", timeout_s: float = 600
) -> tuple[int, str]:
    """Exit code and output of a process that runs these cases: a line for each, and what a sanitizer has found."""
    environment = os.environ | {
        "LD_PRELOAD": ":".join(libraries()),
        "ASAN_OPTIONS": "detect_leaks=0:allow_user_poisoning=1:abort_on_error=0:exitcode=99",
        "UBSAN_OPTIONS": "print_stacktrace=1:exitcode=99",
        "METALEARN_CACHE": str(cache_folder),
        "SANITIZED_PROCESSOR": processor,
        "OMP_NUM_THREADS": "1",
    }
    words = [sys.executable, __file__, *chosen]
    ended = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=timeout_s, check=False)
    return ended.returncode, ended.stdout + ended.stderr[-6000:]


def main() -> None:
    """Run the cases named on the command line; all without names."""
    del os.environ["LD_PRELOAD"]  # the compiler itself is not watched
    flags = [flag for flag in compiler.FLAGS if not flag.startswith("-O")]
    flags = [flag.replace("=native", f"={os.environ['SANITIZED_PROCESSOR']}") for flag in flags]
    compiler.FLAGS = compiler.HEAVY = ("-O0", *flags, *SANITIZERS)
    kernel.source = fenced
    names = sys.argv[1:]
    if names[:1] == ["--replace"]:  # breaks the C text, to see that it is found
        _, old, new, *names = names
        kernel.source = lambda plan: broken(fenced(plan), old, new)
    for name in names or cases():
        print("begin", name, flush=True)
        cases()[name]().live()
        print("end", name, flush=True)


if __name__ == "__main__":
    main()
