import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.audio.loudness import SPEECH_RMS, LoudnessMeter, speech_gain

RATE = 8000


def recording(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise whose level changes from syllable to syllable, and pauses."""
    generator = np.random.default_rng(seed)
    samples = int(seconds * RATE)
    levels = np.repeat(generator.choice([0, 0.01, 0.1, 0.3], samples // 500 + 1), 500)[:samples]
    return (levels * generator.standard_normal(samples)).astype(np.float32)


@given(st.floats(0.3, 20), st.floats(0.01, 30), st.integers(0, 1000))
def test_scaling_the_sound_scales_the_gain_the_other_way(seconds, factor, seed):
    audio = recording(seconds, seed) + np.float32(0.01)
    scaled = speech_gain(audio * np.float32(factor), RATE)
    assert scaled * factor == pytest.approx(speech_gain(audio, RATE), rel=1e-4)


@settings(max_examples=50)
@given(st.integers(0, 60_000), st.lists(st.integers(0, 60_000), max_size=30), st.integers(0, 1000))
def test_blocks_give_what_the_whole_gives(samples, cuts, seed):
    audio = recording(8, seed)[:samples]
    meter = LoudnessMeter(RATE)
    for block in np.split(audio, sorted(min(cut, samples) for cut in cuts)):
        meter.push(block)
    assert meter.gain() == speech_gain(audio, RATE)


@pytest.mark.parametrize("samples", [0, 1, 1000, 20 * RATE])
def test_silence_is_left_alone(samples):
    assert speech_gain(np.zeros(samples), RATE) == 1


@pytest.mark.parametrize("seconds", [0.01, 0.39, 0.41, 5])
def test_a_steady_sound_comes_to_the_level_of_speech(seconds):
    audio = np.sin(2 * np.pi * 1000 * np.arange(int(seconds * RATE)) / RATE)
    assert speech_gain(audio, RATE) * audio.std() == pytest.approx(SPEECH_RMS, rel=1e-3)


def test_neither_pauses_nor_a_knock_move_it():
    generator = np.random.default_rng(0)
    speech = 0.05 * generator.standard_normal(40 * RATE)
    gain = speech_gain(speech, RATE)
    with_pauses = np.concatenate([speech, np.zeros(60 * RATE)])
    knock = speech.copy()
    knock[1000:1100] = 1
    assert speech_gain(with_pauses, RATE) == pytest.approx(gain, rel=0.02)
    assert speech_gain(knock, RATE) == pytest.approx(gain, rel=0.02)


@pytest.mark.parametrize("rate", [8000, 44100])
def test_the_rate_does_not_matter(rate):
    time = np.arange(10 * rate) / rate
    audio = np.sin(2 * np.pi * 440 * time) * (1 + np.sin(2 * np.pi * 0.3 * time)) / 2
    assert speech_gain(audio, rate) == pytest.approx(speech_gain(audio[::2], rate // 2), rel=0.01)
