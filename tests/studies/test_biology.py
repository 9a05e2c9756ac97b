"""The rules of the study of biology on made-up runs, its data, and the test of evoked potentials for a user's own recording."""

from __future__ import annotations

import sys
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from studies.biology import evoked, heartbeat, recordings
from studies.biology.exponents import LONG, MODELS, SHORT, Spread, misfits, student, union
from studies.biology.run import STUDY, recorded
from studies.biology.summary import covers, verdict_on_band, verdict_on_one
from studies.common.study import NOT, REPLICATES, UNDECIDED, UNTESTABLE, check_verdict
from wcdfa import synthetic
from wcdfa.readers import limits
from wcdfa.scales import half_sizes


def cover(hits=38, misfit=2, seeds=10):
    """Runs on synthetic series, of which so many of 40 intervals hold the truth."""
    shares = {"count": 40, "alpha1_covered": hits, "alpha2_covered": hits, "misfits": misfit}
    return [
        {"arm": "cover", "model": each.name, "parameter": each.parameter, "seed": seed, **shares}
        for each in MODELS
        for seed in range(seeds)
    ]


def heart(alpha1=1.0, alpha2=1.0, half=0.05, p=0.5, beats=4684, name="hour"):
    """A run on a recording with these exponents and this p of a single one."""
    found = {
        "arm": "recording",
        "recording": name,
        "beats": beats,
        "seed": 0,
        "misfit": [p] * 4,
        "fluctuations": list(np.arange(1.0, 10.0)),
    }
    for key, value in (("alpha1", alpha1), ("alpha2", alpha2)):
        found |= {key: value, f"{key}_low": value - half, f"{key}_high": value + half}
        found[f"{key}_stretches"] = list(value + 0.02 * np.array([-1, 1, -1, 1, 0, 1, -1, 0.5, -0.5]))
    return found


def verdicts(*rows):
    return [each.verdict for each in STUDY.outcomes(pd.DataFrame([*rows, *cover()]))]


def test_both_ranges_inside_the_band_replicate():
    assert verdicts(heart()) == [REPLICATES, REPLICATES, UNTESTABLE]


def test_a_range_outside_the_band_does_not():
    assert verdicts(heart(alpha1=1.35, p=1e-4))[:2] == [NOT, NOT]
    assert verdicts(heart(alpha2=0.7))[0] == NOT


def test_an_interval_across_the_edge_decides_nothing():
    assert verdicts(heart(alpha1=1.17))[0] == UNDECIDED
    assert verdicts(heart(p=0.01))[1] == UNDECIDED  # four stretches: corrected p = 0.04
    assert verdicts(heart(alpha1=1.1, alpha2=0.9))[:2] == [REPLICATES, UNDECIDED]  # both inside, but not the same


def test_nothing_is_decided_by_short_or_other_recordings():
    assert verdicts(heart(beats=999))[:2] == [UNDECIDED] * 2
    assert verdicts(heart(name="systole"))[:2] == [UNDECIDED] * 2
    assert verdicts()[:2] == [UNDECIDED] * 2


def test_nothing_is_decided_by_intervals_that_do_not_hold_the_truth():
    for tried, expected in (
        (cover(hits=35), [UNDECIDED, REPLICATES]),
        (cover(misfit=5), [REPLICATES, UNDECIDED]),
        (cover(seeds=9), [UNDECIDED] * 2),
        ([], [UNDECIDED] * 2),
    ):
        assert [each.verdict for each in STUDY.outcomes(pd.DataFrame([heart(), *tried]))][:2] == expected


def test_rules_look_at_all_recordings():
    inside, outside = Spread(1.0, 0.9, 1.1), Spread(1.4, 1.3, 1.5)
    assert verdict_on_band([inside, outside], trusted=True) == NOT
    assert verdict_on_band([inside, Spread(1.1, 1.0, 1.3)], trusted=True) == UNDECIDED
    assert verdict_on_one([0.5, 0.001], [inside, inside], trusted=True) == NOT


