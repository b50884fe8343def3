"""Codecs that the bench compares, one family a file, around real programs and libraries."""
