"""Brevox: learned compression of speech to 0.5-6 kbit/s, offline, on an ordinary laptop."""

__version__ = "0.1.0"
