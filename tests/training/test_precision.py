"""What networks are given comes to them as it is, whatever they compute with."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from brevox.errors import SettingsError
from brevox.nets.decoders.samples import MuLaw
from brevox.training.precision import PRECISIONS, make_fabric


class Listener(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(8, 8)

    def forward(self, given):
        self.given, self.made = given, self.line(given)
        return self.made


@pytest.mark.parametrize("precision", PRECISIONS)
def test_inputs_arrive_to_the_last_bit_and_products_are_of_the_precision(precision):
    fabric = make_fabric(precision, accelerator="cpu")
    listener = Listener()
    network = fabric.setup(listener)
    given = torch.randn(4, 8)
    given_back = network(given)
    assert listener.given.dtype == torch.float32 and torch.equal(listener.given, given)
    products = {"32-true": torch.float32, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
    assert listener.made.dtype == products[precision]
    assert given_back.dtype == torch.float32


def test_sound_in_16_bits_would_be_other_classes():
    """Why inputs must not be rounded: half of the classes of mu-law would hardly come."""
    law = MuLaw()
    classes = torch.arange(64, 128).repeat(50)
    sound = law.samples(classes + (torch.rand(len(classes)) - 0.5) * 0.98)
    even, odd = (torch.isin(law.classes(sound.bfloat16()), torch.arange(start, 128, 2)).sum() for start in (0, 1))
    assert max(even, odd) > 2 * min(even, odd)
    even, odd = (torch.isin(law.classes(sound), torch.arange(start, 128, 2)).sum() for start in (0, 1))
    assert max(even, odd) < 1.1 * min(even, odd)


def test_an_unknown_precision_is_told():
    with pytest.raises(SettingsError, match="one of 32-true, bf16-mixed, 16-mixed, not '8-bit'"):
        make_fabric("8-bit")
