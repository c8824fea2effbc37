"""Claims: what they say, of which cells, and their registration before the cells are opened."""
