"""The registries in which the parts of a codec are found by name."""

from brevox.registry import Registry

ENCODERS = Registry("encoder")
DECODERS = Registry("decoder")
BOTTLENECKS = Registry("bottleneck")
#: How the spectral decoder ends.
HEADS = Registry("head")
DISCRIMINATORS = Registry("discriminator")
#: What causal networks do at each rate between changes of it, and how their rate rises.
STAGE_LAYERS = Registry("kind of layers")
UPSAMPLERS = Registry("upsampler")
