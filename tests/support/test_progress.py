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
