"""The parts a codec is built from. Importing this room registers all of them under their short names."""
