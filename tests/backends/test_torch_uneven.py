"""Processes that share parameters and take different steps, die, or attach differently: nothing waits, and norms are right or gaps."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.processes import printed, start

SECONDS = 240  # for all jobs of a group; what takes longer hangs


def group(size, *jobs):
    """What each process of a group prints about each of these jobs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    running = [start("torch_uneven.py", rank, size, address, *jobs, OMP_NUM_THREADS="1") for rank in range(size)]
    try:
        return [printed(process, SECONDS) for process in running]
    finally:
        for process in running:
            process.kill()


SAID = {
    "window": "window is 200 on process 0, and 300 on process 1; every is 40 on process 0, and 60 on process 1",
    "groups": "groups is {'a': '^0'} (a) on process 0, and {'a': '^2'} (a) on process 1",
    "named": "groups is <lambda>() (x) on process 0, and <lambda>() (0, 2) on process 1",
    "mode": "mode is 'exact' on process 0, and 'sample' on process 1",
    "sample": "sample is 0.5 on process 0, and 0.25 on process 1",
    "seed": "seed is 1 on process 0, and 0 on process 1",
    "direction": "direction is True on process 0, and False on process 1",
    "coordinates": "coordinates is 32 on process 0, and 33 on process 1",
    "every": "every is 9 on process 0, and 10 on process 1",
    "gradients": "gradients is True on process 0, and False on process 1",
    "several": "window is 200 on process 0, and 300 on process 1; seed is 1 on process 0, and 2 on process 1",
    "same": None,
}


@pytest.fixture(scope="module")
def found():
    require("torch")
    uneven = [f"uneven:{case}" for case in ("none", "one", "two", "each", "ends", "all")]
    apart = [f"apart:{name}" for name in SAID]
    return {
        2: group(2, *uneven, "unfreezes", "unfreezes:unnamed", "unseen", "unread", *apart, "absent", "dies"),
        4: group(4, "uneven:many", "apart:window", "dies"),
    }


FEWER = {"none": [], "one": [3], "two": [2, 3, 5], "each": [4, 6], "ends": [*range(7, 12)], "all": []}


@pytest.mark.parametrize(("size", "case", "fewer"), [*((2, *each) for each in FEWER.items()), (4, "many", [*range(6), 11])])
def test_steps_that_some_leave_out(found, size, case, fewer):
    """Those of full copies; at these steps a process or two did not move."""
    for each in found[size]:
        each = each[f"uneven:{case}"]
        expected, first = (np.array(each[name]) for name in ("expected", "first"))
        real, gap = expected != 0, np.isin(np.arange(12), fewer)
        np.testing.assert_allclose(each["norms"], expected[real], rtol=1e-6)
        np.testing.assert_allclose(each["groups"]["first"], first[real], rtol=1e-6)
        assert (each["count"], each["skipped"]) == (real.sum(), 0)
        assert each["saved"] == [real.sum(), 0]
        np.testing.assert_array_equal(each["lr"], [np.float32(0.01)] * real.sum())
        np.testing.assert_allclose(each["gradients"], np.where(gap, np.nan, each["expected gradients"])[real], rtol=1e-6)
        np.testing.assert_array_equal(np.isnan(each["weight_norm"]), gap[real])
        unknown = gap | np.concatenate([[True], gap[:-1]])
        np.testing.assert_array_equal(np.isnan(each["cosine"]), unknown[real])
        if not gap[-1]:
            np.testing.assert_allclose(each["weight_norm"][-1], each["weights"], rtol=1e-6)
    said = [each[f"uneven:{case}"]["said"] for each in found[size]]
    assert [len(messages) for messages in said] == [1 if fewer else 0] + [0] * (size - 1)  # the first says it once
    if case == "one":
        assert said[0][0].startswith("of 5 steps read now, process 1 has 4: at a step that a process left out, its")


@pytest.mark.parametrize(("job", "names"), [("unfreezes", ("first", "last")), ("unfreezes:unnamed", ("0", "2"))])
def test_a_shared_part_that_is_unfrozen_later(found, job, names):
    for each in found[2]:
        each = each[job]
        np.testing.assert_allclose(each["norms"], each["expected"], rtol=1e-6)
        first, last = (np.array(each["groups"][name]) for name in names)
        assert np.isnan(first[:5]).all()
        np.testing.assert_allclose(np.hypot(first, last)[5:], each["expected"][5:], rtol=1e-6)
        cosines = np.array([each["cosines"][name] for name in names])
        assert np.isnan(cosines[0, :6]).all()
        assert np.isfinite(cosines[:, 8:]).all()
        assert np.isfinite(cosines[1, 1:5]).all()
    assert len(found[2][0][job]["said"]) == 1  # of the step that was left out


def test_steps_that_cannot_be_told_apart(found):
    """Gradients by hand: one of the six is left out, and nothing says which. The next are known again."""
    for each in found[2]:
        each = each["unseen"]
        np.testing.assert_array_equal(each["first"]["norms"], [np.nan] * 6)
        assert each["first"]["count"] == 6
        np.testing.assert_allclose(each["then"][6:], np.sqrt(401) * np.array([1, 2, 3]), rtol=1e-6)
    said = [each["unseen"]["said"] for each in found[2]]
    assert [len(messages) for messages in said] == [1, 0]
    assert (
        "process 0 has 6, process 1 has 5: no backward pass tells which of them belong together, so 6 norms are gaps" in said[0][0]
    )


def test_rows_that_nobody_reads(found):
    for each in found[2]:
        each = each["unread"]
        np.testing.assert_allclose(each["norms"], np.sqrt(each["size"]) * np.arange(41, 51), rtol=1e-6)
        assert each["count"] == 50
        assert each["steps"] == [*range(41, 51)]
        assert len(each["said"]) == 1
        assert "more than 10 norms of sharded parameters wait for a read()" in each["said"][0]


@pytest.mark.parametrize("size", [2, 4])
def test_one_that_dies_holds_up_no_step_of_the_others(found, size):
    for each in found[size][:-1]:
        assert each["dies"]["seconds"] < 5
        assert (
            "the norms of sharded parameters could not be summed over the processes; one of them may be gone"
            in each["dies"]["error"]
        )


@pytest.mark.parametrize(("name", "said"), SAID.items())
def test_other_settings_are_found_by_all(found, name, said):
    """Each process raises the same error, and may attach again."""
    start = "attach needs the same settings on all processes that share parameters, but "
    for each in found[2]:
        assert each[f"apart:{name}"]["error"] == ("none" if said is None else start + said)
        assert each[f"apart:{name}"]["attached"]
        assert each[f"apart:{name}"]["said"] == []


def test_other_settings_of_one_of_four(found):
    for each in found[4]:
        said = each["apart:window"]["error"]
        assert said.endswith(
            "window is 200 on processes 0, 1, 2, and 300 on process 3; every is 40 on processes 0, 1, 2, and 60 on process 3"
        )


def test_one_that_does_not_attach_is_waited_for_no_longer_than_said(found):
    first, other = (each["absent"] for each in found[2])
    assert 1.4 < other["seconds"] < 30
    assert first["said"] == []
    assert len(other["said"]) == 1
    assert other["said"][0].startswith(
        "process 0 did not attach within 1.5 s, so the settings there were not compared: attach on all"
    )
    for each in (first, other):  # and then it has attached, too
        np.testing.assert_allclose(each["norms"], [np.sqrt(each["size"])], rtol=1e-6)
