"""Networks between features of the vocoder (seed 000)."""
