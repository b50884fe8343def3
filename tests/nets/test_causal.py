"""What holds for everything causal: nothing comes early, and pieces make the same as the whole."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.errors import SettingsError
from brevox.nets.causal.convolution import CausalConvolution, CausalUpsampling
from brevox.nets.causal.multires import MultiresConvolution
from brevox.nets.causal.past import Stateful, going_on, pasts
from brevox.nets.causal.wavelet import WaveletUpsampling, filter_bank
from brevox.nets.codec import build_codec

LAYERS = {"dilated": {"name": "dilated"}, "multires": {"name": "multires", "kernel": 3, "depth": 3}}
UPSAMPLERS = {"transposed": {"name": "transposed"}, "wavelet": {"name": "wavelet"}}
KINDS = [(layers, upsampler) for layers in LAYERS for upsampler in UPSAMPLERS]
HOP = 2 * 3 * 5


def codec(layers="dilated", upsampler="transposed", **changes):
    torch.manual_seed(0)
    size = {"strides": (2, 3, 5), "base_width": 4, "layers": LAYERS[layers]}
    described = {
        "sample_rate": 24_000,
        "hop": HOP,
        "latent": 6,
        "pitch": False,
        "encoder": {"name": "soundstream", **size},
        "bottleneck": {"name": "rvq", "books": 2, "codes": 8},
        "decoder": {"name": "soundstream", **size, "upsampler": UPSAMPLERS[upsampler]},
    }
    return build_codec(described | changes).eval()


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: "-".join(kind))
def network(request):
    return codec(*request.param)


def test_as_many_samples_come_out_as_went_in(network):
    for frames in (1, 2, 7):
        audio = torch.randn(2, frames * HOP)
        latent = network.encode(audio)
        assert latent.shape == (2, 6, frames)
        assert network.decoder(latent).shape == audio.shape


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 40 * HOP - 1))
def test_no_frame_knows_of_a_later_sample(network, place):
    audio = torch.randn(1, 40 * HOP)
    changed = audio.clone()
    changed[0, place] += 1
    with torch.no_grad():
        difference = (network.encode(changed) - network.encode(audio))[0].abs().amax(dim=0)
    assert not difference[: place // HOP].any()
    assert difference[place // HOP] > 0


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 39))
def test_no_sample_knows_of_a_later_frame(network, place):
    latent = torch.randn(1, 6, 40)
    changed = latent.clone()
    changed[0, :, place] += 1
    with torch.no_grad():
        difference = (network.decoder(changed) - network.decoder(latent))[0].abs()
    assert not difference[: place * HOP].any()
    assert difference[place * HOP : (place + 1) * HOP].max() > 0


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 3 * HOP), max_size=12), st.lists(st.integers(0, 5), max_size=8))
def test_streaming_equals_offline_for_every_split(network, audio_cuts, frame_cuts):
    audio = torch.randn(2, 12 * HOP + 7)
    whole = torch.nn.functional.pad(audio, (0, HOP - 7))
    with torch.no_grad():
        latent = network.encode(whole)
        decoded = network.decoder(latent)
    with network.streaming(batch=2) as stream:
        pieces = [stream.encode(piece) for piece in split(audio, audio_cuts, dim=1)]
        streamed = torch.cat([*pieces, stream.finish()], dim=2)
        heard = torch.cat([stream.decode(piece) for piece in split(streamed, frame_cuts, dim=2)], dim=1)
    torch.testing.assert_close(streamed, latent, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(heard, decoded, atol=1e-5, rtol=1e-4)


def split(whole, sizes, dim):
    """Pieces of these sizes, as far as there is enough, and the rest."""
    ends = np.minimum(np.cumsum([0, *sizes]), whole.shape[dim])
    return whole.tensor_split(torch.as_tensor(ends), dim=dim)


def test_a_stream_begins_anew_and_leaves_nothing_behind(network):
    audio = torch.randn(1, 4 * HOP)
    with network.streaming() as stream:
        first = stream.encode(audio)
    with network.streaming() as stream:
        torch.testing.assert_close(stream.encode(audio), first)
    assert all(past.held is None for past in pasts(network))


def test_the_memory_as_one_vector_says_the_same(network):
    audio = torch.randn(1, 9 * HOP)
    stateful = Stateful(network.encoder)
    state, made = torch.zeros(1, stateful.size), []
    with torch.no_grad():
        for piece in audio.split([2 * HOP, HOP, 6 * HOP], dim=1):
            part, state = stateful(piece, state)
            made.append(part)
        torch.testing.assert_close(torch.cat(made, dim=2), network.encode(audio), atol=1e-5, rtol=1e-4)


def test_the_gradient_reaches_every_parameter(network):
    network.train()
    network(torch.randn(2, 8 * HOP))[0].square().sum().backward()
    network.eval()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_what_sees_the_future_is_no_stream():
    seanet = {"name": "seanet", "strides": (2, 3, 5), "base_width": 4}
    for changes in ({"encoder": seanet}, {"decoder": seanet}, {"bottleneck": {"name": "energy"}}):
        blind = codec(**changes)
        assert not blind.causal
        with pytest.raises(SettingsError, match="sees the future"), blind.streaming():
            pass


@pytest.mark.parametrize("stride", [2, 4, 5])
def test_a_transposed_convolution_equals_its_definition(stride):
    torch.manual_seed(0)
    layer = CausalUpsampling(2, 3, stride)
    x = torch.randn(1, 2, 1, 6)
    weight, bias = layer.convolution.weight[:, :, 0], layer.convolution.bias
    expected = bias[:, None].repeat(1, 6 * stride).detach()
    for frame in range(6):
        for tap in range(2 * stride):
            if (at := frame * stride + tap) < 6 * stride:
                expected[:, at] += x[0, :, 0, frame] @ weight[:, :, tap].detach()
    torch.testing.assert_close(layer(x)[0, :, 0], expected, atol=1e-5, rtol=1e-4)


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 4), st.integers(1, 4), st.integers(1, 20))
def test_a_multiresolution_convolution_equals_its_definition(kernel, depth, samples):
    torch.manual_seed(0)
    layer = MultiresConvolution(2, kernel, depth)
    x = torch.randn(1, 2, 1, samples)
    low, high, leaves = (p.detach().numpy().astype(float) for p in (layer.low, layer.high, layer.leaves))
    expected = np.zeros((2, samples))
    for channel in range(2):
        coarse = x[0, channel, 0].numpy().astype(float)
        expected[channel] = leaves[channel, 0] * coarse
        for level in range(depth):
            finer, coarse, detail = coarse, np.zeros(samples), np.zeros(samples)
            for n in range(samples):
                for k in range(kernel):
                    if (back := n - 2**level * k) >= 0:
                        coarse[n] += low[channel, k] * finer[back]
                        detail[n] += high[channel, k] * finer[back]
            expected[channel] += leaves[channel, level + 1] * detail
        expected[channel] += leaves[channel, -1] * coarse
    np.testing.assert_allclose(layer(x)[0, :, 0].detach().numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 5, 8])
def test_the_filter_bank_is_an_orthonormal_basis(bands):
    """Each filter has length 1, is at right angles to all others and to all shifts by a stride; energy is kept."""
    bank = filter_bank(bands).double()
    torch.testing.assert_close(bank @ bank.T, torch.eye(bands).double(), atol=1e-6, rtol=0)
    overlap = bank[:, :bands] @ bank[:, bands:].T
    torch.testing.assert_close(overlap, torch.zeros(bands, bands).double(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("bands", [3, 5, 8])
def test_bands_of_the_filter_bank_rise(bands):
    spectra = torch.fft.rfft(filter_bank(bands), 512).abs().square()
    centres = (spectra * torch.arange(257)).sum(dim=1) / spectra.sum(dim=1)
    assert (centres.diff() > 0).all()


def test_the_wavelet_upsampler_keeps_the_energy_of_its_bands():
    torch.manual_seed(0)
    layer = WaveletUpsampling(4, 2, 5)
    x = torch.cat([torch.randn(1, 4, 1, 30), torch.zeros(1, 4, 1, 1)], dim=3)
    bands = layer.bands(x) - layer.bands(torch.zeros_like(x))
    layer.bands.bias.data.zero_()
    torch.testing.assert_close(layer(x).square().sum(), bands.square().sum(), atol=1e-4, rtol=1e-4)


def test_a_convolution_goes_on_only_where_it_is_told_to():
    layer = CausalConvolution(1, 1, 3)
    x = torch.randn(1, 1, 1, 8)
    with torch.no_grad():
        whole = layer(x)
        assert not torch.allclose(layer(x[..., 4:]), whole[..., 4:])
        with going_on(layer):
            layer(x[..., :4])
            torch.testing.assert_close(layer(x[..., 4:]), whole[..., 4:])
