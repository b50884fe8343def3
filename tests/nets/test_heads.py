"""What all ways of making sound from features have in common, and what each promises of itself."""

import pytest
import torch

from brevox.errors import SettingsError
from brevox.nets.decoders.heads import Masks
from brevox.nets.parts import HEADS

SETTINGS = {
    "complex": {"name": "complex"},
    "frames": {"name": "frames"},
    "zero-phase": {"name": "masks", "phase": "zero"},
    "minimum-phase": {"name": "masks"},
    "turned": {"name": "masks", "turned": True},
    "masks-and-rest": {"name": "masks_and_rest", "turned": True},
    "polar": {"name": "polar"},
}
NAMES = list(SETTINGS)
WITH_EXCITATION = ["zero-phase", "minimum-phase", "turned", "masks-and-rest"]
SIZES = {"width": 12, "sample_rate": 16000, "window": 640, "hop": 160, "bands": 20}


def head(name, seed=0):
    torch.manual_seed(seed)
    return HEADS.build(SETTINGS[name], **SIZES)


def inputs(spectra, batch=1, seed=0):
    """Features, an envelope at the level of speech, and an excitation of unit power."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape):
        return torch.randn(batch, *shape, generator=generator)

    return random(12, spectra), 0.3 * random(20, spectra), random(2, 160 * spectra)


@pytest.mark.parametrize("name", NAMES)
def test_every_spectrum_brings_a_hop_of_samples(name):
    for spectra in (1, 7):
        sound = head(name)(*inputs(spectra, batch=3))
        assert sound.shape == (3, 160 * spectra) and sound.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_a_spectrum_sounds_within_its_window(name):
    features, envelope, excitation = inputs(12)
    changed = features.clone()
    changed[:, :, 6] += 1
    with torch.no_grad():
        made = head(name)
        moved = (made(features, envelope, excitation) != made(changed, envelope, excitation))[0].nonzero()[:, 0]
    assert len(moved) and moved.min() >= 6 * 160 - 240 and moved.max() < 7 * 160 + 240


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_features_and_weights(name):
    made = head(name)
    features, envelope, excitation = inputs(5)
    features.requires_grad_()
    made(features, envelope, excitation).square().sum().backward()
    assert features.grad.isfinite().all() and features.grad.any()
    for key, parameter in made.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), key


@pytest.mark.parametrize("name", NAMES)
def test_a_louder_envelope_is_louder_sound(name):
    made = head(name).eval()
    features, envelope, excitation = inputs(20)
    with torch.no_grad():
        quiet, loud = (made(features, envelope + step, excitation).std() for step in (0.0, 1.0))
    assert loud / quiet == pytest.approx(torch.e, rel=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_an_untrained_head_is_about_as_loud_as_the_envelope(name):
    """Of white noise whose spectra have a magnitude of 1 in all bins."""
    features, _, excitation = inputs(200)
    level = (2 / 640) ** 0.5  # a spectrum's magnitude is the samples' size times the root of the window's energy
    with torch.no_grad():
        sound = head(name)(features, torch.zeros(1, 20, 200), excitation)
    assert level / 3 < sound.std() < 3 * level


@pytest.mark.parametrize("name", WITH_EXCITATION)
def test_without_excitation_there_is_no_sound_but_the_rest(name):
    features, envelope, excitation = inputs(8)
    with torch.no_grad():
        sound = head(name)(features, envelope, torch.zeros_like(excitation))
    assert bool(sound.any()) == (name == "masks-and-rest")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITH_EXCITATION])
def test_heads_of_their_own_phase_need_no_excitation(name):
    features, envelope, excitation = inputs(8)
    with torch.no_grad():
        made = head(name)
        assert torch.equal(made(features, envelope, excitation), made(features, envelope, 0 * excitation))


def test_equal_masks_of_one_excitation_are_a_filter():
    """Pulses and noise that are the same, with gains that are the same, are that sound filtered."""
    made = Masks(**SIZES, phase="zero")
    with torch.no_grad():
        made.last.weight.zero_()
        features, envelope, excitation = inputs(30)
        same = excitation[:, :1].repeat(1, 2, 1)
        flat = torch.zeros_like(envelope)
        sound = made(features, flat, same)
    gain = 2 * (640 / 2) ** -0.5
    torch.testing.assert_close(sound[:, 240:-240], gain * same[:, 0, 240:-240], atol=1e-4, rtol=1e-3)


def test_a_phase_that_is_none_is_refused():
    with pytest.raises(SettingsError, match="zero, minimum, not 'maximum'"):
        Masks(**SIZES, phase="maximum")
