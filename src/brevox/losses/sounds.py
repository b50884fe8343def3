"""Losses of autoencoders of spectrograms: of the picture, of the latent, and of the voice that is guessed.

Each is a module that is called with the original picture, what the model made of it, and the voices.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from brevox.errors import SettingsError
from brevox.nets.sounds import Heard
from brevox.nets.voice_head import voice_losses
from brevox.registry import Registry

#: `loss(picture, heard, parameters, step)`; pictures are [batch, rows, frames], voices [batch, 155].
SOUND_LOSSES = Registry("loss of sounds")


@SOUND_LOSSES.register("squared")
class SquaredError(nn.Module):
    """Mean squared difference of levels, some of which may count more (seed 002: low notes, attack and release).

    Args:
        rows, frames: of the picture.
        low: how many times more the lowest row counts than the highest, falling evenly between.
        attack: how many times more the first frames count than most.
        release: likewise, of the frames after the key is let go.
        edge: frames that are called first.
        release_frame: where the key is let go.
    """

    def __init__(
        self,
        rows: int,
        frames: int,
        low: float = 1.0,
        attack: float = 1.0,
        release: float = 1.0,
        edge: int = 10,
        release_frame: int = 258,
    ) -> None:
        super().__init__()
        if min(low, attack, release) <= 0 or not 0 < edge <= frames:
            raise SettingsError("the loss 'squared' weighs by numbers above 0, and an edge within the picture")
        over_rows = torch.linspace(low, 1.0, rows)
        over_frames = torch.ones(frames)
        over_frames[:edge] = attack
        over_frames[release_frame : release_frame + edge] = release
        weight = over_rows[:, None] * over_frames
        self.register_buffer("weight", weight / weight.mean(), persistent=False)

    def forward(self, picture: Tensor, heard: Heard, parameters: Tensor, step: int) -> Tensor:
        return ((heard.decoded.float() - picture).square() * self.get_buffer("weight")).mean()


@SOUND_LOSSES.register("convergence")
class SpectralConvergence(nn.Module):
    """Norm of the difference of magnitudes by the norm of the magnitudes (Arik et al. 2019): what is loud counts.

    Args:
        range_db: from -1 to 1 in the pictures.
    """

    def __init__(self, range_db: float) -> None:
        super().__init__()
        self.nepers = range_db / 2 / 20 * 2.302585

    def forward(self, picture: Tensor, heard: Heard, parameters: Tensor, step: int) -> Tensor:
        # An output far above what can be meant must not become infinite.
        ours, theirs = (torch.exp(self.nepers * (x.float().clamp(max=1.2) - 1)) for x in (heard.decoded, picture))
        off = (ours - theirs).flatten(1).norm(dim=1)
        return (off / theirs.flatten(1).norm(dim=1).clamp(min=1e-8)).mean()


@SOUND_LOSSES.register("kl")
class Divergence(nn.Module):
    """Kullback-Leibler divergence of the latent's distribution from the standard normal, in nats a dimension.

    Args:
        beta_from: what it counts at the start, growing evenly to 1 ...
        beta_steps: ... in so many steps.
        after_flow: whether it is the latent after the flow that is to be normal (estimated from the draws), or that
            before it (known exactly).
    """

    def __init__(self, beta_from: float = 0.5, beta_steps: int = 0, after_flow: bool = False) -> None:
        super().__init__()
        self.beta_from, self.beta_steps, self.after_flow = beta_from, beta_steps, after_flow

    def forward(self, picture: Tensor, heard: Heard, parameters: Tensor, step: int) -> Tensor:
        drawn = heard.drawn
        if self.after_flow:
            spread = (0.5 * drawn.log_variance).exp()
            noise = (drawn.before - drawn.mean) / spread
            log_q = -0.5 * (noise.square() + drawn.log_variance).sum(dim=1) - drawn.volume
            nats = (log_q + 0.5 * drawn.latent.square().sum(dim=1)).mean()
        else:
            exact = drawn.mean.square() + drawn.log_variance.exp() - 1 - drawn.log_variance
            nats = 0.5 * exact.sum(dim=1).mean()
        grown = min(1.0, step / self.beta_steps) if self.beta_steps else 1.0
        return (self.beta_from + (1 - self.beta_from) * grown) * nats / drawn.mean.shape[1]


@SOUND_LOSSES.register("mmd")
class MeanDiscrepancy(nn.Module):
    """Maximum mean discrepancy of a batch of latents from the standard normal (Tolstikhin et al. 2018).

    With the inverse multiquadratic kernel C / (C + |x - y|^2), summed over several C.

    Args:
        after_flow: whether it is the latent after the flow that is to be normal, or that before it.
    """

    _SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

    def __init__(self, after_flow: bool = False) -> None:
        super().__init__()
        self.after_flow = after_flow

    def forward(self, picture: Tensor, heard: Heard, parameters: Tensor, step: int) -> Tensor:
        drawn = heard.drawn.latent if self.after_flow else heard.drawn.before
        normal = torch.randn_like(drawn)
        count, dims = drawn.shape
        if count < 2:
            raise SettingsError("the loss 'mmd' compares latents of a batch; data.batch must be 2 or more")
        pairs = count * (count - 1)
        total = drawn.new_zeros(())
        for scale in self._SCALES:
            width = 2.0 * dims * scale
            same, other, across = (
                width / (width + torch.cdist(one, two).square())
                for one, two in ((drawn, drawn), (normal, normal), (drawn, normal))
            )
            total = total + (same.sum() - same.trace() + other.sum() - other.trace()) / pairs - 2 * across.mean()
        return total


@SOUND_LOSSES.register("voice")
class VoiceError(nn.Module):
    """How wrong the guessed voice is: squared error of its numbers and cross entropy of its choices.

    Args:
        choices: how much a nat of choices counts beside the squared error of numbers from 0 to 1.
    """

    def __init__(self, choices: float = 0.05) -> None:
        super().__init__()
        self.choices = choices

    def forward(self, picture: Tensor, heard: Heard, parameters: Tensor, step: int) -> Tensor:
        if heard.voice is None:
            raise SettingsError("the loss 'voice' needs a head that guesses: model.head={hidden: 1024}")
        squared, entropy = voice_losses(heard.voice, parameters)
        return squared + self.choices * entropy
