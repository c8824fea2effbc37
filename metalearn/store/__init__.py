"""The run store: what a run found, kept in one folder so that a kill leaves whole generations."""
