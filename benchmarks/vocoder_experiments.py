"""The seed's experiments 240118, 240121 and 240125: networks, quantised latents, speech, and a table of it all.

Usage: python benchmarks/vocoder_experiments.py 240118 FEATURES RECORDINGS... -o FOLDER [--runs RUNS] [--epochs 50]

FEATURES is the beginning of the names of FEATURES_b.f32 and FEATURES_y.f32, which networks and tables are trained on.
Networks that are in RUNS are taken as they are; others are trained there by the recipes, for --epochs. Writes
FOLDER/EXPERIMENT/NAME_VERSION.wav, tables of vectors, and table.md. Versions are those of the seed's legend:

  1  original amplitudes and phases
  2  phases made, a smooth envelope through the points of b; no network (the seed's legend has no such)
  3  phases made, envelope y = F(b)
  5  envelope through a narrow place of 10 numbers: F(AE1(b)) in 240118, AE3(b) in the others; A: few epochs, B: 4 times
  6  5, quantised by two tables of 4096 (24 bits a frame); "20ms": every second frame is sent, others lie between
  7  5, quantised by the first table (12 bits)
  8  Codec 2, 3200 bit/s

Energy, pitch and voicing are those of the original in all but 8, and are in no bit rate but its own.
Needs c2enc and c2dec, and '.[train,bench]'.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brevox.audio import resample
from brevox.evaluation.cache import ScoreCache
from brevox.evaluation.metrics.known import choose_metrics
from brevox.evaluation.metrics.metric import Options
from brevox.evaluation.scoring import Scorer
from brevox.nets.vocoder.model import VocoderModel
from brevox.output import atomic_output
from brevox.training.checkpoint import LAST
from brevox.training.recipe import FrameSettings, load_recipe
from brevox.training.trainer import Trainer
from brevox.training.vocoder_task import choose_frames, load_vocoder
from brevox.vocoder.analysis import analyse
from brevox.vocoder.envelope import B_COLUMNS, envelope, mel_features, mel_to_envelope, spectral_distortion
from brevox.vocoder.feature_files import read_features, write_features
from brevox.vocoder.harmonics import HOP, RATE_HZ
from brevox.vocoder.resynthesis import from_features
from brevox.vocoder.speech_files import read_speech, write_speech
from brevox.vocoder.stages import decode, search, train_stages
from brevox.vocoder.synthesis import synthesise
from vocoder import codec2, files_of

Rows = NDArray[np.float32]
Envelopes = Callable[[Rows], Rows]

_RECIPES = Path(__file__).parent.parent / "recipes"
_ENTRIES = [4096, 4096]
_GAMMA = "losses=[{name: weighted, gamma: 0.85}]"
#: Recipe, overrides, and how many times --epochs, of each network.
_NETWORKS = {
    "f": ("vocoder-f", [], 1),
    "ae1": ("vocoder-ae1", ["model.variant=4", "model.noise_var=1e-3"], 1),
    "ae3-short": ("vocoder-ae3", [_GAMMA], 1),
    "ae3-long": ("vocoder-ae3", [_GAMMA], 4),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=["240118", "240121", "240125"])
    parser.add_argument("features", type=Path)
    parser.add_argument("recordings", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--runs", type=Path, help="where networks are, or are trained; by default OUTPUT/runs")
    parser.add_argument("--epochs", type=float, default=50)
    parser.add_argument("--test", type=int, default=6000, help="frames of FEATURES that are set aside")
    parser.add_argument("--longest", type=float, default=20, help="seconds of each recording")
    options = parser.parse_args()
    folder = options.output / options.experiment
    folder.mkdir(parents=True, exist_ok=True)
    versions = envelopes_of(options, folder)
    scorer = Scorer(choose_metrics(("pesq_nb", "estoi")), ScoreCache(options.output / "scores", Options()), threads=1)
    rows: dict[str, dict[str, list[list[float]]]] = {}
    for path in sorted(files_of(options.recordings)):
        audio = read_speech(path)[: round(options.longest * RATE_HZ)]
        for name, (sound, distortion) in speak(audio, versions).items():
            write_speech(folder / f"{path.stem}_{name}.wav", sound)
            cells = scorer.score(*(resample(x[None], RATE_HZ, 2 * RATE_HZ)[0] for x in (audio, sound))).cells
            found = [cells[metric].score for metric in ("pesq_nb", "estoi")]
            of_folder = rows.setdefault(path.parent.name, {})
            of_folder.setdefault(name, []).append([distortion, *(np.nan if x is None else x.value for x in found)])
        print(f"{path.name}: {len(audio) / RATE_HZ:.1f} s", flush=True)
    tables = "\n".join(f"{where}\n\n{table(found, versions)}" for where, found in rows.items())
    with atomic_output(folder / "table.md") as part:
        part.write_text(tables, encoding="utf-8")
    print(tables)


def envelopes_of(options: argparse.Namespace, folder: Path) -> dict[str, tuple[Envelopes, str]]:
    """What makes the envelope of each version out of `b`, and the bit rate of that."""
    f = trained("f", options)
    made: dict[str, tuple[Envelopes, str]] = {"2": (mel_to_envelope, "-"), "3": (f.through, "-")}
    if options.experiment == "240118":
        narrow = trained("ae1", options)
        tables = tables_of(narrow, options, folder)
        made["5"] = (lambda b: f.through(narrow.through(b)), "-")
        for version, used in (("6", tables), ("7", tables[:1])):
            rate = f"{12 * len(used) * RATE_HZ // HOP}"
            made[version] = (lambda b, used=used: f.through(quantised(narrow, b, used)), rate)
    elif options.experiment == "240121":
        made["5A"] = (trained("ae3-short", options).through, "-")
        made["5B"] = (trained("ae3-long", options).through, "-")
    else:
        narrow = trained("ae3-long", options)
        tables = tables_of(narrow, options, folder)
        made["5"] = (narrow.through, "-")
        made["6"] = (lambda b: quantised(narrow, b, tables), f"{24 * RATE_HZ // HOP}")
        made["6_20ms"] = (lambda b: quantised(narrow, b, tables, every=2), f"{12 * RATE_HZ // HOP}")
    return made


def trained(name: str, options: argparse.Namespace) -> VocoderModel:
    """A network without noise, trained now if it is not there yet."""
    run = (options.runs or options.output / "runs") / name
    if not (run / LAST).exists():
        recipe_name, overrides, times = _NETWORKS[name]
        data = [f"data.corpus={options.features}", f"data.frames.test={options.test}"]
        recipe = load_recipe(_RECIPES / f"{recipe_name}.yaml", [*data, *overrides, f"name={name}"])
        b = read_features(f"{options.features}_b.f32", B_COLUMNS)[options.test :]
        frames = int(choose_frames(b, recipe.data.frames).sum())
        recipe.run.steps = max(1, round(options.epochs * times * frames / recipe.data.batch))
        Trainer(recipe, run).run()
    model, _ = load_vocoder(run / LAST)
    if model.noise_var:
        model.noise_var = 0.0
    return model


def tables_of(model: VocoderModel, options: argparse.Namespace, folder: Path) -> list[Rows]:
    """Two tables, trained on the latents of all frames of the training that are no silence, with a voice or without."""
    paths = [folder / f"vq{number}.f32" for number in (1, 2)]
    if not all(path.exists() for path in paths):
        b = read_features(f"{options.features}_b.f32", B_COLUMNS)[options.test :]
        latents = model.encode(b[choose_frames(b, FrameSettings(voiced=False))])
        for number, (path, stage) in enumerate(zip(paths, train_stages(latents, _ENTRIES), strict=True), 1):
            write_features(path, stage.table)
            print(f"table {number} of {len(latents):,} latents: variance {stage.variance:.6f}", flush=True)
    return [read_features(path, model.latent) for path in paths]


def quantised(model: VocoderModel, b: Rows, tables: Sequence[Rows], every: int = 1) -> Rows:
    """Through tables in the narrow place. Latents that are not sent lie on the line between those that are."""
    latents = model.encode(b)
    sent = np.arange(0, len(latents), every)
    known = decode(search(latents[sent], tables, mbest=5), tables)
    frames = np.arange(len(latents))
    return model.decode(np.column_stack([np.interp(frames, sent, column) for column in known.T]), b)


def speak(audio: Rows, versions: dict[str, tuple[Envelopes, str]]) -> dict[str, tuple[NDArray[np.float32], float]]:
    """A recording in all versions, each with its spectral distortion in dB^2, over frames with a voice."""
    harmonics = analyse(audio)
    b, y = mel_features(harmonics), envelope(harmonics)
    chosen = choose_frames(b, FrameSettings())
    made = {"1": (synthesise(harmonics), np.nan)}
    for name, (through, _) in versions.items():
        found = through(b)
        made[name] = (from_features(b, found), float(spectral_distortion(found[chosen], y[chosen]).mean()))
    with tempfile.TemporaryDirectory() as folder:
        made["8"] = (codec2(audio, 3.2, Path(folder)), np.nan)
    return made


def table(rows: dict[str, list[list[float]]], versions: dict[str, tuple[Envelopes, str]]) -> str:
    """Means over the recordings of a folder, of distortions the median too, as Markdown."""
    lines = [
        "| version | SD, dB² (median) | PESQ-NB | ESTOI | bit/s of the envelope | recordings |",
        "|---|---|---|---|---|---|",
    ]
    for name, values in rows.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # nothing but NaN: what has no distortion
            distortion, pesq_nb, estoi = np.nanmean(values, axis=0)
        rate = versions[name][1] if name in versions else ("3200, all" if name == "8" else "-")
        shown = "-" if np.isnan(distortion) else f"{distortion:.2f} ({np.median([value[0] for value in values]):.2f})"
        lines.append(f"| {name} | {shown} | {pesq_nb:.2f} | {estoi:.3f} | {rate} | {len(values)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
