"""One file per component: a pathway is added by adding a file."""
