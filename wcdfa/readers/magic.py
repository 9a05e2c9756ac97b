"""Tells binary logs by their first bytes, whatever their names are."""

from __future__ import annotations

ZIP = b"PK\x03\x04"
NAME = slice(30, 300)  # where the name of the first array in a zip is
FIRST_EVENT = slice(12, 64)  # bytes of the first event


def is_sqlite(head: bytes) -> bool:
    """Whether it is a SQLite file with a table of metrics.

    >>> is_sqlite(b"SQLite format 3" + bytes(100) + b"CREATE TABLE metrics (key VARCHAR)"), is_sqlite(b"metrics")
    (True, False)
    """
    return head.startswith(b"SQLite format 3\0") and b"metrics" in head


def is_parquet(head: bytes) -> bool:
    """Whether it is a parquet file."""
    return head.startswith(b"PAR1")


def is_numpy(head: bytes) -> bool:
    r"""Whether it is an array of NumPy, or a zip file of them.

    >>> is_numpy(b"\x93NUMPY"), is_numpy(b"PK\x03\x04" + bytes(26) + b"norms.npy"), is_numpy(b"PK\x03\x04" + bytes(26) + b"data.pkl")
    (True, True, False)
    """
    return head.startswith(b"\x93NUMPY") or (head.startswith(ZIP) and b".npy" in head[NAME])


def is_events(head: bytes) -> bool:
    """Whether it is an event file of TensorBoard: its first event names the version of the format."""
    return b"brain.Event:" in head[FIRST_EVENT]


def is_wandb(head: bytes) -> bool:
    """Whether it is a log of Weights & Biases."""
    return head.startswith(b":W&B")
