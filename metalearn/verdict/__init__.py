"""One verdict over the search seeds of an experiment: leads per cell, groups of cells, claims, and how stable the rule is."""
