"""Laws that all measures keep, and what single ones promise."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io.wavfile
import scipy.signal

from brevox.errors import SettingsError
from brevox.evaluation.cache import ScoreCache
from brevox.evaluation.metrics.known import METRICS, choose_metrics
from brevox.evaluation.metrics.metric import Metric, Options, Pair, Score
from brevox.evaluation.scoring import Cell, Scorer

WHISPER = os.environ.get("BREVOX_WHISPER_BASE")
OPTIONS = Options(Path(WHISPER) if WHISPER else None)
RATE_HZ = 16_000
PROGRAMS = ("pesq", "pystoi", "visqol", "speechmos", "distillmos", "faster_whisper", "hama", "resemblyzer")


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(list(METRICS.values()), ScoreCache(None, OPTIONS), threads=1)


@pytest.fixture(scope="module")
def degrees(said, said_coarsely) -> dict[str, np.ndarray]:
    """The original, what little is left of it at 0.5 kbit/s and in four bits a sample, and noise as loud."""
    grainy = np.round(said / said.std() * 2).clip(-8, 7).astype(np.float32) * said.std() / 2
    noise = np.random.default_rng(0).standard_normal(len(said)).astype(np.float32) * said.std()
    return {"clean": said, "coded": said_coarsely, "grainy": grainy, "noise": noise}


@pytest.fixture(scope="module")
def cells(scorer, degrees) -> dict[str, dict[str, Cell]]:
    return {name: scorer.score(degrees["clean"], audio).cells for name, audio in degrees.items()}


def value(cells, degree: str, metric: Metric) -> float:
    cell = cells[degree][metric.name]
    if cell.score is None:
        pytest.skip(cell.problem)
    return cell.score.value


each = pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)


@each
def test_noise_is_worse_than_coded_and_that_worse_than_clean(cells, metric):
    clean = value(cells, "clean", metric)
    # DNSMOS hears how clean speech is, not what it says: words that no one understands, without any noise, please it.
    coded = value(cells, "grainy" if metric.name == "dnsmos" else "coded", metric)
    sign = 1 if metric.higher_is_better else -1
    assert sign * clean > sign * coded
    noise = cells["noise"][metric.name]
    # Of noise some measures say nothing at all; what they say must be the worst. But a waveform agrees by chance as
    # little as with a made-up one, and PLCMOS listens for gaps, of which noise has none.
    if noise.score is not None and metric.name not in ("si_sdr", "plcmos"):
        assert sign * coded > sign * noise.score.value


@each
def test_values_are_in_the_stated_range(cells, metric):
    for degree in ("clean", "coded"):
        assert metric.low - 1e-6 <= value(cells, degree, metric) <= metric.high + 1e-6


@each
def test_a_perfect_copy_is_the_best_that_a_comparison_can_see(cells, metric):
    if not metric.uses_reference:
        pytest.skip("it does not compare")
    best = {"visqol": 4.0}.get(metric.name, metric.high if metric.higher_is_better else metric.low)
    assert value(cells, "clean", metric) == pytest.approx(best, abs=0.02) or value(cells, "clean", metric) > best


@each
def test_without_its_package_a_measure_says_what_to_install(monkeypatch, degrees, metric):
    if not metric.package:
        pytest.skip("it needs none")
    fresh = Scorer([metric], ScoreCache(None, OPTIONS))
    for name in PROGRAMS:
        monkeypatch.setitem(sys.modules, name, None)  # which is how Python says that there is none
    cell = fresh.score(degrees["clean"], degrees["coded"]).cells[metric.name]
    assert cell == Cell(None, f"not installed: pip install {metric.package}")


def test_what_goes_wrong_in_a_measure_is_an_error_and_no_number(scorer):
    silence = np.zeros(3 * RATE_HZ, np.float32)
    cells = scorer.score(silence, silence).cells
    for name in ("pesq_wb", "lsd_low", "si_sdr"):
        assert cells[name].score is None
        assert cells[name].problem.startswith("error: ")
    assert all(cell.score is None or np.isfinite(cell.score.value) for cell in cells.values())


def test_a_measure_that_gives_no_number_is_an_error(degrees):
    metric = Metric("nan", "nan", "", 0, 1, True, "", "", "", lambda options: lambda pair: Score(float("nan")))
    cell = Scorer([metric], ScoreCache(None, Options())).score(degrees["clean"], degrees["clean"]).cells["nan"]
    assert cell == Cell(None, "error: the measure gave nan")


def test_word_errors_without_a_model_say_what_is_missing(degrees):
    cell = (
        Scorer(choose_metrics(["wer"]), ScoreCache(None, Options()))
        .score(degrees["clean"], degrees["clean"])
        .cells["wer"]
    )
    assert cell.score is None
    assert "--whisper" in cell.problem or "faster-whisper" in cell.problem


def test_an_unknown_measure_is_a_settings_error():
    with pytest.raises(SettingsError, match="did you mean 'estoi'"):
        choose_metrics(["estoy"])


class TestAgreement:
    """With the packages themselves, and with implementations that nobody here wrote."""

    def test_pesq_is_that_of_the_package_for_a_clip_and_the_mean_for_a_long_one(self, degrees):
        from pesq import pesq

        clean, coded = degrees["clean"], degrees["coded"]
        measure = METRICS["pesq_wb"].open(OPTIONS)
        assert measure(Pair(clean, coded)).value == pytest.approx(pesq(RATE_HZ, clean, coded, "wb"), abs=1e-6)
        ten_seconds = 10 * RATE_HZ
        clean, coded = (np.resize(audio, 2 * ten_seconds) for audio in (clean, coded))
        halves = [pesq(RATE_HZ, clean[half], coded[half], "wb") for half in (np.s_[:ten_seconds], np.s_[ten_seconds:])]
        assert measure(Pair(clean, coded)).value == pytest.approx(np.mean(halves), abs=1e-6)

    def test_estoi_is_that_of_the_package(self, degrees):
        from pystoi import stoi

        expected = stoi(degrees["clean"], degrees["coded"], RATE_HZ, extended=True)
        assert METRICS["estoi"].open(OPTIONS)(Pair(degrees["clean"], degrees["coded"])).value == pytest.approx(expected)

    def test_visqol_is_that_of_the_package_on_files(self, degrees, tmp_path):
        visqol = pytest.importorskip("visqol")
        paths = []
        for name in ("clean", "coded"):
            paths.append(str(tmp_path / f"{name}.wav"))
            scipy.io.wavfile.write(paths[-1], RATE_HZ, np.round(degrees[name] * 32767).astype(np.int16))
        api = visqol.VisqolApi()
        api.create(mode="speech", use_lattice_model=True)
        got = METRICS["visqol"].open(OPTIONS)(Pair(degrees["clean"], degrees["coded"])).value
        assert got == pytest.approx(api.measure(*paths).moslqo, abs=0.05)  # 16 bits

    def test_dnsmos_is_that_of_the_package_on_files(self, degrees, tmp_path):
        dnsmos = pytest.importorskip("speechmos.dnsmos")
        path = tmp_path / "coded.wav"
        scipy.io.wavfile.write(path, RATE_HZ, np.round(degrees["coded"] * 32767).astype(np.int16))
        got = METRICS["dnsmos"].open(OPTIONS)(Pair(degrees["clean"], degrees["coded"])).value
        assert got == pytest.approx(dnsmos.run(str(path), RATE_HZ)["ovrl_mos"], abs=0.02)

    def test_plcmos_asks_the_same_raters_each_time_and_leaves_others_dice_alone(self, degrees):
        pytest.importorskip("speechmos.plcmos")
        measure = METRICS["plcmos"].open(OPTIONS)
        np.random.seed(7)  # noqa: NPY002
        first = measure(Pair(degrees["clean"], degrees["coded"])).value
        drawn = np.random.random()  # noqa: NPY002
        np.random.seed(7)  # noqa: NPY002
        assert np.random.random() == drawn  # noqa: NPY002
        assert measure(Pair(degrees["clean"], degrees["coded"])).value == first

    def test_si_sdr_is_that_of_torchmetrics(self, degrees):
        functional = pytest.importorskip("torchmetrics.functional.audio")
        torch = pytest.importorskip("torch")
        noisy = degrees["clean"] + 0.3 * degrees["noise"]
        expected = functional.scale_invariant_signal_distortion_ratio(
            torch.from_numpy(noisy), torch.from_numpy(degrees["clean"]), zero_mean=True
        )
        got = METRICS["si_sdr"].open(OPTIONS)
        assert got(Pair(degrees["clean"], noisy)).value == pytest.approx(float(expected), abs=1e-3)
        assert got(Pair(degrees["clean"], 0.1 * noisy)).value == pytest.approx(float(expected), abs=1e-3)

    def test_log_spectral_distance_is_that_of_scipys_spectra(self, degrees):
        def level_db(audio):
            _, _, spectrum = scipy.signal.stft(
                audio, window="hann", nperseg=512, noverlap=384, boundary=None, padded=False, scaling="spectrum"
            )
            return 20 * np.log10(2 * np.abs(spectrum.T) + 1e-4), (np.abs(spectrum.T) ** 2).sum(axis=1)

        a, energy = level_db(degrees["clean"])
        b, _ = level_db(degrees["coded"])
        speech = energy > energy.max() * 1e-4
        for name, bins in (("lsd_low", np.s_[:, :128]), ("lsd_high", np.s_[:, 128:256])):
            expected = np.sqrt(((a[speech][bins] - b[speech][bins]) ** 2).mean(axis=1)).mean()
            got = METRICS[name].open(OPTIONS)(Pair(degrees["clean"], degrees["coded"])).value
            assert got == pytest.approx(expected, rel=2e-3)

    def test_two_noises_of_one_colour_are_as_far_apart_as_theory_says(self):
        """The log of a Rayleigh amplitude has a deviation of 5.57 dB; two of them differ by sqrt(2) of it."""
        generator = np.random.default_rng(1)
        a, b = generator.standard_normal((2, 4 * RATE_HZ)).astype(np.float32) * 0.1
        assert METRICS["lsd_low"].open(OPTIONS)(Pair(a, b)).value == pytest.approx(5.57 * np.sqrt(2), abs=0.3)

    def test_a_gain_is_a_distance_in_decibels(self):
        noise = np.random.default_rng(1).standard_normal(RATE_HZ).astype(np.float32) * 0.3
        for name in ("mel", "lsd_low", "lsd_high"):
            assert METRICS[name].open(OPTIONS)(Pair(noise, noise / 2)).value == pytest.approx(6.02, abs=0.15)

    def test_a_low_pass_shows_above_4_khz_only(self, degrees):
        low = scipy.signal.sosfiltfilt(scipy.signal.butter(12, 3900, fs=RATE_HZ, output="sos"), degrees["clean"])
        pair = Pair(degrees["clean"], low.astype(np.float32))
        assert METRICS["lsd_low"].open(OPTIONS)(pair).value < 1.0
        assert METRICS["lsd_high"].open(OPTIONS)(pair).value > 5


@pytest.mark.skipif(WHISPER is None, reason="needs BREVOX_WHISPER_BASE, a folder")
class TestWords:
    def test_the_transcript_counts_if_there_is_one(self, degrees):
        measure = METRICS["wer"].open(OPTIONS)
        heard = measure(Pair(degrees["clean"], degrees["clean"])).note
        right = measure(Pair(degrees["clean"], degrees["clean"], heard.upper() + "!"))
        assert right.value == 0
        assert right.weight == len(heard.split())
        wrong = measure(Pair(degrees["clean"], degrees["clean"], heard + " indeed"))
        assert wrong.value == pytest.approx(100 / (len(heard.split()) + 1))
        # Far more words than were said, as when a recogniser goes round in circles, count as none understood.
        assert measure(Pair(degrees["clean"], degrees["clean"], heard.split()[0] + " indeed")).value == 100
