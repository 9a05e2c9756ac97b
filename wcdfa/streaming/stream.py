"""`Stream`: F(s) of a series that never ends or does not fit into memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.kernel.checks import check_order
from wcdfa.streaming.checks import check_block, check_neighbours, check_start, check_value
from wcdfa.streaming.measures import exponent_of, fluctuations_of
from wcdfa.streaming.pieces import Pieces
from wcdfa.streaming.state import packed, unpacked

if TYPE_CHECKING:
    import numpy.typing as npt

    from wcdfa.inference.exponent import DFAResult


class Stream:
    """F(s) of everything so far, for a series that never ends or does not fit into memory.

    >>> import numpy as np
    >>> import wcdfa
    >>> x = np.random.default_rng(0).standard_normal(100_000)
    >>> stream = wcdfa.Stream()
    >>> for block in np.split(x, 10):
    ...     stream.push(block)
    >>> stream
    Stream(order=1, start=0, n=100000)
    >>> sizes, F = stream.fluctuations()
    >>> bool(np.allclose(F, wcdfa.fluctuations(x)[1], rtol=1e-12, atol=0))
    True

    Streams of neighbouring parts of a series can be added, the earlier one first. Each part says where it begins:

    >>> left, right = wcdfa.Stream(), wcdfa.Stream(start=30_000)
    >>> left.push(x[:30_000])
    >>> right.push(x[30_000:])
    >>> bool(np.allclose((left + right).fluctuations()[1], F, rtol=1e-12, atol=0))
    True

    The boxes are those of `wcdfa.fluctuations`: side by side from sample 0 of the whole series on, the remainder dropped. A
    sample costs about as much time as there. A stream holds 0.55 MB in memory at any length, most of it samples that wait for a box; stored
    by `to_bytes`, or pickled, it has a few kilobytes. A stream is for one series, and for one thread at a time.

    Parameters
    ----------
    order : 1, 2, 3 or 4
        Degree of the polynomial removed from the profile.
    start : int
        Index of the first sample in the whole series, from 0 on. It decides where the boxes lie.

    Raises
    ------
    TypeError, ValueError
        If the order is not 1, 2, 3 or 4, or the start is not an integer from 0 on.

    References
    ----------
    B. Alpert, SIAM J. Math. Anal. 24, 246 (1993), doi:10.1137/0524016: F² is the energy of multiwavelets, which merge without loss.
    """

    __slots__ = ("_pieces",)

    def __init__(self, order: int = 1, start: int = 0) -> None:
        self._pieces = Pieces(check_order(order), check_start(start))

    @classmethod
    def _of(cls, pieces: Pieces) -> Stream:
        stream = cls.__new__(cls)
        stream._pieces = pieces
        return stream

    @property
    def order(self) -> int:
        """Degree of the polynomial removed from the profile."""
        return self._pieces.order

    @property
    def start(self) -> int:
        """Index of the first sample in the whole series."""
        return self._pieces.start

    @property
    def n(self) -> int:
        """How many samples have been pushed."""
        return self._pieces.count

    def __repr__(self) -> str:
        return f"Stream(order={self.order}, start={self.start}, n={self.n})"

    def push(self, values: float | npt.ArrayLike) -> None:
        """Append the next sample, or a block of samples.

        >>> stream = Stream()
        >>> stream.push(1.5)
        >>> stream.push([2.5, 0.5, 1.0])
        >>> stream.n
        4

        Parameters
        ----------
        values : a number, or an array of shape (n,)
            In any unit, from -1e120 to 1e120. A block may have any length, also 0; it is not kept.

        Raises
        ------
        TypeError
            If the values are not real numbers, for instance bool, complex or text.
        ValueError
            If a value is NaN, infinite or beyond 1e120, or a block has more than one axis. Then nothing of the block is counted.
        """
        if isinstance(values, (float, int)) and not isinstance(values, bool):
            self._pieces.push_one(check_value(values, self._pieces.stop))
        else:
            self._pieces.push(check_block(values, self._pieces.stop))

    def merge(self, following: Stream) -> Stream:
        """Merge with the stream that follows; neither is changed. ``a + b`` is ``a.merge(b)``.

        >>> first, second = Stream(), Stream(start=3)
        >>> first.push([1.5, 2.5, 0.5])
        >>> second.push([1.0, 2.0])
        >>> first.merge(second)
        Stream(order=1, start=0, n=5)

        The result is that of one stream that was fed with both, up to rounding, so of several neighbours any two may be merged first.

        Parameters
        ----------
        following : Stream
            A stream of the same order that starts where this one ends.

        Returns
        -------
        Stream

        Raises
        ------
        ValueError
            If the other stream has another order, or starts elsewhere.
        """
        check_neighbours(self._pieces, following._pieces)
        return Stream._of(self._pieces.joined(following._pieces))

    def __add__(self, following: object) -> Stream:
        return self.merge(following) if isinstance(following, Stream) else NotImplemented

    def __radd__(self, zero: object) -> Stream:
        return self if isinstance(zero, int) and zero == 0 else NotImplemented  # sum() begins with 0

    def __eq__(self, other: object) -> bool:
        return self.to_bytes() == other.to_bytes() if isinstance(other, Stream) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a stream changes

    def fluctuations(self, *, scales: Iterable[int] | None = None) -> tuple[npt.NDArray[np.int_], npt.NDArray[np.float64]]:
        """Compute F(s) of everything so far; more may be pushed afterwards.

        Parameters
        ----------
        scales : integers, optional
            Box sizes in samples, increasing, among the sizes that a stream keeps: 4, 5, 6, 7 (for higher orders the first four such sizes from
            ``2 (order + 1)`` on) and their doublings. Default: up to a quarter of the samples, as `wcdfa.fluctuations` has it.

        Returns
        -------
        scales : integers of shape (k,)
        F : numbers of shape (k,)
            In the unit of the samples.

        Raises
        ------
        ValueError
            If there are too few samples, or a size is not kept, or no box of it is complete.
        """
        return fluctuations_of(self._pieces, scales)

    def exponent(self, low: int | None = None, high: int | None = None, *, confidence: float = 0.95) -> DFAResult:
        """Measure α over a range of box sizes, with its interval: ``wcdfa.dfa(x, method="ols")`` of everything so far.

        >>> stream = Stream()
        >>> stream.push(np.random.default_rng(0).standard_normal(100_000))
        >>> result = stream.exponent(16, 4096)
        >>> print(f"{result.alpha:.2f}, between {result.low:.2f} and {result.high:.2f}")
        0.51, between 0.49 and 0.53

        Parameters
        ----------
        low, high : int, optional
            Smallest and largest box size in samples; all sizes of `fluctuations` from one to the other are used. Default: all of them.
        confidence : float
            Level of the interval, between 0 and 1.

        Returns
        -------
        DFAResult
            The slope of log F(s) on log s, and an interval from the spread of ARFIMA series of this length. The largest sizes decide how
            wide it is, because there are few boxes of them. Its half-width is at least 0.0003, the accuracy of the calibration. α is NaN,
            with a reason, if F(s) is only rounding error.

        Raises
        ------
        ValueError
            If fewer than two sizes lie in the range, or the confidence is not between 0 and 1.
        """
        return exponent_of(self._pieces, low, high, confidence)

    def to_bytes(self) -> bytes:
        """The state of the stream in a few kilobytes, at most some 30; `from_bytes` goes on from there.

        The 0.55 MB that a stream holds in memory are mostly samples that have not been put into boxes yet; here they have.

        >>> stream = Stream()
        >>> stream.push(np.arange(1000.0) % 7)
        >>> Stream.from_bytes(stream.to_bytes()) == stream
        True
        """
        return packed(self._pieces)

    @classmethod
    def from_bytes(cls, data: bytes) -> Stream:
        """Make the stream whose `to_bytes` gave these bytes. They hold numbers only, so bytes from elsewhere can do no harm.

        >>> Stream.from_bytes(Stream(order=2).to_bytes())
        Stream(order=2, start=0, n=0)

        Raises
        ------
        TypeError
            If they are not bytes.
        ValueError
            If they are damaged, or of a version that this wcdfa cannot read.
        """
        return cls._of(unpacked(bytes(memoryview(data))))

    def __reduce__(self) -> tuple[object, tuple[bytes]]:
        return Stream.from_bytes, (self.to_bytes(),)
