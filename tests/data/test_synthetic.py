import numpy as np
import pytest

from brevox.data.corpus import Corpus, CropDataset
from brevox.data.prepare import write_corpus
from brevox.data.synthetic import SYNTHETIC, synthetic_clips
from brevox.errors import SettingsError


def rms(audio):
    return np.sqrt(np.mean(audio**2))


@pytest.mark.parametrize("kind", SYNTHETIC)
def test_a_corpus_without_recordings(tmp_path, kind):
    made = write_corpus(tmp_path, synthetic_clips(kind))
    assert (made.clips, made.speakers, made.failed) == (12, 4, [])
    assert made.hours == pytest.approx(120 / 3600)
    train, valid = Corpus(tmp_path, "train"), Corpus(tmp_path, "valid")
    assert not {clip.speaker for clip in train.clips} & {clip.speaker for clip in valid.clips}
    item = CropDataset(train, 1.0, 10, gain_db=(0, 0), silence=0)[3]
    assert rms(item["audio"]) == pytest.approx(0.1, rel=0.02)
    assert not item["condition"].any()  # no pitch


def test_constants_are_constant_and_noise_is_white():
    for (_, constant, _), (_, noise, _) in zip(synthetic_clips("constant"), synthetic_clips("noise"), strict=True):
        assert len(np.unique(constant)) == 1
        correlation = np.correlate(noise[:4100] / 3277, noise[:4000] / 3277)  # at lags 0 to 100
        assert np.abs(correlation[1:]).max() < 0.1 * correlation[0]
    assert {int(np.sign(audio[0])) for _, audio, _ in synthetic_clips("constant")} == {-1, 1}


def test_no_such_kind():
    with pytest.raises(SettingsError, match=r"pink.*noise, constant"):
        synthetic_clips("pink")