def test_the_words_say_whose_seeds_they_are_and_which_recordings():
    runs = pd.DataFrame([heart(), heart(name="five_minutes"), *cover()])
    band, one, evoked_ = STUDY.outcomes(runs)
    assert "α2 = 1.00 (0.95 to 1.05) (an hour, healthy); α1 = " in band.line
    assert "p = 1, and α1 − α2 = 0.00 (0.00 to 0.00) (an hour, healthy); " in one.line
    assert "This p is the smallest of 4 stretches of 1,024 beats, times 4; the difference is the mean over 9 stretches" in one.line
    assert one.effect.endswith("mean over 9 stretches of 512 beats")
    assert "simulated series with one exponent, 10 seeds: the interval holds the truth in at least 95 %" in band.null
    assert "5 % at most" in one.null
    assert "No package that we know" in evoked_.line
    assert any("long enough to decide: 2." in each for each in STUDY.not_done(runs))
    assert any("long enough to decide: 0." in each for each in STUDY.not_done(pd.DataFrame(cover())))


def test_boxes_of_the_truth_are_those_of_the_estimate():
    """The exponents that intervals are compared with are slopes over the same sizes."""
    sizes = half_sizes(1024, 1)
    assert tuple(size for size in sizes if 4 <= size <= 16) == SHORT
    assert tuple(size for size in sizes if 16 <= size <= 64) == LONG


def test_the_interval_of_a_changing_state_is_the_wider_one():
    steady, changing = Spread(1.0, 0.9, 1.1), student([0.5, 1.0, 1.5])
    assert union(steady, changing) == Spread(1.0, changing.low, changing.high)
    assert union(steady, student([1.0])) == steady


def test_the_shipped_series_are_whole():
    hour, minutes = (recordings.intervals(name) for name in recordings.HEALTHY)
    assert (len(hour), hour.sum()) == (4684, 3_599_365)
    assert (len(minutes), minutes.sum()) == (337, 299_578)
    text = (recordings.FOLDER / "README.md").read_text("utf-8")
    for each in ("Open Data Commons Attribution License", "BSD 3-Clause", "doi:10.13026/C2NK5R", "4,684", "337"):
        assert each in text


def test_a_recording_of_a_package_is_read_where_it_is_installed(tmp_path, monkeypatch):
    info = tmp_path / "systole-0.3.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: systole\nVersion: 0.3.1\n")
    (info / "RECORD").write_text("systole/datasets/rr.txt,,\n")
    (tmp_path / "systole" / "datasets").mkdir(parents=True)
    (tmp_path / "systole" / "datasets" / "rr.txt").write_text(",rr\n0,992.0\n1,1016.5\n")
    monkeypatch.setattr(recordings, "distribution", lambda name: PathDistribution(info))
    assert recordings.available()[-1] == "systole"
    assert recordings.intervals("systole").tolist() == [992.0, 1016.5]
    with pytest.raises(ValueError, match="there are hour, five_minutes, systole"):
        recordings.intervals("day")


def test_a_crossover_is_seen():
    assert (misfits(synthetic.ar1(1024, phi=0.9, seed=0)) < 0.01).all()
    assert misfits(synthetic.white_noise(1000, seed=0)).tolist() == []


def test_runs_go_through_to_the_page(tmp_path):
    quick = STUDY.settings(True)
    picked = [quick[0], quick[1] | {"length": 128, "count": 5}, quick[-1]]
    found = [STUDY.run(**each) for each in picked]
    assert found[2] == STUDY.run(**picked[2])
    runs = pd.DataFrame([each | own for each, own in zip(picked, found, strict=True)])
    assert found[0]["beats"] == 337
    assert 0.5 < found[0]["alpha1"] < 1.0
    for each in STUDY.outcomes(runs):
        check_verdict(each.verdict)
    assert STUDY.outcomes(runs)[2].verdict == UNTESTABLE
    assert all(len(table) for _, table in STUDY.tables(runs))
    assert any("an hour" in each for each in STUDY.not_done(runs))
    STUDY.picture(pd.DataFrame([heart(), *runs.to_dict("records")]), tmp_path / "biology.png")
    assert 5_000 < (tmp_path / "biology.png").stat().st_size < 80_000
    assert covers(runs)["series"].tolist() == [5]


