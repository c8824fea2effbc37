"""Terminal tables and the pages of a run."""
