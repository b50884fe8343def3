"""Sounds of a DX7: banks of voices, and a six-operator FM renderer in NumPy."""
