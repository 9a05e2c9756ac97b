"""Event files that are hostile: lengths beyond the file, many small parts, many tags; what is whole is read."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from tests.conftest import require
from wcdfa.readers import read_series

NORMS = np.exp(0.1 * np.random.default_rng(0).standard_normal(300))


def masked(data):
    crc = require("google_crc32c").value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data, length=None):
    header = struct.pack("<Q", len(data) if length is None else length)
    return header + masked(header) + data + masked(data)


def events(*more):
    """The norms as simple values in events, with other values beside some."""
    require("tensorboard")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    for step, norm in enumerate(NORMS.tolist()):
        event = Event(step=step, summary=Summary(value=[Summary.Value(tag="update_norm", simple_value=norm)]))
        if step in more:
            event.summary.value.append(Summary.Value(tag="image", image=Summary.Image(encoded_image_string=bytes(5 << 20))))
            event.summary.value.append(Summary.Value(tag="loss", simple_value=0.5))
        yield record(event.SerializeToString())


def test_scalars_beside_something_large(tmp_path):
    path = tmp_path / "events.tfevents.1"
    path.write_bytes(b"".join(events(10, 299)))
    np.testing.assert_array_equal(read_series(path).values, NORMS.astype(np.float32))
    assert read_series(path, "loss").steps.tolist() == [10, 299]


@pytest.mark.parametrize("length", [1 << 21, 1 << 29, 1 << 62])
def test_a_record_that_is_longer_than_the_file(tmp_path, length):
    path = tmp_path / "events.tfevents.1"
    path.write_bytes(b"".join(events()) + record(b"short", length))
    series = read_series(path)
    np.testing.assert_array_equal(series.values, NORMS.astype(np.float32))
    assert any("cut off" in note or "damaged" in note for note in series.notes)


@pytest.mark.parametrize("large", [b"\x2a\xff\xff\xff\xff\x7f", b"\xff" * 20, b"\x0b\x0c"])
def test_a_large_record_that_is_no_event(tmp_path, large):
    path = tmp_path / "events.tfevents.1"
    path.write_bytes(b"".join(events()) + record(large + bytes(3 << 20)))
    series = read_series(path)
    np.testing.assert_array_equal(series.values, NORMS.astype(np.float32))
    assert "a record in it is not a TensorBoard event" in series.notes[0]


def test_a_hidden_event_file_does_not_count(tmp_path):
    for name in ("events.tfevents.1", ".events.tfevents.0"):
        (tmp_path / name).write_bytes(b"".join(events()))
    assert read_series(tmp_path).notes == ()


def test_tags_that_take_far_more_memory_than_the_file_are_refused(tmp_path, monkeypatch):
    from wcdfa.readers.formats import event_scalars

    monkeypatch.setattr(event_scalars, "OF_A_TAG", 300 << 20)
    path = tmp_path / "events.tfevents.1"
    path.write_bytes(b"".join(events()))
    with pytest.raises(ValueError, match="1 tags would take 315 MB of memory"):
        read_series(path)
