"""MNE: channels and epochs keep their names, bad stretches are left out and not bridged, boxes in seconds."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from tests.conftest import require

mne = pytest.importorskip("mne")

from wcdfa.backends.mne import dfa

RATE = 20.0


@pytest.fixture(scope="module")
def data():
    return wcdfa.synthetic.white_noise(1000, batch=(3,), seed=0)


def info(*names):
    return mne.create_info(list(names), RATE, ch_types=["eeg"] * (len(names) - 1) + ["stim"])


def raw_of(data):
    return mne.io.RawArray(data.copy(), info("C3", "C4", "STI"), verbose="error")


def same(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert np.allclose(one, other, rtol=1e-10, atol=0)


def test_channels_of_a_raw_are_its_data_channels_that_are_not_bad(data):
    raw = raw_of(data)
    found = dfa(raw)
    assert found.channels == ("C3", "C4")
    assert found.epochs is None
    assert found.rate == RATE
    same(found.result, wcdfa.dfa(data[:2]))
    raw.info["bads"] = ["C3"]
    assert dfa(raw).channels == ("C4",)
    same(dfa(raw, "STI", order=2).result, wcdfa.dfa(data[2:], order=2))
    assert np.array_equal(raw.get_data(), data)


@pytest.mark.parametrize("first", [0, 300])
def test_bad_stretches_are_left_out_and_not_bridged(data, first):
    raw = mne.io.RawArray(data.copy(), info("C3", "C4", "STI"), first_samp=first, verbose="error")
    raw.set_annotations(mne.Annotations([10, 30], [5, 2], ["BAD_jump", "note"]))
    spoilt = data.copy()
    spoilt[:, 200:300] = 1e6
    raw._data[:] = spoilt
    found = dfa(raw)
    kept = ~np.isnan(raw.get_data([0], reject_by_annotation="NaN")[0])
    assert found.left_out == pytest.approx(0.1, abs=0.002)
    expected = wcdfa.dfa(data[:2, kept], breaks=[int(np.argmin(kept))])
    same(found.result, expected)


def test_recordings_that_were_joined_are_not_bridged(data):
    whole = mne.concatenate_raws([raw_of(data[:, :400]), raw_of(data[:, 400:])], verbose="error")
    same(dfa(whole).result, wcdfa.dfa(data[:2], breaks=[400]))


def test_bad_stretches_are_gaps_in_time_if_asked(data):
    raw = raw_of(data[:, :128])
    raw.set_annotations(mne.Annotations([2.0], [0.45], ["bad"]))
    lost = raw.get_data(["C3"], reject_by_annotation="NaN")
    same(dfa(raw, "C3", missing="omit", method="ols").result, wcdfa.dfa(lost, missing="omit", method="ols"))


def test_epochs_keep_their_numbers(data):
    epochs = mne.EpochsArray(data.reshape(3, 5, 200).swapaxes(0, 1), info("C3", "C4", "STI"), verbose="error")
    epochs.drop([1], verbose="error")
    found = dfa(epochs, method="ols")
    assert found.epochs == (0, 2, 3, 4)
    assert found.result.alpha.shape == (4, 2)
    same(found.result.at(1, 1), wcdfa.dfa(data[1, 400:600], method="ols"))


def test_a_table_of_pandas(data):
    require("pandas")
    raw = raw_of(data)
    raw._data[1] = 1.0
    table = dfa(raw).to_data_frame()
    assert table.index.tolist() == ["C3", "C4"]
    assert table.loc["C3", "alpha"] == pytest.approx(wcdfa.dfa(data[0]).alpha)
    assert table.loc["C4", "reason"].startswith("the series is constant")
    epochs = mne.EpochsArray(data.reshape(3, 5, 200).swapaxes(0, 1), info("C3", "C4", "STI"), verbose="error")
    assert dfa(epochs).to_data_frame().loc[(3, "C4"), "alpha"] == pytest.approx(wcdfa.dfa(data[1, 600:800]).alpha)


def test_boxes_in_seconds(data):
    found = dfa(raw_of(data), seconds=(0.5, 5))
    assert found.result.scales.tolist() == [12, 16, 24, 32, 48, 64, 96]
    with pytest.raises(
        ValueError, match=r"leaves 0 box sizes: at 20 samples a second, boxes of 3 to .* widen the range, or resample"
    ):
        dfa(raw_of(data), seconds=(100, 200))
    with pytest.raises(ValueError, match="either seconds= or scales="):
        dfa(raw_of(data), seconds=(1, 2), scales=[4, 8])


def test_what_is_refused(data):
    with pytest.raises(TypeError, match=r"must be a Raw or Epochs, got ndarray; for an array, call wcdfa.dfa"):
        dfa(data)
    with pytest.raises(ValueError, match="breaks= is for Epochs; annotate a Raw"):
        dfa(raw_of(data), breaks=[100])


def test_the_amplitude_of_a_band_keeps_its_exponent():
    """The lines of the documentation: a carrier whose amplitude has long memory."""
    rate, minutes = 100.0, 6
    time = np.arange(int(rate * 60 * minutes)) / rate
    slow = wcdfa.synthetic.arfima(len(time) // 5, d=0.3, seed=1)
    amplitude = np.exp(0.3 * np.interp(time, time[::5], slow))
    raw = mne.io.RawArray(
        1e-6 * (amplitude * np.sin(2 * np.pi * 10 * time))[None], mne.create_info(["Oz"], rate, "eeg"), verbose="error"
    )
    raw.filter(8, 13, verbose="error").apply_hilbert(envelope=True, verbose="error").resample(20, verbose="error")
    found = dfa(raw, seconds=(1, 50))
    assert found.result.low[0] < 0.8 < found.result.high[0]
