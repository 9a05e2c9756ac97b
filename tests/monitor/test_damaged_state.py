"""States that are damaged: an error that says so, and the monitor stays as it is."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

import wcdfa
from tests.helpers.zip_files import write_long_list

NORMS = np.exp(np.random.default_rng(0).standard_normal(150))


def new():
    return wcdfa.WeightChangeDFA(window=64, stride=16)


@pytest.fixture(scope="module")
def state():
    monitor = new()
    for norm in NORMS:
        monitor.update(float(norm), lr=0.1)
    return monitor.state_dict()


def text(monitor):
    return json.dumps(monitor.state_dict())


ODD = [None, "abc", "", -5, 2**70, 1.5, [], [1.5], ["a"], [[1]], {"a": 1}, True, 1j, b"x", np.zeros(3, "M8[s]"), np.zeros((2, 2))]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_every_field_may_be_anything(state, odd):
    """Each is refused by an error of value, or the monitor goes on."""
    refused = 0
    for name in state:
        monitor = new()
        before = text(monitor)
        try:
            monitor.load_state_dict(state | {name: odd})
        except ValueError:
            assert text(monitor) == before
            refused += 1
        else:
            for norm in NORMS[:40]:
                monitor.update(float(norm))
            monitor.metrics()
            text(monitor)
    assert refused > len(state) / 2


def test_the_error_names_the_field(state):
    with pytest.raises(ValueError, match=r"^passed of the state is \[3 4\], and not an integer: it is damaged"):
        new().load_state_dict(state | {"passed": [3, 4]})


def test_fewer_norms_than_the_window_holds(state):
    with pytest.raises(ValueError, match="64 norms cannot be the last of -1 in a window of 64"):
        new().load_state_dict(state | {"count": -1})


def test_parts_that_do_not_fit_each_other(state):
    with pytest.raises(ValueError, match="the state is damaged, its parts do not fit each other"):
        new().load_state_dict(state | {"steps": state["steps"][:-1]})


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_file_that_swells_is_not_loaded(tmp_path, method):
    path = tmp_path / "monitor.npz"
    with zipfile.ZipFile(path, "w", method) as archive, archive.open("norms.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, {"descr": "<f8", "fortran_order": False, "shape": (40_000_000,)})
        for _ in range(320 if method == zipfile.ZIP_DEFLATED else 1):
            member.write(bytes(1_000_000))
    message = "would take 320 MB of memory" if method == zipfile.ZIP_DEFLATED else "is packed in another way than save"
    with pytest.raises(ValueError, match=rf"monitor\.npz was not written by save\(\), or it is damaged \(.*{message}"):
        new().load(path)


def test_a_file_with_a_long_list_of_members_is_not_loaded(tmp_path):
    path = tmp_path / "monitor.npz"
    write_long_list(path)
    with pytest.raises(ValueError, match=r"was not written by save\(\), or it is damaged \(its list of members would take 330 MB"):
        new().load(path)


def test_a_name_in_the_archive_that_is_long_does_not_fill_the_message(tmp_path, state):
    path = tmp_path / "monitor.npz"
    np.savez(path, **state)
    data = path.read_bytes()
    path.write_bytes(data[:26] + b"\xff\xff" + data[28:])  # its first name is 65,535 bytes long
    with pytest.raises(ValueError, match="was not written by save") as caught:
        new().load(path)
    assert len(str(caught.value)) < 1000


def test_cosines_that_are_none():
    monitor = wcdfa.WeightChangeDFA(window=64, stride=16)
    rng = np.random.default_rng(0)
    for _ in range(20):
        monitor.update({"a": rng.standard_normal(3)})
    state = monitor.state_dict()
    with pytest.raises(ValueError, match=r"do not fit each other \(cosine must lie from -1 to 1"):
        new().load_state_dict(state | {"side_values": [value + 100 for value in state["side_values"]]})
