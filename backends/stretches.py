"""Finds where the parameters of a group lie in the sample that the direction of the weight change is measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wcdfa.recording.sample import Sample


def stretches(sample: Sample, members: Mapping[str, Sequence[str]]) -> dict[str, list[slice]]:
    """The places of each group in the sample, of which the parameters lie one after the other; adjacent ones are joined.

    >>> from wcdfa.recording.sample import sample_of
    >>> stretches(sample_of({"a": 2, "b": 3, "c": 4}), {"all": ["a", "b", "c"], "ends": ["a", "c"]})
    {'all': [slice(0, 9, None)], 'ends': [slice(0, 2, None), slice(5, 9, None)]}

    A group of which nothing is in the sample has no places.
    """
    found: dict[str, list[slice]] = {}
    for name, paths in members.items():
        own, end = set(paths), 0
        places: list[slice] = []
        for path, count in sample.counts.items():
            begin, end = end, end + count
            if path not in own or not count:
                continue
            joined = places and places[-1].stop == begin
            begin = places.pop().start if joined else begin
            places.append(slice(begin, end))
        found[name] = places
    return found
