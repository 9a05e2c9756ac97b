"""Data that packages bring along: images of digits, and the standard library as text."""

from __future__ import annotations

import sysconfig
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

TRAINING = 1200
"""Of the 1,797 images."""


class Digits(NamedTuple):
    """Images of 64 pixels, standardised by those of training, and their labels."""

    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.int32]
    x_validation: npt.NDArray[np.float32]
    y_validation: npt.NDArray[np.int32]


@cache
def digits() -> Digits:
    """The digits of scikit-learn (UCI, optical recognition of handwritten digits), shuffled once and for all."""
    images, labels = load_digits(return_X_y=True)
    mixed = np.random.default_rng(20260101).permutation(len(images))
    x, y = images[mixed], labels[mixed].astype(np.int32)
    x = ((x - x[:TRAINING].mean(axis=0)) / (x[:TRAINING].std(axis=0) + 0.1)).astype(np.float32)
    return Digits(x[:TRAINING], y[:TRAINING], x[TRAINING:], y[TRAINING:])


@cache
def text(characters: int) -> npt.NDArray[np.uint8]:
    """The first characters of the modules of the standard library, as codes from 0 to 127: others are left out.

    The text follows the version of Python, so results of two versions may differ.
    """
    folder = Path(sysconfig.get_path("stdlib"))
    parts, found = [], 0
    for path in sorted(folder.glob("*.py")):
        codes = np.frombuffer(path.read_bytes(), dtype=np.uint8)
        parts.append(codes[codes < 128])
        found += len(parts[-1])
        if found >= characters:
            break
    return np.concatenate(parts)[:characters]
