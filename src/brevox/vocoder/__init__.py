"""Codec 2's way with speech, in NumPy: harmonics of a pitch, their envelope, and quantisers of vectors."""
