"""Ways to run the same lifetime."""
