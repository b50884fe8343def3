"""One file for each decoder; `brevox.nets.parts` finds them by name."""
