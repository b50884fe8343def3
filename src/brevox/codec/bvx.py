"""Model files: `.bvx`, one zip that holds a codec's networks, codebooks, entropy tables and description.

    encoder.onnx     audio [1, samples], condition [1, 2, frames]          -> latent [1, latent, frames]
    decoder.onnx     latent, condition, excitation [1, 2, samples]         -> audio [1, samples]
                     and in models that code while sound arrives, beside each: state [1, size] -> next_state
    codebooks.npz    codebooks [books, codes, latent]; perhaps keys [books, codes, latent + 1]
    entropy.npz      integer probability tables, see brevox.codec.entropy
    model.json       name, rates, sizes, licence, training data, metrics
    README.md        the model card

A vocoder has no networks: in their place is vocoder.npz, see brevox.codec.block_codes.

Nothing in it is executed but the networks' own arithmetic; all of it is checked before use.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brevox.errors import ModelFileError
from brevox.output import atomic_output

#: 2 has networks that carry on a state; without, 1 is written, which older versions of Brevox read too.
FORMAT = 2
#: Of vocoders.
VOCODER_FORMAT = 3
_NETWORKS = ("encoder.onnx", "decoder.onnx")
_VOCODER = ("vocoder.npz",)
_MEMBERS = ("codebooks.npz", "entropy.npz", "model.json", "README.md")  # of both
_SPARE_BYTES = 1 << 25  # that a small model may unpack to beyond four times its size: tables compress well
_COMPRESSED = {"entropy.npz", "README.md", "model.json"}
_ZIP_ERRORS = (zipfile.BadZipFile, ValueError, EOFError, RuntimeError, NotImplementedError, zlib.error)
_STATE_SIZES = ("encoder_state", "decoder_state")
_WHOLE_NUMBERS = ("sample_rate", "hop", "encoder_context", "decoder_context", "latent")


@dataclass(frozen=True)
class ModelFile:
    """What a `.bvx` holds.

    encoder, decoder: serialised ONNX graphs.
    codebooks: float32, Shape [books, codes, latent].
    entropy: integer tables by name.
    info: `model.json`.
    card: the model card, Markdown.
    keys: what codes are chosen by, see `brevox.codec.quantise`, float32, Shape [books, codes, latent + 1]; None where
        it is the nearest entry.
    vocoder: the other tables of a vocoder, by name; None if there are networks, which a vocoder has none of (b"").
    """

    encoder: bytes
    decoder: bytes
    codebooks: NDArray[np.float32]
    entropy: Mapping[str, NDArray[Any]]
    info: Mapping[str, Any]
    card: str
    keys: NDArray[np.float32] | None = None
    vocoder: Mapping[str, NDArray[Any]] | None = None

    @property
    def id(self) -> bytes:
        """The 16 bytes by which streams name the model they need, as recorded in the file."""
        return bytes.fromhex(self.info["id"])


def model_id(tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """BLAKE2b, 128 bit, over the sorted names, shapes, types and bytes of all tensors used for coding.

    It depends on nothing else: not on the order of saving, the machine, or a library's version.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        tensor = np.ascontiguousarray(tensors[name])
        little = tensor.astype(tensor.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{name}\0{little.dtype.str}\0{','.join(map(str, tensor.shape))}\0".encode())
        digest.update(little.tobytes())
    return digest.digest()


def write_model(path: str | os.PathLike[str], model: ModelFile) -> None:
    """Write a `.bvx`; the same model gives the same bytes."""
    if model.vocoder is None:
        contents = {"encoder.onnx": model.encoder, "decoder.onnx": model.decoder}
    else:
        contents = {"vocoder.npz": _npz(model.vocoder)}
    contents |= {
        # Half precision is what shipped codebooks are rounded to; see brevox.training.export.
        "codebooks.npz": _npz({name: array.astype(np.float16) for name, array in _books(model).items()}),
        "entropy.npz": _npz(model.entropy),
        "model.json": json.dumps(dict(model.info), indent=1, ensure_ascii=False).encode(),
        "README.md": model.card.encode(),
    }
    with atomic_output(path) as part, zipfile.ZipFile(part, "w") as archive:
        for name in contents:
            member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED if name in _COMPRESSED else zipfile.ZIP_STORED
            archive.writestr(member, contents[name])


def read_model(path: str | os.PathLike[str]) -> ModelFile:
    """Read and check a `.bvx`.

    Raises:
        ModelFileError: missing, not a model, damaged, or of a newer format.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            members = {entry.filename: entry for entry in archive.infolist()}
            wanted = (*(_VOCODER if "vocoder.npz" in members else _NETWORKS), *_MEMBERS)
            missing = [name for name in wanted if name not in members]
            if missing:
                raise ModelFileError(f"{path} is not a Brevox model: it lacks {', '.join(missing)}")
            contents = _read_members(archive, [members[name] for name in wanted], 4 * size + _SPARE_BYTES)
    except FileNotFoundError:
        raise ModelFileError(f"there is no model file {path}") from None
    except OSError as error:
        raise ModelFileError(f"cannot read the model {path}: {error.strerror or error}") from error
    except _ZIP_ERRORS as error:
        raise ModelFileError(f"{path} is not a Brevox model, or is damaged ({error}); get it again") from error
    info = _read_info(path, contents["model.json"], VOCODER_FORMAT if "vocoder.npz" in contents else FORMAT)
    codebooks, keys = _read_books(path, contents["codebooks.npz"], info["latent"])
    return ModelFile(
        encoder=contents.get("encoder.onnx", b""),
        decoder=contents.get("decoder.onnx", b""),
        codebooks=codebooks,
        keys=keys,
        entropy=_read_npz(path, contents["entropy.npz"]),
        info=info,
        card=contents["README.md"].decode("utf-8", "replace"),
        vocoder=_read_npz(path, contents["vocoder.npz"]) if "vocoder.npz" in contents else None,
    )


def _books(model: ModelFile) -> dict[str, NDArray[np.float32]]:
    return {"codebooks": model.codebooks} | ({} if model.keys is None else {"keys": model.keys})


def _read_books(path: Path, content: bytes, latent: int) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Codebooks and keys."""
    arrays = _read_npz(path, content)
    codebooks, keys = arrays.get("codebooks"), arrays.get("keys")
    if (
        codebooks is None
        or codebooks.ndim != 3
        or codebooks.dtype != np.float16
        or not 1 <= codebooks.shape[0] <= 64
        or not 2 <= codebooks.shape[1] <= 65536
        or codebooks.shape[2] != latent
        or not np.isfinite(codebooks).all()
    ):
        raise ModelFileError(f"{path} is damaged: its codebooks make no sense; get it again")
    if keys is None:
        return codebooks.astype(np.float32), None
    if keys.dtype != np.float16 or keys.shape != (*codebooks.shape[:2], latent + 1) or not np.isfinite(keys).all():
        raise ModelFileError(f"{path} is damaged: its keys do not fit its codebooks; get it again")
    return codebooks.astype(np.float32), keys.astype(np.float32)


def _read_info(path: Path, text: bytes, newest: int) -> dict[str, Any]:
    try:
        info = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} is damaged: model.json cannot be read ({error}); get it again") from error
    if not isinstance(info, dict):
        raise ModelFileError(f"{path} is damaged: model.json is no description; get it again")
    if not isinstance(info.get("format"), int) or info["format"] > newest:
        raise ModelFileError(f"{path} is of model format {info.get('format')!r}; this Brevox knows up to {newest}")
    for name in (*_WHOLE_NUMBERS, *(name for name in _STATE_SIZES if name in info)):
        value = info.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 10**6:
            raise ModelFileError(f"{path} is damaged: model.json has no sensible {name}; get it again")
    if not info["sample_rate"] or not info["hop"]:
        raise ModelFileError(f"{path} is damaged: model.json has no sensible rate; get it again")
    identifier = info.get("id")
    if not isinstance(info.get("name"), str) or not isinstance(identifier, str):
        raise ModelFileError(f"{path} is damaged: model.json names no model; get it again")
    if re.fullmatch("[0-9a-f]{32}", identifier) is None:
        raise ModelFileError(f"{path} is damaged: its id {identifier!r} is none; get it again")
    return info


