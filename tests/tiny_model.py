"""A model file with networks of a few hundred weights that mean nothing: for laws that hold whatever a model says.

encoder     a convolution over three frames of audio, plus a mixture of the condition
decoder     a convolution over three frames of latent and condition, shapes the excitation's gain
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from brevox.audio.pitch import PITCH_CHANNELS, PITCH_CODES, PITCH_HOP, PITCH_RATE_HZ
from brevox.codec.bvx import FORMAT, ModelFile, model_id
from brevox.codec.entropy import EntropyModel

_OPSET = 17
_CONTEXT = 1


def tiny_model(seed: int = 0, name: str = "tiny", latent: int = 4, books: int = 3, codes: int = 16) -> ModelFile:
    """Another seed gives another model, with another id."""
    generator = np.random.default_rng(seed)
    encoder, decoder = _encoder(generator, latent), _decoder(generator, latent)
    codebooks = (0.5 ** np.arange(books)[:, None, None] * generator.standard_normal((books, codes, latent))).astype(
        np.float16
    )
    entropy = EntropyModel.uniform([PITCH_CODES] + [codes] * books).to_tables()
    info = {
        "format": FORMAT,
        "name": name,
        "id": model_id(coding_tensors(encoder, decoder, codebooks, entropy)).hex(),
        "sample_rate": PITCH_RATE_HZ,
        "hop": PITCH_HOP,
        "latent": latent,
        "encoder_context": _CONTEXT,
        "decoder_context": _CONTEXT,
        "licence": "MIT",
    }
    return ModelFile(encoder, decoder, codebooks.astype(np.float32), entropy, info, "# A tiny model\n")


def coding_tensors(
    encoder: bytes, decoder: bytes, codebooks: NDArray[np.float16], entropy: dict[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """All that coding depends on, named as docs/format.md says."""
    tensors = {"codebooks": codebooks} | {f"entropy.{key}": table for key, table in entropy.items()}
    for part, graph in (("encoder", encoder), ("decoder", decoder)):
        for tensor in onnx.load_from_string(graph).graph.initializer:
            tensors[f"{part}.{tensor.name}"] = numpy_helper.to_array(tensor)
    return tensors


def _encoder(generator: np.random.Generator, latent: int) -> bytes:
    hop = PITCH_HOP
    weights = {
        "wave": generator.standard_normal((latent, 1, 3 * hop)) / 4,
        "mix": generator.standard_normal((latent, PITCH_CHANNELS, 1)) / 4,
    }
    nodes = [
        helper.make_node("Unsqueeze", ["audio", "axis"], ["signal"]),
        helper.make_node("Conv", ["signal", "wave"], ["heard"], strides=[hop], pads=[hop, hop]),
        helper.make_node("Conv", ["condition", "mix"], ["pitch"]),
        helper.make_node("Add", ["heard", "pitch"], ["latent"]),
    ]
    inputs = {"audio": [1, "samples"], "condition": [1, PITCH_CHANNELS, "frames"]}
    return _graph(nodes, inputs, {"latent": [1, latent, "frames"]}, weights)


def _decoder(generator: np.random.Generator, latent: int) -> bytes:
    hop = PITCH_HOP
    weights = {
        "look": generator.standard_normal((2, latent + PITCH_CHANNELS, 3)) / 4,
        "hold": np.ones((2, 1, hop)) / 8,
        "both": np.ones((1, 2, 1)),
    }
    nodes = [
        helper.make_node("Concat", ["latent", "condition"], ["known"], axis=1),
        helper.make_node("Conv", ["known", "look"], ["seen"], pads=[1, 1]),
        helper.make_node("Sigmoid", ["seen"], ["gain"]),
        helper.make_node("ConvTranspose", ["gain", "hold"], ["gains"], strides=[hop], group=2),
        helper.make_node("Mul", ["gains", "excitation"], ["shaped"]),
        helper.make_node("Conv", ["shaped", "both"], ["sum"]),
        helper.make_node("Squeeze", ["sum", "axis"], ["audio"]),
    ]
    inputs = {
        "latent": [1, latent, "frames"],
        "condition": [1, PITCH_CHANNELS, "frames"],
        "excitation": [1, 2, "samples"],
    }
    return _graph(nodes, inputs, {"audio": [1, "samples"]}, weights)


def _graph(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, Sequence[int | str]],
    outputs: dict[str, Sequence[int | str]],
    weights: dict[str, NDArray[np.floating]],
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [
            *(numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "axis"),
        ],
    )
    opset = [helper.make_opsetid("", _OPSET)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
