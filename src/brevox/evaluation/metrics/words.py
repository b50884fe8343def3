"""Word error rate: what a speech recogniser no longer understands."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

from brevox.errors import SettingsError
from brevox.evaluation.metrics.metric import Measure, Metric, Options, Pair, Score

_NO_WORD = re.compile(r"[^\w' ]+")


def words_of(text: str) -> str:
    """Lower case, without punctuation, one space between words. Numbers stay as they are written."""
    return " ".join(_NO_WORD.sub(" ", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")).split())


def _open(options: Options) -> Measure:
    import jiwer
    from faster_whisper import WhisperModel

    if options.whisper is None:
        raise SettingsError("needs a Whisper model: --whisper FOLDER (see docs/bench.md)")
    if not (options.whisper / "model.bin").is_file():
        raise SettingsError(f"{options.whisper} is no Whisper model in CTranslate2's format: it has no model.bin")
    model = WhisperModel(str(options.whisper), device="cpu", compute_type="int8", local_files_only=True)

    @lru_cache(maxsize=8)  # one original after the other, each compared with what many codecs made of it
    def understood(audio: bytes, language: str | None) -> tuple[str, str]:
        # Without the usual second tries at higher temperatures, which draw lots.
        segments, info = model.transcribe(
            np.frombuffer(audio, np.float32), language=language, temperature=0.0, condition_on_previous_text=False
        )
        return words_of(" ".join(segment.text for segment in segments)), info.language

    def measure(pair: Pair) -> Score:
        # What is spoken is decided by the original: of a bad copy one might guess another language.
        original, language = understood(pair.reference.tobytes(), options.language)
        said = words_of(pair.text) if pair.text else original
        if not said:
            raise ValueError("no words found in the original")
        heard, _ = understood(pair.degraded.tobytes(), language)
        # Whisper at times says the same words over and over, and one such clip would outweigh many that it understood.
        return Score(100 * min(1.0, jiwer.wer(said, heard)), len(said.split()), heard)

    return measure


WER = Metric(
    name="wer",
    title="word errors",
    unit="%",
    low=0.0,
    high=100.0,
    higher_is_better=False,
    says="words that Whisper base hears otherwise than in the transcript, or if there is none, than in the original",
    source=(
        "Radford et al., ICML 2023 (Whisper base, int8, beam 5); programs: faster-whisper, jiwer. Mean over words, a "
        "clip at most 100 %"
    ),
    package="faster-whisper jiwer",
    open=_open,
    uses_text=True,
)
