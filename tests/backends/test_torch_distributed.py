"""Sharded and replicated parameters in groups of real processes: each number counts once, in one sum now and then."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.processes import printed, start


@pytest.fixture(autouse=True)
def torch():
    return require("torch")


def group(command, kind, size, *more):
    """What rank 0 of a group of processes prints."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    running = [start("torch_sharded.py", command, kind, rank, size, address, *more, OMP_NUM_THREADS="1") for rank in range(size)]
    try:
        return printed(running[0], seconds=240)
    finally:
        for process in running[1:]:
            process.wait(60)
            process.communicate()


@pytest.mark.parametrize(("kind", "size"), [("ddp", 2), ("fsdp", 2), ("fsdp", 4), ("hybrid", 4), ("mixed", 2), ("submesh", 2)])
def test_norms_are_those_of_one_process(kind, size):
    found = group("train", kind, size)
    np.testing.assert_allclose(found["norms"], found["expected"][-10:], rtol=1e-6)
    np.testing.assert_allclose(np.hypot(found["groups"]["first"], found["groups"]["last"]), found["norms"], rtol=1e-6)
    assert (found["count"], found["skipped"]) == (12, 0)
    if kind in ("ddp", "fsdp"):  # the others have sums of their own
        assert found["reduced"] == (0 if kind == "ddp" else 3)  # after 5 and 10 steps, and when it is read
    if kind == "fsdp":
        alone = group("train", "whole", 1)
        np.testing.assert_allclose(found["norms"], alone["norms"], rtol=1e-5)  # of Adam's own rounding
    if found["moved"]:
        assert found["moved"][0] > max(found["norms"])


def test_saved_by_two_processes_and_gone_on_with_by_four(tmp_path):
    whole = group("save", "fsdp", 2, tmp_path)
    for size in (2, 4, 1):
        resumed = group("resume", "fsdp", size, tmp_path)
        np.testing.assert_allclose(resumed["norms"], whole["norms"], rtol=1e-6)
        assert resumed["norms"][:3] == whole["norms"][:3]  # of before
        assert (resumed["count"], resumed["skipped"]) == (12, 0)


def test_a_process_that_dies():
    said = group("die", "fsdp", 2)["said"]
    assert "the norms of sharded parameters could not be summed over the processes, one of which may be gone" in said


def test_a_sample_of_shards_and_a_model_that_is_converted():
    found = group("sampled", "fsdp", 2)
    apart = np.abs(np.array(found["norms"]) / found["expected"] - 1)
    assert (apart < 4 * np.array(found["stderr"])).all()
    assert (np.array(found["stderr"]) < 0.1).all()
    assert (apart > 0).all()


def test_what_is_sharded_in_a_way_that_cannot_be_known():
    said = group("refused", "first", 2)["said"]
    assert "FullyShardedDataParallel hides which numbers a process holds: use torch.distributed.fsdp.fully_shard" in said


def test_a_read_that_fails_loses_nothing():
    found = group("late", "fsdp", 1)
    assert len(found["said"]) == 2
    assert all("the norms of sharded parameters could not be summed over the processes" in said for said in found["said"])
    assert found["count"] == 3
