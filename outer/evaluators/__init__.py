"""Evaluators: they score candidates in this process or in several, with the same answers bit for bit."""
