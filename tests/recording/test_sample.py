"""The coordinates that the direction is measured on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcdfa.recording.sample import ALL_UP_TO, SHARE, sample_of

SIZES = st.lists(st.integers(0, 300_000), min_size=1, max_size=12)


@given(SIZES, st.integers(1, 256), st.integers(0, 99))
def test_the_sample_is_every_nth_number_of_all_parameters(sizes, coordinates, seed):
    sample = sample_of({f"p{i}": size for i, size in enumerate(sizes)}, coordinates, seed)
    number = np.arange(sum(sizes))
    parts = np.split(number, np.cumsum(sizes)[:-1])
    taken = [part[sample.places(f"p{i}")] for i, part in enumerate(parts)]
    assert [len(part) for part in taken] == list(sample.counts.values())
    together = np.concatenate(taken)
    assert sample.size == len(together)
    assert (np.diff(together) == sample.every).all()
    assert len(sample.kept) == len(set(sample.kept)) == min(coordinates, len(together))
    assert all(0 <= place < len(together) for place in sample.kept)


@pytest.mark.parametrize("total", [1, ALL_UP_TO, ALL_UP_TO + 1, 1_000_000, 4_200_000, 50_000_000])
def test_the_sample_fits_its_memory(total):
    sample = sample_of({"w": total})
    assert sample.size <= max(ALL_UP_TO, total / SHARE)
    assert sample.size == total if total <= ALL_UP_TO else sample.size > min(total, ALL_UP_TO) / 3


def test_tensors_are_in_the_sketch_in_proportion():
    sample = sample_of({"a": 30_000, "b": 10_000}, coordinates=64)
    assert sum(place < sample.counts["a"] for place in sample.kept) == pytest.approx(48, abs=1)


def test_another_seed_takes_other_coordinates():
    assert sample_of({"a": 1000}, seed=1).kept != sample_of({"a": 1000}, seed=2).kept
