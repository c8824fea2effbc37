"""The rule as a file, as a trainer of torch modules, and as exports."""
