"""What holds a result to account: selection, baselines, comparison, controls, insight."""
