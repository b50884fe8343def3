"""Where models are found: those inside the package, and those in the user's folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.resources import as_file, files
from pathlib import Path

from brevox.codec.bvx import ModelFile, read_model
from brevox.codec.codec import Codec
from brevox.codec.vocoder_codec import VocoderCodec
from brevox.errors import ModelFileError, WrongModelError

BUILT_IN = "speech-16k"
#: All models inside the package.
BUILT_INS = (BUILT_IN, "vocoder-1200")
MODELS_FOLDER_VARIABLE = "BREVOX_MODELS"


def models_folder() -> Path:
    """Where the user keeps further `.bvx` files: $BREVOX_MODELS, or ~/.brevox/models."""
    named = os.environ.get(MODELS_FOLDER_VARIABLE)
    return Path(named) if named else Path.home() / ".brevox" / "models"


def known_models() -> list[Path]:
    """All model files that are found without being named, the built-in ones first."""
    paths = []
    for name in BUILT_INS:
        with as_file(files("brevox") / "assets" / f"{name}.bvx") as built_in:
            paths += [built_in] if built_in.exists() else []
    folder = models_folder()
    return paths + (sorted(folder.glob("*.bvx")) if folder.is_dir() else [])


def find_model(model: str | os.PathLike[str] | None = None) -> ModelFile:
    """Read a model by path or by name; the built-in one if none is given.

    Raises:
        ModelFileError: there is none, or it is damaged.
    """
    known = known_models()
    # Nothing that lies in the current folder may stand in for the built-in model, nor a folder for a named one.
    if model is not None and (Path(model).suffix == ".bvx" or Path(model).is_file()):
        return read_model(model)
    model = BUILT_IN if model is None else model
    for path in known:
        if path.stem == str(model):
            return read_model(path)
    names = ", ".join(path.stem for path in known) or "none"
    raise ModelFileError(
        f"there is no model {str(model)!r}; known: {names}. Give a .bvx file, or put one into {models_folder()}"
    )


def find_model_by_id(model_id: bytes, name: str = "", also: Iterable[Path] = ()) -> ModelFile:
    """The known model that made a stream.

    Args:
        model_id: 16 bytes from the stream.
        name: what the stream calls it, for the error's sentence.
        also: further model files to look at, before the known ones.

    Raises:
        WrongModelError: no known model has this id.
    """
    for path in [*also, *known_models()]:
        try:
            model = read_model(path)
        except ModelFileError:
            continue  # a damaged neighbour must not keep a good model from being found
        if model.id == model_id:
            return model
    called = f"{name!r} " if name else ""
    raise WrongModelError(
        f"this file was made with the model {called}(id {model_id.hex()}), which is not here. "
        f"Put its .bvx file into {models_folder()} or name it with --model"
    )


def load(model: str | os.PathLike[str] | None = None, threads: int | None = None) -> Codec:
    """Make a codec ready for use.

    Args:
        model: a `.bvx` file, or the name of a known model; the built-in model by default.
        threads: CPU threads; all cores by default.

    Raises:
        ModelFileError: there is no such model, or it is damaged.
    """
    return open_model(find_model(model), threads)


def open_model(model: ModelFile, threads: int | None = None) -> Codec:
    """A codec of the model's kind, ready for use.

    Raises:
        ModelFileError: the model's parts do not fit each other.
    """
    return Codec(model, threads) if model.vocoder is None else VocoderCodec(model, threads)
