"""brevox data prepare, train and export. They need the extra `train`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from brevox.cli.extras import extra
from brevox.cli.reasons import tell_reasons
from brevox.errors import DataError, SettingsError

Folders = Annotated[
    list[Path] | None, typer.Argument(help="Folders of recordings: known corpora, or a folder for each speaker.")
]
Manifest = Annotated[
    Path | None, typer.Option("--manifest", help="Tab-separated: path, speaker, split (train, valid, test).")
]
Layout = Annotated[
    str, typer.Option("--layout", help="Of the folders: auto, librispeech, common-voice, vctk or folders.")
]
Jobs = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes.", show_default="one a core")]

_messages = Console(stderr=True, highlight=False)


def train(
    recipe: Annotated[
        Path, typer.Argument(help="A recipe, such as recipes/speech-16k.yaml, or experiments.", show_default=False)
    ],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Changes, such as data.corpus=corpus run.steps=100.", show_default=False)
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option("--run", help="The run's folder; of experiments, the one above.", show_default="runs/NAME"),
    ] = None,
    start_from: Annotated[
        Path | None, typer.Option("--start-from", help="A checkpoint or .bvx whose weights to begin with.")
    ] = None,
) -> None:
    """Train what a recipe describes, a codec above all. Given again, the same command goes on where it stopped."""
    with extra("train"):
        from brevox.training.experiments import is_experiments, load_experiments
        from brevox.training.recipe import load_recipe
        from brevox.training.summary import summarise
        from brevox.training.trainer import Trainer

    if is_experiments(recipe):
        several = load_experiments(recipe, overrides or [])
        above = run or Path("runs") / recipe.stem
        todo = [(above / name, settings) for name, settings in several.items()]
    else:
        settings = load_recipe(recipe, overrides or [])
        todo = [(run or Path("runs") / settings.name, settings)]
    for folder, settings in todo:
        trainer = Trainer(settings, folder, start_from=start_from)
        if trainer.fabric.is_global_zero:
            summary = summarise(settings, trainer.plain_model, trainer.folder)
            _messages.print(summary, markup=False, soft_wrap=True)
        trainer.run()
        if trainer.step < settings.run.steps:  # asked to stop
            break


def export(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint, or a run's folder.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .bvx file.", show_default=False)],
    corpus: Annotated[Path, typer.Option("--corpus", help="A prepared corpus, to fit the entropy model on.")],
    name: Annotated[str | None, typer.Option("--name", help="Of the model.", show_default="the output's")] = None,
    description: Annotated[
        Path | None, typer.Option("--description", help="JSON with licence, training data, metrics ...")
    ] = None,
    card: Annotated[Path | None, typer.Option("--card", help="The model card, Markdown.")] = None,
    hours: Annotated[float, typer.Option("--hours", min=0.01, help="Of speech to fit the entropy model on.")] = 4.0,
) -> None:
    """Make a model file (.bvx) of a checkpoint."""
    with extra("train"):
        from brevox.codec.bvx import write_model
        from brevox.training.checkpoint import BEST
        from brevox.training.export import export_model

    try:
        facts = json.loads(description.read_text(encoding="utf-8")) if description else {}
        text = card.read_text(encoding="utf-8") if card else f"# {name or output.stem}\n"
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot read the description or the card: {error}") from error
    path = checkpoint / BEST if checkpoint.is_dir() else checkpoint
    with _messages.status("exporting ...") as status:
        model = export_model(
            path,
            corpus,
            name=name or output.stem,
            description=facts,
            card=text,
            hours=hours,
            progress=lambda share: status.update(f"coding the corpus: {share:.0%}"),
        )
    write_model(output, model)
    _messages.print(f"{escape(str(output))}: {output.stat().st_size:,} bytes, id {model.id.hex()}", soft_wrap=True)


def prepare(
    folders: Folders = None,
    manifest: Manifest = None,
    synthetic: Annotated[
        str | None, typer.Option("--synthetic", help="No recordings, but noise or constant, to test training with.")
    ] = None,
    layout: Layout = "auto",
    rate: Annotated[
        int, typer.Option("--rate", min=8000, max=48000, help="Sample rate, Hz; the pitch is kept at 16000 alone.")
    ] = 16000,
    output: Annotated[Path, typer.Option("--output", "-o", help="The corpus' folder.")] = Path("corpus"),
    jobs: Jobs = None,
) -> None:
    """Turn recordings into a corpus that training maps into memory."""
    with extra("train"):
        from brevox.data.layouts import read_layouts
        from brevox.data.prepare import manifest_sources, prepare, write_corpus
        from brevox.data.splits import describe_splits
        from brevox.data.synthetic import synthetic_clips

    if [bool(folders), manifest is not None, synthetic is not None].count(True) != 1:
        raise DataError("name either folders of recordings or a manifest with --manifest, or --synthetic noise")
    if synthetic is not None:
        if rate != 16000:
            raise DataError("--synthetic recordings are at 16000 Hz; leave --rate out")
        result = write_corpus(output, synthetic_clips(synthetic))
    else:
        sources, told = (manifest_sources(manifest), []) if manifest else read_layouts(folders or [], layout)
        for line in (*told, *describe_splits(sources)):
            _messages.print(escape(line), soft_wrap=True)
        with _messages.status("reading ...") as status:
            result = prepare(
                sources,
                output,
                sample_rate=rate,
                jobs=jobs,
                progress=lambda done, total: status.update(f"{done} of {total} recordings"),
            )
    tell_reasons(_messages, "left out", result.failed)
    summary = f"{output}: {result.clips} clips, {result.hours:.2f} h, {result.speakers} speakers"
    _messages.print(escape(summary), soft_wrap=True)
