"""SVG pictures, the same bytes for the same input."""
