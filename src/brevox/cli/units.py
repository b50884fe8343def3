"""brevox data features and brevox resynth: units of speech. They need the extra `train`."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from brevox.cli.extras import extra
from brevox.cli.making import Folders, Jobs, Layout, Manifest
from brevox.cli.reasons import tell_reasons
from brevox.errors import DataError

_messages = Console(stderr=True, highlight=False)


def features(
    folders: Folders = None,
    manifest: Manifest = None,
    layout: Layout = "auto",
    alignments: Annotated[
        Path | None, typer.Option("--alignments", help="Folder of *.TextGrid or *.lab, or a file of JSON lines.")
    ] = None,
    tier: Annotated[str, typer.Option("--tier", help="Of the TextGrids.")] = "phones",
    split_by: Annotated[
        str, typer.Option("--split-by", help="speaker: validation hears voices of its own; or utterance.")
    ] = "speaker",
    valid: Annotated[float, typer.Option("--valid", min=0.0, max=1.0, help="Share of them for validation.")] = 0.05,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the choice of them.")] = 0,
    output: Annotated[Path, typer.Option("--output", "-o", help="The HDF5 file.")] = Path("corpus.h5"),
    jobs: Jobs = None,
) -> None:
    """Write MFCCs, filterbanks, sound and phones of recordings into a file, to learn units of speech from."""
    with extra("train"):
        from brevox.data.alignment import Alignments
        from brevox.data.features import extract_features
        from brevox.data.layouts import read_layouts
        from brevox.data.prepare import manifest_sources
        from brevox.data.splits import decide_splits, describe_splits

    if bool(folders) == (manifest is not None):
        raise DataError("name either folders of recordings, or a manifest with --manifest")
    decide = partial(decide_splits, valid_fraction=valid, by=split_by, seed=seed)
    sources, told = (manifest_sources(manifest), []) if manifest else read_layouts(folders or [], layout, decide)
    for line in (*told, *describe_splits(sources, keeps_test=True)):
        _messages.print(escape(line), soft_wrap=True)
    found = Alignments(alignments, tier) if alignments else None
    with _messages.status("reading ...") as status:
        result = extract_features(
            sources,
            output,
            alignments=found,
            jobs=jobs,
            progress=lambda done, total: status.update(f"{done} of {total} recordings"),
        )
    tell_reasons(_messages, "left out", result.failed)
    tell_reasons(_messages, "without phones:", result.unaligned)
    facts = f"{result.utterances:,} utterances, {result.hours:.2f} h, {result.speakers:,} speakers"
    phones = f", {result.phones} kinds of phones" if found else ""
    _messages.print(escape(f"{output}: {facts}{phones}"), soft_wrap=True)


def resynth(
    run: Annotated[Path, typer.Argument(help="The folder of a run, or a checkpoint, with a decoder of sound.")],
    clip: Annotated[Path, typer.Argument(help="A recording: what is said.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The recording to write.")],
    speaker: Annotated[
        str | None, typer.Option("--speaker", help="Whose voice says it.", show_default="the first")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the draws of samples.")] = 0,
) -> None:
    """Say a recording anew from its units of speech, in the voice of any speaker of the training."""
    with extra("train"):
        from brevox.audio import AudioWriter
        from brevox.training.resynthesis import resynthesise

    began = time.monotonic()
    with _messages.status("drawing sample by sample ..."):
        audio, sample_rate = resynthesise(run, clip, speaker, seed)
    elapsed_s, seconds = time.monotonic() - began, len(audio) / sample_rate
    with AudioWriter(output, sample_rate, 1) as writer:
        writer.write(audio[None])
    speed = f"{seconds:.2f} s in {elapsed_s:.1f} s, {len(audio) / elapsed_s:,.0f} samples a second"
    _messages.print(escape(f"{output}: {speed}, {seconds / elapsed_s:.3g} x real time"), soft_wrap=True)
