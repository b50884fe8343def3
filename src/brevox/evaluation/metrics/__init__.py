"""Measures of a decoded recording, one a file."""
