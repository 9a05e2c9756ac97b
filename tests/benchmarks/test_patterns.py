"""Programs written as public ones are: what they need to be recorded is three lines, and the norms are those of their parameters."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from benchmarks.pattern_programs.running import PROGRAMS, Enough, Saved, added, executed, read, recorded, source, without
from benchmarks.pattern_programs.step_end import step_end
from benchmarks.pattern_programs.turns import Turns
from tests.conftest import require

STEPS = 40

COUNTING = """
import numpy as np
from benchmarks.pattern_programs.step_end import step_end
weights = np.zeros(3)
step_end([weights])
for step in range(100):
    weights += 1.0
    step_end([weights])
"""


@pytest.mark.filterwarnings("ignore")  # of the frameworks, as in any program
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_norms_are_those_of_the_parameters(name):
    require(PROGRAMS[name][1])
    text, reader = recorded(name)
    saved = Saved(None if name == "lightning_gan" else STEPS)  # its callback gives the norms on when training ends
    norms = read(executed(text, saved), reader)
    assert len(saved.squares) >= STEPS
    assert len(norms) == len(saved.norms) >= STEPS - 10
    np.testing.assert_allclose(norms, saved.norms, rtol=1e-6)


@pytest.mark.parametrize("name", PROGRAMS)
def test_three_lines_are_added_and_the_rest_does_not_know_of_them(name):
    lines = added(name)
    assert len(lines) <= 3
    assert sum(line.startswith(("import", "from")) for line in lines) == 1
    assert lines[-1].startswith("print(")
    assert len(without(name).splitlines()) == len(source(name).splitlines()) - len(lines)
    ast.parse(without(name))


def test_an_unmarked_line_is_found(monkeypatch):
    monkeypatch.setattr("benchmarks.pattern_programs.running.source", lambda name: "import wcdfa\n")
    with pytest.raises(ValueError, match="has no mark"):
        without("any")


def test_saved_parameters():
    saved = Saved(5)
    names = executed(COUNTING, saved)
    assert names["step"] == 4
    np.testing.assert_allclose(saved.norms, np.sqrt(3))
    still = Saved()
    for weights in ([0.0], [0.0], [2.0]):
        still([weights])
    assert still.norms.tolist() == [2.0]
    step_end([1.0])  # nobody listens


def test_two_programs_take_turns():
    def said(text, place):
        return text.replace("weights += 1.0", f"weights += 1.0; order({place})")

    first, second = (f"from tests.benchmarks.test_patterns import ORDER; order = ORDER.append\n{said(COUNTING, i)}" for i in (0, 1))
    ORDER.clear()
    times = Turns(20).run((first, second))
    assert ORDER[:40] == [0, 1] * 20
    assert [len(each) for each in times] == [21, 21]
    assert min(min(each) for each in times) > 0


ORDER: list[int] = []


def test_a_program_that_fails_does_not_keep_the_other_waiting():
    failing = "raise Enough\n"
    with pytest.raises(NameError):
        executed(failing, Saved())
    times = Turns(20).run(("", COUNTING))
    assert [len(each) for each in times] == [0, 21]
    assert issubclass(Enough, BaseException)
