"""Laws that every discriminator keeps, and what each one alone promises."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrize

import brevox.nets.discriminators.complex
import brevox.nets.discriminators.mel
import brevox.nets.discriminators.one_of
import brevox.nets.discriminators.several
import brevox.nets.discriminators.stft  # noqa: F401
from brevox.errors import SettingsError
from brevox.losses.adversarial import feature_matching_loss
from brevox.nets.discriminators import stft
from brevox.nets.discriminators.bands import BandsDiscriminator
from brevox.nets.discriminators.period import PeriodDiscriminator
from brevox.nets.discriminators.scale import ScaleDiscriminator
from brevox.nets.parts import DISCRIMINATORS
from voices import voice

RATE = 16_000
SMALL = {
    "stft": {"windows": [128, 256], "channels": 4},
    "period": {"periods": [2, 3, 5], "channels": [8, 16, 32, 32]},
    "scale": {"scales": 2, "channels": [4, 8, 16, 8]},
    "bands": {"windows": [256], "channels": 4},
    "several": {
        "parts": [
            {"name": "period", "periods": [3], "channels": [8, 16, 32]},
            # Not 128, of which a band becomes one bin wide: there oneDNN is wrong in bf16 on processors with AMX.
            {"name": "bands", "windows": [256], "channels": 4},
        ]
    },
    "complex_stft": {"windows": [128, 256], "channels": 4},
    "mel": {"windows": [128, 256], "bands": [16, 32], "channels": 4},
    "one_of": {"parts": [{"name": "scale", "scales": 1, "channels": [4, 8, 16, 8]}]},
}
every_one = pytest.mark.parametrize("name", SMALL)


def small(name):
    torch.manual_seed(0)
    return DISCRIMINATORS.build({"name": name, **SMALL[name]})


def noise(batch=2, samples=2000, seed=0):
    return 0.1 * torch.randn(batch, samples, generator=torch.Generator().manual_seed(seed))


def all_of(judgement):
    """Logits and maps, one after the other."""
    return [x for logits, maps in judgement for x in (*maps, logits)]


def plain(network):
    """Weights as numbers, without weight normalisation."""
    for module in network.modules():
        for name in list(getattr(module, "parametrizations", ())):
            parametrize.remove_parametrizations(module, name)
    return network


def count(network):
    return sum(parameter.numel() for parameter in plain(network).parameters())


def test_the_laws_below_are_asked_of_all():
    assert set(SMALL) == set(DISCRIMINATORS._classes)


@every_one
@settings(max_examples=12)
@given(samples=st.integers(RATE // 20, 5000), batch=st.integers(1, 4))
def test_any_length_and_batch(name, samples, batch):
    judgement = small(name)(noise(batch, samples))
    for logits, maps in judgement:
        assert len(maps) > 1 and logits.shape[:2] == (batch, 1)
        assert all(m.shape[0] == batch for m in maps)
    assert all(x.numel() > 0 and x.isfinite().all() for x in all_of(judgement))


@every_one
@pytest.mark.parametrize("level", [0.0, 1e-6, 1.0, 100.0])
def test_gradients_are_finite_at_any_level(name, level):
    judge, audio = small(name), (level * noise()).requires_grad_()
    sum(x.mean() for x in all_of(judge(audio))).backward()
    assert audio.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in judge.parameters())


@every_one
def test_half_precision_says_about_the_same(name):
    judge, audio = small(name), noise().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        rough = all_of(judge(audio))
        sum(x.float().mean() for x in rough).backward()
    assert audio.grad.isfinite().all() and audio.grad.any()
    for x, exact in zip(rough, all_of(judge(audio)), strict=True):
        assert (x.float() - exact).abs().max() < 0.05 * exact.abs().max()


@every_one
def test_items_of_a_batch_do_not_meet(name):
    judge, audio = small(name), noise(3).requires_grad_()
    together = all_of(judge(audio))
    for x, alone in zip(together, all_of(judge(audio[1:2])), strict=True):
        torch.testing.assert_close(x[1:2], alone, atol=1e-5, rtol=1e-4)
    sum(x[1].square().sum() for x in together).backward()
    assert audio.grad[1].any() and not audio.grad[[0, 2]].any()


@every_one
def test_the_gradient_reaches_every_parameter_and_every_stretch_of_the_audio(name):
    judge, audio = small(name), noise().requires_grad_()
    sum(logits.square().mean() for logits, _ in judge(audio)).backward()
    assert all(parameter.grad.any() for parameter in judge.parameters())
    assert audio.grad.unfold(1, 100, 100).any(dim=2).all()


@pytest.mark.parametrize("name", sorted(SMALL.keys() - {"complex_stft"}))
def test_the_maps_are_the_layers_before_the_logits(name):
    """What the convolutions give out, in their order: all but the logits come back through a leaky ReLU as maps."""
    judge, seen = small(name), []
    for module in judge.modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d)):
            module.register_forward_hook(lambda _module, _input, output: seen.append(output))
    judgement = judge(noise())
    for logits, maps in judgement:
        for m in maps:
            assert torch.equal(m, torch.where(seen[0] > 0, seen[0], 0.2 * seen[0]))
            del seen[0]
        assert torch.equal(logits, seen.pop(0))
    assert not seen


@every_one
def test_features_match_where_signals_are_equal_and_nowhere_else(name):
    judge, audio = small(name), noise()
    assert feature_matching_loss(judge(audio), judge(audio.clone())) == 0
    assert feature_matching_loss(judge(audio), judge(noise(seed=1))) > 0.1
    for (_, maps), (_, others) in zip(judge(audio), judge(noise(seed=1)), strict=True):
        assert all((m - other).abs().mean() > 0 for m, other in zip(maps, others, strict=True))


@pytest.mark.parametrize("name", ["period", "scale", "stft"])
def test_a_new_one_passes_on_the_level_of_the_audio(name):
    """At PyTorch's own first weights the last maps are biases, the same for all speech."""
    for _, maps in DISCRIMINATORS.build({"name": name})(noise(2, 8000)):
        assert 0.02 < maps[-1].std() < 0.5  # the noise: 0.1


