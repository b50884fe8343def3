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
        self._states = {part: int(model.info.get(f"{part}_state", 0)) for part in ("encoder", "decoder")}
        #: Whether both networks carry on a state.
        self.stateful = min(self._states.values()) > 0
        carried = {"state"} if self.stateful else set()
        self._encoder = self._open(model.encoder, options, {"audio"} | pitch_inputs | carried)
        excited = {"excitation"} if pitch_inputs else set()
        self._decoder = self._open(model.decoder, options, {"latent"} | pitch_inputs | excited | carried)

    def encode(self, audio: NDArray[np.float32], pitch: NDArray[np.integer] | None = None) -> NDArray[np.float32]:
        """Audio, Shape [frames * hop], and pitch codes, Shape [frames], if any, to the latent [latent, frames]."""
        inputs = {"audio": audio[None]}
        if pitch is not None:
            inputs["condition"] = pitch_condition(pitch)[None]
        if self.stateful:
            inputs["state"] = self.first_state("encoder")
        return self._run(self._encoder, inputs, (1, self._latent, len(audio) // self._hop))[0]

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
        if self.stateful:
            inputs["state"] = self.first_state("decoder")
        return self._run(self._decoder, inputs, (1, latent.shape[1] * self._hop))[0]

    def first_state(self, part: str) -> NDArray[np.float32]:
        """What `encoder` or `decoder` begins with, Shape [1, size]; with `stateful` only."""
        return np.zeros((1, self._states[part]), dtype=np.float32)

    def encode_on(
        self, audio: NDArray[np.float32], state: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As `encode`, from a state on, to the latent and the next state."""
        inputs = {"audio": audio[None], "state": state}
        return self._run(self._encoder, inputs, (1, self._latent, len(audio) // self._hop))

    def decode_on(
        self, latent: NDArray[np.float32], state: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As `decode`, from a state on, to the audio and the next state."""
        return self._run(self._decoder, {"latent": latent[None], "state": state}, (1, latent.shape[1] * self._hop))

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
        if not names <= inputs:  # a network may do without some, as a decoder that makes its own phases
            raise ModelFileError(f"the model {self._name} wants inputs {sorted(names)}, not {sorted(inputs)}")
        return session

    def _run(
        self, session: onnxruntime.InferenceSession, inputs: dict[str, NDArray[np.float32]], shape: tuple[int, ...]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The one item of what comes out, and the next state, Shape [1, size]; without a state an empty one."""
        state = inputs.get("state", np.zeros((1, 0), dtype=np.float32))
        try:
            output, *states = session.run(None, {i.name: inputs[i.name] for i in session.get_inputs()})
        except Exception as error:
            raise ModelFileError(f"a network of the model {self._name} failed: {_line(error)}") from error
        after = states[0] if states else state
        for array, wanted in ((output, shape), (after, state.shape)):
            if array.shape != wanted or array.dtype != np.float32 or not np.isfinite(array).all():
                raise ModelFileError(f"a network of the model {self._name} gave no usable result")
        return output[0], after


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
