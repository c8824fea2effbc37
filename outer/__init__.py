"""The search over learning rules: genome, objective, searches, evaluators, generations."""
