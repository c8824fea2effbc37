"""One file per component: a learner is added by adding a file."""
