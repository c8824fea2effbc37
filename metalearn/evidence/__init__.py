"""Evidence for a result: selection, baselines, comparison, controls, insight."""
