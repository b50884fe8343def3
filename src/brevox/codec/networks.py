"""The two networks of a model file, run by ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from brevox.audio.pitch import pitch_condition
from brevox.codec.bvx import ModelFile
from brevox.errors import ModelFileError


class Networks:
    """Encoder and decoder of one model.

    Args:
        model: what the `.bvx` holds.
        threads: CPU threads for one call; None for all cores.
    """

    def __init__(self, model: ModelFile, threads: int | None = None) -> None:
        self._name = str(model.info["name"])
        self._hop = int(model.info["hop"])
        self._latent = int(model.info["latent"])
        pitch_inputs = {"condition"} if model.info.get("pitch", True) else set()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        # Idle threads that spin take the processor from the pitch tracker, and from all else on a busy laptop.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4  # what matters arrives as an exception
        self._encoder = self._open(model.encoder, options, {"audio"} | pitch_inputs)
        excited = {"excitation"} if pitch_inputs else set()
        self._decoder = self._open(model.decoder, options, {"latent"} | pitch_inputs | excited)

    def encode(self, audio: NDArray[np.float32], pitch: NDArray[np.integer] | None = None) -> NDArray[np.float32]:
        """Audio, Shape [frames * hop], and pitch codes, Shape [frames], if any, to the latent [latent, frames]."""
        inputs = {"audio": audio[None]}
        if pitch is not None:
            inputs["condition"] = pitch_condition(pitch)[None]
        return self._run(self._encoder, inputs, (1, self._latent, len(audio) // self._hop))

    def decode(
        self,
        latent: NDArray[np.float32],
        pitch: NDArray[np.integer] | None = None,
        excitation: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Latent, Shape [latent, frames], to audio, Shape [frames * hop].

        A model that sends the pitch takes its codes too, and an excitation, Shape [2, frames * hop].
        """
        inputs = {"latent": latent[None]}
        if pitch is not None and excitation is not None:
            inputs |= {"condition": pitch_condition(pitch)[None], "excitation": excitation[None]}
        return self._run(self._decoder, inputs, (1, latent.shape[1] * self._hop))

    def _open(
        self, graph: bytes, options: onnxruntime.SessionOptions, inputs: set[str]
    ) -> onnxruntime.InferenceSession:
        try:
            # A "fallback" would only try the same again, and print to standard output.
            providers = ["CPUExecutionProvider"]
            session = onnxruntime.InferenceSession(graph, options, providers=providers, enable_fallback=0)
        except Exception as error:  # the runtime has no common base class for what a bad graph raises
            raise ModelFileError(f"the model {self._name} holds a network that cannot run: {_line(error)}") from error
        names = {i.name for i in session.get_inputs()}
        if names != inputs:
            raise ModelFileError(f"the model {self._name} wants inputs {sorted(names)}, not {sorted(inputs)}")
        return session

    def _run(
        self, session: onnxruntime.InferenceSession, inputs: dict[str, NDArray[np.float32]], shape: tuple[int, ...]
    ) -> NDArray[np.float32]:
        try:
            (output,) = session.run(None, inputs)
        except Exception as error:
            raise ModelFileError(f"a network of the model {self._name} failed: {_line(error)}") from error
        if output.shape != shape or output.dtype != np.float32 or not np.isfinite(output).all():
            raise ModelFileError(f"a network of the model {self._name} gave no usable result")
        result: NDArray[np.float32] = output[0]
        return result


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