def voices(seeds, samples=4000):
    """Shape: [voices, samples]."""
    clips = [voice(1.0, pitch_hz=90 + 30 * (seed % 5), seed=seed)[4000:][:samples] for seed in seeds]
    return torch.from_numpy(np.stack(clips))


def noise_like(audio, seed):
    """Stationary noise with the very magnitudes of the audio's spectrum, so also with its level."""
    spectrum = torch.fft.rfft(audio)
    turn = 2 * math.pi * torch.rand(spectrum.shape, generator=torch.Generator().manual_seed(seed))
    turn[:, [0, -1]] = 0  # these two are real
    return torch.fft.irfft(spectrum.abs() * torch.exp(1j * turn), audio.shape[1])


def hinge(judge, real, false):
    pairs = list(zip(judge(real), judge(false), strict=True))
    return sum(torch.relu(1 - r).mean() + torch.relu(1 + f).mean() for (r, _), (f, _) in pairs) / len(pairs)


def marks(judge, audio):
    """One for each item of a batch."""
    return sum(logits.flatten(1).mean(dim=1) for logits, _ in judge(audio))


# The report's tests 2.01, 2.02: discriminators tell speech from noise.


@every_one
def test_it_learns_to_tell_voices_from_noise_of_the_same_spectrum(name):
    judge = small(name)
    optimiser = torch.optim.Adam(judge.parameters(), 6e-3, betas=(0.8, 0.99))
    for step in range(60):
        real = voices(range(4 * step, 4 * step + 4))
        loss = hinge(judge, real, noise_like(real, step))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    unheard = voices(range(1000, 1016))
    with torch.no_grad():
        better = marks(judge, unheard)[:, None] > marks(judge, noise_like(unheard, 1000))
    assert better.float().mean() > 0.9  # of all pairs of a voice and a noise; half where it cannot tell


# period


def test_the_papers_period_discriminator_has_41_million_weights():
    """HiFi-GAN: kernels of 5 to 32, 128, 512, 1024, 1024 channels, then one of 3 to the logits; five periods."""
    widths = [1, 32, 128, 512, 1024, 1024]
    one = sum(5 * a * b + b for a, b in pairwise(widths)) + 3 * 1024 + 1
    assert round(one / 1e6, 1) == 8.2 and round(5 * one / 1e6, 1) == 41.1
    assert count(PeriodDiscriminator(channels=widths[1:])) == 5 * one


@pytest.mark.parametrize("period", [1, 2, 3, 11])
def test_a_column_sees_its_own_phase_of_the_period(period):
    """The first layer again, as a convolution of every `period`-th sample; and gradients through all layers."""
    judge, audio = PeriodDiscriminator([period], [4, 8]), noise(2, 77 * period).requires_grad_()
    ((logits, maps),) = judge(audio)
    first = judge.columns[0].layers[0]
    for phase in range(period):
        alone = nn.functional.conv1d(audio[:, None, phase::period], first.weight[..., 0], first.bias, 3, 2)
        torch.testing.assert_close(maps[0][..., phase], nn.functional.leaky_relu(alone, 0.2))
        (gradient,) = torch.autograd.grad(logits[..., phase].square().sum(), audio, retain_graph=True)
        assert set(gradient.nonzero()[:, 1].remainder(period).tolist()) == {phase}


@settings(max_examples=25)
@given(period=st.integers(2, 13), samples=st.integers(40, 90))
def test_the_last_row_is_filled_by_reflection(period, samples):
    judge, audio = PeriodDiscriminator([period], [4, 8]), noise(2, samples)
    filled = np.pad(audio.numpy(), ((0, 0), (0, math.ceil(samples / period) * period - samples)), mode="reflect")
    for x, y in zip(all_of(judge(audio)), all_of(judge(torch.from_numpy(filled))), strict=True):
        assert torch.equal(x, y)


# scale


