import io
import sys

import pytest

from wcdfa.support import progress


@pytest.mark.parametrize(("value", "said"), [(None, True), ("1", True), ("0", False)])
def test_the_notice_can_be_silenced(monkeypatch, capsys, value, said):
    monkeypatch.setattr(progress, "PATIENCE", -1.0)
    if value is None:
        monkeypatch.delenv("WCDFA_PROGRESS", raising=False)
    else:
        monkeypatch.setenv("WCDFA_PROGRESS", value)
    with progress.Progress("replaying", 3) as bar:
        bar.advance()
    assert ("wcdfa: replaying" in capsys.readouterr().err) == said


class Tee:
    """As training scripts put in place of a stream: it writes and flushes, and no more."""

    def __init__(self):
        self.said = []

    def write(self, text):
        self.said.append(text)

    def flush(self):
        pass


class Broken(Tee):
    def write(self, text):
        raise BrokenPipeError


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [Tee(), Broken(), None, closed(), object()], ids=["tee", "broken", "none", "closed", "anything"])
def test_no_stream_ends_what_is_computed(monkeypatch, stream):
    monkeypatch.setattr(progress, "PATIENCE", -1.0)
    monkeypatch.delenv("WCDFA_PROGRESS", raising=False)
    monkeypatch.setattr(sys, "stderr", stream)
    with progress.Progress("replaying", 3) as bar:
        for _ in range(3):
            bar.advance()
    assert bar.done == 3
    if type(stream) is Tee:
        assert "".join(stream.said).startswith("wcdfa: replaying")
