"""Formulas: the one source of a plasticity rule and of all its faces."""