def _npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Like numpy.savez, but with fixed dates, so that equal arrays give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(arrays):
            array = io.BytesIO()
            np.lib.format.write_array(array, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0)), array.getvalue())
    return buffer.getvalue()


def _read_npz(path: Path, content: bytes) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = _read_members(archive, archive.infolist(), 2 * len(content))
        return {name.removesuffix(".npy"): _read_array(array) for name, array in members.items()}
    except _ZIP_ERRORS as error:
        raise ModelFileError(f"{path} is damaged: an array cannot be read ({error}); get it again") from error


def _read_members(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], most_bytes: int) -> dict[str, bytes]:
    """Members' contents by name, `most_bytes` in all: damaged or hostile sizes must not make us allocate."""
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        raise zipfile.BadZipFile("a part is compressed in a way no model file uses")
    if sum(member.file_size for member in members) > most_bytes:
        raise zipfile.BadZipFile("its parts claim to be far larger than it is")
    return {member.filename: archive.read(member) for member in members}


def _read_array(content: bytes) -> NDArray[Any]:
    """One .npy, whose header must fit what follows it: numpy would allocate what the header claims."""
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError("unknown array format")
    try:
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    except Exception as error:  # a damaged one runs into Python's parser, which raises almost anything
        raise ValueError("an array has a damaged header") from error
    lengths_fit = all(0 <= length <= len(content) for length in shape)
    if dtype.hasobject or not lengths_fit or dtype.itemsize * math.prod(shape) > len(content) - stream.tell():
        raise ValueError("an array does not fit its header")
    flat = np.frombuffer(content, dtype, math.prod(shape), stream.tell())
    return flat.reshape(shape, order="F" if fortran_order else "C")
