"""The native engine: C generated from a rule's formula, compiled once, each life lived with its weights in the cache."""
