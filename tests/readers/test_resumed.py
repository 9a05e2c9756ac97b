"""The pieces of a run of Weights & Biases that was resumed are found by the names of its folders and files."""

from __future__ import annotations

import pytest

from wcdfa.readers.resumed import pieces

DAY, SECONDS = "offline-run-20261127", ("210654", "210655")


def pieces_of(folder, identity, *names):
    """Write an empty file of the run into a folder of each name."""
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / f"run-{identity}.wandb").touch()
    return [folder / name / f"run-{identity}.wandb" for name in names]


@pytest.mark.parametrize("identity", ["abc123", "abc-1", "1", "a-1-2", "sweep-10"])
@pytest.mark.parametrize("later", [1, 2, 11])
def test_pieces_begun_in_one_second_are_in_the_order_of_their_numbers(tmp_path, identity, later):
    start = f"{DAY}_{SECONDS[0]}-{identity}"
    written = pieces_of(tmp_path, identity, start, *(f"{start}-{i}" for i in range(1, later + 1)), f"{DAY}_{SECONDS[1]}-{identity}")
    assert all(pieces(each) == written for each in written)


@pytest.mark.parametrize("others", [["abc-1"], ["abc-1", "abc-2"], ["abc-1", "abc-1-1"]])
def test_runs_with_ids_that_end_in_a_number_are_others(tmp_path, others):
    """A sweep may name its runs so, and begin them in the same second."""
    for each in ["abc", *others]:
        (written,) = pieces_of(tmp_path, each, f"{DAY}_{SECONDS[0]}-{each}")
        assert pieces(written) == [written]


def test_a_file_that_was_renamed_is_found_by_its_folders(tmp_path):
    written = [tmp_path / f"{DAY}_{second}-abc" / "history.wandb" for second in SECONDS]
    for each in written:
        each.parent.mkdir()
        each.touch()
    assert pieces(written[0]) == written
