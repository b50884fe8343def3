"""One file for each bottleneck; `brevox.nets.parts` finds them by name."""