def test_stretches_belong_to_the_whole():
    x = 800 + 50 * synthetic.arfima(1100, d=0.5, seed=1)
    found = recorded(x)
    assert len(found["alpha1_stretches"]) == 2
    assert len(found["misfit"]) == 1
    assert found["alpha1_low"] < found["alpha1"] < found["alpha1_high"]


def test_an_evoked_direction_is_found_where_there_is_one():
    with_one, without = (evoked.directions(evoked.made_up(strength, seed=0), shifts=100) for strength in (1.0, 0.0))
    assert with_one.p < 0.05 < without.p
    assert with_one.cosine > 0.1
    assert with_one.without_mean < 0.05
    assert 0.04 < with_one.spread < 0.06
    assert not with_one.regular
    assert without.null[0] < without.cosine < without.null[1]
    assert np.isfinite(with_one.alpha).all()


def test_a_potential_is_the_vector_after_a_beat():
    signals = np.zeros((2, 1000))
    signals[1, 130:150] = 1.0
    (vector,) = evoked.potentials(evoked.Recording(signals, 100.0, np.array([1.0])), np.array([1.0]))
    assert vector.shape == (80,)
    assert vector.reshape(2, 40)[1].tolist() == [-0.5] * 10 + [0.5] * 20 + [-0.5] * 10


@pytest.fixture
def file(tmp_path):
    def write(**changed):
        made = evoked.made_up(1.0, seed=0)
        arrays = {"eeg": made.signals, "rate": made.rate, "beats": made.beats} | changed
        np.savez(tmp_path / "mine.npz", **{name: each for name, each in arrays.items() if each is not None})
        return str(tmp_path / "mine.npz")

    return write


def test_the_script_says_what_a_recording_shows(file, capsys):
    assert heartbeat.main([file()]) == 0
    printed = capsys.readouterr().out
    assert "similar directions" in printed
    assert "p = 0.0" in printed


def test_the_script_says_that_alpha_needs_more_beats(file, capsys):
    assert heartbeat.main([file(beats=np.arange(1.0, 200.0))]) == 0
    printed = capsys.readouterr().out
    assert "as a vector: not computed, needs 256 beats" in printed
    assert "nan" not in printed


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"beats": None}, "lacks beats; it needs eeg"),
        ({"beats": np.arange(1.0, 50.0)}, "49 beats have a whole evoked potential, and at least 100 are needed"),
        ({"beats": np.arange(1.0, 900.0)}, "beats lie between 1 and 899 s, the recording between 0 and 300 s"),
        ({"rate": 10.0}, "rate is 10 samples a second; at least 20 are needed"),
        ({"eeg": np.full((2, 30_000), np.nan)}, "must be finite"),
        ({"eeg": np.array([{}])}, "mine.npz cannot be read as .npz of numbers: Object arrays"),
        ({"rate": np.ones(3)}, "rate has shape (3,)"),
        ({"rate": np.inf}, "rate is not finite"),
        ({"eeg": np.full((2, 30_000), 0.1)}, "2 of 2 channels of eeg do not vary (counted from 0: 0, 1); leave them out"),
        (
            {"eeg": np.stack([np.sin(np.arange(30_000.0)), np.zeros(30_000)])},
            "1 of 2 channels of eeg do not vary (counted from 0: 1)",
        ),
        ({"eeg": np.empty((0, 30_000))}, "eeg has shape (0, 30000); it must be (channels, samples), with at least one of each"),
        ({"eeg": np.ones((4, 30_000)) * 1j}, "eeg holds complex128; it must hold real numbers"),
        ({"eeg": np.random.default_rng(0).normal(size=(30_000, 4))}, "more channels than samples; it must be (channels, samples)"),
        (
            {"eeg": np.where(np.arange(30_000) < 15_000, 0.1, np.sin(np.arange(30_000.0)))[None], "beats": np.arange(1.0, 200.0)},
            "vary after",
        ),
        ({"beats": np.empty(0)}, "beats is empty; give the times of heart beats"),
        ({"beats": np.full(150, 3.0)}, "149 of 150 beats come less than 0.2 s after another"),
        ({"beats": np.ones((2, 100))}, "beats has shape (2, 100); it must be one row"),
        ({"beats": np.array([1.0, np.nan])}, "1 of 2 beats are not finite"),
    ],
)
def test_the_script_refuses_with_a_reason(changed, says, file, capsys):
    with pytest.raises(SystemExit) as caught:
        heartbeat.main([file(**changed)])
    assert caught.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_the_size_of_the_signals_changes_nothing(scale, file, capsys):
    """Nor does a name in capitals, or beats as a column."""
    made = evoked.made_up(1.0, seed=0, seconds=120, channels=2)
    path = Path(file(eeg=scale * made.signals, beats=made.beats[::-1, None]))
    path = path.rename(path.with_name("GOOD.NPZ"))
    assert heartbeat.main([str(path)]) == 0
    printed = capsys.readouterr().out
    assert f"cosine of successive evoked potentials {evoked.directions(made).cosine:.3f};" in printed
    assert "nan" not in printed


