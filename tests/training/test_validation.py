import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from brevox.data.corpus import Corpus
from brevox.nets.bottlenecks.rvq import Quantised
from brevox.nets.codec import build_codec
from brevox.training.validation import perceptual_scores, spectrogram_picture, valid_clips, validate
from voices import voice

needs_pesq = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("pesq", "pystoi"))), reason="needs the extra bench"
)


class Noisy(nn.Module):
    """Stands in for a codec: each book that is missing adds noise."""

    sample_rate = 16_000
    bottleneck = SimpleNamespace(codes=8)

    def __init__(self, books, noise):
        super().__init__()
        self.books, self.noise = books, noise

    def forward(self, audio, condition, excitation, books):
        assert not self.training
        missing = (self.books - books[:, None]).float()
        codes = torch.arange(self.books)[None, :, None].expand(len(audio), -1, condition.shape[2])
        codes = torch.minimum(codes, torch.arange(condition.shape[2]))
        noise = torch.randn(audio.shape, generator=torch.Generator().manual_seed(0))
        return audio + self.noise * missing * noise, Quantised(audio, codes, audio.new_zeros(()))


@pytest.fixture(scope="module")
def model(tiny):
    return build_codec(tiny().model)


@pytest.fixture(scope="module")
def clips(corpus, model):
    return valid_clips(Corpus(corpus, "valid"), 2, 1.2, model)


def test_clips_are_ready_for_the_network(corpus, model):
    for count, seconds, expected_s in ((1, 0.5, 0.5), (2, 1.0, 1.0), (99, 99, 1.5)):
        clips = valid_clips(Corpus(corpus, "valid"), count, seconds, model)
        assert len(clips) == min(count, 2)
        for clip in clips:
            samples = clip["audio"].shape[1]
            assert samples == pytest.approx(16_000 * expected_s, abs=320)
            shapes = {"audio": (1, samples), "condition": (1, 2, samples // 320), "excitation": (1, 2, samples)}
            assert {name: tensor.shape for name, tensor in clip.items()} == shapes


def test_the_same_clips_each_time(corpus, model):
    one, other = (valid_clips(Corpus(corpus, "valid"), 2, 1.0, model) for _ in range(2))
    for a, b in zip(one, other, strict=True):
        assert a.keys() == b.keys()
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_perfect_codec_has_perfect_scores_and_more_books_better_ones(clips):
    scores = validate(Noisy(4, 0.003), clips, [1, 2, 4], torch.device("cpu"))
    assert scores["mel@4"] == 0
    assert scores["mel@1"] > scores["mel@2"] > 0
    # Book n of the stand-in uses n + 1 codes.
    assert [scores[f"used/{book}"] for book in range(4)] == [1, 2, 3, 4]
    assert scores["perplexity/0"] == pytest.approx(1)
    assert all(1 < scores[f"perplexity/{book}"] <= book + 1 for book in range(1, 4))
    assert scores["efficiency/3"] == pytest.approx(np.log2(scores["perplexity/3"]) / 3)


def test_a_tone_is_a_bright_line_where_it_belongs():
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(16_000) / 16_000)
    picture = spectrogram_picture(0.1 * tone)
    assert picture.min() >= 0 and picture.max() <= 1
    row = picture[:, 10:-10].mean(dim=1).argmax()
    assert row == picture.shape[0] - 1 - 1000 * 512 // 16_000
    assert spectrogram_picture(torch.zeros(16_000)).max() == 0


@needs_pesq
def test_pesq_and_estoi_tell_clean_from_noisy():
    original = voice(3.0, 120)
    noise = np.random.default_rng(0).standard_normal(len(original)).astype(np.float32)
    clean, hissing, buried = (perceptual_scores(original, original + level * noise, 16_000) for level in (0, 0.01, 0.1))
    assert clean["pesq_wb"] > 4.5
    assert clean["estoi"] == pytest.approx(1, abs=1e-4)
    for name in clean:
        assert clean[name] > hissing[name] > buried[name]


@needs_pesq
def test_a_clip_without_speech_has_no_score():
    assert perceptual_scores(np.zeros(32_000, np.float32), np.zeros(32_000, np.float32), 16_000) == {}


def test_validation_leaves_the_model_as_it_was(tiny, clips):
    model = build_codec(tiny().model).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    scores = validate(model, clips, [1, 3], torch.device("cpu"))
    assert {"mel@1", "mel@3", "used/0", "used/1", "used/2"} <= set(scores)
    assert all(np.isfinite(list(scores.values())))
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
