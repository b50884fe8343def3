"""Make the model file of a vocoder from a folder of speech. NumPy only.

Usage: python recipes/vocoder_1200.py SPEECH -o vocoder-1200.bvx [--hours 2] [--description FILE.json] [--card FILE.md]
       python recipes/vocoder_1200.py --tables OLD.bvx -o vocoder-1200.bvx --description FILE.json --card FILE.md

Every folder in SPEECH is a corpus; files are drawn from all in turn. A quarter of them get noise, 10 to 35 dB below
the speech. Tables are trained by splitting (LBG), one after the other, then all together, with the price of codes in
what they are chosen by, in rounds of coding, averaging and counting.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brevox.audio.loudness import SPEECH_RMS, speech_gain
from brevox.audio.source import AUDIO_SUFFIXES
from brevox.codec.block_codes import (
    SIDE_COLUMNS,
    BlockTables,
    Targets,
    choose_codes,
    coefficients_of,
    to_targets,
    weights_of,
)
from brevox.codec.bvx import VOCODER_FORMAT, ModelFile, model_id, read_model, write_model
from brevox.codec.entropy import EntropyModel
from brevox.codec.entropy_fit import fit_entropy_model
from brevox.codec.vocoder_codec import CONTEXT
from brevox.vocoder.analysis import analyse
from brevox.vocoder.blocks import BLOCK_HOP, KEPT, Blocks, joined, to_blocks
from brevox.vocoder.codebook import train_table
from brevox.vocoder.envelope import grid_hz
from brevox.vocoder.harmonics import RATE_HZ
from brevox.vocoder.speech_files import read_speech
from brevox.vocoder.stages import train_stages

STRETCH = 256  # blocks that are coded from a beginning, 10 s
LATENT = 40
LEVELS = 64
BOOKS, CODES = 6, 256
ROUNDS = 5
#: What training is to take, bit/s: a little below the rate, as no chunk can use up all of it. The price of a bit, in
#: squared dB, goes up and down with what a round took.
TARGET, FIRST_PRICE, DOUBLING = 1150.0, 0.1, 400.0
_NOISY_SHARE, _NOISE_DB = 0.25, (10.0, 35.0)
_SEED = 1200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path, nargs="?")
    parser.add_argument("--tables", type=Path, help="a model whose tables are taken as they are, instead of speech")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--kbps", type=float, default=1.2, help="the most that a payload may take")
    parser.add_argument("--description", type=Path, help="JSON that joins model.json")
    parser.add_argument("--card", type=Path, help="the model card, Markdown")
    options = parser.parse_args()
    if (options.speech is None) == (options.tables is None):
        parser.error("give either a folder of speech or --tables")
    tables, entropy = known(options.tables) if options.tables else train(listen(options.speech, options.hours))
    description = json.loads(options.description.read_text("utf-8")) if options.description else {}
    card = options.card.read_text("utf-8") if options.card else f"# {options.output.stem}\n"
    write_model(options.output, model_file(tables, entropy, options.output.stem, options.kbps, description, card))


def known(path: Path) -> tuple[BlockTables, EntropyModel]:
    """Of a model file."""
    model = read_model(path)
    return BlockTables.from_arrays(model.vocoder or {}, model.codebooks), EntropyModel.from_tables(dict(model.entropy))


def listen(folder: Path, hours: float) -> Blocks:
    """All speech as blocks."""
    chance, noise = random.Random(_SEED), np.random.default_rng(_SEED)
    corpora = []
    for corpus in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted(path for path in corpus.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
        chance.shuffle(files)
        corpora.append(files)
    pieces, seconds = [], 0.0
    began = time.monotonic()
    while seconds < hours * 3600 and any(corpora):
        for files in corpora:
            if not files:
                continue
            audio = read_speech(files.pop())
            audio = audio[: len(audio) // BLOCK_HOP * BLOCK_HOP] * np.float32(speech_gain(audio, RATE_HZ))
            if not len(audio):
                continue
            if noise.random() < _NOISY_SHARE:
                audio = audio + coloured_noise(len(audio), noise)
            pieces.append(to_blocks(analyse(audio)))
            seconds += len(audio) / RATE_HZ
        if len(pieces) % 100 < len(corpora):
            print(f"{seconds / 3600:.2f} hours heard in {time.monotonic() - began:.0f} s", flush=True)
    return joined(pieces)


def coloured_noise(samples: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """White to pink, so loud as to lie some dB below speech. Shape: [samples]."""
    spectrum = np.fft.rfft(generator.standard_normal(samples))
    spectrum *= np.linspace(0.02, 1, len(spectrum)) ** -generator.uniform(0, 1)
    noise = np.fft.irfft(spectrum, samples)
    rms = SPEECH_RMS * 10 ** (-generator.uniform(*_NOISE_DB) / 20)
    return (noise * (rms / np.sqrt(np.mean(noise**2)))).astype(np.float32)


def train(blocks: Blocks) -> tuple[BlockTables, EntropyModel]:
    """Tables and what their codes cost."""
    tables = first_tables(blocks)
    entropy = EntropyModel.uniform(tables.sizes)
    whole = len(blocks) // STRETCH
    one = to_targets(blocks, tables)
    targets = Targets(
        *(
            part[0, : whole * STRETCH].reshape(whole, STRETCH, *part.shape[2:])
            for part in (one.side, one.levels, one.coefficients, one.weights)
        )
    )
    price = FIRST_PRICE
    for round_ in range(ROUNDS + 1):
        codes = np.concatenate([choose_codes(some, tables, entropy, price) for some in split(targets, 32)])
        if round_ < ROUNDS:
            tables = better_tables(codes, targets, tables)
        entropy = fit_entropy_model(list(codes), tables.sizes)
        rate = report(round_, codes, targets, tables, entropy, price)
        price *= 2 ** ((rate - TARGET) / DOUBLING)
    return tables, entropy


def split(targets: Targets, size: int) -> list[Targets]:
    """The same, some stretches at a time."""
    names = list(vars(targets))
    return [
        Targets(*(getattr(targets, name)[first : first + size] for name in names))
        for first in range(0, len(targets.side), size)
    ]


def report(
    round_: int, codes: NDArray[np.uint16], targets: Targets, tables: BlockTables, entropy: EntropyModel, price: float
) -> float:
    """What a round of coding cost and left, with the tables made of it; returns bit/s."""
    bits = sum(entropy.cost_bits(stretch) for stretch in codes) / (codes.shape[0] * codes.shape[2])
    error = np.sum((coefficients_of(codes[:, SIDE_COLUMNS:], tables) - targets.coefficients) ** 2, axis=2) / len(KEPT)
    loud = targets.weights > 0.5
    rate = float(bits.sum() * RATE_HZ / BLOCK_HOP)
    print(
        f"round {round_}, price {price:.3g}: {rate:.0f} bit/s "
        f"({' '.join(f'{one:.1f}' for one in bits)}), "
        f"{error[loud].mean():.2f} dB^2 where loud, {error.mean():.2f} in all",
        flush=True,
    )
    return rate


def first_tables(blocks: Blocks) -> BlockTables:
    """Principal components, a prediction from block to block, and books by splitting."""
    shape = blocks.shape.reshape(len(blocks), -1)
    # Errors count by mel: per Hz more at low frequencies.
    heard = 1 / (700 + grid_hz())
    root = np.sqrt(np.tile(heard / heard.sum(), len(KEPT)))
    # What is loud is drawn more often, as its errors count for more.
    weights = weights_of(blocks)
    drawn = np.random.default_rng(_SEED).random(len(blocks)) < weights
    mean = shape[drawn].mean(axis=0)
    _, _, axes = np.linalg.svd(np.cov((shape[drawn] - mean).T * root[:, None]))
    analysis, synthesis = (root[:, None] * axes[:LATENT].T), axes[:LATENT] / root
    coefficients = (shape - mean) @ analysis
    predictor = prediction(coefficients[:-1], coefficients[1:], weights[1:])
    left = (coefficients[1:] - coefficients[:-1] @ predictor)[drawn[1:]]
    levels = train_table(blocks.level, LEVELS).table
    books = np.stack([stage.table for stage in train_stages(left, [CODES] * BOOKS, stop=3e-3)])
    print(f"{len(blocks) * BLOCK_HOP / RATE_HZ / 3600:.2f} hours; tables by splitting done", flush=True)
    return rounded(BlockTables(levels, mean, analysis, synthesis, predictor, books))


def prediction(
    past: NDArray[np.floating], here: NDArray[np.floating], weights: NDArray[np.floating]
) -> NDArray[np.float64]:
    """The matrix that tells most of `here`. Shapes: [blocks, latent] twice, [blocks], to [latent, latent]."""
    weighted = past * weights[:, None]
    ridge = 1e-3 * np.trace(weighted.T @ past) / past.shape[1] * np.eye(past.shape[1])
    return np.linalg.solve(weighted.T @ past + ridge, weighted.T @ here)


def better_tables(codes: NDArray[np.uint16], targets: Targets, tables: BlockTables) -> BlockTables:
    """Predictor and books as the chosen codes would have them: each a weighted mean of what it stands for."""
    latent = targets.coefficients.shape[2]
    decoded = coefficients_of(codes[:, SIDE_COLUMNS:], tables)
    past = np.concatenate([np.zeros_like(decoded[:, :1]), decoded[:, :-1]], axis=1).reshape(-1, latent)
    here = targets.coefficients.reshape(-1, latent).astype(np.float64)
    weights = targets.weights.ravel().astype(np.float64)
    predictor = prediction(past, here, weights)
    books = tables.books.astype(np.float64)
    chosen = codes[:, SIDE_COLUMNS:].transpose(1, 0, 2).reshape(len(books), -1)
    left = here - past @ predictor - sum(book[code] for book, code in zip(books, chosen, strict=True))
    for _ in range(3):
        for number, code in enumerate(chosen):
            left += books[number][code]
            mass = np.bincount(code, weights, CODES)
            sums = np.stack([np.bincount(code, weights * column, CODES) for column in left.T], axis=1)
            books[number] = (sums + books[number]) / (mass + 1)[:, None]  # the old one counts for one
            left -= books[number][code]
    levels = tables.levels.astype(np.float64)
    level_codes = codes[:, 3].ravel()
    mass = np.bincount(level_codes, minlength=len(levels))[:, None]
    sums = np.stack(
        [np.bincount(level_codes, column, len(levels)) for column in targets.levels.reshape(-1, len(KEPT)).T], axis=1
    )
    levels = (sums + levels) / (mass + 1)
    return rounded(BlockTables(levels, tables.mean, tables.analysis, tables.synthesis, predictor, books))


def rounded(tables: BlockTables) -> BlockTables:
    """To half precision, which is what is shipped: so all that follows sees what is shipped."""
    return BlockTables(*(np.asarray(part).astype(np.float16).astype(np.float32) for part in vars(tables).values()))


def model_file(
    tables: BlockTables, entropy: EntropyModel, name: str, kbps: float, description: dict[str, object], card: str
) -> ModelFile:
    arrays, entropy_tables = tables.to_arrays(), entropy.to_tables()
    tensors = {f"vocoder.{key}": value for key, value in arrays.items()}
    tensors |= {"codebooks": tables.books.astype(np.float16)}
    tensors |= {f"entropy.{key}": value for key, value in entropy_tables.items()}
    info = {
        **description,
        "format": VOCODER_FORMAT,
        "name": name,
        "id": model_id(tensors).hex(),
        "sample_rate": RATE_HZ,
        "hop": BLOCK_HOP,
        "pitch": False,
        "latent": tables.books.shape[2],
        "books": tables.books.shape[0],
        "codes": tables.books.shape[1],
        "encoder_context": CONTEXT,
        "decoder_context": 1,
        "most_bits_a_second": round(kbps * 1000),
    }
    return ModelFile(b"", b"", tables.books, entropy_tables, info, card, vocoder=arrays)


if __name__ == "__main__":
    main()