def test_a_heart_that_beats_evenly_can_hide_a_direction(file, capsys):
    """The same wave after each beat, and after each shifted beat too."""
    times = np.arange(12_000) / 100
    wave = np.sin(2 * np.pi * times) + 1e-3 * np.random.default_rng(0).standard_normal(12_000)
    assert heartbeat.main([file(eeg=wave, beats=np.arange(1.0, 119.0))]) == 0
    printed = capsys.readouterr().out
    assert "vary by 0.0 ms only" in printed
    assert "no more alike than with all beats shifted" in printed
    assert heartbeat.main([file(eeg=np.sin(2 * np.pi * times), beats=np.arange(1.0, 119.0))]) == 0
    assert "nan" not in capsys.readouterr().out


def test_the_script_refuses_text_inside_an_archive(tmp_path, capsys):
    path = tmp_path / "text.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("eeg", "rate", "beats"):
            archive.writestr(f"{name}.npy", "some text")
    with pytest.raises(SystemExit) as caught:
        heartbeat.main([str(path)])
    assert caught.value.code == 2
    assert "text.npz cannot be used: eeg is not an array; write the file with numpy.savez" in capsys.readouterr().err


def test_the_script_refuses_without_a_recording(tmp_path, capsys, monkeypatch):
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    (tmp_path / "mine.fif").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "mne", None)
    monkeypatch.setattr(heartbeat, "find_spec", lambda name: None)
    for arguments, says in (
        ([], "required: recording"),
        ([str(tmp_path / "none.npz")], "is no file; give a recording of EEG"),
        ([str(tmp_path / "bad.npz")], "bad.npz cannot be read as .npz"),
        ([str(tmp_path / "mine.fif")], "needs MNE-Python: pip install mne"),
    ):
        with pytest.raises(SystemExit) as caught:
            heartbeat.main(arguments)
        assert caught.value.code == 2
        assert says in capsys.readouterr().err


def test_the_script_does_not_fill_the_memory(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(limits, "ALWAYS", 1 << 20)
    path = tmp_path / "large.npz"
    np.savez_compressed(path, eeg=np.zeros((1, 400_000)), rate=100.0, beats=np.arange(200.0))
    with pytest.raises(SystemExit):
        heartbeat.main([str(path)])
    assert "large.npz would take 3 MB of memory" in capsys.readouterr().err
