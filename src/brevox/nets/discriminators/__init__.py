"""One file for each discriminator; `brevox.nets.parts` finds them by name."""
