"""Distance between what Whisper's encoder (Radford et al. 2022) makes of the decoded and of the original speech."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from brevox.errors import SettingsError
from brevox.losses.parts import LOSSES

SAMPLE_RATE = 16_000
WINDOW, HOP = 400, 160
#: Samples of one vector of the encoder, whose second convolution has a stride of 2.
TOKEN = 2 * HOP
#: At least this much silence between packed clips (seed 001).
_GAP = 2_000


@LOSSES.register("whisper")
class WhisperLoss(nn.Module):
    """L1 + beta * mean squared difference of the encoder's vectors, gradients flowing through it (seed 001).

    The encoder is frozen, and no part of the module's parameters or state: no optimiser or checkpoint sees it.

    Args:
        weights: a folder that `transformers` loads a Whisper from, or a Hugging Face id such as openai/whisper-tiny.en.
        beta: weight of the squared difference.
        layers: whose outputs are compared, counted from 1, their distances averaged; by default the encoder's output,
            which is that of the last layer after the final normalisation. Layers above the highest are not run.
        packing: True lays clips side by side in windows of 30 s, the length Whisper was trained with (seed 001): clips
            in a window attend to each other. False runs each clip by itself in a window as short as it, which costs
            less and is nearer to what Whisper makes of the clip alone in 30 s (docs/training.md).
        sample_rate: Hz; Whisper hears 16,000.

    Raises:
        SettingsError: `transformers` is not installed, there are no such weights, or a value is out of range.
    """

    def __init__(
        self,
        weights: str,
        beta: float = 1.0,
        layers: Sequence[int] | None = None,
        packing: bool = False,
        sample_rate: int = SAMPLE_RATE,
    ) -> None:
        super().__init__()
        if sample_rate != SAMPLE_RATE:
            raise SettingsError(f"the loss 'whisper' works at {SAMPLE_RATE} Hz, not {sample_rate}")
        encoder = load_encoder(weights)
        count = len(encoder.layers)
        self.layers = sorted(set(layers)) if layers is not None else [count]
        if not self.layers or not all(1 <= layer <= count for layer in self.layers):
            raise SettingsError(f"layers {list(layers or [])}: the Whisper in {weights} has layers 1 to {count}")
        self.beta, self.packing = beta, packing
        self.window = TOKEN * encoder.config.max_source_positions
        filters = mel_filters(encoder.config.num_mel_bins)
        self.register_buffer("filters", filters, persistent=False)
        # Within a tuple it is no submodule: not trained, not saved, not put into training mode.
        self._encoder = (encoder,)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> WhisperLoss:
        """Move the encoder along with `.to(device)`."""
        self._encoder[0]._apply(fn)
        return super()._apply(fn, recurse)

    def forward(self, decoded: Tensor, target: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.vectors(target)
        total = decoded.new_zeros(())
        for ours, theirs in zip(self.vectors(decoded), wanted, strict=True):
            difference = ours - theirs
            total = total + difference.abs().mean() + self.beta * difference.square().mean()
        return total / len(self.layers)

    def vectors(self, audio: Tensor) -> list[Tensor]:
        """The encoder's vectors for each of the chosen layers: [batch, samples] to [batch, samples / 320, width].

        Only vectors of the clips themselves: those of padding would thin out the mean.

        Raises:
            SettingsError: the clips are longer than Whisper's window.
        """
        batch, samples = audio.shape
        if samples > self.window:
            raise SettingsError(
                f"Whisper hears {self.window / SAMPLE_RATE:g} s at once, the clips have {samples / SAMPLE_RATE:g} s: "
                "choose a shorter data.crop_s or leave the loss 'whisper' out"
            )
        tokens = math.ceil(samples / TOKEN)
        if self.packing:
            slot = slot_tokens(samples, self.window)
            outputs = self._encode(pack(audio.float(), slot, self.window))
            return [vectors.reshape(-1, slot, vectors.shape[-1])[:batch, :tokens] for vectors in outputs]
        # Two at least: the spectrogram mirrors half a window at the edges.
        length = TOKEN * max(tokens, 2)
        outputs = self._encode(nn.functional.pad(audio.float(), (0, length - samples)))
        return [vectors[:, :tokens] for vectors in outputs]

    def _encode(self, audio: Tensor) -> list[Tensor]:
        """Outputs of the chosen layers. `audio`: [batch, samples], a multiple of 320 and at most 30 s.

        What WhisperEncoder.forward does, but for any length: the position embeddings are cut.
        """
        encoder = self._encoder[0]
        hidden = nn.functional.gelu(encoder.conv1(log_mel(audio, self.get_buffer("filters"))))
        hidden = nn.functional.gelu(encoder.conv2(hidden)).transpose(1, 2)
        hidden = hidden + encoder.embed_positions.weight[: hidden.shape[1]]
        outputs = []
        for number, layer in enumerate(encoder.layers[: self.layers[-1]], 1):
            hidden = layer(hidden, None)
            if number in self.layers:
                outputs.append(encoder.layer_norm(hidden) if number == len(encoder.layers) else hidden)
        return outputs


def load_encoder(weights: str) -> Any:
    """The encoder of a Whisper, frozen, in full precision: `transformers`' WhisperEncoder.

    Raises:
        SettingsError: `transformers` is not installed, or there are no such weights.
    """
    try:
        from transformers import WhisperModel
    except ImportError as error:
        raise SettingsError("the loss 'whisper' needs transformers: pip install 'brevox[train]'") from error
    folder = Path(weights).expanduser()
    remedy = (
        "`python recipes/fetch_whisper.py -o FOLDER` makes a folder to name here; "
        "where the Hugging Face hub is within reach, an id such as openai/whisper-tiny.en will do"
    )
    local = folder.is_dir()
    # An id is NAME or OWNER/NAME; do not ask the hub for what can only be a path.
    if not local and (weights.startswith((".", "/", "~")) or len(folder.parts) > 2):
        raise SettingsError(f"there is no folder {weights}, where the loss 'whisper' looks for weights; {remedy}")
    try:
        loaded: Any = WhisperModel.from_pretrained(
            str(folder) if local else weights, dtype=torch.float32, local_files_only=local, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise SettingsError(f"the loss 'whisper' finds no Whisper in {weights}; {remedy}") from error
    model, report = loaded
    # transformers fills gaps with random numbers, and says so on the console only.
    if missing := sorted(report["missing_keys"]):
        raise SettingsError(f"{weights} lacks {len(missing)} tensors of a Whisper, {missing[0]} among them; {remedy}")
    return model.get_encoder().eval().requires_grad_(False)


def slot_tokens(samples: int, window: int) -> int:
    """Length of a clip's place in a packed window, in tokens of 320 samples.

    The shortest that divides the window and leaves a gap to the next clip, or the window itself.
    """
    whole = window // TOKEN
    fitting = (tokens for tokens in range(1, whole) if whole % tokens == 0 and TOKEN * tokens >= samples + _GAP)
    return next(fitting, whole)


def pack(audio: Tensor, slot: int, window: int) -> Tensor:
    """Clips padded to `slot` tokens and laid side by side: [batch, samples] to [windows, window].

    As many windows as are needed; the rest of the last is silent.
    """
    length = slot * TOKEN
    missing = -len(audio) % (window // length)
    padded = nn.functional.pad(audio, (0, length - audio.shape[1], 0, missing))
    return padded.reshape(-1, window)


def log_mel(audio: Tensor, filters: Tensor) -> Tensor:
    """Whisper's input, as WhisperFeatureExtractor makes it: [batch, samples] to [batch, bands, samples / 160].

    Args:
        audio: at 16 kHz, at least 201 samples.
        filters: of `mel_filters`.
    """
    taper = torch.hann_window(WINDOW, device=audio.device)
    spectrum = torch.stft(audio, WINDOW, HOP, window=taper, return_complex=True)[..., :-1]
    # Not abs() ** 2, whose gradient at zero is not a number.
    power = filters @ (spectrum.real.square() + spectrum.imag.square())
    logarithm = power.clamp(min=1e-10).log10()
    # 80 dB below the peak is the floor. No gradient by way of it: all that lies below would pull at a single peak.
    floor = logarithm.detach().amax(dim=(1, 2), keepdim=True) - 8
    return (torch.maximum(logarithm, floor) + 4) / 4


def mel_filters(bands: int) -> Tensor:
    """Triangles of unit area on Slaney's mel scale (linear to 1 kHz, then logarithmic). Shape: [bands, 201]."""
    step = math.log(6.4) / 27
    top = 15 + math.log(SAMPLE_RATE / 2 / 1000) / step
    mel = torch.linspace(0, top, bands + 2, dtype=torch.float64)
    edges = torch.where(mel < 15, mel * 200 / 3, 1000 * torch.exp(step * (mel - 15)))
    hz = torch.linspace(0, SAMPLE_RATE / 2, WINDOW // 2 + 1, dtype=torch.float64)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = torch.minimum((hz - low) / (centre - low), (high - hz) / (high - centre)).clamp(min=0)
    return (triangles * 2 / (high - low)).float()
