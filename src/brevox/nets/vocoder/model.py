"""A network of the vocoder with all that lies around it: files of features in, features out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import brevox.nets.vocoder.ae1
import brevox.nets.vocoder.ae2
import brevox.nets.vocoder.ae3
import brevox.nets.vocoder.ae4
import brevox.nets.vocoder.direct  # noqa: F401
from brevox.errors import DataError, SettingsError
from brevox.nets.bottlenecks.noise import Noise
from brevox.nets.bottlenecks.rvq import Quantised
from brevox.nets.model import Model
from brevox.nets.vocoder.network import COLUMNS, NETWORKS, Network
from brevox.registry import construct
from brevox.vocoder.envelope import MEL_COLUMNS, energy_db
from brevox.vocoder.harmonics import HOP, RATE_HZ

#: Levels in dB become common logarithms of amplitudes: of the size that networks like, and 400 times a mean squared
#: difference is one in dB^2.
SCALE_DB = 20.0
_LEAST_DB = -100.0  # of a frame, as energy: below silence
_PASS = 8192  # items at a time


class Frames(NamedTuple):
    """Features as a network sees them.

    values: Shape [frames, columns].
    energy_db: what was taken from the levels of each frame, Shape [frames].
    """

    values: Tensor
    energy_db: Tensor


class VocoderModel(Model):
    """Frames through a network, with levels scaled there and back.

    Args:
        network: see `brevox.nets.vocoder.network`.
        ncat: frames that it takes at once.
        norm: whether levels are brought to an energy of 0 dB, so that the network sees shapes alone; what was taken is
            added to what it makes.
        zero_mean: whether the mean of each level, as training found it, is taken away, and added in the end.
        assume_voiced: whether the network is told of every frame that it has a voice, as in training on those alone.
        means: of the network's inputs and targets, Shapes [columns]; of a model whose weights are read nothing needs to
            be known.
    """

    sample_rate = RATE_HZ

    def __init__(
        self,
        network: Network,
        ncat: int = 1,
        norm: bool = True,
        zero_mean: bool = False,
        assume_voiced: bool = True,
        means: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.inputs, self.target, self.latent = network.inputs, network.target, network.latent
        self.ncat, self.norm, self.zero_mean, self.assume_voiced = ncat, norm, zero_mean, assume_voiced
        self.hop = ncat * HOP
        self.encoder, self.bottleneck, self.decoder = network.encoder, network.bottleneck, network.decoder
        for name, kind in (("input_mean", self.inputs), ("target_mean", self.target)):
            mean = torch.zeros(COLUMNS[kind])
            if zero_mean and means:
                levels = _levels(kind)
                mean[:levels] = means[name][:levels]
            self.register_buffer(name, mean)

    def forward(self, frames: Tensor) -> tuple[Tensor, Quantised]:
        """What the network makes of frames as `prepare` gives them.

        Args:
            frames: Shape [batch, ncat, columns].

        Returns:
            Scaled levels, Shape [batch, ncat, columns], and what the bottleneck made.
        """
        quantised: Quantised = self.bottleneck(self._encode(frames))
        return self._decode(quantised.latent), quantised

    def prepare(self, kind: str, rows: NDArray[np.floating]) -> Frames:
        """Scale features.

        Args:
            kind: `self.inputs` or `self.target`.
            rows: of a file. Shape: [frames, 22 or 79].

        Raises:
            DataError: the file has other columns, or a pitch that is none.
        """
        columns = COLUMNS["b" if kind == "levels" else kind]
        if rows.ndim != 2 or rows.shape[1] != columns:
            raise DataError(f"these features need {columns} columns, not the shape {rows.shape}")
        values = np.array(rows[:, : COLUMNS[kind]], np.float64)
        levels = values[:, : _levels(kind)]
        energy = np.maximum(energy_db(levels), _LEAST_DB) if self.norm else np.zeros(len(rows))
        levels -= energy[:, None]
        levels /= SCALE_DB
        if kind == "b":
            if not (values[:, MEL_COLUMNS] > 0).all():
                raise DataError("column 21 of b holds no pitch: these are other features")
            values[:, MEL_COLUMNS] = np.log10(values[:, MEL_COLUMNS])
            if self.assume_voiced:
                values[:, MEL_COLUMNS + 1] = 1
        return Frames(torch.from_numpy(values.astype(np.float32)), torch.from_numpy(energy.astype(np.float32)))

    @torch.no_grad()
    def encode(self, rows: NDArray[np.floating]) -> NDArray[np.float32]:
        """Latents of features, as they are before noise or quantising.

        Args:
            rows: Shape [frames, columns]. Frames that are missing for the last item are the last one again.

        Returns:
            Shape: [vectors, latent]; vectors of an item follow each other.

        Raises:
            SettingsError: the network has no narrow place.
            DataError: see `prepare`.
        """
        self._check_latent()
        items = self._items(self.prepare(self.inputs, rows).values)
        made = [self._encode(part).transpose(1, 2).flatten(0, 1) for part in items.split(_PASS)]
        return _joined(made, self.latent)

    @torch.no_grad()
    def decode(self, latents: NDArray[np.floating], rows: NDArray[np.floating]) -> NDArray[np.float32]:
        """Features of latents that something else has quantised; nothing is added to them.

        Args:
            latents: Shape [vectors, latent].
            rows: what they were made of: energies, and of `b` also pitch and voicing, are theirs.

        Raises:
            SettingsError: the network has no narrow place.
            DataError: there are more or fewer latents than these frames have.
        """
        self._check_latent()
        frames = self.prepare(self.inputs, rows)
        items = self._items(frames.values)
        vectors = len(self.encode(rows[: self.ncat])) if len(rows) else 1
        if latents.shape != (len(items) * vectors, self.latent):
            raise DataError(
                f"{len(rows):,} frames have {len(items) * vectors:,} latents of {self.latent} numbers; "
                f"these are of the shape {latents.shape}"
            )
        given = self._placed(torch.from_numpy(np.array(latents, np.float32)))
        given = given.unflatten(0, (len(items), vectors)).transpose(1, 2)
        return self._restored([self._decode(part) for part in given.split(_PASS)], frames, rows)

    @torch.no_grad()
    def through(self, rows: NDArray[np.floating]) -> NDArray[np.float32]:
        """Features through the whole network, noise drawn anew. Shape: as a file of the target has them.

        Raises:
            DataError: see `prepare`.
        """
        frames = self.prepare(self.inputs, rows)
        items = self._items(frames.values)
        return self._restored([self(part)[0] for part in items.split(_PASS)], frames, rows)

    @property
    def noise_var(self) -> float:
        """Variance of the noise in the narrow place."""
        return self.bottleneck.variance if isinstance(self.bottleneck, Noise) else 0.0

    @noise_var.setter
    def noise_var(self, variance: float) -> None:
        if not isinstance(self.bottleneck, Noise) or not self.latent:
            raise SettingsError("this network has no place for noise")
        self.bottleneck.variance = Noise(variance).variance

    def example(self) -> dict[str, Tensor]:
        items = max(1, round(self.sample_rate / self.hop))
        return {"frames": torch.zeros(items, self.ncat, COLUMNS[self.inputs])}

    def _encode(self, frames: Tensor) -> Tensor:
        latent: Tensor = self.encoder(frames - self.get_buffer("input_mean"))
        return latent

    def _decode(self, latent: Tensor) -> Tensor:
        return cast(Tensor, self.decoder(latent)) + self.get_buffer("target_mean")

    def _items(self, frames: Tensor) -> Tensor:
        """Shape: [frames, columns] to [items, ncat, columns], where the network is."""
        missing = -len(frames) % self.ncat
        if missing:
            frames = torch.cat([frames, frames[-1:].expand(missing, -1)])
        return self._placed(frames.unflatten(0, (len(frames) // self.ncat, self.ncat)))

    def _placed(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.get_buffer("input_mean").device)

    def _restored(self, made: list[Tensor], frames: Frames, rows: NDArray[np.floating]) -> NDArray[np.float32]:
        """Levels in dB, and of `b` its other columns as they were."""
        levels = _joined([part.flatten(0, 1) for part in made], COLUMNS[self.target])[: len(rows)]
        levels = SCALE_DB * levels + frames.energy_db.numpy()[:, None]
        if self.target == "y":
            return levels
        return np.column_stack([levels, rows[:, MEL_COLUMNS:]]).astype(np.float32)

    def _check_latent(self) -> None:
        if not self.latent:
            raise SettingsError("this network has no narrow place, and so no latents")


def build_vocoder(settings: Mapping[str, Any], means: Mapping[str, Tensor] | None = None) -> VocoderModel:
    """Make the model that a recipe's `model` section describes: entries of `VocoderModel`, and those of its network.

    Raises:
        SettingsError: an entry is missing or unknown.
    """
    of_model = {key: settings[key] for key in ("norm", "zero_mean", "assume_voiced") if key in settings}
    ncat = settings.get("ncat", 1)
    if not isinstance(ncat, int) or ncat < 1:
        raise SettingsError(f"model.ncat is a number of frames, 1 or more, not {ncat!r}")
    rest = {key: value for key, value in settings.items() if key not in (*of_model, "network", "ncat")}
    network = NETWORKS.build({"name": settings.get("network"), **rest}, ncat=ncat)
    model: VocoderModel = construct("model", VocoderModel, of_model, network=network, ncat=ncat, means=means)
    return model


def _levels(kind: str) -> int:
    return MEL_COLUMNS if kind == "b" else COLUMNS[kind]


def _joined(parts: list[Tensor], columns: int) -> NDArray[np.float32]:
    if not parts:
        return np.zeros((0, columns), np.float32)
    joined: NDArray[np.float32] = torch.cat(parts).cpu().numpy()
    return joined
