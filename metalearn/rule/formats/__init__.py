"""One file per export format: `metalearn export RUN --to NAME` calls `text` of NAME.py."""
