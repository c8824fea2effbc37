"""One class per kind of run: search, Baldwin, study, search bench, sweep."""
