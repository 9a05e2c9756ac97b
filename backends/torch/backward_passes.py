"""Counts backward passes, by which processes that share parameters tell which of their steps belong together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.utils.hooks import RemovableHandle

from wcdfa.backends.torch.parts import Part


class BackwardPasses:
    """How many gradients one sharded parameter has received: as many on every process, whether or not it takes a step with them.

    >>> weight = torch.nn.Parameter(torch.ones(3))
    >>> passes = BackwardPasses()
    >>> passes.follow([Part(weight, 1, 0, on_cpu=False)])
    >>> weight.sum().backward()
    >>> passes.count
    0

    A parameter that is not sharded, as here, is not watched.
    """

    def __init__(self) -> None:
        self.count = 0
        self._hook: RemovableHandle | None = None

    def follow(self, parts: Sequence[Part]) -> None:
        """Count at the first of these that is sharded and trained."""
        self.end()
        shared = (part.tensor for part in parts if part.process_groups and part.tensor.requires_grad)
        first = next(shared, None)
        if first is not None:
            self._hook = first.register_post_accumulate_grad_hook(torch.compiler.disable(self._seen))  # type: ignore[no-untyped-call]

    def end(self) -> None:
        """Stop counting."""
        if self._hook is not None:
            self._hook.remove()
        self._hook = None

    def _seen(self, _: torch.Tensor) -> None:
        self.count += 1
