"""One file per command: `metalearn NAME` runs `command` of commands/NAME.py, with - for _ in the name."""
