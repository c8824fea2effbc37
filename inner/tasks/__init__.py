"""One file per component: a task is added by adding a file."""
