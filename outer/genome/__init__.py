"""What evolution may change, as one flat vector."""
