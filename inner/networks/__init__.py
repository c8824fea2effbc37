"""One file per component: a network is added by adding a file."""
