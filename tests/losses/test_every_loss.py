"""Laws that every loss keeps, whichever are registered; Whisper's where BREVOX_WHISPER names its weights."""

import os
from itertools import pairwise
from pathlib import Path

import pytest
import torch

import brevox.losses  # noqa: F401  registers the losses
from brevox.losses.parts import LOSSES

WHISPER = os.environ.get("BREVOX_WHISPER", "")
#: Settings that a loss has no default for, and other choices worth asking. A loss not named here is asked as it is.
CHOICES = {
    "mel": [{}, {"log_weight": 0, "linear_weight": 1}, {"linear_weight": 5}],
    "whisper": [{"weights": WHISPER}, {"weights": WHISPER, "packing": True}],
}
CASES = [{"name": name, **choice} for name in sorted(LOSSES._classes) for choice in CHOICES.get(name, [{}])]
#: The one measures a batch as a whole, in the other clips attend to each other.
NOT_MEANS = [{"name": "stft"}, CHOICES["whisper"][1] | {"name": "whisper"}]


def said(case):
    return ",".join(
        [case["name"], *(f"{key}={value}" for key, value in case.items() if key not in ("name", "weights"))]
    )


@pytest.fixture(scope="module", params=CASES, ids=said)
def case(request):
    if request.param["name"] == "whisper" and not (Path(WHISPER) / "config.json").is_file():
        pytest.skip("BREVOX_WHISPER names no folder that recipes/fetch_whisper.py made")
    return request.param


@pytest.fixture(scope="module")
def loss(case):
    return built(case)


def built(case):
    return LOSSES.build(case, sample_rate=16000)


@pytest.fixture
def audio(speech):
    """Three half seconds of real speech. Shape: [3, 8000]."""
    return torch.from_numpy(speech[0, 16000:40000].copy()).reshape(3, 8000)


def noise_like(audio, seed=0):
    return 0.1 * torch.randn(audio.shape, generator=torch.Generator().manual_seed(seed))


def low_pass(audio, cutoff_hz):
    spectrum = torch.fft.rfft(audio)
    spectrum[:, torch.fft.rfftfreq(audio.shape[1], 1 / 16000) > cutoff_hz] = 0
    return torch.fft.irfft(spectrum, audio.shape[1])


DEGRADED = {
    "noisy": lambda audio: audio + noise_like(audio),
    "muffled": lambda audio: low_pass(audio, 1000),
    "coarse": lambda audio: (audio * 16).round() / 16,
    "faint": lambda audio: 0.01 * audio,
}
degradations = pytest.mark.parametrize("degraded", DEGRADED.values(), ids=DEGRADED)


def test_nothing_is_lost_where_nothing_differs(loss, audio):
    assert loss(audio, audio.clone()) == 0
    silence = torch.zeros_like(audio)
    assert loss(silence, silence.clone()) == 0


@degradations
def test_it_falls_all_the_way_to_the_original(loss, audio, degraded):
    way = degraded(audio) - audio
    with torch.no_grad():
        values = [loss(audio + share * way, audio) for share in (1, 0.5, 0.2, 0.1, 0.03, 0)]
    assert all(more > less for more, less in pairwise(values))
    assert values[-1] == 0


def test_a_wider_band_is_a_smaller_loss(loss, audio):
    with torch.no_grad():
        values = [loss(low_pass(audio, cutoff), audio) for cutoff in (500, 1000, 2000, 4000, 8000)]
    assert all(more > less for more, less in pairwise(values))


@degradations
def test_the_gradient_reaches_every_item_and_descending_it_comes_closer(loss, audio, degraded):
    decoded = degraded(audio).requires_grad_()
    before = loss(decoded, audio)
    before.backward()
    assert decoded.grad.isfinite().all()
    assert decoded.grad.any(dim=1).all()
    step = 1e-5 * decoded.grad / decoded.grad.abs().max()
    with torch.no_grad():
        assert loss(decoded - step, audio) < before


@pytest.mark.parametrize("decoded, target", [(0, 0), (0, 1), (1, 0), (1, 1), (1e-6, 0)])
def test_gradients_are_finite_at_silence_and_at_the_goal(loss, audio, decoded, target):
    decoded = (decoded * audio).requires_grad_()
    value = loss(decoded, target * audio)
    value.backward()
    assert value.isfinite()
    assert decoded.grad.isfinite().all()


def test_it_is_the_mean_over_the_items(loss, case, audio):
    decoded = audio + torch.tensor([[0.1], [1.0], [3.0]]) * noise_like(audio)
    with torch.no_grad():
        together = loss(decoded, audio).item()
        alone = [loss(decoded[item : item + 1], audio[item : item + 1]).item() for item in range(3)]
    assert (together == pytest.approx(sum(alone) / 3, rel=1e-4)) == (case not in NOT_MEANS)


def test_it_says_the_same_each_time(loss, case, audio):
    decoded = audio + noise_like(audio)
    with torch.no_grad():
        value = loss(decoded, audio)
        assert loss.train()(decoded, audio) == loss.eval()(decoded, audio) == value
        assert built(case)(decoded, audio) == value


@pytest.mark.parametrize("samples", [1, 100, 3000])
def test_crops_shorter_than_a_window_will_do(loss, audio, samples):
    audio = audio[:, :samples]
    assert loss(audio, audio.clone()) == 0
    assert loss(audio + 0.1, audio) > 0
