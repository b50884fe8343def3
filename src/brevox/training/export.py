"""From a checkpoint to a model file: networks as ONNX in half precision, codebooks, entropy tables, card."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn.utils import parametrize

from brevox.audio.pitch import PITCH_CHANNELS, PITCH_CODES, PITCH_HOP, pitch_condition
from brevox.codec.bvx import FORMAT, ModelFile, model_id
from brevox.codec.entropy_fit import fit_entropy_model
from brevox.codec.pitch_columns import pitch_to_columns
from brevox.codec.quantise import quantise
from brevox.data.corpus import Corpus
from brevox.errors import SettingsError
from brevox.nets.causal.past import Stateful
from brevox.nets.codec import Hearing, NeuralCodec, build_codec
from brevox.training.checkpoint import load_checkpoint, restore_weights

_OPSET = 17
_PROBE_FRAMES = 160
_LEAST_HALVED = 1024  # smaller tensors (biases, norms) stay in single precision: they cost nothing


def load_trained(checkpoint: Path) -> tuple[NeuralCodec, dict[str, Any]]:
    """The averaged weights of a checkpoint, ready for use, and all else it holds.

    Raises:
        DataError: it cannot be read.
    """
    state = load_checkpoint(checkpoint)
    if (task := state["recipe"].get("task", "codec")) != "codec":
        raise SettingsError(f"{checkpoint} is of a training with task: {task}; only codecs become model files")
    model = build_codec(state["recipe"]["model"])
    restore_weights(model, state["average"], checkpoint)
    return model.eval(), state


def export_model(
    checkpoint: Path,
    corpus: Path,
    *,
    name: str,
    description: Mapping[str, Any],
    card: str,
    hours: float = 4.0,
    progress: Callable[[float], None] | None = None,
) -> ModelFile:
    """Make a model file's contents.

    Args:
        checkpoint: of `brevox train`.
        corpus: on whose training split the entropy model is fitted.
        name: of the model.
        description: goes into model.json (version, licence, training data, metrics ...).
        card: the model card, Markdown.
        hours: of speech for the entropy model, at most.
        progress: called with the share done.
    """
    model, state = load_trained(checkpoint)
    for module in model.modules():  # weights that are computed, as by weight normalisation, become plain numbers
        for weight in list(getattr(module, "parametrizations", ())):
            parametrize.remove_parametrizations(module, weight)
    # What is shipped is half precision: round first, so that all that follows sees the shipped weights.
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point() and tensor.numel() >= _LEAST_HALVED:
                tensor.copy_(tensor.half())
    books = _books(model)
    codebooks = books["codebooks"]
    pitches = model.hop // PITCH_HOP if model.pitch else 0
    sizes = [PITCH_CODES] * pitches + [codebooks.shape[1]] * codebooks.shape[0]
    sequences = code_corpus(model, Corpus(corpus, "train"), hours, progress)
    entropy = fit_entropy_model(sequences, sizes).to_tables()

    parts = _network_parts(model)
    stateful = {part: Stateful(arguments[0]) for part, arguments in parts.items()} if model.causal else {}
    graphs = {}
    for part, (network, inputs, output, axes) in parts.items():
        if part in stateful:
            given = {**inputs, "state": torch.zeros(1, stateful[part].size)}
            graphs[part] = _to_onnx(stateful[part], given, [output, "next_state"], axes)
        else:
            graphs[part] = _to_onnx(network, inputs, [output], axes)
    tensors: dict[str, NDArray[Any]] = {**books}
    for part, graph in graphs.items():
        tensors |= {f"{part}.{tensor.name}": numpy_helper.to_array(tensor) for tensor in graph.graph.initializer}
    tensors |= {f"entropy.{key}": value for key, value in entropy.items()}
    contexts = {part: _context(network, inputs) for part, (network, inputs, _, _) in parts.items()}
    info = {
        **description,  # first: one taken over from an older model must not bring that model's id along
        "format": FORMAT if stateful else 1,
        "name": name,
        "id": model_id(tensors).hex(),
        "sample_rate": model.sample_rate,
        "hop": model.hop,
        "pitch": model.pitch,
        "latent": model.latent,
        "books": codebooks.shape[0],
        "codes": codebooks.shape[1],
        "encoder_context": contexts["encoder"],
        "decoder_context": contexts["decoder"],
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": state["step"],
        **{f"{part}_state": network.size for part, network in stateful.items()},
    }
    return ModelFile(
        encoder=graphs["encoder"].SerializeToString(),
        decoder=graphs["decoder"].SerializeToString(),
        codebooks=codebooks.astype(np.float32),
        keys=books["keys"].astype(np.float32) if "keys" in books else None,
        entropy=entropy,
        info=info,
        card=card,
    )


@torch.no_grad()
def code_corpus(
    model: NeuralCodec, corpus: Corpus, hours: float, progress: Callable[[float], None] | None = None
) -> list[NDArray[np.uint16]]:
    """Codes of evenly spread clips, each [columns, frames], as the codec would make them."""
    total = sum(clip.samples for clip in corpus.clips) / model.sample_rate / 3600
    chosen = corpus.clips[:: max(1, math.ceil(total / hours))]
    books = {name: array.astype(np.float32) for name, array in _books(model).items()}
    hearing, sequences = Hearing(model), []
    for done, clip in enumerate(chosen, 1):
        audio, pitch = corpus.read(clip.shard, clip.first, clip.samples // model.hop * model.hop)
        heard = [torch.from_numpy(audio)[None]]
        if model.pitch:
            heard.append(torch.from_numpy(pitch_condition(pitch))[None])
        codes = quantise(hearing(*heard)[0].numpy(), **books)
        if model.pitch:
            codes = np.concatenate([pitch_to_columns(pitch, model.hop // PITCH_HOP), codes])
        sequences.append(codes)
        if progress is not None:
            progress(done / len(chosen))
    return sequences


def _books(model: NeuralCodec) -> dict[str, NDArray[np.float16]]:
    """What the codec needs of the bottleneck, as it is shipped: `codebooks`, and `keys` if it has any."""
    exported = getattr(model.bottleneck, "exported", None)
    if exported is None:
        raise SettingsError(f"a model with the bottleneck {type(model.bottleneck).__name__} cannot be exported")
    return {name: tensor.numpy().astype(np.float16) for name, tensor in exported().items()}


def _network_parts(
    model: NeuralCodec,
) -> dict[str, tuple[nn.Module, dict[str, Tensor], str, dict[str, dict[int, str]]]]:
    """For each network: itself, example inputs, the output's name, and the axes that vary."""
    frames = _PROBE_FRAMES
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    heard = {"audio": 0.1 * random(1, frames * model.hop)}
    known = {"latent": random(1, model.latent, frames)}
    if model.pitch:
        condition = random(1, PITCH_CHANNELS, frames * model.hop // PITCH_HOP)
        heard["condition"] = condition
        known |= {"condition": condition, "excitation": random(1, 2, frames * model.hop)}
    axes = {"audio": {1: "samples"}, "condition": {2: "pitches"}, "latent": {2: "frames"}, "excitation": {2: "samples"}}
    return {
        "encoder": (Hearing(model), heard, "latent", {name: axes[name] for name in [*heard, "latent"]}),
        "decoder": (model.decoder, known, "audio", {name: axes[name] for name in [*known, "audio"]}),
    }


def _to_onnx(
    network: nn.Module, inputs: dict[str, Tensor], outputs: list[str], axes: dict[str, dict[int, str]]
) -> onnx.ModelProto:
    for module in network.modules():
        # The exporter takes tensors outside of the state for constants, and stores whatever is computed from them.
        module._non_persistent_buffers_set.clear()
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The tracing exporter is deprecated, but writes the smaller and plainer graph, and runs on torch 2.6-2.13.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            tuple(inputs.values()),
            buffer,  # type: ignore[arg-type]
            dynamo=False,
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes=axes,
            # Else what is cheap to compute on loading (Fourier bases) would be stored.
            do_constant_folding=False,
            opset_version=_OPSET,
        )
    return _halve_weights(onnx.load_from_string(buffer.getvalue()))


