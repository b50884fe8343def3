import copy
import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

import brevox.losses  # noqa: F401  registers the losses
from brevox.audio.reader import AudioReader
from brevox.errors import SettingsError
from brevox.losses.parts import LOSSES
from brevox.losses.whisper import TOKEN, WINDOW, log_mel, mel_filters, pack, slot_tokens
from voices import voice

#: Of the small models: 6 s, six clips of half a second when packed.
POSITIONS = 300
GAP = 2000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A Whisper with random weights: its structure, not its hearing."""
    torch.manual_seed(0)
    config = WhisperConfig(
        vocab_size=16,
        num_mel_bins=80,
        d_model=32,
        encoder_layers=3,
        encoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_layers=1,
        decoder_attention_heads=2,
        decoder_ffn_dim=64,
        max_source_positions=POSITIONS,
        init_std=0.2,
        dropout=0.5,  # a frozen encoder must not drop anything
        attention_dropout=0.5,
        encoder_layerdrop=0.5,
        bos_token_id=1,
        eos_token_id=1,
        pad_token_id=1,
        decoder_start_token_id=2,
    )
    path = tmp_path_factory.mktemp("whisper") / "small"
    WhisperModel(config).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def reference(folder):
    return WhisperModel.from_pretrained(folder, dtype=torch.float32).eval().encoder


@pytest.fixture(params=[False, True], ids=["short", "packed"])
def loss(folder, request):
    return loss_of(folder, packing=request.param)


def loss_of(weights, **settings):
    return LOSSES.build({"name": "whisper", "weights": str(weights), **settings}, sample_rate=16000)


def speech(batch=2, seconds=0.5):
    return torch.from_numpy(np.stack([voice(seconds, 110 + 60 * item, seed=item) for item in range(batch)]))


def noise_like(audio, seed=0):
    return 0.1 * torch.randn(audio.shape, generator=torch.Generator().manual_seed(seed))


def low_pass(audio, cutoff_hz):
    spectrum = torch.fft.rfft(audio)
    spectrum[:, torch.fft.rfftfreq(audio.shape[1], 1 / 16000) > cutoff_hz] = 0
    return torch.fft.irfft(spectrum, audio.shape[1])


def tokens(samples):
    return math.ceil(samples / TOKEN)


# What Whisper hears: by transformers' feature extractor, in NumPy and double precision.


@pytest.mark.parametrize("bands", [80, 128])
@pytest.mark.parametrize(
    "audio",
    [
        speech(1, 2.0)[0],
        noise_like(torch.zeros(16000)),
        3e-5 * noise_like(torch.zeros(16000)),
        torch.cat([torch.zeros(8000), speech(1)[0], torch.zeros(9600)]),
        torch.sin(torch.arange(32000) * 0.3),
        torch.zeros(640),
    ],
    ids=["voice", "noise", "faint", "pauses", "sine", "silence"],
)
def test_the_front_end_is_that_of_transformers(audio, bands):
    extractor = WhisperFeatureExtractor(feature_size=bands)
    ours = log_mel(audio[None], mel_filters(bands))[0]
    assert ours.shape == (bands, len(audio) // 160)
    assert np.abs(ours.numpy() - extractor._np_extract_fbank_features(audio.numpy()[None], "cpu")[0]).max() < 1e-4
    theirs = extractor(audio.numpy(), sampling_rate=16000, padding="do_not_pad")["input_features"][0]
    assert np.abs(ours.numpy() - theirs).max() < 1e-4


# What Whisper makes of it: by transformers' encoder.


def encoded_by_transformers(encoder, windows):
    """All hidden states and the output for whole windows. Shape: [windows, positions, width] each."""
    seconds = windows.shape[1] // 16000
    extractor = WhisperFeatureExtractor(chunk_length=seconds)
    features = extractor(list(windows.numpy()), sampling_rate=16000, return_tensors="pt")["input_features"]
    with torch.no_grad():
        return encoder(features, output_hidden_states=True)


def test_packed_is_what_whisper_makes_of_the_clips_as_one_recording(folder, reference):
    # To rounding: the same operations in the same order on the same window.
    clips = speech(8)
    slot = 16000  # the shortest part of 96,000 that holds 8000 samples and the gap, and whole tokens
    windows = torch.zeros(2, 96000)
    for number, clip in enumerate(clips):
        windows[number // 6, slot * (number % 6) :][:8000] = clip
    expected = encoded_by_transformers(reference, windows).last_hidden_state.reshape(12, 50, 32)[:8, :25]
    (ours,) = loss_of(folder, packing=True).vectors(clips)
    assert ours.shape == expected.shape
    assert torch.allclose(ours, expected, atol=1e-4)


def test_short_is_what_a_whisper_with_a_short_window_makes_of_each_clip(folder, reference):
    clips = speech(2, 1.0)
    cut = copy.deepcopy(reference)
    cut.config.max_source_positions = cut.max_source_positions = 50
    cut.embed_positions = torch.nn.Embedding.from_pretrained(reference.embed_positions.weight[:50])
    expected = encoded_by_transformers(cut, clips).last_hidden_state
    (ours,) = loss_of(folder).vectors(clips)
    assert torch.allclose(ours, expected, atol=1e-4)


def test_a_clip_as_long_as_the_window_is_the_same_either_way(folder):
    clips = speech(2, 6.0)
    assert torch.allclose(*(loss_of(folder, packing=p).vectors(clips)[0] for p in (False, True)), atol=1e-5)


def test_layers_are_counted_from_one_up_to_the_normalised_last(folder, reference):
    clips = speech(2, 6.0)
    states = encoded_by_transformers(reference, clips)
    expected = [states.hidden_states[1], states.hidden_states[2], states.last_hidden_state]
    ours = loss_of(folder, layers=[3, 1, 2]).vectors(clips)
    assert all(torch.allclose(mine, theirs, atol=1e-4) for mine, theirs in zip(ours, expected, strict=True))


def test_the_distance_is_l1_plus_beta_times_the_mean_square_averaged_over_layers(folder):
    audio, decoded = speech(), noise_like(speech())
    loss = loss_of(folder, layers=[1, 3], beta=0.25)
    pairs = zip(loss.vectors(decoded), loss.vectors(audio), strict=True)
    expected = np.mean([((a - b).abs().mean() + 0.25 * ((a - b) ** 2).mean()).item() for a, b in pairs])
    assert loss(decoded, audio).item() == pytest.approx(expected, rel=1e-5)


# Packing.


@given(st.integers(1, 480_000))
def test_a_slot_is_the_shortest_part_of_the_window_with_a_gap(samples):
    slot = slot_tokens(samples, 480_000)
    fitting = [n for n in range(1, 1500) if 1500 % n == 0 and n * TOKEN >= samples + GAP]
    assert slot == min(fitting, default=1500)
    assert slot * TOKEN >= samples
    assert 480_000 % (slot * TOKEN) == 0


@settings(deadline=None)
@given(st.integers(1, 70), st.integers(1, 30_000))
def test_packing_keeps_every_clip_in_as_few_windows_as_will_do(batch, samples):
    slot = slot_tokens(samples, 480_000)
    clips = torch.rand(batch, samples) + 1
    windows = pack(clips, slot, 480_000)
    per_window = 1500 // slot
    assert windows.shape == (math.ceil(batch / per_window), 480_000)
    places = windows.reshape(-1, slot * TOKEN)
    assert torch.equal(places[:batch, :samples], clips)
    assert windows.count_nonzero() == clips.numel()


def test_short_windows_know_nothing_of_each_other(folder):
    audio, decoded = speech(3), speech(3) + noise_like(speech(3))
    loss = loss_of(folder)
    alone = [loss(decoded[item : item + 1], audio[item : item + 1]).item() for item in range(3)]
    assert loss(decoded, audio).item() == pytest.approx(np.mean(alone), rel=1e-4)


def test_packed_clips_know_of_the_others_in_their_window_only(folder):
    clips = speech(8)  # six in the first window
    loss = loss_of(folder, packing=True)
    changed = clips.clone()
    changed[0] = noise_like(clips[0])
    moved = (loss.vectors(changed)[0] - loss.vectors(clips)[0]).abs().amax(dim=(1, 2))
    assert (moved[:6] > 1e-3).all()
    assert (moved[6:] < 1e-5).all()


# What holds for every loss.


def test_nothing_is_lost_where_nothing_differs(loss):
    audio = speech()
    loss.train()
    assert loss(audio, audio.clone()) == 0
    assert loss(audio.clone().requires_grad_(), audio).item() == pytest.approx(0, abs=1e-5)
    assert loss(audio, noise_like(audio)) > 0


def test_the_gradient_reaches_every_sample_of_every_clip(loss):
    audio = speech(3)
    decoded = (audio + noise_like(audio)).requires_grad_()
    loss(decoded, audio).backward()
    assert decoded.grad.isfinite().all()
    assert (decoded.grad != 0).float().mean() > 0.99


@pytest.mark.parametrize("decoded, target", [(0, 0), (0, 1), (1, 0), (1, 1), (1e-6, 0), (1e-6, 1)])
def test_gradients_are_finite_at_silence_and_at_the_goal(loss, decoded, target):
    audio = speech()
    decoded = (decoded * audio).requires_grad_()
    value = loss(decoded, target * audio)
    value.backward()
    assert value.isfinite()
    assert decoded.grad.isfinite().all()


def test_descending_the_gradient_comes_closer(loss):
    audio = speech(1, 0.2)
    decoded = (audio + 0.3 * noise_like(audio)).requires_grad_()
    before = loss(decoded, audio)
    before.backward()
    step = 1e-5 * decoded.grad / decoded.grad.abs().max()
    assert loss(decoded.detach() - step, audio) < before


@pytest.mark.parametrize("samples", [1, 100, 3000])
def test_crops_shorter_than_a_window_will_do(loss, samples):
    audio = speech()[:, :samples]
    assert loss.vectors(audio)[0].shape[:2] == (2, tokens(samples))
    assert loss(audio, audio.clone()) == 0
    assert loss(audio + 0.1, audio) > 0
    assert samples < WINDOW or loss(noise_like(audio), audio) > 0


# Frozen: part of no optimiser and no checkpoint.


def test_whisper_is_neither_trained_nor_saved(loss):
    (encoder,) = loss._encoder
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    audio = speech()
    decoded = noise_like(audio).requires_grad_()
    loss.train()
    loss(decoded, audio).backward()
    assert not list(loss.parameters())
    assert not loss.state_dict()
    assert all(weight.grad is None and not weight.requires_grad for weight in encoder.parameters())
    assert not any(module.training for module in encoder.modules())
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_whisper_moves_to_the_device_with_its_loss(loss):
    loss.to("meta")
    devices = {weight.device.type for weight in [*loss._encoder[0].parameters(), *loss.buffers()]}
    assert devices == {"meta"}
    assert loss(torch.zeros(1, 8000, device="meta"), torch.zeros(1, 8000, device="meta")).device.type == "meta"


# What can go wrong.


def test_without_transformers_the_error_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(SettingsError, match=r"pip install 'brevox\[train\]'"):
        loss_of(folder)


@pytest.mark.parametrize("weights", ["/no/such/folder", "./none", "~/none/here", "some/deep/none"])
def test_missing_weights_are_told_with_where_to_get_them(weights):
    with pytest.raises(SettingsError, match=r"recipes/fetch_whisper\.py"):
        loss_of(weights)


def test_a_folder_without_a_whisper_is_an_error(tmp_path):
    with pytest.raises(SettingsError, match=r"recipes/fetch_whisper\.py"):
        loss_of(tmp_path)


def test_half_a_whisper_is_an_error_and_not_filled_with_random_numbers(folder, tmp_path):
    for path in folder.iterdir():
        text = path.read_bytes()
        (tmp_path / path.name).write_bytes(text.replace(b'"encoder_layers": 3', b'"encoder_layers": 4'))
    with pytest.raises(SettingsError, match="lacks"):
        loss_of(tmp_path)


@pytest.mark.parametrize("layers", [[], [0], [1, 4], [-1]])
def test_layers_that_are_not_there_are_an_error(folder, layers):
    with pytest.raises(SettingsError, match="layers 1 to 3"):
        loss_of(folder, layers=layers)


def test_whisper_hears_16_khz_only(folder):
    with pytest.raises(SettingsError, match="16000 Hz"):
        LOSSES.build({"name": "whisper", "weights": str(folder)}, sample_rate=24000)


def test_clips_longer_than_the_window_are_an_error(loss):
    audio = torch.zeros(1, 96001)
    with pytest.raises(SettingsError, match="crop_s"):
        loss(audio, audio)


# What Whisper hears, with the weights that recipes/fetch_whisper.py makes.


@pytest.fixture(scope="module")
def weights():
    path = Path(os.environ.get("BREVOX_WHISPER", ""))
    if not (path / "config.json").is_file():
        pytest.skip("BREVOX_WHISPER names no folder that recipes/fetch_whisper.py made")
    return path


@pytest.fixture(params=[False, True], ids=["short", "packed"])
def hearing(weights, request):
    return loss_of(weights, packing=request.param)


@pytest.fixture
def talk(clip):
    """Eight seconds of speech. Shape: [8, 16000]."""
    with AudioReader(clip) as reader:
        audio = next(reader.blocks(128_000))
    return torch.from_numpy(audio.copy()).reshape(8, 16000)


def test_other_words_are_further_than_the_same_words_quieter_or_through_a_telephone(hearing, talk):
    with torch.no_grad():
        other = hearing(talk.roll(1, dims=0), talk)
        assert hearing(0.5 * talk, talk) < 0.5 * other
        assert hearing(-talk, talk) < 0.1 * other
        assert hearing(low_pass(talk, 3400), talk) < 0.5 * other


def test_descending_the_gradient_takes_noise_away(hearing, talk):
    decoded = (talk + 0.3 * noise_like(talk)).requires_grad_()
    optimiser = torch.optim.Adam([decoded], 1e-3)
    values = []
    for _ in range(4):
        optimiser.zero_grad()
        value = hearing(decoded, talk)
        value.backward()
        optimiser.step()
        values.append(value.item())
    assert values[-1] < 0.8 * values[0]


def test_either_mode_judges_as_whisper_with_each_clip_alone_in_30_s(weights, talk):
    # What either mode deviates by: packed clips lie elsewhere in the window and attend to each other, short windows
    # lack the silence. The vectors differ by much (docs/training.md), the order of distances hardly.
    short, packed = (loss_of(weights, packing=packing) for packing in (False, True))
    talk = talk[:4]
    degraded = [talk + level * noise_like(talk) for level in (1, 0.1, 0.01)]
    degraded += [low_pass(talk, cutoff) for cutoff in (1000, 2500, 5000)]

    def alone(audio):
        return short.vectors(torch.nn.functional.pad(audio, (0, 464_000)))[0][:, :50]

    def distances(vectors):
        with torch.no_grad():
            wanted = vectors(talk)
            return np.array([(vectors(audio) - wanted).abs().mean(dim=(1, 2)).numpy() for audio in degraded]).ravel()

    expected = np.log(distances(alone))
    for loss in (short, packed):
        assert np.corrcoef(np.log(distances(lambda audio, loss=loss: loss.vectors(audio)[0])), expected)[0, 1] > 0.95
