"""Measures of inheritance in a generation: gain, assimilation, speed of learning, bits, diversity."""

from __future__ import annotations

import math

import numpy as np

from outer.genome.network import NetworkGenome
from outer.objective import Lived

RESOLUTION = 0.05  # units of z to which a genome is rounded before it is coded
MARGIN = 0.1
HEADER_BITS = 64.0  # smallest and largest whole number of a segment


def assimilation(birth: float, adult: float, chance: float) -> float | None:
    """(birth - chance) / (adult - chance): the share of the adult's ability that is innate; 0 is none, 1 is all.

    Below 0: born worse than chance, a bias that only serves learning. None where the adult is better than chance by less
    than MARGIN of it: the ratio would be noise.
    """
    if not adult > chance + MARGIN * max(abs(chance), 0.1):
        return None
    return (birth - chance) / (adult - chance)


def steps_to_threshold(curve: np.ndarray, steps: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """First recorded step at which curve [..., C] reaches the threshold, twice the last where it never does; reached."""
    over = curve >= threshold
    reached = np.asarray(over.any(-1))
    return np.where(reached, steps[over.argmax(-1)].astype(float), 2.0 * float(steps[-1])), reached


def code_bits(numbers: np.ndarray) -> float:
    """Bits of an adaptive code of whole numbers: each costs -log2 of its share of those before it (half a count each).

    That is the Krichevsky-Trofimov estimator over lowest .. highest, whose ends are sent first, so a decoder can follow.
    """
    numbers = np.asarray(numbers, dtype=np.int64).ravel()
    if not numbers.size:
        return 0.0
    symbols = int(numbers.max() - numbers.min()) + 1
    if symbols == 1:
        return HEADER_BITS
    counts = np.unique(numbers, return_counts=True)[1].astype(float)
    # the product of the predictions depends on the counts only (Krichevsky & Trofimov 1981)
    top = sum(math.lgamma(c + 0.5) - math.lgamma(0.5) for c in counts)
    bottom = math.lgamma(numbers.size + symbols / 2) - math.lgamma(symbols / 2)
    return HEADER_BITS + (bottom - top) / math.log(2)


def genome_bits(genome: NetworkGenome, vector: np.ndarray, resolution: float = RESOLUTION) -> float:
    """Length of one genome [D]: each segment rounded to `resolution` units of z and entropy-coded; masks as 0 and 1."""
    total = 0.0
    for part in genome.segments.parts:
        total += code_bits(part.rounded(vector[genome.segments.slices[part.name]], resolution))
    return total


def diversity(vectors: np.ndarray) -> float:
    """Root mean square distance of candidates [P, D] from their mean, per gene, in units of z."""
    return float(np.sqrt(np.var(vectors, axis=0).mean())) if vectors.size else 0.0


def generation_measures(
    genome: NetworkGenome,
    vectors: np.ndarray,
    found: Lived,
    steps: np.ndarray,
    fitness: np.ndarray,
    chance: float,
    threshold: float,
) -> dict[str, float]:
    """The measures of one generation: of the whole population, and of its fittest candidate (`best_`).

    steps: [C] of the columns of the curve. Assimilation is left out where adults are not better than chance.
    """
    top = int(np.argmax(fitness))
    assert found.curve is not None and found.bits is not None
    at_birth, at_end = found.curve[:, :, 0], found.curve[:, :, -1]
    speed, reached = steps_to_threshold(found.curve, steps, threshold)
    measures: dict[str, float] = {}
    for name, pick in (("", slice(None)), ("best_", slice(top, top + 1))):
        birth, adult = float(at_birth[pick].mean()), float(at_end[pick].mean())
        share = assimilation(birth, adult, chance)
        measures |= {
            f"{name}birth": birth,
            f"{name}adult": adult,
            f"{name}gain": adult - birth,
            f"{name}bits": float(found.bits[pick].mean()),
            f"{name}steps_to_threshold": float(speed[pick].mean()),
            f"{name}reached": float(reached[pick].mean()),
        }
        if share is not None:
            measures[f"{name}assimilation"] = share
    measures["genome_bits"] = genome_bits(genome, vectors[top])
    measures["diversity"] = diversity(vectors)
    measures["learning_steps"] = float(genome.learning_steps(vectors).mean())
    if genome.genes.plasticity:
        measures["plastic_share"] = float((vectors[:, genome.segments.slices["plasticity"]] > 0).mean())
    if genome.genes.wiring:
        measures["wired_share"] = float((vectors[:, genome.segments.slices["wiring"]] > 0).mean())
    return measures
