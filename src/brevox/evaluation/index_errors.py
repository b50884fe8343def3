"""What becomes of sound if codes arrive one off, as over a radio channel that mistakes a symbol for its neighbour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from brevox.data.corpus import Corpus
from brevox.errors import SettingsError
from brevox.losses.mel import MultiScaleMelLoss
from brevox.nets.bottlenecks.neighbourhood import neighbour_distance, snake, topographic_error
from brevox.nets.codec import Hearing, NeuralCodec
from brevox.training.export import load_trained
from brevox.training.validation import valid_clips

CLIP_S = 4.0


@dataclass(frozen=True)
class IndexErrors:
    """One trained codec.

    Args:
        run: its name.
        used: codes of the first book that occur, of `codes`.
        topographic_error, neighbour_distance: of the first book.
        clean: mel distance to the original with the codes as they are.
        one_off: the same where codes are off by one; `anything`: where they are any code instead.
        moved_one_off, moved_anything: mel distance to what is decoded without errors.
    """

    run: str
    used: int
    codes: int
    topographic_error: float
    neighbour_distance: float
    clean: float
    one_off: float
    anything: float
    moved_one_off: float
    moved_anything: float


@torch.no_grad()
def index_errors(
    checkpoint: Path, corpus: Path | None = None, chance: float = 0.1, clips: int = 24, seed: int = 0
) -> IndexErrors:
    """Decode validation clips with errors in their codes, those of all books.

    Args:
        checkpoint: of `brevox train`. Where it sends a pitch, that arrives without errors.
        corpus: that of the training by default.
        chance: that a code is wrong.
        clips: how many, of 4 s.
        seed: of the errors, which are at the same places whatever the model.

    Raises:
        DataError: checkpoint or corpus cannot be read.
        SettingsError: the codec has no codes, or the chance is none.
    """
    if not 0 <= chance <= 1:
        raise SettingsError(f"the chance of an error is 0 to 1, not {chance}")
    model, state = load_trained(checkpoint)
    if not model.bottleneck.books:
        raise SettingsError(f"{checkpoint} has no codes, so none of them can be wrong")
    size = int(model.bottleneck.codes)  # type: ignore[arg-type]
    mel = MultiScaleMelLoss(model.sample_rate)
    generator = torch.Generator().manual_seed(seed)
    rows, latents, first_codes = [], [], []
    hearing = Hearing(model)
    for clip in valid_clips(Corpus(corpus or Path(state["recipe"]["data"]["corpus"]), "valid"), clips, CLIP_S, model):
        audio, given = clip["audio"], {name: value for name, value in clip.items() if name != "audio"}
        codes = model(**clip)[1].codes
        latents.append(hearing(audio, *(value for name, value in given.items() if name == "condition"))[0].T)
        first_codes.append(codes[0, 0])
        wrong = torch.rand(codes.shape, generator=generator) < chance
        others = torch.randint(size, codes.shape, generator=generator)
        near, far = (
            _decoded(model, torch.where(wrong, instead, codes), given)
            for instead in (one_off(codes, size, generator), others)
        )
        clean = _decoded(model, codes, given)
        pairs = ((clean, audio), (near, audio), (far, audio), (near, clean), (far, clean))
        rows.append([mel(ours, theirs).item() for ours, theirs in pairs])
    entries = torch.as_tensor(model.bottleneck.exported()["codebooks"])[0]  # type: ignore[operator]
    places = snake(size)
    return IndexErrors(
        checkpoint.parent.name,
        len(torch.cat(first_codes).unique()),
        size,
        topographic_error(torch.cat(latents), entries, places),
        neighbour_distance(entries, places),
        *np.mean(rows, axis=0).tolist(),
    )


def one_off(codes: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Each code plus or minus 1, at random; the first and the last have one neighbour. Shape: any, kept."""
    step = 2 * torch.randint(2, codes.shape, generator=generator) - 1
    step = torch.where(codes == 0, 1, torch.where(codes == size - 1, -1, step))
    return codes + step


def _decoded(model: NeuralCodec, codes: Tensor, given: Mapping[str, Tensor]) -> Tensor:
    return model.decode(model.bottleneck.decode(codes), **given)  # type: ignore[operator]
