"""Laws of augmentations: what they leave alone, what they change by how much, and that nothing moves in time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import brevox.data.augment  # noqa: F401 (registers them)
from brevox.audio import AudioWriter
from brevox.audio.pitch import shift_pitch, track_pitch
from brevox.data.augment.equaliser import BANDS_HZ, equalise
from brevox.data.augment.noise import add_noise, coloured_noise
from brevox.data.augment.parts import AUGMENTATIONS, Chain
from brevox.data.augment.pitch import change_pitch
from brevox.data.augment.room import measured_response, reverberate, synthetic_response
from brevox.data.augment.speed import change_speed
from brevox.data.corpus import Corpus, CropDataset
from brevox.data.prepare import write_corpus
from brevox.data.synthetic import synthetic_clips
from brevox.errors import DataError, SettingsError
from voices import voice

FRAME = 320
EVERYTHING = [
    {"name": "speed", "factor": [0.8, 1.25], "probability": 0.7},
    {"name": "pitch", "probability": 0.7},
    {"name": "equaliser", "probability": 0.7},
    {"name": "room", "probability": 0.7},
    {"name": "noise", "probability": 0.7},
]
NEUTRAL = {
    "speed": {"factor": [1, 1]},
    "pitch": {"semitones": [0, 0]},
    "equaliser": {"db": [0, 0]},
    "room": {"rt60_s": [0.5, 0.5], "direct_db": [60, 60]},
    "noise": {"snr_db": [100, 100]},
}


def speech(seconds=2.0, pitch_hz=120.0, seed=1):
    audio = voice(seconds, pitch_hz, seed)
    return audio, track_pitch(audio)


def agreement(codes, audio):
    """Share of the frames voiced by `codes` in which the tracker hears that pitch, to 4 %."""
    heard, voiced = track_pitch(audio), codes > 0
    return np.mean(np.abs(heard[voiced].astype(int) - codes[voiced]) <= 2)


def peak_lag(one, other):
    size = 2 * len(one)
    correlation = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)), size)
    lag = int(correlation.argmax())
    return lag - size if lag > size // 2 else lag


# Laws of all.


@pytest.mark.parametrize("name", NEUTRAL)
def test_a_neutral_setting_changes_nothing_and_every_augmentation_has_one(name):
    assert set(NEUTRAL) == set(AUGMENTATIONS._classes)
    audio, codes = speech()
    again, same = AUGMENTATIONS.build({"name": name, **NEUTRAL[name]})(audio, codes, np.random.default_rng(0))
    np.testing.assert_allclose(again, audio, atol=2e-3 * np.abs(audio).max())
    assert (same == codes).all()


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from(sorted(NEUTRAL)), max_size=6),
    st.integers(1, 40),
    st.sampled_from(["voice", "silence", "click", "loud"]),
    st.integers(0, 2**32),
)
def test_any_chain_gives_enough_of_finite_samples_and_as_many_codes(names, frames, kind, seed):
    chain = Chain([{"name": name} for name in names])
    taken = chain.frames_needed(frames)
    assert taken >= frames
    audio = voice(FRAME * taken / 16_000, seed=seed)
    audio *= {"voice": 1, "silence": 0, "click": 0, "loud": 50}[kind]
    if kind == "click":
        audio[len(audio) // 2] = 1
    before = audio.copy()
    changed, codes = chain(audio, track_pitch(audio), np.random.default_rng(seed))
    assert len(changed) == FRAME * len(codes) >= FRAME * frames
    assert (changed.dtype, codes.dtype) == (np.float32, np.uint8)
    assert np.isfinite(changed).all()
    assert kind != "silence" or not changed.any()
    assert (audio == before).all()  # an excerpt of a corpus is not written to


def test_a_chain_keeps_probabilities():
    chain = Chain([{"name": "equaliser", "db": [6, 6], "probability": 0.25}])
    audio, codes = speech(0.1)
    draw = np.random.default_rng(0)
    assert np.mean([chain(audio, codes, draw)[0] is not audio for _ in range(1000)]) == pytest.approx(0.25, abs=0.05)


# Speed and pitch.


@settings(deadline=None, max_examples=15)
@given(st.floats(0.7, 1.4), st.floats(100, 300))
def test_speed_moves_the_partials_of_a_tone(factor, hz):
    t = np.arange(32_000) / 16_000
    tone = sum(np.sin(2 * np.pi * k * hz * t) / k for k in (1, 2, 3)).astype(np.float32) * 0.1
    codes = np.full(100, 64, np.uint8)
    for changed, _ in (change_speed(tone, codes, factor), change_pitch(tone, codes, 12 * np.log2(factor))):
        middle = changed[len(changed) // 2 - 8000 :][:16_000] if len(changed) > 16_000 else changed
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 18))
        for k in (1, 2, 3):
            expected = k * hz * factor
            around = np.arange(int((expected - 40) * 2**18 / 16_000), int((expected + 40) * 2**18 / 16_000))
            assert around[spectrum[around].argmax()] * 16_000 / 2**18 == pytest.approx(expected, abs=2)


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.1, 1.25, 1.5])
@pytest.mark.parametrize("pitch_hz", [100, 220])
def test_pitch_codes_go_with_speed_and_pitch(factor, pitch_hz):
    audio, codes = speech(3.0, pitch_hz)
    assert np.mean(codes > 0) > 0.4
    faster, its_codes = change_speed(audio, codes, factor)
    assert len(faster) == pytest.approx(len(audio) / factor, abs=FRAME)
    assert agreement(its_codes, faster) > 0.9
    higher, its_codes = change_pitch(audio, codes, 12 * np.log2(factor))
    assert len(higher) == len(audio)
    assert agreement(its_codes, higher) > 0.9
    assert ((its_codes > 0) == (codes > 0)).all()


def test_pitch_keeps_time():
    # Two clicks of a voice stay where they are, to less than a frame.
    audio = np.zeros(32_000, np.float32)
    for start in (8_000, 20_000):
        audio[start : start + 1600] = voice(0.1, 200, seed=3) + 0.1 * np.sin(np.arange(1600) / 16_000 * 2 * np.pi * 500)
    for semitones in (-5, 4):
        changed, _ = change_pitch(audio, track_pitch(audio), semitones)
        smooth = [np.convolve(np.abs(x), np.ones(400) / 400, "same") for x in (changed, audio)]
        assert abs(peak_lag(*smooth)) < FRAME / 2


@given(st.lists(st.integers(0, 127), min_size=1, max_size=20), st.floats(0.5, 2))
def test_shifted_codes_come_back(codes, factor):
    codes = np.array(codes, np.uint8)
    shifted = shift_pitch(codes, factor)
    assert shifted.dtype == np.uint8 and shifted.max() <= 127
    assert (shift_pitch(codes, 1.0) == codes).all()
    inside = (codes == 0) | ((codes + 126 * np.log10(factor) > 1) & (codes + 126 * np.log10(factor) < 127))
    back = shift_pitch(shifted, 1 / factor).astype(int)
    # Where the way back leads out of the range, rounding decides; elsewhere it is off by one at the most.
    at_edge = (codes == 1) | (codes == 127)
    assert (np.abs(back - codes)[inside & ~at_edge] <= 1).all()


@pytest.mark.parametrize("hz, factor", [(40, 1), (400, 1.7), (500, 1.9), (80, 0.6), (200, 1.5)])
def test_codes_that_leave_the_range_are_what_the_tracker_finds(hz, factor):
    def tone(hz):
        t = np.arange(16_000) / 16_000
        return sum(np.cos(2 * np.pi * k * hz * t + k * k) / k for k in range(1, int(4000 / hz))).astype(np.float32) / 10

    found, expected = track_pitch(tone(hz * factor)), shift_pitch(track_pitch(tone(hz)), factor)
    assert np.abs(found[5:-5].astype(int) - expected[5:-5]).max() <= 1


# Equaliser.


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(-12, 12), min_size=len(BANDS_HZ), max_size=len(BANDS_HZ)), st.integers(0, 99))
def test_the_equalisers_measured_response_is_the_one_given(gains_db, seed):
    for number, hz in enumerate(BANDS_HZ):
        tone = np.sin(2 * np.pi * hz * np.arange(16_000) / 16_000 + seed).astype(np.float32)
        changed = equalise(tone, np.array(gains_db))[4000:-4000]
        measured_db = 20 * np.log10(changed.std() / tone[4000:-4000].std())
        assert measured_db == pytest.approx(gains_db[number], abs=0.3)
        assert np.corrcoef(changed, tone[4000:-4000])[0, 1] > 0.999  # no phase


def test_an_equaliser_gains_are_even_between_bands():
    gains_db = np.linspace(-9, 9, len(BANDS_HZ))
    click = np.zeros(16_000, np.float32)
    click[8000] = 1
    response = np.abs(np.fft.rfft(equalise(click, gains_db)))
    hz = np.arange(len(response))  # one bin a hertz
    for low, high, a, b in zip(BANDS_HZ[:-1], BANDS_HZ[1:], gains_db[:-1], gains_db[1:], strict=True):
        middle = round(np.sqrt(low * high))
        assert 20 * np.log10(response[hz == middle][0]) == pytest.approx((a + b) / 2, abs=0.3)


# Rooms.


@settings(deadline=None, max_examples=20)
@given(st.floats(0.1, 1.5), st.floats(0, 15), st.integers(0, 2**32))
def test_a_room_moves_nothing_and_keeps_the_power(rt60_s, direct_db, seed):
    audio, _ = speech()
    heard = reverberate(audio, synthetic_response(rt60_s, direct_db, np.random.default_rng(seed)))
    assert len(heard) == len(audio)
    assert peak_lag(heard, audio) == 0
    assert np.sum(heard**2) == pytest.approx(np.sum(audio**2), rel=1e-3)


def test_rooms_decay_as_they_say():
    responses = [synthetic_response(0.5, 6, np.random.default_rng(seed)) for seed in range(200)]
    power = np.mean(np.square(responses), axis=0)
    assert 10 * np.log10(power[0] / power[1:].sum()) == pytest.approx(6, abs=0.1)
    early, late = power[800:1600].mean(), power[4800:5600].mean()  # a quarter of a second apart
    assert 10 * np.log10(early / late) == pytest.approx(30, abs=0.7)


def test_convolution_is_convolution():
    audio, _ = speech(0.3)
    response = synthetic_response(0.1, 3, np.random.default_rng(0))
    plain = np.convolve(audio, response)[: len(audio)]
    np.testing.assert_allclose(
        reverberate(audio, response), plain * np.sqrt(np.sum(audio**2) / np.sum(plain**2)), atol=1e-5
    )


def test_measured_rooms_are_aligned_on_the_direct_sound(tmp_path):
    response = 0.3 * synthetic_response(0.4, 10, np.random.default_rng(0))
    with AudioWriter(tmp_path / "hall.wav", 16_000, 2) as writer:  # it comes 50 ms late, and upside down
        writer.write(np.stack([np.pad(-response, (800, 0)), np.zeros(len(response) + 800)]).astype(np.float32))
    audio, codes = speech()
    heard, same = AUGMENTATIONS.build({"name": "room", "folder": str(tmp_path)})(audio, codes, np.random.default_rng(0))
    assert peak_lag(heard, audio) == 0
    np.testing.assert_allclose(heard, reverberate(audio, response), atol=3e-3)
    assert (same == codes).all()


# Noise.


@given(st.floats(-10, 40), st.integers(0, 2**32))
def test_noise_has_the_ratio_asked_for(snr_db, seed):
    audio, _ = speech(0.5)
    noise = coloured_noise(len(audio), 1, np.random.default_rng(seed))
    added = add_noise(audio, noise, snr_db).astype(np.float64) - audio
    assert 10 * np.log10(np.mean(audio.astype(np.float64) ** 2) / np.mean(added**2)) == pytest.approx(snr_db, abs=0.05)


@pytest.mark.parametrize("exponent", [0, 1, 2])
def test_colours_fall_as_they_say(exponent):
    noise = coloured_noise(1 << 18, exponent, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(noise)) ** 2
    hz = np.fft.rfftfreq(len(noise), 1 / 16_000)
    octaves = [np.mean(power[(hz >= low) & (hz < 2 * low)]) for low in (100, 200, 400, 800, 1600, 3200)]
    np.testing.assert_allclose(np.diff(10 * np.log10(octaves)), -3.01 * exponent, atol=0.5)


def test_recorded_noise_comes_from_its_corpus(tmp_path):
    write_corpus(tmp_path, synthetic_clips("constant"))
    noise = AUGMENTATIONS.build({"name": "noise", "corpus": str(tmp_path), "snr_db": [0, 0]})
    audio, codes = speech(11.0)  # longer than any of its clips
    added = noise(audio, codes, np.random.default_rng(0))[0] - audio
    assert np.ptp(added) < 1e-5 < np.abs(added).min()


# Items.


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, synthetic_clips("noise"))
    return Corpus(folder, "train")


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 10**6), min_size=1, max_size=4), st.sampled_from([0.02, 0.4, 20]))
def test_an_augmented_item_is_a_function_of_seed_and_number_alone(corpus, seed, indices, crop_s):
    one = CropDataset(corpus, crop_s, 10**7, seed, augment=Chain(EVERYTHING))
    other = CropDataset(corpus, crop_s, 10**8, seed, augment=Chain(EVERYTHING))
    first = {index: one[index] for index in indices}
    for index in reversed(indices):
        again = other[index]
        assert all((first[index][name] == again[name]).all() for name in again)
        assert again["audio"].shape == (one.samples,)
        assert again["condition"].shape == (2, one.samples // FRAME)
        assert again["excitation"].shape == (2, one.samples)


def test_a_crop_is_filled_by_what_follows_it_however_fast_it_is_played(corpus):
    dataset = CropDataset(corpus, 1.0, 20, augment=Chain([{"name": "speed", "factor": [2, 2]}]), silence=0)
    for index in range(20):
        assert np.all(dataset[index]["audio"].reshape(50, FRAME).std(axis=1) > 0)


# What can go wrong.


@pytest.mark.parametrize(
    "section, hint",
    [
        ({"name": "pich"}, "did you mean 'pitch'"),
        ({"name": "speed", "factors": [1, 2]}, "factors.*did you mean 'factor'"),
        ({"name": "speed", "factor": [2, 1]}, r"speed: factor must be \[low, high\]"),
        ({"name": "speed", "factor": 1.1}, "speed: factor must be two numbers"),
        ({"name": "pitch", "semitones": ["low", "high"]}, "pitch: semitones must be two numbers"),
        ({"name": "pitch", "semitones": [-99, 0]}, "between -12 and 12"),
        ({"name": "room", "rt60_s": [0, 1]}, "rt60_s"),
        ({"name": "noise", "snr_db": [float("nan"), 1]}, "snr_db"),
        ({"name": "noise", "probability": 2}, "probability"),
        ({"name": "noise", "probability": "often"}, "probability"),
        ({"probability": 1}, "there is no augmentation named None"),
    ],
)
def test_settings_that_cannot_work(section, hint):
    with pytest.raises(SettingsError, match=hint):
        Chain([section])


def test_folders_that_cannot_work(tmp_path):
    for section in ({"name": "room"} | {"folder": str(tmp_path)}, {"name": "noise"} | {"corpus": str(tmp_path)}):
        with pytest.raises(DataError, match=str(tmp_path)):
            Chain([section])
    with AudioWriter(tmp_path / "mute.wav", 16_000, 1) as writer:
        writer.write(np.zeros((1, 100), np.float32))
    with pytest.raises(DataError, match=r"mute\.wav is silent"):
        measured_response(tmp_path / "mute.wav")
