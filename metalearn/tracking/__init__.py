"""The Weights & Biases mirror of a run: never the truth, never fatal, never waited for."""
