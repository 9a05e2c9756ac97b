"""Tests the direction of heartbeat-evoked potentials in a recording of your own: ``python -m studies.biology.heartbeat RECORDING``."""

from __future__ import annotations

import argparse
import math
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from studies.biology.evoked import SHIFTS, Directions, Recording, directions
from wcdfa.readers.errors import LogError
from wcdfa.readers.limits import require_room

ARRAYS = "eeg (channels, samples), rate (samples a second) and beats (seconds from the first sample)"


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
    return _of_arrays(path) if path.suffix == ".npz" else _of_mne(path)


def _of_arrays(path: Path) -> Recording:
    try:
        found = _arrays(path)
    except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
        msg = f"{path.name} cannot be read as .npz of numbers: {error}"
        raise ValueError(msg) from error
    missing = {"eeg", "rate", "beats"} - set(found)
    if missing:
        msg = f"{path.name} lacks {', '.join(sorted(missing))}; it needs {ARRAYS}"
        raise ValueError(msg)
    if found["rate"].size != 1:
        msg = f"rate has shape {found['rate'].shape}; it must be one number, in samples a second"
        raise ValueError(msg)
    return checked(Recording(np.atleast_2d(found["eeg"]), found["rate"].item(), found["beats"].ravel()))


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file that does not need far more memory than its size."""
    with zipfile.ZipFile(path) as archive:
        require_room(sum(each.file_size for each in archive.infolist()), path.stat().st_size, path.name)
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name].astype(float) for name in ("eeg", "rate", "beats") if name in arrays}


def checked(recording: Recording) -> Recording:
    """Raise a ValueError unless shapes and numbers are those of a recording."""
    signals, rate, beats = recording
    if signals.ndim != 2 or not np.isfinite(signals).all() or not np.isfinite(beats).all():
        msg = f"eeg has shape {signals.shape}; it must be (channels, samples), and eeg and beats must be finite: leave bad stretches out"
        raise ValueError(msg)
    if not rate >= 20:
        msg = f"rate is {rate:g} samples a second; at least 20 are needed to see a potential of 0.4 seconds"
        raise ValueError(msg)
    seconds = signals.shape[1] / rate
    if len(beats) and (beats.min() < 0 or beats.max() > seconds):
        msg = f"beats lie between {beats.min():g} and {beats.max():g} s, the recording between 0 and {seconds:g} s; give them in seconds from the first sample"
        raise ValueError(msg)
    return recording


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
        else "no more alike than at times without a beat"
    )
    short, long = found.alpha
    alpha = f"{short:.2f} at 4 to 16 beats, {long:.2f} at 16 to 64" if math.isfinite(short) else "not computed, needs 256 beats"
    return f"""{found.beats} beats: {said}.
mean cosine of successive evoked potentials {found.cosine:.3f}; of {SHIFTS} random shifts of all beats {found.null[0]:.3f} to {found.null[1]:.3f} (middle 95 %), p = {found.p:.3f}
without their overall mean {found.without_mean:.3f}
α of their differences as a vector: {alpha}
A similar direction may also come from the heart's own electric field; whether it does is not tested."""


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
