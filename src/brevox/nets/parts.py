"""The registries in which the parts of a codec are found by name."""

from brevox.registry import Registry

ENCODERS = Registry("encoder")
DECODERS = Registry("decoder")
BOTTLENECKS = Registry("bottleneck")
DISCRIMINATORS = Registry("discriminator")
