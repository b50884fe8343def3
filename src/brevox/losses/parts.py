"""The registry in which losses are found by name.

A loss is a module that is called with the decoded and the original audio, both [batch, samples], and returns
a scalar that is zero where they are equal.
"""

from brevox.registry import Registry

LOSSES = Registry("loss")
