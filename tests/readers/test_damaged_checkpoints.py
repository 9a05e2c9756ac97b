"""Checkpoints that are cut off, altered or hostile: an error or a note, never a wrong number, and nothing of theirs is run."""

from __future__ import annotations

import os
import pickle
import random
import sys
from contextlib import suppress

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.checkpoint_files import FORMATS, STEPS, distance, distances, weights
from wcdfa.readers.checkpoints.displacement import is_checkpoints, read_checkpoints

FULL = distances(map(weights, STEPS))
WITHOUT = {100: FULL[1:], 200: [distance(weights(400), weights(100))], 400: FULL[:1]}


def written(folder, name):
    return {step: FORMATS[name].write(folder, step) for step in STEPS}


def files(path):
    return sorted(part for part in path.rglob("*") if part.is_file() and part.stat().st_size) if path.is_dir() else [path]


def check(folder, step):
    """Whether the whole series was read, or it without that step."""
    run = next(read_checkpoints(folder))
    column = run.columns["displacement"]
    if step in column.steps or (step == 100 and len(column.values) == 2):
        np.testing.assert_allclose(column.values, FULL, rtol=1e-12)
        return True
    np.testing.assert_allclose(column.values, WITHOUT[step], rtol=1e-12)
    assert any("skipped" in note for note in run.notes)
    return False


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", FORMATS)
def test_cut_off_anywhere(tmp_path, name, step):
    path = written(tmp_path, name)[step]
    rng = random.Random(step)
    read = []
    for i in range(50):
        victim = rng.choice(files(path))
        whole = victim.read_bytes()
        victim.write_bytes(whole[: (0, len(whole) - 1)[i] if i < 2 else rng.randrange(len(whole))])
        read.append(check(tmp_path, step))
        victim.write_bytes(whole)
    assert not all(read)
    assert not any(read) or path.is_dir()  # orbax has files that are not needed for the numbers
    assert check(tmp_path, step)


@pytest.mark.parametrize("name", [name for name in FORMATS if name.startswith("orbax")])
def test_a_file_is_missing(tmp_path, name):
    path = written(tmp_path, name)[200]
    read = []
    for victim in files(path):
        whole = victim.read_bytes()
        victim.unlink()
        read.append(check(tmp_path, 200))
        victim.write_bytes(whole)
    assert not all(read)
    assert any(read)


@pytest.mark.parametrize("name", FORMATS)
def test_altered_bytes_raise_nothing_but_errors_of_value(tmp_path, name):
    path = written(tmp_path, name)[200]
    rng = random.Random(0)
    for _ in range(100):
        victim = rng.choice(files(path))
        whole = victim.read_bytes()
        altered = bytearray(whole)
        for _ in range(rng.choice((1, 1, 20))):
            altered[rng.randrange(min(len(whole), 1000))] = rng.randrange(256)
        victim.write_bytes(altered)
        with suppress(ValueError):  # that two have no parameter in common
            next(read_checkpoints(tmp_path))
        victim.write_bytes(whole)
    assert check(tmp_path, 200)


@pytest.mark.parametrize("name", FORMATS)
def test_none_is_whole(tmp_path, name):
    for path in written(tmp_path, name).values():
        for part in files(path):
            part.write_bytes(part.read_bytes()[:-1] if part.name not in ("_METADATA",) else b"{")
    assert is_checkpoints(tmp_path)
    with pytest.raises(ValueError, match=r"fewer than two of 3 checkpoints can be read: .*100.*200.*400"):
        next(read_checkpoints(tmp_path))


def test_shrinks_while_it_is_read(tmp_path, monkeypatch):
    """A file that is mapped into memory would end the process."""
    paths = written(tmp_path, "safetensors")
    from wcdfa.readers.checkpoints import displacement as checkpoints

    square = checkpoints._square

    def shrink(*given):
        os.truncate(paths[400], 500)
        return square(*given)

    monkeypatch.setattr(checkpoints, "_square", shrink)
    run = next(read_checkpoints(tmp_path))
    np.testing.assert_allclose(run.columns["displacement"].values, FULL[:1], rtol=1e-12)
    assert any("step_400.safetensors" in note for note in run.notes)


