"""Latents to sound, sample by sample (WaveNet, van den Oord et al. 2016; on codes of speech, Chorowski et al. 2019)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from brevox.nets.decoders.samples import DISTRIBUTIONS
from brevox.nets.parts import DECODERS


@DECODERS.register("wavenet")
class WaveNetDecoder(nn.Module):
    """Dilated causal convolutions over the samples so far, told by latents and speaker what to say in whose voice.

    Args:
        latent: channels of a latent frame.
        speaker: of a speaker's embedding, which every frame gets.
        hop: samples of a frame.
        width: channels of the samples' stream.
        skip: of what all layers add up to.
        condition: of what layers are told of a frame.
        layers: of a cycle; layer i looks 2^i samples back.
        cycles: after which dilation starts anew.
        samples: a section naming the distribution of samples: `mulaw` or `logistics`.
    """

    def __init__(
        self,
        latent: int,
        speaker: int,
        hop: int,
        width: int = 128,
        skip: int = 256,
        condition: int = 128,
        layers: int = 10,
        cycles: int = 2,
        samples: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.hop, self.width, self.skip = hop, width, skip
        self.distribution = DISTRIBUTIONS.build(samples or {"name": "mulaw"})
        self.context = nn.Conv1d(latent + speaker, condition, 3, padding=1)
        self.enter = nn.Linear(1, width)
        self.layers = nn.ModuleList(_Layer(width, skip, condition, 2**i) for _ in range(cycles) for i in range(layers))
        self.mix = nn.Conv1d(skip, skip, 1)
        self.leave = nn.Conv1d(skip, self.distribution.channels, 1)

    def forward(self, latent: Tensor, speaker: Tensor, target: Tensor) -> Tensor:
        """Nats that a sample costs when those before it are known (teacher forcing), on average.

        Args:
            latent: Shape [batch, latent, frames].
            speaker: Shape [batch, speaker].
            target: sound, Shape [batch, hop * frames].
        """
        loss: Tensor = self.distribution.loss(self.outputs(latent, speaker, target).float(), target)
        return loss

    def outputs(self, latent: Tensor, speaker: Tensor, audio: Tensor) -> Tensor:
        """The distribution of every sample, given those before it. Shape [batch, channels, samples]."""
        context = self._context(latent, speaker)
        values = self.enter(functional.pad(audio, (1, 0))[:, :-1, None]).transpose(1, 2)
        total: Tensor | float = 0.0
        for layer in self._layers():
            values, skipped = layer(values, context, self.hop)
            total = total + skipped
        return self._end(torch.as_tensor(total))

    def decode(self, latent: Tensor, speaker: Tensor) -> Tensor:
        """Draw sound, Shape [batch, hop * frames]; arguments as above."""
        return torch.cat(list(self.frames(latent, speaker)), dim=1)

    @torch.no_grad()
    def frames(self, latent: Tensor, speaker: Tensor) -> Iterator[Tensor]:
        """Draw sound frame by frame, Shape [batch, hop] each.

        What layers have seen is kept (Le Paine et al. 2016): a sample costs the same wherever it is. One that was drawn
        is the one that drawing from `outputs` with the same random numbers gives.
        """
        context = self._context(latent, speaker)
        layers = [_Cached(layer, latent) for layer in self._layers()]
        ends = [(layer.weight[:, :, 0], layer.bias) for layer in (self.mix, self.leave)]
        sample = latent.new_zeros(len(latent))
        for frame in range(context.shape[2]):
            for layer in layers:
                layer.tell(context[:, :, frame])
            uniform = torch.rand(self.hop, len(latent), self.distribution.draws, dtype=latent.dtype).to(latent.device)
            drawn = []
            for draws in uniform:
                values = self.enter(sample[:, None])
                total = latent.new_zeros(len(latent), self.skip)
                for layer in layers:
                    values, skipped = layer.step(values)
                    total += skipped
                for weight, bias in ends:
                    total = functional.linear(total.relu(), weight, bias)
                sample = self.distribution.draw(total, draws)
                drawn.append(sample)
            yield torch.stack(drawn, dim=1)

    def _layers(self) -> list[_Layer]:
        return cast("list[_Layer]", list(self.layers))

    def _context(self, latent: Tensor, speaker: Tensor) -> Tensor:
        """What layers are told of each frame, Shape [batch, condition, frames]."""
        everywhere = speaker[:, :, None].expand(-1, -1, latent.shape[2])
        context: Tensor = self.context(torch.cat([latent, everywhere.to(latent)], dim=1))
        return context

    def _end(self, total: Tensor) -> Tensor:
        outputs: Tensor = self.leave(self.mix(total.relu()).relu())
        return outputs


class _Layer(nn.Module):
    """A gated convolution over the sample now and the one `dilation` samples before."""

    def __init__(self, width: int, skip: int, condition: int, dilation: int) -> None:
        super().__init__()
        self.dilation, self.width, self.skip = dilation, width, skip
        self.gate = nn.Conv1d(width, 2 * width, 2, dilation=dilation)
        self.condition = nn.Conv1d(condition, 2 * width, 1, bias=False)
        self.leave = nn.Conv1d(width, width + skip, 1)

    def forward(self, values: Tensor, context: Tensor, hop: int) -> tuple[Tensor, Tensor]:
        """What goes to the next layer, and to the end. Shape: [batch, width, samples], [batch, condition, frames]."""
        told = self.condition(context).repeat_interleave(hop, dim=2)
        turned, opened = (self.gate(functional.pad(values, (self.dilation, 0))) + told).chunk(2, dim=1)
        further, skipped = self.leave(turned.tanh() * opened.sigmoid()).split([self.width, self.skip], dim=1)
        return values + further, skipped


class _Cached:
    """A layer for one sample after the other; keeps the values that it will look back at.

    Args:
        layer: whose weights.
        like: of the type and on the device of what comes, Shape [batch, ...].
    """

    def __init__(self, layer: _Layer, like: Tensor) -> None:
        self.layer, self.place = layer, 0
        self.before, self.now = (layer.gate.weight[:, :, tap].T.contiguous() for tap in range(2))
        self.leave, self.bias = layer.leave.weight[:, :, 0], layer.leave.bias
        self.past = list(like.new_zeros(layer.dilation, len(like), layer.width))

    def tell(self, context: Tensor) -> None:
        """Take in what is told of a frame. Shape: [batch, condition]."""
        self.told = functional.linear(context, self.layer.condition.weight[:, :, 0], self.layer.gate.bias)

    def step(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """`_Layer.forward` of one sample. Shape: [batch, width] to the same, and [batch, skip]."""
        before, self.past[self.place] = self.past[self.place], values
        self.place = (self.place + 1) % self.layer.dilation
        gates = torch.addmm(torch.addmm(self.told, values, self.now), before, self.before)
        turned, opened = gates.chunk(2, dim=1)
        further, skipped = functional.linear(turned.tanh() * opened.sigmoid(), self.leave, self.bias).split(
            [self.layer.width, self.layer.skip], dim=1
        )
        return values + further, skipped
