"""What a person reads: terminal tables and the pages of a run."""
