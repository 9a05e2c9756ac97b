"""Sharded and replicated parameters in groups of real processes: each number counts once, in one sum now and then."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.processes import printed, start

KINDS = [("ddp", 2), ("fsdp", 2), ("fsdp", 4), ("hybrid", 4), ("mixed", 2), ("submesh", 2)]


def group(size, folder, *jobs):
    """What rank 0 of a group of processes prints about each of these jobs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    running = [start("torch_sharded.py", rank, size, address, folder, *jobs, OMP_NUM_THREADS="1") for rank in range(size)]
    try:
        return printed(running[0], seconds=240)
    finally:
        for process in running[1:]:
            try:
                process.communicate(timeout=60)
            finally:
                process.kill()


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """By size of the group, what its jobs gave: a group does many, since starting one takes longer than any of them."""
    require("torch")
    folder = tmp_path_factory.mktemp("saved")
    trained = {size: [f"train:{kind}" for kind, own in KINDS if own == size] for size in (2, 4)}
    first = group(2, folder, *trained[2], "sampled:fsdp", "refused:first", "save:fsdp", "direction:mixed", "still:fsdp")
    return {
        1: group(1, folder, "train:whole", "resume:fsdp", "late:fsdp", "direction:whole"),
        2: first | group(2, folder, "resume:fsdp", "die:fsdp"),
        4: group(4, folder, *trained[4], "resume:fsdp", *(f"direction:{kind}" for kind in ("fsdp", "hybrid", "strided"))),
    }


@pytest.mark.parametrize(("kind", "size"), KINDS)
def test_norms_are_those_of_one_process(found, kind, size):
    alone, found = found[1]["train:whole"], found[size][f"train:{kind}"]
    np.testing.assert_allclose(found["norms"], found["expected"][-10:], rtol=1e-6)
    np.testing.assert_allclose(np.hypot(found["groups"]["first"], found["groups"]["last"]), found["norms"], rtol=1e-6)
    np.testing.assert_allclose(found["gradients"], found["expected gradients"][-10:], rtol=1e-6)
    assert (found["count"], found["skipped"]) == (12, 0)
    if kind in ("ddp", "fsdp"):  # the others have sums of their own
        assert found["reduced"] == (0 if kind == "ddp" else 2)  # when it is read: whether all took the same steps, and the sums
    if kind == "fsdp":
        np.testing.assert_allclose(found["norms"], alone["norms"], rtol=1e-5)  # of Adam's own rounding
    if found["moved"]:
        assert found["moved"][0] > max(found["norms"])


@pytest.mark.parametrize("mode", ["exact", "sample"])
@pytest.mark.parametrize(("kind", "size"), [("fsdp", 4), ("hybrid", 4), ("strided", 4), ("mixed", 2)])
def test_the_direction_is_that_of_one_process(found, kind, size, mode):
    alone, found = found[1]["direction:whole"][mode], found[size][f"direction:{kind}"][mode]
    np.testing.assert_allclose(found["cosine"], alone["cosine"], atol=1e-6)
    np.testing.assert_allclose(found["weight_norm"], alone["weight_norm"], rtol=1e-6)
    assert found["cosines"].keys() == {"first", "last"}
    for name, cosines in found["cosines"].items():
        np.testing.assert_allclose(cosines, alone["cosines"][name], atol=1e-6)
    assert np.shape(alone["sketch"]) == (5, 64)
    assert np.abs(alone["sketch"]).min() > 0
    np.testing.assert_allclose(found["sketch"], alone["sketch"], rtol=1e-6)


def test_the_direction_where_the_numbers_of_a_process_do_not_move(found):
    found = found[2]["still:fsdp"]
    assert (found["count"], found["skipped"]) == (4, 1)
    np.testing.assert_allclose(found["cosine"], [np.nan, 1, np.nan, 1], rtol=1e-6)  # none of the processes knows that none moved


def test_saved_by_two_processes_and_gone_on_with_by_four(found):
    whole = found[2]["save:fsdp"]
    for size in (2, 4, 1):
        resumed = found[size]["resume:fsdp"]
        np.testing.assert_allclose(resumed["norms"], whole["norms"], rtol=1e-6)
        assert resumed["norms"][:3] == whole["norms"][:3]  # of before
        assert (resumed["count"], resumed["skipped"]) == (12, 0)
        np.testing.assert_allclose(resumed["cosine"], whole["cosine"], atol=1e-6)
        np.testing.assert_allclose(resumed["sketch"], whole["sketch"], atol=1e-7)
        assert np.isfinite(resumed["cosine"]).all()  # the first has left the window


def test_a_process_that_dies(found):
    said = found[2]["die:fsdp"]["said"]
    assert "the norms of sharded parameters could not be summed over the processes; one of them may be gone" in said


def test_a_sample_of_shards_and_a_model_that_is_converted(found):
    found = found[2]["sampled:fsdp"]
    apart = np.abs(np.array(found["norms"]) / found["expected"] - 1)
    assert (apart < 4 * np.array(found["stderr"])).all()
    assert (np.array(found["stderr"]) < 0.1).all()
    assert (apart > 0).all()


def test_what_is_sharded_in_a_way_that_cannot_be_known(found):
    said = found[2]["refused:first"]["said"]
    assert "FullyShardedDataParallel hides which numbers a process holds: use torch.distributed.fsdp.fully_shard" in said


def test_a_read_that_fails_loses_nothing(found):
    found = found[1]["late:fsdp"]
    assert len(found["said"]) == 2
    assert all("the norms of sharded parameters could not be summed over the processes" in said for said in found["said"])
    assert found["count"] == 3
