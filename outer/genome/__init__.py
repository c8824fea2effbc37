"""Genomes: flat vectors that a search moves, decoded into the numbers of a learner."""
