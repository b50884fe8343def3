from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.errors import SettingsError
from brevox.nets.codec import build_codec
from brevox.training.recipe import load_recipe

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL = {
    "sample_rate": 16000,
    "hop": 320,
    "latent": 12,
    "encoder": {"name": "spectral", "bands": 20, "width": 16, "blocks": 1, "fine_width": 12, "fine_blocks": 1},
    "bottleneck": {"name": "rvq", "books": 3, "codes": 8},
    "decoder": {"name": "spectral", "bands": 20, "width": 16, "blocks": 1, "fine_width": 12, "fine_blocks": 1},
}


def small_codec(seed=0, **decoder):
    torch.manual_seed(seed)
    return build_codec({**SMALL, "decoder": SMALL["decoder"] | decoder})


def signals(batch, frames, seed=0):
    """Audio, pitch condition and excitation."""
    generator = torch.Generator().manual_seed(seed)
    samples = 320 * frames
    return (
        0.1 * torch.randn(batch, samples, generator=generator),
        torch.randn(batch, 2, frames, generator=generator),
        torch.randn(batch, 2, samples, generator=generator),
    )


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 3), st.integers(1, 30), st.integers(0, 2**32))
def test_as_many_samples_come_out_as_went_in(batch, frames, seed):
    codec = small_codec().eval()
    audio, condition, excitation = signals(batch, frames, seed)
    with torch.no_grad():
        decoded, quantised = codec(audio, condition, excitation)
    assert decoded.shape == audio.shape
    assert decoded.isfinite().all()
    assert quantised.codes.shape == (batch, 3, frames)
    assert quantised.latent.shape == (batch, 12, frames)


def test_items_of_a_batch_do_not_meet():
    codec = small_codec()
    codec(*signals(2, 20, seed=1))  # fills the books
    codec.eval()
    together = codec(*signals(3, 11))[0]
    alone = [codec(*(x[item : item + 1] for x in signals(3, 11)))[0] for item in range(3)]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-4)


def test_the_gradient_reaches_every_parameter():
    codec = small_codec()
    audio, condition, excitation = signals(2, 12)
    decoded, _ = codec(audio, condition, excitation, torch.tensor([3, 1]))
    (decoded - audio).square().mean().backward()
    for name, parameter in codec.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_commitment_trains_the_encoder_alone():
    codec = small_codec()
    codec(*signals(2, 20, seed=1))  # the first batch lies on its codes
    _, quantised = codec(*signals(2, 20, seed=2))
    quantised.loss.backward()
    assert all(parameter.grad.any() for parameter in codec.encoder.parameters())
    assert all(parameter.grad is None for parameter in codec.decoder.parameters())


@pytest.mark.parametrize("frames", [1, 9])
def test_gradients_are_finite_at_silence(frames):
    codec = small_codec()
    decoded, quantised = codec(*(torch.zeros_like(x) for x in signals(2, frames)))
    assert not decoded.any()
    (decoded.sum() + quantised.loss).backward()
    assert all(parameter.grad.isfinite().all() for parameter in codec.parameters() if parameter.grad is not None)


def test_no_excitation_no_sound_and_twice_the_excitation_twice_the_sound():
    codec = small_codec()
    _, condition, excitation = signals(1, 8)
    latent = torch.randn(1, 12, 8)
    with torch.no_grad():
        once = codec.decoder(latent, condition, excitation)
        twice = codec.decoder(latent, condition, 2 * excitation)
    assert once.abs().max() > 0
    torch.testing.assert_close(twice, 2 * once, atol=1e-5, rtol=1e-4)


def test_an_untrained_decoder_without_phases_treats_pulses_and_noise_alike():
    decoder = small_codec(head={"name": "masks", "phase": "zero"}).decoder
    _, condition, excitation = signals(1, 12)
    sound, nothing = excitation[:, :1], torch.zeros_like(excitation[:, :1])
    latent = torch.randn(1, 12, 12)
    with torch.no_grad():
        as_pulses = decoder(latent, condition, torch.cat([sound, nothing], dim=1))
        as_noise = decoder(latent, condition, torch.cat([nothing, sound], dim=1))
    assert (as_pulses - as_noise).std() < 0.2 * as_pulses.std()
    assert not torch.equal(as_pulses, as_noise)  # but can learn not to


def test_an_untrained_decoder_makes_pulses_and_noise_as_loud():
    decoder = small_codec().decoder
    _, condition, excitation = signals(1, 12)
    sound, nothing = excitation[:, :1], torch.zeros_like(excitation[:, :1])
    latent = torch.randn(1, 12, 12)
    with torch.no_grad():
        as_pulses = decoder(latent, condition, torch.cat([sound, nothing], dim=1))
        as_noise = decoder(latent, condition, torch.cat([nothing, sound], dim=1))
    assert as_pulses.std().item() == pytest.approx(as_noise.std().item(), rel=0.2)


def test_an_untrained_codec_already_keeps_the_level():
    # The cepstrum goes straight from encoder to decoder: the level of what comes out follows what goes in.
    codec = small_codec().eval()
    audio, condition, _ = signals(1, 40)
    excitation = torch.randn(1, 2, 12800, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        rms = [
            codec.decoder(codec.encoder(gain * audio, condition), condition, excitation).square().mean().sqrt()
            for gain in (0.3, 1.0, 3.0)
        ]
    assert rms[1] / rms[0] == pytest.approx(1 / 0.3, rel=0.25)
    assert rms[2] / rms[1] == pytest.approx(3, rel=0.25)


CODECS = [path for path in sorted(RECIPES.glob("*.yaml")) if load_recipe(path).task == "codec"]


@pytest.mark.parametrize("recipe", CODECS, ids=lambda path: path.stem)
def test_the_models_of_the_recipes_can_be_built_and_are_small(recipe):
    codec = build_codec(load_recipe(recipe).model)
    assert sum(parameter.numel() for parameter in codec.parameters()) <= 12e6


@pytest.mark.parametrize(
    "change, hint",
    [
        ({"laten": 3}, "no laten"),
        ({"encoder": {"name": "spectrul"}}, "spectrul"),
        ({"decoder": {"name": "spectral", "hop": 160}}, "no hop"),
        ({"bottleneck": {"name": "rvq", "book": 3}}, "no book"),
        ({"encoder": {"name": "spectral", "window": 500}}, "500"),
    ],
)
def test_a_mistake_in_the_model_section_is_told(change, hint):
    with pytest.raises(SettingsError, match=hint):
        build_codec({**SMALL, **change})


def test_a_model_section_that_lacks_something_says_what():
    with pytest.raises(SettingsError, match="needs hop, decoder"):
        build_codec({key: value for key, value in SMALL.items() if key not in ("hop", "decoder")})
