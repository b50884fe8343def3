"""What the discriminators made of convolutions have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from brevox.errors import SettingsError

LEAK = 0.2


def normed(convolution: nn.Conv1d | nn.Conv2d) -> nn.Module:
    """The convolution with weight normalisation, begun so that layers pass on the size of their input (He et al. 2015).

    PyTorch's own beginning halves it in each, until speech is faint beside the biases and little is learnt at first.
    """
    nn.init.kaiming_normal_(convolution.weight, a=LEAK)
    nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    return weight_norm(convolution)


def feature_maps(layers: Iterable[nn.Module], x: Tensor) -> list[Tensor]:
    """What each layer makes of the one before it, after leaky ReLU."""
    maps = []
    for layer in layers:
        x = nn.functional.leaky_relu(layer(x), LEAK)
        maps.append(x)
    return maps


def check_numbers(what: str, values: Sequence[int], least: int = 1) -> list[int]:
    """The values as a list.

    Args:
        what: names them in errors.
        values: from a recipe.
        least: that each of them may be.

    Raises:
        SettingsError: there are none, or one is not a whole number or is too small.
    """
    if not isinstance(values, Sequence) or not values or not all(isinstance(v, int) and v >= least for v in values):
        raise SettingsError(f"the {what} must be a list of whole numbers, each {least} or more, not {values!r}")
    return list(values)
