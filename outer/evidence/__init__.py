"""Fresh lives, statistics, tuning, pruning and ablation: what a claim stands on."""