def test_the_papers_scale_discriminator_has_as_many_weights_as_its_table_says():
    """MelGAN: k15 to 16; k41 in 4, 16, 64 and 256 groups to 64, 256, 1024, 1024; k5 to 1024; k3 to 1; three times."""
    grouped = [(16, 64, 4), (64, 256, 16), (256, 1024, 64), (1024, 1024, 256)]
    one = 15 * 16 + 16 + sum(41 * a // g * b + b for a, b, g in grouped) + 5 * 1024 * 1024 + 1024 + 3 * 1024 + 1
    assert count(ScaleDiscriminator(3, [16, 64, 256, 1024, 1024, 1024])) == 3 * one


def test_coarser_scales_do_not_hear_what_averaging_removes():
    """The highest frequency there is averages to nothing, and a slow one stays; the first scale hears both."""
    judge, audio = ScaleDiscriminator(3, [4, 8, 8]), torch.zeros(1, 2000)
    high, low = audio.clone(), audio.clone()
    high[0, 500:1500] = 0.1 * torch.cos(math.pi * torch.arange(1000))
    low[0, 500:1500] = 0.1
    silent, shrill, steady = ([maps[0] for _, maps in judge(x)] for x in (audio, high, low))
    apart = [[(x - s).abs().mean().item() for x, s in zip(y, silent, strict=True)] for y in (shrill, steady)]
    assert apart[0][0] > 20 * max(apart[0][1:])
    assert min(apart[1]) > 20 * max(apart[0][1:])


# bands


def test_the_papers_bands_have_as_many_weights_as_its_layers_say():
    """DAC: 32 channels, k(3, 9) five bands of four and k(3, 3) last, k(3, 3) across; three windows."""
    stack = 27 * 2 * 32 + 32 + 3 * (27 * 32 * 32 + 32) + 9 * 32 * 32 + 32
    assert count(BandsDiscriminator([2048, 1024, 512], channels=32)) == 3 * (5 * stack + 9 * 32 + 1)


@pytest.mark.parametrize("window", [64, 256, 1000])
def test_every_bin_is_seen_by_the_stack_of_its_band_alone(window, monkeypatch):
    bins, caught = window // 2 + 1, []

    def catching(*arguments):
        caught.append(spectrogram(*arguments).detach().requires_grad_())
        return caught[-1]

    spectrogram = stft.spectrogram
    monkeypatch.setattr(stft, "spectrogram", catching)
    ((_, maps),) = BandsDiscriminator([window], channels=2)(noise())
    (spectrum,), layers, shares = caught, len(maps) // 5, [0, 0.1, 0.25, 0.5, 0.75, 1]
    for band, (low, high) in enumerate(pairwise(shares)):
        whole = sum(m.square().sum() for m in maps[band * layers : (band + 1) * layers])
        (gradient,) = torch.autograd.grad(whole, spectrum, retain_graph=True)
        seen = gradient.abs().sum(dim=(0, 2)).nonzero().flatten().tolist()
        assert seen == list(range(int(low * bins), int(high * bins)))


# several


def test_several_are_its_parts_one_after_the_other():
    judge, audio = small("several"), noise()
    apart = [entry for part in judge.parts for entry in part(audio)]
    assert [type(part) for part in judge.parts] == [PeriodDiscriminator, BandsDiscriminator]
    assert len(apart) == 1 + 1
    for x, y in zip(all_of(judge(audio)), all_of(apart), strict=True):
        assert torch.equal(x, y)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"name": "period", "periods": []}, "periods"),
        ({"name": "period", "periods": [2, 0]}, "periods"),
        ({"name": "period", "periods": [2, 3, 2]}, "twice"),
        ({"name": "period", "periods": 5}, "periods"),
        ({"name": "period", "channels": []}, "channels"),
        ({"name": "period", "channels": [4, 1.5]}, "channels"),
        ({"name": "scale", "scales": 0}, "scales"),
        ({"name": "scale", "channels": [16, 16]}, "3 layers"),
        ({"name": "scale", "channels": [6, 16, 16]}, "groups of 4"),
        ({"name": "scale", "channels": [16, 18, 16]}, "groups of 4"),
        ({"name": "bands", "windows": []}, "windows"),
        ({"name": "bands", "windows": [510]}, "multiples of 4"),
        ({"name": "bands", "windows": [16]}, "window of 16"),
        ({"name": "bands", "channels": 0}, "channels"),
        ({"name": "bands", "edges": [0, 0.5]}, "end with 1"),
        ({"name": "bands", "edges": [0, 0.5, 0.3, 1]}, "rise"),
        ({"name": "several", "parts": []}, "list of sections"),
        ({"name": "several", "parts": {"name": "period"}}, "list of sections"),
        ({"name": "several", "parts": ["period"]}, "list of sections"),
        ({"name": "several", "parts": [{"name": "nobody"}]}, "no discriminator named"),
    ],
)
def test_senseless_settings_are_told(section, said):
    with pytest.raises(SettingsError, match=said):
        DISCRIMINATORS.build(section)
