"""One file per search behind ask and tell: a search is added by adding a file."""
