"""MNE: channels and epochs with their names, a bad stretch left out."""

import mne
import numpy as np

import wcdfa
from wcdfa.backends.mne import dfa

x = wcdfa.synthetic.white_noise(1000, batch=(2,), seed=0)
info = mne.create_info(["C3", "C4"], 20.0, "eeg")
raw = mne.io.RawArray(x, info, verbose="error")
raw.set_annotations(mne.Annotations([10], [5], ["BAD_jump"]))
found = dfa(raw)
assert found.channels == ("C3", "C4")
assert 0.09 < found.left_out < 0.11
table = dfa(mne.EpochsArray(x.reshape(2, 5, 200).swapaxes(0, 1), info, verbose="error")).to_data_frame()
assert np.isclose(table.loc[(3, "C4"), "alpha"], wcdfa.dfa(x[1, 600:800]).alpha)
