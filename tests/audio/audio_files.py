"""Helpers of the tests in this folder: whole files in one call, and signals to put into them."""

from __future__ import annotations

import numpy as np

from brevox.audio import AudioReader, AudioWriter


def write_all(target, audio, sample_rate, block=777, **settings):
    """Write `audio` block by block; returns the writer. Shape: [channels, samples]."""
    with AudioWriter(target, sample_rate, audio.shape[0], **settings) as writer:
        for start in range(0, audio.shape[1], block):
            writer.write(audio[:, start : start + block])
    return writer


def read_all(source, block=1000):
    """The whole recording, Shape: [channels, samples], and its (closed) reader."""
    with AudioReader(source) as reader:
        blocks = list(reader.blocks(block))
    assert all(b.dtype == np.float32 for b in blocks)
    assert all(b.shape == (reader.channels, block) for b in blocks[:-1])
    assert all(0 < b.shape[1] <= block for b in blocks[-1:])
    return np.concatenate([np.zeros((reader.channels, 0), np.float32), *blocks], axis=1), reader


def tones(samples, sample_rate, channels=1):
    """A tone a channel, 200 Hz and up."""
    t = np.arange(samples) / sample_rate
    pitch_hz = 200 + 60 * np.arange(channels)[:, None]
    return (0.4 * np.sin(2 * np.pi * pitch_hz * t)).astype(np.float32)


def sweeps(samples, sample_rate, channels=1):
    """A voice-like sound a channel, its tones rising: no two places and no two channels look alike."""
    t = np.arange(samples) / sample_rate
    pitch_hz = 120 + 40 * np.arange(channels)[:, None] + 100 * t
    harmonics = [0.15 * np.sin(2 * np.pi * k * pitch_hz * t + k * k) for k in range(1, 6)]
    return np.sum(harmonics, axis=0).astype(np.float32)


def at_16_bits(audio):
    """What a 16-bit file keeps of `audio`."""
    return np.clip(np.rint(audio * 32768), -32768, 32767).astype(np.float32) / 32768


def snr_db(reference, audio):
    return 10 * np.log10(np.sum(reference**2) / np.sum((reference - audio) ** 2))


def lag(reference, audio, most=20):
    """By how many samples `audio` lies behind `reference`."""
    scores = [np.dot(reference[most:-most], np.roll(audio, -k)[most:-most]) for k in range(-most, most + 1)]
    return int(np.argmax(scores)) - most
