"""Predicts the bytes and seconds of a run from its config, before anything is allocated."""
