"""TensorBoard: the numbers of a monitor as scalars of a writer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from wcdfa.sinks.base import Closing
from wcdfa.sinks.keys import ALERT, message, row


class TensorBoardSink(Closing):
    """Writes the numbers of a monitor with a writer of TensorBoard, as float32: that is what its scalars are.

    For example::

        writer = torch.utils.tensorboard.SummaryWriter("runs/1")  # or tf.summary.create_file_writer("runs/1")
        sink = TensorBoardSink(writer)
        monitor = wcdfa.WeightChangeDFA(logger=sink, log_every=1)
        handle = attach(optimizer, monitor=monitor, alarm=sink.alert)

    NaN and infinity are held as they are. Steps that go back are kept, in the order written. The writer stays open: it is flushed by
    `close`, and its owner closes it.

    Parameters
    ----------
    writer : SummaryWriter of torch or tensorboardX, or writer of tf.summary

    Raises
    ------
    TypeError
        If it is none.
    """

    def __init__(self, writer: Any) -> None:
        self._writer, self._step = writer, 0
        self._summary: Any = None
        if hasattr(writer, "add_scalar"):
            return
        if not hasattr(writer, "as_default"):
            msg = f"writer must be a SummaryWriter, with add_scalar, or a writer of tf.summary, got {type(writer).__name__}"
            raise TypeError(msg)
        from tensorflow import summary  # type: ignore[import-untyped] # noqa: PLC0415 - takes seconds, and only its own writers need it

        self._summary = summary

    def __call__(self, step: Any, metrics: Mapping[str, Any]) -> None:
        """Write them."""
        self._step = int(step)
        numbers = row(self._step, metrics).items()
        if self._summary is None:
            for key, value in numbers:
                self._writer.add_scalar(key, value, self._step)
            return
        with self._writer.as_default(step=self._step):
            for key, value in numbers:
                self._summary.scalar(key, value)

    def alert(self, title: str, text: str | None = None) -> None:
        """Write it among the texts, at the last step."""
        if self._summary is None:
            self._writer.add_text(ALERT, message(title, text), self._step)
            return
        with self._writer.as_default(step=self._step):
            self._summary.text(ALERT, message(title, text))

    def close(self) -> None:
        """Flush the writer."""
        try:
            self._writer.flush()
        except Exception:  # whatever it is, it must not end the training run
            logging.getLogger("wcdfa").exception("a writer of TensorBoard failed to flush")
