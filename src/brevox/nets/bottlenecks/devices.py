"""What devices that train together tell each other, so that codebooks learn from all items of a step.

Item i of device r of n is item i * n + r of the step, as `brevox.training.trainer` deals them out. With one device,
or outside of training, where one alone may be at work, nothing is exchanged.
"""

from __future__ import annotations

import torch
from torch import Tensor, distributed


def device_count() -> int:
    """How many devices train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def of_all_devices(rows: Tensor, items: int) -> Tensor:
    """Put together what all devices have, in the order of the step's items.

    Args:
        rows: as many for each item, Shape [items * n, ...]; the same shape on all devices.
        items: of this device.

    Returns:
        Shape [devices * items * n, ...], without gradient.
    """
    devices = device_count()
    if devices == 1:
        return rows.detach()
    parts = [torch.empty_like(rows) for _ in range(devices)]
    distributed.all_gather(parts, rows.detach().contiguous())
    return torch.stack([part.unflatten(0, (items, -1)) for part in parts], dim=1).flatten(0, 2)


def share_of_this_device(rows: Tensor) -> Tensor:
    """What of all the step's items belongs to this device: Shape [devices * items, ...] to [items, ...]."""
    devices = device_count()
    return rows if devices == 1 else rows[distributed.get_rank() :: devices]


def mean_over_devices(value: Tensor) -> Tensor:
    """The mean of a tensor of floats over devices, without gradient."""
    devices = device_count()
    if devices == 1:
        return value.detach()
    total = value.detach().clone()
    distributed.all_reduce(total)
    return total / devices


def as_on_first_device(value: Tensor) -> None:
    """Overwrite a tensor, on all devices, with what the first has."""
    if device_count() > 1:
        distributed.broadcast(value.detach(), 0)
