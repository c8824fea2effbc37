"""Darwinian, Baldwinian and Lamarckian inheritance."""
