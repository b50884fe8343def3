"""Training, checkpoints and export. A run is a folder; a recipe and its overrides say all that shaped it."""
