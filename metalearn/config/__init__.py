"""The experiment as a value: sections, files, overrides and the library of rules."""
