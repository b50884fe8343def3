import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils import parametrize

from brevox.errors import SettingsError
from brevox.nets.decoders.seanet import SeanetDecoder
from brevox.nets.encoders.seanet import SeanetEncoder


def plain(network):
    """Weights as numbers, without weight normalisation."""
    for module in network.modules():
        for name in list(getattr(module, "parametrizations", ())):
            parametrize.remove_parametrizations(module, name)
    return network


def small(strides=(2, 3), latent=5):
    torch.manual_seed(0)
    settings = {"strides": strides, "base_width": 4, "dilations": (1, 3)}
    hop = math.prod(strides)
    return SeanetEncoder(hop, latent, **settings).eval(), SeanetDecoder(hop, latent, **settings).eval()


def conv(from_channels, to_channels, kernel):
    return from_channels * to_channels * kernel + to_channels


def test_the_seed_s_networks_have_as_many_weights_as_its_table_says():
    """Seed 001: conv7 1->32; at strides 2, 4, 6, 8 three residual units (k3, then 1x1) and a convolution of twice
    the stride to twice the channels; conv7 512->192. The decoder is the mirror."""
    edges = conv(1, 32, 7) + conv(512, 192, 7)
    widths = list(zip((32, 64, 128, 256), (2, 4, 6, 8), strict=True))
    units = sum(3 * (conv(width, width, 3) + conv(width, width, 1)) for width, _ in widths)
    down = sum(conv(width, 2 * width, 2 * stride) for width, stride in widths)
    encoder, decoder = plain(SeanetEncoder(384, 192)), plain(SeanetDecoder(384, 192))
    assert sum(p.numel() for p in encoder.parameters()) == edges + units + down
    up = sum(conv(2 * width, width, 2 * stride) for width, stride in widths)
    assert sum(p.numel() for p in decoder.parameters()) == conv(192, 512, 7) + conv(32, 1, 7) + units + up


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(2, 5), min_size=1, max_size=3), st.integers(1, 9), st.integers(1, 3))
def test_as_many_samples_come_out_as_went_in(strides, frames, batch):
    encoder, decoder = small(tuple(strides))
    audio = torch.randn(batch, frames * math.prod(strides))
    latent = encoder(audio)
    assert latent.shape == (batch, 5, frames)
    decoded = decoder(latent)
    assert decoded.shape == audio.shape
    assert decoded.abs().max() <= 1


def test_a_frame_lies_in_the_middle_of_what_it_sees():
    """Non-causal and centred: as much of the past as of the future, to a frame."""
    encoder, decoder = small((2, 4))
    audio = torch.zeros(1, 8 * 61, requires_grad=True)
    encoder(audio)[0, :, 30].sum().backward()
    seen = audio.grad[0].nonzero()[:, 0]
    assert abs((30 * 8 - int(seen[0])) - (int(seen[-1]) - 30 * 8 - 7)) <= 8
    latent = torch.zeros(1, 5, 61, requires_grad=True)
    decoder(latent)[0, 30 * 8 : 31 * 8].sum().backward()
    frames = latent.grad[0].abs().sum(dim=0).nonzero()[:, 0]
    assert abs((30 - int(frames[0])) - (int(frames[-1]) - 30)) <= 1


def test_items_of_a_batch_do_not_meet():
    encoder, decoder = small()
    audio = torch.randn(3, 6 * 20)
    together = decoder(encoder(audio))
    alone = torch.cat([decoder(encoder(item[None])) for item in audio])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=1e-5)


def test_the_gradient_reaches_every_parameter():
    encoder, decoder = small()
    decoder(encoder(torch.randn(2, 6 * 20))).square().sum().backward()
    for network in (encoder, decoder):
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None and parameter.grad.any(), name


@pytest.mark.parametrize("strides, hop", [((2, 4), 6), ((1, 6), 6), ((), 2)])
def test_strides_that_do_not_make_the_hop(strides, hop):
    for network in (SeanetEncoder, SeanetDecoder):
        with pytest.raises(SettingsError, match=str(hop)):
            network(hop, 4, strides=strides)
