"""What is written is read; what is no such file is refused in words."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from brevox.errors import DataError, OutputError
from brevox.vocoder.feature_files import read_features, read_model, write_features, write_model
from brevox.vocoder.harmonics import Harmonics


def _harmonics(frames=7):
    rng = np.random.default_rng(0)
    wo = np.linspace(0.04, 0.31, frames).astype(np.float32)
    present = np.arange(1, 81) <= np.floor(np.pi / wo.astype(float))[:, None]
    amplitudes, phases = (np.where(present, rng.uniform(0, 3, present.shape), 0).astype(np.float32) for _ in range(2))
    return Harmonics(wo, rng.random(frames) > 0.5, amplitudes, phases)


def test_rows_come_back(tmp_path):
    rows = np.random.default_rng(0).standard_normal((9, 22)).astype(np.float32)
    write_features(tmp_path / "b.f32", rows)
    assert (tmp_path / "b.f32").read_bytes() == rows.astype("<f4").tobytes()
    np.testing.assert_array_equal(read_features(tmp_path / "b.f32", 22), rows)


def test_records_come_back_and_are_codec_2s(tmp_path):
    harmonics = _harmonics()
    write_model(tmp_path / "m.bin", harmonics)
    again = read_model(tmp_path / "m.bin")
    for name in ("wo", "voiced", "amplitudes", "phases"):
        np.testing.assert_array_equal(getattr(again, name), getattr(harmonics, name))
    data = (tmp_path / "m.bin").read_bytes()
    assert len(data) == 7 * 1300
    wo, count, _, first = struct.unpack_from("<fiff", data, 1300)
    assert wo == harmonics.wo[1]
    assert count == int(np.pi / wo)
    assert first == harmonics.amplitudes[1, 0]
    assert struct.unpack_from("<i", data, 2600 - 4)[0] == harmonics.voiced[1]


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"x" * 87, "no multiple of 22 columns"), (np.full(22, np.nan, "<f4").tobytes(), "holds nan in row 0, column 0")],
)
def test_wrong_feature_files_are_refused(tmp_path, data, says):
    path = tmp_path / "b.f32"
    path.write_bytes(data)
    with pytest.raises(DataError, match=says):
        read_features(path, 22)


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"x" * 1299, "no multiple of 1,300"), (bytes(1300), "outside of 50 to 400 Hz")],
)
def test_wrong_model_files_are_refused(tmp_path, data, says):
    path = tmp_path / "m.bin"
    path.write_bytes(data)
    with pytest.raises(DataError, match=says):
        read_model(path)


def test_amplitudes_that_are_none_are_refused(tmp_path):
    harmonics = _harmonics()
    harmonics.amplitudes[2, 1] = np.inf
    write_model(tmp_path / "m.bin", harmonics)
    with pytest.raises(DataError, match="amplitudes or phases"):
        read_model(tmp_path / "m.bin")


def test_missing_files_and_folders_are_told(tmp_path):
    with pytest.raises(DataError, match="cannot read"):
        read_features(tmp_path / "none.f32", 22)
    with pytest.raises(OutputError, match="does not exist"):
        write_features(tmp_path / "none" / "b.f32", np.zeros((1, 22)))