def _halve_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large tensors in half precision, each followed by a cast; the runtime undoes it once, on loading."""
    graph = model.graph
    kept, casts = [], []
    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor)
        exact = array.dtype == np.float32 and np.array_equal(array.astype(np.float16).astype(np.float32), array)
        if array.size >= _LEAST_HALVED and exact:
            half = numpy_helper.from_array(array.astype(np.float16), f"{tensor.name}.half")
            casts.append(helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT))
            tensor = half
        kept.append(tensor)
    del graph.initializer[:]
    graph.initializer.extend(kept)
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return model


@torch.no_grad()
def _context(network: nn.Module, inputs: dict[str, Tensor]) -> int:
    """Frames to either side that one frame's output depends on, found by changing one frame and looking."""
    reach = 0
    middle = _PROBE_FRAMES // 2
    reference = network(*inputs.values())
    for name in inputs:
        changed = {key: value.clone() for key, value in inputs.items()}
        per_frame = changed[name].shape[-1] // _PROBE_FRAMES
        changed[name][..., middle * per_frame : (middle + 1) * per_frame] += 1
        difference = (network(*changed.values()) - reference).abs().reshape(-1, reference.shape[-1]).amax(dim=0)
        frames = difference.reshape(_PROBE_FRAMES, -1).amax(dim=1).nonzero()[:, 0]
        if len(frames):
            reach = max(reach, middle - int(frames[0]), int(frames[-1]) - middle)
    if reach >= middle:
        raise SettingsError(
            "this network sees so far that it cannot be run in blocks; it needs a smaller receptive field"
        )
    return reach
