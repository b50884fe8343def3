"""All commands, put together."""

from __future__ import annotations

import typer

import brevox
from brevox.cli import (
    analysing,
    coding,
    evaluating,
    gui,
    lab,
    listening,
    looking,
    making,
    speed,
    tokens,
    units,
    vocoder,
)

app = typer.Typer(
    name="brevox",
    help="Learned compression of speech to 0.5-6 kbit/s, offline.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data = typer.Typer(help="Make training data, and tokens of it.", no_args_is_help=True)
vocoding = typer.Typer(help="Features of a vocoder for radio, and tables of vectors.", no_args_is_help=True)

app.command()(coding.encode)
app.command()(coding.decode)
app.command()(looking.info)
app.command()(coding.demo)
app.command()(looking.models)
app.command()(gui.gui)
app.command()(evaluating.evaluate)
app.command()(evaluating.bench)
app.command()(speed.speed)
app.command()(listening.listening)
app.command()(making.train)
app.command()(making.export)
app.command()(analysing.analyze)
app.command()(units.resynth)
data.command("prepare")(making.prepare)
data.command("features")(units.features)
data.command("tokenize")(tokens.tokenize)
vocoding.command("analyse")(vocoder.analyse)
vocoding.command("synth")(vocoder.synth)
vocoding.command("vq-train")(vocoder.vq_train)
vocoding.command("vq-search")(vocoder.vq_search)
app.add_typer(data, name="data")
app.add_typer(lab.lab, name="lab")
app.add_typer(vocoding, name="vocoder")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"brevox {brevox.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    pass
