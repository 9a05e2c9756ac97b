"""torch: copies many numbers from a device in one transfer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch


def together(given: Sequence[torch.Tensor]) -> list[float]:
    """The numbers of tensors of size 1, in their order. Those of one dtype on one device are copied together.

    >>> together([torch.tensor(0.5), torch.tensor(3), torch.tensor([0.25])])
    [0.5, 3.0, 0.25]

    Raises
    ------
    Exception
        Whatever torch raises if one of them cannot be read.
    """
    alike: dict[tuple[torch.dtype, torch.device, torch.Size], list[int]] = defaultdict(list)
    for place, x in enumerate(given):
        alike[x.dtype, x.device, x.shape].append(place)
    found = [0.0] * len(given)
    for (_, device, _), places in alike.items():
        own = [given[place] for place in places]
        values = [x.item() for x in own] if device.type == "cpu" else torch.stack(own).reshape(-1).tolist()
        for place, value in zip(places, values, strict=True):
            found[place] = float(value)
    return found
