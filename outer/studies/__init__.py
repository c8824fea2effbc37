"""One file per study: an experiment that is not a search over networks, added by adding a file."""
