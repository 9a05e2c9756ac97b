"""DFA of MNE-Python: α of each channel of a Raw, or of each channel of each epoch of Epochs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt

from wcdfa.inference.each_series import Options, columns_of, measure_each
from wcdfa.inference.exponent import DFAResult
from wcdfa.scales import half_sizes
from wcdfa.support.extras import needed

with needed("wcdfa.backends.mne", "wcdfa[mne]"):
    import mne

if TYPE_CHECKING:
    import pandas as pd

EDGE = re.compile("(?i)edge|bad.?boundary")
"""Annotations of the seams between recordings that were joined."""
Values = npt.NDArray[np.float64]


class ChannelExponents(NamedTuple):
    """α of channels: the result of `wcdfa.dfa`, and what its axes are."""

    result: DFAResult
    """Batch shape ``(channels,)`` for a Raw, ``(epochs, channels)`` for Epochs."""
    channels: tuple[str, ...]
    """Names of the channels."""
    epochs: tuple[int, ...] | None
    """The numbers of the epochs before any was dropped (``epochs.selection``); None for a Raw."""
    rate: float
    """Samples a second, so that ``result.scales / rate`` are the box sizes in seconds."""
    left_out: float
    """Share of the samples left out, because annotations call them bad."""

    def to_data_frame(self) -> pd.DataFrame:
        """A table of pandas, one row for each channel, or for each epoch and channel."""
        with needed("to_data_frame", "pandas"):
            import pandas as pd  # noqa: PLC0415 - MNE does without it
        index: pd.Index = pd.Index(self.channels, name="channel")
        if self.epochs is not None:
            index = pd.MultiIndex.from_product([self.epochs, self.channels], names=["epoch", "channel"])
        return pd.DataFrame(columns_of(self.result), index=index)


def dfa(
    recording: mne.io.BaseRaw | mne.BaseEpochs,
    picks: str | list[str] | None = None,
    *,
    seconds: tuple[float, float] | None = None,
    **options: Unpack[Options],
) -> ChannelExponents:
    """Measure the DFA exponent α of each channel of a Raw, or of each channel and epoch of Epochs.

    >>> import wcdfa
    >>> info = mne.create_info(["C3", "C4"], sfreq=20, ch_types="eeg")
    >>> raw = mne.io.RawArray(wcdfa.synthetic.white_noise(2000, batch=(2,), seed=0), info, verbose="error")
    >>> found = dfa(raw, seconds=(0.5, 20))
    >>> dict(zip(found.channels, found.result.alpha.round(2).tolist()))
    {'C3': 0.51, 'C4': 0.48}

    Parameters
    ----------
    recording : Raw or Epochs
        Usually the amplitude of a frequency band at 10 to 50 samples a second; the documentation shows how to make it.
    picks : as MNE takes them, optional
        Channels by type or name. Default: all data channels that are not marked as bad.
    seconds : pair of numbers, optional
        Shortest and longest box. Default: all sizes that `wcdfa.dfa` takes, at most 2,048 samples. Not together with `scales`.
    options
        As `wcdfa.dfa`: `order`, `scales` (in samples), `method`, `confidence`, `missing`, and for Epochs `breaks`.

    Returns
    -------
    ChannelExponents
        Samples of a Raw under annotations whose names begin with "bad" are left out, as MNE does. No box reaches across them, unless
        ``missing="omit"`` says that they are gaps in time, nor across the seam where recordings were joined.

    Raises
    ------
    TypeError
        If it is neither a Raw nor Epochs.
    ValueError
        If there is no box of these lengths, or as `wcdfa.dfa`.
    """
    if not isinstance(recording, mne.io.BaseRaw | mne.BaseEpochs):
        msg = f"recording must be a Raw or Epochs, got {type(recording).__name__}; for an array, call wcdfa.dfa(array)"
        raise TypeError(msg)
    of_raw = isinstance(recording, mne.io.BaseRaw)
    chosen = recording.copy().pick("data" if picks is None else picks, exclude="bads" if picks is None else ())
    data, left_out = _without_bad(chosen, options) if of_raw else (chosen.get_data(copy=False), 0.0)
    rate = float(recording.info["sfreq"])
    if seconds is not None:
        options["scales"] = _sizes(seconds, rate, data.shape[-1], options)
    epochs = None if of_raw else tuple(int(number) for number in chosen.selection)
    return ChannelExponents(measure_each(data, **options), tuple(chosen.ch_names), epochs, rate, left_out)


def _without_bad(raw: mne.io.BaseRaw, options: Options) -> tuple[Values, float]:
    """The samples of a Raw outside bad annotations; `options` are told where the seams are."""
    if "breaks" in options:
        msg = "breaks= is for Epochs; annotate a Raw instead: raw.annotations.append(onset, duration, 'BAD_gap')"
        raise ValueError(msg)
    data = raw.get_data(reject_by_annotation="NaN")
    bad = np.isnan(data).all(axis=0)
    if options.get("missing") == "omit":
        options["breaks"] = tuple(sorted({*_edges(raw).astype(int).tolist()} - {0, data.shape[-1]}))
        return data, float(bad.mean())
    kept = np.flatnonzero(~bad)
    seams = {*(1 + np.flatnonzero(np.diff(kept) > 1)).tolist(), *np.searchsorted(kept, _edges(raw)).tolist()}
    options["breaks"] = tuple(sorted(seams - {0, len(kept)}))
    return data[:, kept], float(bad.mean())


def _edges(raw: mne.io.BaseRaw) -> Values:
    """Samples at which recordings were joined, which MNE marks with annotations of no length."""
    if not any(EDGE.match(each) for each in raw.annotations.description):
        return np.array([])
    events, _ = mne.events_from_annotations(raw, regexp=EDGE.pattern, verbose="error")
    return np.asarray(events[:, 0] - raw.first_samp, dtype=np.float64)


def _sizes(seconds: tuple[float, float], rate: float, n: int, options: Options) -> tuple[int, ...]:
    """The default box sizes between two lengths in seconds."""
    if options.get("scales") is not None:
        msg = "give either seconds= or scales= (in samples)"
        raise ValueError(msg)
    known, (low, high) = half_sizes(n, options.get("order", 1)), seconds
    sizes = tuple(size for size in known if low * rate <= size <= high * rate)
    if len(sizes) < 2:
        msg = (
            f"seconds={seconds} leaves {len(sizes)} box sizes: at {rate:g} samples a second, boxes of {known[0]} to {known[-1]} samples last "
            f"{known[0] / rate:.3g} to {known[-1] / rate:.3g} seconds; widen the range, or resample the amplitude: raw.resample(20)"
        )
        raise ValueError(msg)
    return sizes
