"""TensorBoard: writes the numbers of a monitor as scalars."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from types import ModuleType
from typing import Protocol, Self, SupportsInt, cast, runtime_checkable

from wcdfa.sinks.base import Closing, Metrics
from wcdfa.sinks.keys import ALERT, message, row
from wcdfa.sinks.layouts import Layout, tensorboard_layout
from wcdfa.support.forks import Forked, tell


@runtime_checkable
class SummaryWriter(Protocol):
    """A ``SummaryWriter`` of torch or tensorboardX."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> object:
        """Write a number."""

    def add_text(self, tag: str, text_string: str, global_step: int) -> object:
        """Write a text."""

    def flush(self) -> object:
        """Bring to disk what was written."""


@runtime_checkable
class LayoutWriter(Protocol):
    """A writer that also takes layouts."""

    def add_custom_scalars(self, layout: Layout) -> object:
        """Write a layout."""


@runtime_checkable
class TensorFlowWriter(Protocol):
    """A writer of ``tf.summary``."""

    def as_default(self, step: int) -> AbstractContextManager[object]:
        """Use it inside a with statement."""

    def flush(self) -> object:
        """Bring to disk what was written."""


class LayoutMessage(Protocol):
    """A layout as TensorBoard stores it."""

    def SerializeToString(self) -> bytes:
        """The bytes of the message."""


class TensorBoardSink(Closing, Forked):
    """Writes the numbers of a monitor with a TensorBoard writer. Its scalars are float32.

    For example::

        writer = torch.utils.tensorboard.SummaryWriter("runs/1")  # or tf.summary.create_file_writer("runs/1")
        sink = TensorBoardSink(writer)
        monitor = wcdfa.WeightChangeDFA(logger=sink, log_every=1)
        handle = attach(optimizer, monitor=monitor, alarm=sink.alert)

    NaN, infinity and steps that go back are kept, in the order written. `close` flushes the writer; close the writer yourself. A process
    that is killed loses what the writer has not flushed since: torch's does that every two minutes, so call `close` for what must stay.
    The writer is also flushed before a fork, because a child would write what the writer still holds into the same file. A child that is
    forked needs a writer of its own: those of its parent would wait for a thread that only the parent has.

    Parameters
    ----------
    writer : SummaryWriter of torch or tensorboardX, or writer of tf.summary

    Raises
    ------
    TypeError
        If the writer is neither.
    RuntimeError
        If it is called in a forked child.
    """

    def __init__(self, writer: SummaryWriter | TensorFlowWriter) -> None:
        if isinstance(writer, SummaryWriter):
            self._to: _ToSummaries | _ToTensorFlow = _ToSummaries(writer)
        elif isinstance(writer, TensorFlowWriter):
            self._to = _ToTensorFlow(writer)
        else:
            msg = f"writer must be a SummaryWriter, with add_scalar, or a writer of tf.summary, got {type(writer).__name__}"
            raise TypeError(msg)
        self._step, self._flush, self._child = 0, writer.flush, False
        tell(self)

    def __call__(self, step: SupportsInt, metrics: Metrics) -> None:
        """Write the metrics of a step."""
        self._require_own()
        self._step = int(step)
        self._to.numbers(self._step, row(self._step, metrics))

    def alert(self, title: str, text: str | None = None) -> None:
        """Write the message among the texts, at the last step."""
        self._require_own()
        self._to.text(self._step, message(title, text))

    def add_layout(self, prefix: str = "") -> Self:
        """Write the layout of the tab "Custom scalars": α in its interval and beside what the optimizer gives, and the other charts.

        Returns the sink. A layout that the writer has already is replaced.

        Parameters
        ----------
        prefix : str
            As in `wcdfa.sinks.layouts.tensorboard_layout`.
        """
        self._require_own()
        self._to.layout(tensorboard_layout(prefix))
        return self

    def finish(self) -> None:
        """Flush the writer, unless it belongs to a parent."""
        if self._child:
            return
        try:
            self._flush()
        except Exception:  # whatever fails, training goes on
            logging.getLogger("wcdfa").exception("a writer of TensorBoard failed to flush")

    def before_fork(self) -> None:
        """Leave nothing in the writer that a child could write again."""
        if not self._child:
            with suppress(Exception):  # `close` would tell of it
                self._flush()

    def after_fork(self) -> None:
        """The writer is that of the parent."""
        self._child = True

    def _require_own(self) -> None:
        if self._child:
            msg = "the TensorBoard writer belongs to the process that was forked into this one: make a writer and a sink in this process"
            raise RuntimeError(msg)


class _ToSummaries:
    def __init__(self, writer: SummaryWriter) -> None:
        self._writer = writer

    def numbers(self, step: int, numbers: Mapping[str, float]) -> None:
        for key, value in numbers.items():
            self._writer.add_scalar(key, value, step)

    def text(self, step: int, text: str) -> None:
        self._writer.add_text(ALERT, text, step)

    def layout(self, layout: Layout) -> None:
        if not isinstance(self._writer, LayoutWriter):
            msg = f"a writer of {type(self._writer).__name__} has no add_custom_scalars: use that of torch, tensorboardX or tf.summary"
            raise TypeError(msg)
        self._writer.add_custom_scalars(layout)


class _ToTensorFlow:
    def __init__(self, writer: TensorFlowWriter) -> None:
        from tensorflow import summary  # type: ignore[import-untyped] # noqa: PLC0415 - takes seconds, and only its own writers need it

        self._writer, self._summary = writer, cast("ModuleType", summary)

    def numbers(self, step: int, numbers: Mapping[str, float]) -> None:
        with self._writer.as_default(step=step):
            for key, value in numbers.items():
                self._summary.scalar(key, value)

    def text(self, step: int, text: str) -> None:
        with self._writer.as_default(step=step):
            self._summary.text(ALERT, text)

    def layout(self, layout: Layout) -> None:
        from tensorboard.plugins.custom_scalar import metadata  # noqa: PLC0415 - TensorFlow brings it

        content = as_message(layout).SerializeToString()
        with self._writer.as_default(step=0):
            self._summary.write(metadata.CONFIG_SUMMARY_TAG, content, metadata=metadata.create_summary_metadata())


def as_message(layout: Layout) -> LayoutMessage:
    """A layout as TensorBoard stores it."""
    from tensorboard.plugins.custom_scalar import layout_pb2  # noqa: PLC0415 - need not be installed

    def chart(title: str, kind: str, tags: Sequence[str]) -> object:
        if kind == "Margin":
            value, low, high = tags
            band = layout_pb2.MarginChartContent.Series(value=value, lower=low, upper=high)
            return layout_pb2.Chart(title=title, margin=layout_pb2.MarginChartContent(series=[band]))
        return layout_pb2.Chart(title=title, multiline=layout_pb2.MultilineChartContent(tag=tags))

    categories = {name: [chart(title, *each) for title, each in charts.items()] for name, charts in layout.items()}
    found = [layout_pb2.Category(title=name, chart=charts) for name, charts in categories.items()]
    return cast("LayoutMessage", layout_pb2.Layout(category=found))
