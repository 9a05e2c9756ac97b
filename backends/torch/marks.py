"""Tells which of many tensors have been changed since the last look, without a loop over them in Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import cast

import torch

from wcdfa.backends.torch.norms import is_sharded

VERSION = cast("Callable[[torch.Tensor], int]", attrgetter("_version"))


class Marks:
    """How often each tensor was changed in place, and where its numbers are, when it was last looked at.

    >>> weight = torch.zeros(3)
    >>> marks = Marks([weight])
    >>> _ = weight.add_(1)
    >>> marks.touched()
    [0]

    A change in place through ``tensor.data`` leaves no trace in torch.
    """

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        self._tensors = list(tensors)
        self._any_sharded = any(is_sharded(each) for each in self._tensors)
        self.keep()
        self.keep_form()
        self.look()

    def __len__(self) -> int:
        return len(self._tensors)

    def touched(self) -> list[int]:
        """The positions of the tensors that may have been changed since `keep`: in place, or by another content."""
        versions, places = self._versions(), self._places_now()
        if versions == self._kept and places == self._places:
            return []
        marks = zip(versions, places, self._kept, self._places, strict=True)
        return [i for i, (version, place, kept, before) in enumerate(marks) if version != kept or place != before]

    def keep(self) -> None:
        """Note that no tensor has been changed so far."""
        self._kept, self._places = self._versions(), self._places_now()

    def look(self) -> None:
        """Look at all tensors, which costs less than to do it again once other memory has been read."""
        self._seen = self._versions(), self._places_now(), self._sizes_now()

    def keep_seen(self) -> None:
        """Note that no tensor has been changed since `look`."""
        self._kept, self._places = list(self._seen[0]), list(self._seen[1])

    def of(self, position: int) -> tuple[int, int]:
        """What was noted of one tensor."""
        return self._kept[position], self._places[position]

    def note(self, position: int, mark: tuple[int, int]) -> None:
        """Note this of one tensor, as `mark_of` gives it."""
        self._kept[position], self._places[position] = mark

    def keep_form(self) -> None:
        """Note the form of all tensors."""
        self._strides, self._sizes, self._origins = self._strides_now(), self._sizes_now(), self._places_now()

    @property
    def same_form(self) -> bool:
        """Whether size, strides and place of the numbers of each tensor are as `keep_form` has noted them: then so is all else."""
        return self._places_now() == self._origins and self._sizes_now() == self._sizes and self._strides_now() == self._strides

    @property
    def seen_in_place(self) -> bool:
        """Whether place and size were so when `look` was called last."""
        return self._seen[1] == self._origins and self._seen[2] == self._sizes

    def _strides_now(self) -> list[tuple[int, ...]]:
        return list(map(torch.Tensor.stride, self._here()))

    def _sizes_now(self) -> list[int]:
        return list(map(torch.Tensor.numel, self._here()))

    def _places_now(self) -> list[int]:
        return list(map(torch.Tensor.data_ptr, self._here()))

    def _here(self) -> list[torch.Tensor]:
        return [here(each) for each in self._tensors] if self._any_sharded else self._tensors

    def _versions(self) -> list[int]:
        try:
            return list(map(VERSION, self._tensors))
        except RuntimeError:  # tensors of inference mode do not count
            return [mark_of(each)[0] for each in self._tensors]


def here(tensor: torch.Tensor) -> torch.Tensor:
    """What this process holds of a tensor."""
    return tensor._local_tensor if is_sharded(tensor) else tensor


def mark_of(tensor: torch.Tensor) -> tuple[int, int]:
    """What differs after a change: how often the tensor was changed in place, and where its numbers are."""
    return 0 if tensor.is_inference() else tensor._version, here(tensor).data_ptr()