def test_zero_length_and_empty_ones(tmp_path):
    written(tmp_path, "safetensors")
    (tmp_path / "step_500.safetensors").touch()
    run = next(read_checkpoints(tmp_path))
    np.testing.assert_allclose(run.columns["displacement"].values, FULL, rtol=1e-12)
    assert "1 of 4 checkpoints skipped" in "".join(run.notes)
    assert "step_500.safetensors (it is empty)" in "".join(run.notes)


def test_a_folder_of_a_step_that_holds_nothing_yet(tmp_path):
    written(tmp_path, "orbax")
    (tmp_path / "step_500").mkdir()
    (tmp_path / "step_600.orbax-checkpoint-tmp-17").mkdir()
    run = next(read_checkpoints(tmp_path))
    np.testing.assert_allclose(run.columns["displacement"].values, FULL, rtol=1e-12)
    assert "2 unfinished or temporary checkpoint(s) skipped" in "".join(run.notes)


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


@pytest.fixture
def model(torch):
    return torch.nn.Linear(3, 2)


def test_nothing_that_is_pickled_is_run(tmp_path, torch):
    fuse = tmp_path / "lit"
    for step in STEPS:
        model = {name: torch.tensor(part) for name, part in weights(step).items()}
        torch.save({"state_dict": model, "callbacks": {"own": Bomb(fuse)}}, tmp_path / f"step={step}.ckpt")
    np.testing.assert_allclose(next(read_checkpoints(tmp_path)).columns["displacement"].values, FULL, rtol=1e-12)
    assert not fuse.exists()
    torch.load(tmp_path / "step=100.ckpt", weights_only=False)
    assert fuse.exists()


@pytest.mark.parametrize("wrap", [lambda held: held, lambda held: {"model": held, "w": None}])
def test_pickled_models_and_bombs_are_refused(tmp_path, torch, model, wrap):
    for step in STEPS:
        torch.save(wrap(model if step == 100 else Bomb(tmp_path / "lit")), tmp_path / f"{step}.pt")
    with pytest.raises(ValueError, match=r"pickled torch.nn.modules.linear.Linear, which is not loaded.*save the state_dict"):
        next(read_checkpoints(tmp_path))
    assert not (tmp_path / "lit").exists()


def test_bare_pickles_are_refused(tmp_path, torch, model):
    torch.save(model.state_dict(), tmp_path / "1.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "2.pt").write_bytes(pickle.dumps(Bomb(tmp_path / "lit"), 2))
    with pytest.raises(ValueError, match=r"1\.pt: it is a bare pickle, .*2\.pt: it is a bare pickle.* and torch.save it again"):
        next(read_checkpoints(tmp_path))
    assert not (tmp_path / "lit").exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_programs_are_refused(tmp_path, torch, model):
    for step in STEPS:
        torch.jit.save(torch.jit.script(model), tmp_path / f"{step}.pt")
    with pytest.raises(ValueError, match=r"TorchScript program: save the state_dict\(\)"):
        next(read_checkpoints(tmp_path))


def test_a_library_is_missing(tmp_path, monkeypatch):
    require("orbax.checkpoint")
    written(tmp_path, "orbax")
    monkeypatch.setitem(sys.modules, "tensorstore", None)
    with pytest.raises(ValueError, match=r"step_100: .*needs tensorstore, which is not installed: pip install 'wcdfa\[orbax\]'"):
        next(read_checkpoints(tmp_path))


@pytest.mark.parametrize("head", [b"\0\0", b"PQ", b"x"])
def test_a_file_named_like_the_others_that_does_not_begin_as_one_is_named(tmp_path, head):
    """As where a process was killed before the first page was written: it must not be left out in silence."""
    path = written(tmp_path, "torch")[400]
    path.write_bytes(head + path.read_bytes()[len(head) :])
    (tmp_path / "model_00300.pt").symlink_to(tmp_path / "model_00200.pt")  # a second name of another is none
    run = next(read_checkpoints(tmp_path))
    np.testing.assert_allclose(run.columns["displacement"].values, WITHOUT[400], rtol=1e-12)
    assert "1 unfinished or temporary checkpoint(s) skipped: model_00400.pt" in run.notes
