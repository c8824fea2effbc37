"""Programs: rules whose form is evolved, as graphs over the signals of the formula language."""
