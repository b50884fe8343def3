"""Layers that see the past alone, and go on where they stopped: what a live codec is made of."""
