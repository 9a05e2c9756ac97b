"""Tests the direction of heartbeat-evoked potentials in a recording of your own: ``python -m studies.biology.heartbeat RECORDING``."""

from __future__ import annotations

import argparse
import math
import zipfile
import zlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from studies.biology.checks import ARRAYS, checked, numbers, recording
from studies.biology.evoked import FEWEST_FOR_ALPHA, FROM, SHIFTS, UNTIL, Directions, Recording, directions
from wcdfa.readers.errors import LogError
from wcdfa.readers.limits import require_room

UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)
"""What NumPy and zipfile raise for a file that is damaged, encrypted, or not what its name says."""


def read(path: Path) -> Recording:
    """Read a recording: an .npz file, or any file that MNE-Python reads if it is installed (.fif, .edf, .bdf, .vhdr …).

    Raises
    ------
    ValueError
        If the file has no brain signals or no beats, or cannot be read.
    """
    if not path.is_file():
        msg = f"{path} is no file; give a recording of EEG with the times of heart beats: .npz with {ARRAYS}, or .fif, .edf … with an ECG channel"
        raise ValueError(msg)
    return _of_arrays(path) if path.suffix.lower() == ".npz" else _of_mne(path)


def _of_arrays(path: Path) -> Recording:
    try:
        found = _arrays(path)
    except UNREADABLE as error:
        msg = f"{path.name} cannot be read as .npz of numbers: {error}"
        raise ValueError(msg) from error
    try:
        return recording({name: numbers(name, each) for name, each in found.items()})
    except ValueError as error:
        msg = f"{path.name} cannot be used: {error}"
        raise ValueError(msg) from error


def _arrays(path: Path) -> dict[str, object]:
    """All arrays of a file that does not need far more memory than its size; bytes where a part of the file is no array."""
    with zipfile.ZipFile(path) as archive:
        require_room(sum(each.file_size for each in archive.infolist()), path.stat().st_size, path.name)
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in ("eeg", "rate", "beats") if name in arrays}


def _of_mne(path: Path) -> Recording:
    if find_spec("mne") is None:
        msg = f"{path.name} needs MNE-Python: pip install mne; or save it as .npz with {ARRAYS}"
        raise ValueError(msg)
    import mne

    try:
        raw = mne.io.read_raw(path, preload=True, verbose="error")
        events, _, _ = mne.preprocessing.find_ecg_events(raw, verbose="error")
        signals = raw.copy().filter(0.5, 40, picks="eeg", verbose="error").get_data(picks="eeg")
    except Exception as error:  # its readers raise many kinds for a file that is not what its name says
        msg = f"{path.name} has no brain signals with heart beats that MNE-Python can read: {str(error) or type(error).__name__}"
        raise ValueError(msg) from error
    rate = float(raw.info["sfreq"])
    return checked(Recording(signals, rate, (events[:, 0] - raw.first_samp) / rate))


def report(found: Directions) -> str:
    """What was found, in words."""
    said = (
        "successive evoked potentials point in similar directions"
        if found.p <= 0.05
        else "successive evoked potentials are no more alike than with all beats shifted"
    )
    mean = f"mean cosine of successive evoked potentials {found.cosine:.3f}; of {SHIFTS} random shifts of all beats"
    lines = [
        f"{found.beats} beats: {said}.",
        f"{mean} {found.null[0]:.3f} to {found.null[1]:.3f} (middle 95 %), p = {found.p:.3f}",
        f"without their overall mean {_or(found.without_mean, 'nothing is left')}",
        f"α of their differences as a vector: {_alpha(found)}",
        "A similar direction may also come from the heart's own electric field; whether it does is not tested.",
    ]
    return "\n".join([*lines, *([_regular(found)] if found.regular else [])])


def _or(value: float, otherwise: str) -> str:
    return f"{value:.3f}" if math.isfinite(value) else otherwise


def _alpha(found: Directions) -> str:
    if found.beats < FEWEST_FOR_ALPHA:
        return f"not computed, needs {FEWEST_FOR_ALPHA} beats"
    if not np.isfinite(found.alpha).all():
        return "not computed, the differences do not vary"
    return f"{found.alpha[0]:.2f} at 4 to 16 beats, {found.alpha[1]:.2f} at 16 to 64"


def _regular(found: Directions) -> str:
    return (
        f"The intervals between beats vary by {1000 * found.spread:.1f} ms only, little beside the window of {1000 * (UNTIL - FROM):.0f} ms: "
        "windows of shifted beats lie at nearly the same time after each beat and hold nearly the same, so a similar direction can be missed."
    )


def main(arguments: list[str] | None = None) -> int:
    """Print what a recording shows; the exit status is 2 if it cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m studies.biology.heartbeat", description=__doc__)
    parser.add_argument("recording", type=Path, help=f".npz with {ARRAYS}; or .fif, .edf … with EEG and an ECG channel (needs mne)")
    path = parser.parse_args(arguments).recording
    try:
        print(report(directions(read(path))))
    except (ValueError, LogError) as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
