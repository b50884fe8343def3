"""One file for each encoder; `brevox.nets.parts` finds them by name."""
