"""The ledger of looks: which forms of rules were compared on which final cells, and what was claimed before that."""
