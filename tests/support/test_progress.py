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


@pytest.mark.parametrize("slow", [1.0, 4.0, 20.0])
@pytest.mark.parametrize("total", [3, 40, 60])
def test_a_slow_first_step_does_not_raise_the_estimate(monkeypatch, capsys, slow, total):
    """The first step also loads and compiles; the others take 0.3 s each."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    monkeypatch.delenv("WCDFA_PROGRESS", raising=False)
    with progress.Progress("replaying", total) as bar:
        now[0] += slow
        for _ in range(total):
            bar.advance()
            now[0] += 0.3
    said = capsys.readouterr().err
    assert said.count("replaying") <= 1
    if total > 3:
        assert "some seconds" in said
    assert "min" not in said
