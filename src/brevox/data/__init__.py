"""Training data: from recordings to a corpus on disk, and crops of it."""
