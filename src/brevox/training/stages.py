"""What a decoder's stages give on the way to samples, for losses that look at it."""

from __future__ import annotations

from types import TracebackType
from typing import Any, cast

from torch import Tensor, nn

from brevox.errors import SettingsError


class StageOutputs:
    """A context manager within which outputs of a decoder's `stages` are kept.

    Args:
        decoder: with a list of modules `stages`, one for each upsampling.

    Attributes:
        heard: outputs of the last pass within, each of the Shape [batch, channels, 1, samples].

    Raises:
        SettingsError: the decoder has no stages.
    """

    def __init__(self, decoder: nn.Module) -> None:
        stages = getattr(decoder, "stages", None)
        if stages is None:
            raise SettingsError(
                f"the channel average needs a decoder with stages, such as soundstream, not {type(decoder).__name__}"
            )
        self.stages = list(cast(nn.ModuleList, stages))
        self.heard: list[Tensor] = []
        self._hooks: list[Any] = []

    def __enter__(self) -> StageOutputs:
        self.heard = []
        self._hooks = [stage.register_forward_hook(lambda _m, _i, out: self.heard.append(out)) for stage in self.stages]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for hook in self._hooks:
            hook.remove()
