"""The application: a window over `brevox.codec`, with PyQt6. Never PyTorch.

The window's own process only shows; reading, coding and decoding happen in others (`work`, on `brevox.background`).
"""
