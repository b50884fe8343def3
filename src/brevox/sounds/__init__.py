"""What a trained VAE of sounds is used for: sounds again, sounds between sounds, voices that play them."""
