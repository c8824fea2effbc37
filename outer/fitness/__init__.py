"""Measures of a life, one file each: how the fitness of a candidate is read off what its lives left behind."""
