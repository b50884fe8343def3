import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import freqz

from brevox.errors import SettingsError
from brevox.nets.spectrum import InverseSpectrum, Spectrum, cepstral_basis, cepstral_orders, mel_bands, minimum_phase


@st.composite
def layouts(draw):
    """Window and hop as the classes ask for: window a multiple of an even hop."""
    parts, hop = draw(st.integers(2, 6)), 2 * draw(st.integers(1, 12))
    return parts * hop, hop


def noise(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


@settings(deadline=None)
@given(layouts(), st.integers(1, 12), st.integers(1, 3), st.integers(0, 2**32))
def test_spectrum_is_a_windowed_dft_centred_on_each_hop(layout, frames, batch, seed):
    window, hop = layout
    audio = noise(batch, frames * hop, seed=seed)
    real, imaginary = Spectrum(window, hop)(audio)
    assert real.shape == imaginary.shape == (batch, window // 2 + 1, frames)
    margin = (window - hop) // 2
    padded = np.pad(audio.numpy().astype(np.float64), ((0, 0), (margin, margin)))
    taper = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window))
    expected = [np.fft.rfft(padded[:, at : at + window] * taper) for at in range(0, frames * hop, hop)]
    ours = real.numpy() + 1j * imaginary.numpy()
    np.testing.assert_allclose(ours, np.stack(expected, axis=2), atol=1e-4)


@settings(deadline=None)
@given(layouts(), st.integers(1, 12), st.integers(0, 2**32))
def test_inverse_is_the_overlap_added_inverse_dft(layout, frames, seed):
    window, hop = layout
    real, imaginary = noise(2, 1, window // 2 + 1, frames, seed=seed)
    audio = InverseSpectrum(window, hop)(real, imaginary)
    assert audio.shape == (1, frames * hop)
    taper = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window))
    expected = np.zeros(frames * hop + window - hop)
    for frame in range(frames):
        wave = np.fft.irfft(real[0, :, frame].numpy() + 1j * imaginary[0, :, frame].numpy(), window)
        expected[frame * hop : frame * hop + window] += wave * taper
    margin = (window - hop) // 2
    expected = expected[margin : margin + frames * hop] / (np.sum(taper**2) / hop)
    np.testing.assert_allclose(audio[0].numpy(), expected, atol=1e-5)


@settings(deadline=None)
@given(layouts(), st.integers(1, 12), st.integers(0, 2**32))
def test_inverse_gives_the_signal_back_away_from_its_ends(layout, frames, seed):
    window, hop = layout
    audio = noise(1, frames * hop, seed=seed)
    again = InverseSpectrum(window, hop)(*Spectrum(window, hop)(audio))
    assert again.shape == audio.shape
    margin = (window - hop) // 2
    torch.testing.assert_close(again[:, margin:-margin], audio[:, margin:-margin], atol=1e-5, rtol=0)


@pytest.mark.parametrize("window, hop", [(9, 3), (600, 160), (160, 160), (80, 160), (640, 0)])
@pytest.mark.parametrize("transform", [Spectrum, InverseSpectrum])
def test_a_window_that_does_not_fit_its_hop_is_refused(transform, window, hop):
    with pytest.raises(SettingsError, match=rf"{window} .* {hop}"):
        transform(window, hop)


def test_autocast_costs_no_precision():
    audio = noise(1, 1600)
    spectrum, inverse = Spectrum(640, 160), InverseSpectrum(640, 160)
    outside = inverse(*spectrum(audio))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = inverse(*spectrum(audio))
    assert torch.equal(inside, outside)


@settings(deadline=None)
@given(st.integers(2, 100), st.integers(2, 400), st.sampled_from([8000, 16000, 44100]))
def test_mel_bands_interpolate(bands, bins, sample_rate):
    spread = mel_bands(bands, bins, sample_rate)
    assert spread.shape == (bins, bands)
    assert (spread >= 0).all()
    torch.testing.assert_close(spread.sum(dim=1), torch.ones(bins), atol=1e-4, rtol=0)
    # Between neighbouring bands, and in their order: what rises over the bands rises over the bins.
    assert ((spread > 0).sum(dim=1) <= 2).all()
    position = spread @ torch.arange(float(bands))
    assert (position.diff() > 0).all()
    assert position[0] == 0
    assert position[-1] == pytest.approx(bands - 1)


def test_mel_bands_are_spaced_in_mel():
    # Slaney & co.'s "2595 log10(1 + f / 700)": 1000 Hz is 1000 mel.
    position = mel_bands(101, 8001, 16000) @ torch.arange(101.0)
    top_mel = 2595 * np.log10(1 + 8000 / 700)
    assert position[1000] == pytest.approx(1000 / top_mel * 100, abs=0.02)


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 40), st.floats(0, 1))
def test_cepstral_basis_is_orthonormal(spectra, bands, share):
    latent = max(1, round(share * spectra * bands))
    basis = cepstral_basis(latent, bands, spectra)
    assert basis.shape == (latent, bands, spectra)
    flat = basis.reshape(latent, -1)
    torch.testing.assert_close(flat @ flat.T, torch.eye(latent), atol=1e-5, rtol=0)


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(2, 40), st.integers(0, 2**32))
def test_more_coefficients_describe_spectra_more_finely(spectra, bands, seed):
    """None is lost when more are taken, and all of them are the spectra."""
    picture = noise(bands * spectra, seed=seed)
    errors = []
    for latent in range(1, bands * spectra + 1):
        basis = cepstral_basis(latent, bands, spectra).reshape(latent, -1)
        errors.append((picture - basis.T @ (basis @ picture)).norm().item())
    assert (np.diff(errors) <= 1e-4).all() and errors[-1] < 1e-3


def test_two_spectra_share_five_to_three():
    _, over_time = cepstral_orders(64, 80, 2)
    assert torch.bincount(over_time)[0] == pytest.approx(40, abs=1)


def test_there_is_no_finer_cepstrum_than_spectra():
    with pytest.raises(SettingsError, match="at most 160"):
        cepstral_basis(161, 80, 2)


def test_cepstral_basis_keeps_the_mean_level_in_its_first_coefficient():
    basis = cepstral_basis(16, 20)
    level = torch.einsum("lbt,bt->l", basis, torch.ones(20, 2))
    assert level[0] == pytest.approx(np.sqrt(40), rel=1e-5)
    torch.testing.assert_close(level[1:], torch.zeros(15), atol=1e-5, rtol=0)


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(0, 2**32))
def test_the_minimum_phase_of_a_stable_filter_is_its_phase(poles, seed):
    """All-pole filters with poles within the unit circle have minimum phase; against SciPy's frequency response."""
    random = np.random.default_rng(seed)
    pole = random.uniform(0, 0.9, poles) * np.exp(1j * random.uniform(0, np.pi, poles))
    _, response = freqz(1, np.poly(np.concatenate([pole, pole.conj()])).real, worN=321, include_nyquist=True)
    phase = minimum_phase(321).numpy() @ np.log(np.abs(response)).astype(np.float32)
    np.testing.assert_allclose(np.exp(1j * phase), response / np.abs(response), atol=2e-3)
