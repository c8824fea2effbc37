"""What a person looks at: SVG pictures, the same bytes for the same input."""
