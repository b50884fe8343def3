"""Bottlenecks, one file each (`rvq`, `factorised`), which `brevox.nets.parts` finds by name, and what they share."""
