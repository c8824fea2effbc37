"""A JAX peer in another interpreter: its rate, its two-core rate, and how far the final weights lie apart."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bench import workloads

from inner.rules.rule import Rule

SHORT = 20  # steps after which weights are compared: longer lives are chaotic
JAX = """
import sys, time
sys.path.insert(0, sys.argv[1])
import os
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import jax, jax_peer, numpy as np
name, population, batch, steps, path = sys.argv[2], *map(int, sys.argv[3:6]), sys.argv[6]
d = jax_peer.inputs(name, population, batch, steps)
run = jax_peer.life_data(name, batch, "map" if name == "W2" else "vmap")
if name == "W3":
    d["w1"], d["w2"] = (np.ascontiguousarray(d[k].transpose(0, 2, 1)) for k in ("w1", "w2"))
order = np.repeat(d["order"][None], population, 0)
a = [jax.numpy.asarray(v) for v in (d["w1"], d["w2"], d["theta"], order, d["x"], d["y"], d["feedback"])]
final = [np.asarray(f) for f in jax.block_until_ready(run(*a, d["eta"]))]
if name == "W3":
    final = [f.transpose(0, 2, 1) for f in final]
np.savez(path, first=final[0], last=final[1])
rates = []
for _ in range(5):
    t = time.process_time()
    jax.block_until_ready(run(*a, d["eta"]))
    rates.append(population * steps / (time.process_time() - t))
print(sorted(rates)[2])
"""


@dataclass(frozen=True)
class Peer:
    """Where the interpreter and jax_peer.py are."""

    python: str
    file: Path

    def lived(self, name: str, population: int, batch: int, steps: int, path: str) -> float:
        """Candidate-steps per second of processor time on one core; the final weights go to `path`."""
        call = [self.python, "-c", JAX, str(self.file.parent), name, str(population), str(batch), str(steps), path]
        return float(subprocess.run(call, capture_output=True, text=True, check=True).stdout)

    def rate(self, name: str, population: int, batch: int, steps: int) -> float:
        """As `lived`, the weights thrown away."""
        with tempfile.TemporaryDirectory() as folder:
            return self.lived(name, population, batch, steps, f"{folder}/w.npz")

    def wall(self, name: str, population: int, batch: int, steps: int) -> float:
        """Candidate-steps per second of wall clock on two cores, the way its own script measures them."""
        numbers = {"population": population, "batch": batch, "steps": steps, "processes": 2, "seconds": 2}
        call = [self.python, str(self.file), "--workload", name]
        call += [word for key, value in numbers.items() for word in (f"--{key}", str(value))]
        done = subprocess.run(call, capture_output=True, text=True, check=True)
        return float(json.loads(done.stdout.splitlines()[-1])["candidate_steps_per_s"])

    def apart(self, name: str, population: int, batch: int, units: tuple[int, ...], rule: Rule) -> float:
        """The largest difference of a final weight, over the largest weight of its layer and candidate."""
        with tempfile.TemporaryDirectory() as folder:
            self.lived(name, population, batch, SHORT, f"{folder}/w.npz")
            final = np.load(f"{folder}/w.npz")
        early = workloads.inputs(self.file, name, population, batch, SHORT, units, rule)
        worst = 0.0
        for c in range(population):
            lived = workloads.native(workloads.plans(rule, units, batch)[0], units, early, c)()
            for found, wanted in zip(lived.weights, (final["first"][c], final["last"][c])):
                worst = max(worst, float(np.abs(found[0] - wanted).max() / np.abs(wanted).max()))
        return worst
