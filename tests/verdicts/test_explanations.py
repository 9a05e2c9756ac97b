"""Each line that is printed about a run has a row that explains it, and no row is without a line."""

from __future__ import annotations

import ast
import inspect
import math
import re
import sys
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import wcdfa
from wcdfa.analysis import diagnosing, remarks
from wcdfa.analysis.series import Settings, analyze
from wcdfa.monitor import live_messages
from wcdfa.nulls.comparison import Compared
from wcdfa.nulls.nulls import NullResult, ShortMemory
from wcdfa.nulls.update_rules import named
from wcdfa.readers.series import RecordedSeries
from wcdfa.verdicts import diagnosis_sentences, explanations, sentences
from wcdfa.verdicts.across import across, across_groups
from wcdfa.verdicts.causes import Cause
from wcdfa.verdicts.changes import Change
from wcdfa.verdicts.checked_window import Check
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.drift import Alarm
from wcdfa.verdicts.evidence import Evidence
from wcdfa.verdicts.explanations import explanation, of_diagnosis, of_findings, of_line, of_verdict
from wcdfa.verdicts.findings import Finding
from wcdfa.verdicts.optimizer_comparison import Comparison, GradientSizes
from wcdfa.verdicts.run_alpha import RunAlpha, no_alpha
from wcdfa.verdicts.signatures import CAUSES, STATISTICS
from wcdfa.verdicts.single_window import weighed

JARGON = re.compile(r"\bnats\b|saturated|dissolved|captured|\border \d|misfit|\bgls\b|AR\(1\)|ARMA|φ|θ", re.IGNORECASE)
NULL = NullResult(0.9, 0.7, 0.9, 1.1, 0.0, 0.5)
COMPARED = Compared(0.5, 0.5, 0.5, NULL, (0.8, 1.1), False, "white gradients", math.nan)
MEMORY = ShortMemory(0.9, 0.8, 0.9, 1.0, 0.0, 0.5, "AR(1)", {"phi": 0.8}, 6.1, "short")
EVIDENCE = Evidence(
    criteria=Criteria(optimizer=named("sgd", {"momentum": 0.9})),
    alpha=1.0,
    low=0.9,
    high=1.1,
    result=SimpleNamespace(saturated=False, adequacy=1.0),
)


def compared(evidence=EVIDENCE, *, null=NULL, gradients=None, among=1, nats=math.nan, memory=None, **outcome):
    found = COMPARED._replace(null=null, **outcome)
    comparison = Comparison(found, "SGD(momentum 0.9) on gradients without memory")
    return replace(evidence, comparison=comparison, null=null, gradients=gradients, among=among, nats=nats, memory=memory)


def windows():
    """Evidence for each outcome of a window."""
    quantity = {each: replace(EVIDENCE, criteria=Criteria(quantity=each)) for each in ("loss", "gradient norm")}
    other = SimpleNamespace(alpha=0.5, stderr=0.01, low=0.4, high=0.6)
    near = SimpleNamespace(alpha=0.96, stderr=0.01, low=0.9, high=1.1)
    sizes = GradientSizes(0.8, 0.7, 0.9, 0.5)
    yield "critical", EVIDENCE
    yield "ordered", replace(EVIDENCE, low=1.3, high=1.5)
    yield "disordered", replace(EVIDENCE, low=0.3, high=0.5)
    yield "undecided", replace(EVIDENCE, low=0.7, high=0.9)
    yield "no-alpha", replace(EVIDENCE, reason="for a reason that nobody knows", alpha=math.nan, low=math.nan, high=math.nan)
    yield "trend", replace(EVIDENCE, result=SimpleNamespace(saturated=True, adequacy=1.0))
    yield "trend", replace(EVIDENCE, higher={2: other})
    yield "part-trend", replace(EVIDENCE, higher={2: near})
    yield "bend", replace(EVIDENCE, result=SimpleNamespace(saturated=False, adequacy=0.001))
    yield from bends()
    yield "thinned", replace(EVIDENCE, criteria=replace(EVIDENCE.criteria, thinned=10))
    yield "short-memory", replace(EVIDENCE, memory=MEMORY)
    yield "short-memory", replace(EVIDENCE, memory=MEMORY._replace(model="ARMA(1,1)", parameters={"phi": 0.8, "theta": 0.1}))
    yield "part-short-memory", replace(EVIDENCE, memory=MEMORY._replace(p_value=0.001))
    yield "optimizer", compared()
    yield "optimizer-and-gradients", compared(gradients=sizes._replace(p_value=0.001))
    yield "no-gradient-memory", compared(gradients=sizes)
    yield "gradient-memory", compared(gradients=sizes._replace(p_value=0.001))
    yield "gradient-memory-chance", compared(gradients=sizes._replace(p_value=0.001, among=20))
    yield "gradients-without-memory", compared(quantity["gradient norm"])
    yield "or-long-memory", compared(nats=-9.0)
    yield "above-replays", compared(null=NULL._replace(p_value=0.001))
    yield "chance", compared(p_value=0.01, among=20)
    yield "less-memory", compared(p_value=0.01, less=True)
    yield "more-memory", compared(p_value=0.01, null=NULL._replace(p_value=0.001))
    yield "another-shape", compared(p_value=0.01, p_more=0.9, p_shape=0.01)
    yield "shapes-unknown", compared(replace(EVIDENCE, criteria=Criteria(optimizer=named("muon", {}))), p_value=0.01)
    yield "optimizer-without-alpha", compared(null=NULL._replace(median=math.nan), white=(math.nan, math.nan))
    yield "optimizer-without-alpha", replace(EVIDENCE, criteria=Criteria(optimizer=named("lion", {})))
    white = compared(white=(math.nan, math.nan))
    yield "optimizer", white
    unlike = "the norms rise by 2 times in the first steps of the run"
    yield "first-steps", replace(white, comparison=white.comparison._replace(unlike=unlike))
    yield "given-alpha", replace(EVIDENCE, null=NULL)
    yield "above-given-alpha", replace(EVIDENCE, null=NULL._replace(p_value=0.001))
    yield "below-given-alpha", replace(EVIDENCE, null=NULL._replace(alpha=0.5))
    yield "optimizer-without-alpha", replace(EVIDENCE, null=NULL._replace(median=math.nan))
    yield "other-quantity", quantity["loss"]
    yield "optimizer-unknown", replace(EVIDENCE, criteria=Criteria(unknown="the groups have other settings"))
    yield "optimizer-unknown", replace(EVIDENCE, criteria=Criteria(incomparable="its values are one an epoch"))
    yield "zeros-skipped", replace(EVIDENCE, prepared=SimpleNamespace(findings=("3 norms of 0 were skipped",), spacing=1))


def bends():
    """Evidence for each outcome of the search for two exponents."""
    bent = replace(EVIDENCE, result=SimpleNamespace(saturated=False, adequacy=0.001))
    noise, short = wcdfa.synthetic.white_noise(1000, seed=0), wcdfa.synthetic.ar1(1000, phi=0.8, seed=0)
    yield "bend-and-trend", replace(bent, higher={2: SimpleNamespace(alpha=0.96, stderr=0.01, low=0.9, high=1.1)})
    for key, series in {
        "two-exponents": short,
        "second-may-be-trend": noise + np.linspace(0, 4, 1000),
        "no-two-exponents": np.concatenate(
            [wcdfa.synthetic.white_noise(1000, seed=1), wcdfa.synthetic.ar1(1000, phi=0.95, seed=10)]
        ),
        "no-second-exponent": noise[:600],
        "second-not-determined": wcdfa.synthetic.ar1(500, phi=0.5, seed=58),
        "period-bends": noise + np.sin(np.arange(1000) / 8),
    }.items():
        yield key, replace(bent, prepared=wcdfa.prepare(series, log=False))


@dataclass
class Sweep:
    """All lines that were made, and the lines of code that made them."""

    said: list[str] = field(default_factory=list)
    ran: dict[str, set[int]] = field(default_factory=dict)

    def trace(self, frame, event, _):
        name = frame.f_code.co_filename
        if name not in self.ran:
            return None
        self.ran[name].add(frame.f_lineno)
        return self.trace


WALKED = [
    import_module(f"wcdfa.{name}")
    for name in (
        "analysis.diagnosing",
        "analysis.remarks",
        "monitor.live_messages",
        "preprocess.preparation",
        "preprocess.resolution",
        "verdicts.across",
        "verdicts.diagnosis",
        "verdicts.diagnosis_sentences",
        "verdicts.findings",
        "verdicts.run_alpha",
        "verdicts.sentences",
        "verdicts.two_exponents",
    )
]
"""Modules whose every sentence is said."""


@pytest.fixture(scope="module")
def sweep():
    found = Sweep(ran={module.__file__: set() for module in WALKED})
    before = sys.gettrace()
    sys.settrace(found.trace)
    try:
        found.said += lines()
    finally:
        sys.settrace(before)
    return found


def lines():
    """Every line that there is, from constructed evidence."""
    for _, evidence in windows():
        verdict = weighed(evidence)
        yield str(verdict)
        yield from sentences.reasons(verdict, optimizer_named=False)
    yield from of_preparation()
    yield from of_runs()
    yield from of_diagnoses()


def of_preparation():
    rng = np.random.default_rng(0)
    norms = np.exp(0.1 * rng.standard_normal(600))
    special = norms.copy()
    special[[5, 6]], special[9], special[30], special[300:] = 0, math.inf, 50, special[300:] * 9
    rates = np.where(np.arange(600) < 200, 1.0, 0.1) * np.linspace(1, 0.5, 600)
    steps = np.arange(600) + 1000 * (np.arange(600) > 100)
    yield from wcdfa.prepare(special, steps=steps).findings
    yield from wcdfa.prepare(norms * rates, lr=rates).findings
    yield from wcdfa.prepare(norms * rates, lr=rates, log=False).findings
    yield from wcdfa.prepare(norms * np.exp(np.arange(600) % 20 / 20), epoch_length=20).findings
    many = norms.copy()
    many[30:600:40] = math.nan
    gaps = np.arange(600) + 40 * (np.arange(600) // 60)
    yield from wcdfa.prepare(many, steps=gaps).findings
    yield from wcdfa.prepare(np.round(norms, 2)).findings
    yield from wcdfa.prepare(np.repeat(np.arange(1.0, 400.0), np.where(np.arange(1, 400) % 40, 1, 2))).findings
    for constant in (
        np.float64(np.float32(1 + 3e-7 * rng.standard_normal(600))),
        np.arange(600) % 10 + 1.0,
        np.repeat(norms[:300], 2),
    ):
        yield f"no α: {wcdfa.prepare(constant).reason}"
    for short in ([], [1.0], [0.0, math.nan, *range(1, 9)], [math.nan] * 60, [0.0] * 60):
        with pytest.raises(ValueError, match="at least 28 are needed") as error:
            wcdfa.prepare(short)
        yield f"no α: {error.value}"
    yield f"no α: {wcdfa.verdict(np.ones(100)).reason}"


def of_runs():
    run = RunAlpha(0.5, 0.4, 0.6, {"disordered": 1.0, "critical": 0.0, "ordered": 0.0}, "disordered", None)
    verdict = weighed(EVIDENCE)
    yield from sentences.of_run(run, [])
    yield from sentences.of_run(run, [verdict])
    yield from sentences.of_run(run._replace(alpha=1.5, low=1.4, high=1.6), [verdict])
    yield sentences.doubt("SGD")
    for finding in (Finding("trend", "", 0.1, True, "trend"), Finding("misfit", "", 0.01, False)):
        yield from sentences.of_run(run._replace(alpha=1.0, low=0.9, high=1.1), [verdict._replace(findings=(finding,))])
    yield str(run._replace(regime="undecided", probabilities={"disordered": 0.5, "critical": 0.5, "ordered": 0.0}))
    rng = np.random.default_rng(0)
    for norms in (np.exp(rng.standard_normal(60)), np.ones(600), np.exp(0.1 * rng.standard_normal(600)), np.zeros(600)):
        try:
            yield str(wcdfa.run_alpha(norms))
        except ValueError as error:
            yield str(no_alpha(str(error)))
    one = np.where(np.arange(600) % 20, np.exp(0.1 * rng.standard_normal(600)), math.nan)
    yield str(wcdfa.run_alpha(one))
    for p_values in (
        [],
        [math.nan],
        [0.5],
        [0.001],
        [0.001, 0.5],
        [0.04, 0.5, 0.7],
        [0.5, 0.5],
        [0.04, 0.04, 0.5, 0.6, 0.7, 0.9],
        [1e-9] * 8,
    ):
        yield str(across(p_values))
        yield str(across_groups({str(place): SimpleNamespace(p_value=p) for place, p in enumerate(p_values)}))
    alarm = Alarm(5000, None, 4800, "up", 1.3, 1.2)
    yield sentences.drift(alarm)
    yield sentences.drift(alarm, "robust")
    yield from (sentences.no_drift(n, 500, known=known) for n, known in ((100, True), (100, False), (10_000, True)))
    norms = np.exp(0.1 * rng.standard_normal(600))
    log = RecordedSeries(Path("run"), "", "norms", norms, None, None, None, 3, ("a note of the log",))
    for series in (log, log._replace(values=np.log(norms), empty=1), log._replace(empty=0)):
        for window in (500, 1000):
            yield from (f"note: {each}" for each in remarks.remarks(analyze(series, Settings(window=window, diagnosis=False))))
    assert in_short_is_said()


def in_short_is_said():
    return sentences.in_short("critical", "") == "critical"


def of_diagnoses():
    checks = [
        Check(name, found, low, high, p, since=100, amount=amount)
        for name, words in STATISTICS.items()
        for found, low, high, said in ((2.0, -math.inf, 1.0, words.up), (0.5, 1.0, math.inf, words.down), (2.0, 0.5, 1.0, words.up))
        if said
        for p in (0.0, 0.001)
        for amount in (2.0, math.nan)
    ]
    changes = [
        Change(name, group, *ends, 100, 120, p)
        for name, words in STATISTICS.items()
        for ends, said in (((0.1, 0.5), words.up), ((0.5, 0.1), words.down))
        if said
        for group, p in (("all", 0.0), ("head", 0.001))
    ]
    yield from map(diagnosis_sentences.sentence_of_check, checks)
    yield from map(diagnosis_sentences.sentence_of_change, changes)
    nothing = wcdfa.diagnose(np.ones(10))
    causes = [[Cause(name, 1.0)] for name in CAUSES]
    causes += [[], [Cause("labels", 0.5), Cause("inputs", 0.5)], [Cause("labels", 0.5, 9.0), Cause("inputs", 0.5, 9.0)]]
    for each in causes:
        found = replace(nothing, deviations=(checks[0],), changes=(changes[0], changes[1]), causes=tuple(each))
        yield from str(found).splitlines()
        yield from diagnosing.lines_of(found)
        yield live_messages.of_deviations([checks[0]], "SGD", each)
        yield live_messages.of_changes([changes[0]], each, 0)
        yield live_messages.of_cause(100, each, [changes[0]], [changes[0]] * 2)
        yield live_messages.of_cause(100, each, [], [changes[0]])
        yield diagnosing.finding_in_short(
            {
                "found": True,
                "since": 1,
                "evidence": list(found.evidence),
                "clear": len(each) == 1,
                "causes": [{"text": CAUSES["labels"].text}],
            }
        )
    yield live_messages.of_changes([changes[0]], [], 200)
    for found in (nothing, replace(nothing, compared=("something",)), replace(nothing, compared=("something",), not_compared=())):
        yield from str(found).splitlines()
        yield from diagnosing.lines_of(found)
    yield from (f"not compared: {each}" for each in not_compared())


def not_compared():
    """Why a diagnosis compares nothing, for each reason."""
    rng = np.random.default_rng(0)
    for n, options in (
        (300, {}),
        (300, {"optimizer": "sgd", "momentum": np.linspace(0.5, 0.9, 300)}),
        (
            300,
            {
                "optimizer": "adamw",
                "betas": np.stack([np.linspace(0.5, 0.9, 300), np.full(300, 0.99)], 1),
                "lr": np.r_[np.nan, np.ones(299)],
            },
        ),
        (300, {"optimizer": "nadam", "lr": 0.1}),
        (100, {"optimizer": "sgd"}),
        (300, {"optimizer": "sgd", "steps": np.arange(1, 601, 2)}),
        (300, {"steps": np.arange(1, 601, 2)}),
        (2000, {"optimizer": "sgd", "lr": 0.1, "cosine": rng.uniform(-0.1, 0.1, 2000)}),
    ):
        found = wcdfa.diagnose(np.exp(0.1 * rng.standard_normal(n)), **options)
        yield from found.not_compared


OF_ERRORS = ("keep the last record of each step", " differences are not the usual ", "a whole number of steps")
"""Parts of errors, which are no lines about a run."""


def makers(module):
    """The statements of a module whose strings are printed: their first and last line, and the text."""
    tree = ast.parse(Path(module.__file__).read_text("utf-8"))
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for statement in ast.walk(function):
            if isinstance(statement, ast.Return | ast.Expr | ast.Assign | ast.AugAssign) and not _is_error(statement):
                texts = [
                    each.value for each in ast.walk(statement) if isinstance(each, ast.Constant) and isinstance(each.value, str)
                ]
                said = [each for each in texts if " " in each.strip() and each != ast.get_docstring(function, clean=False)]
                if said and said[0] not in OF_ERRORS:
                    yield statement.lineno, statement.end_lineno, said[0]


def _is_error(statement):
    return isinstance(statement, ast.Assign) and any(isinstance(each, ast.Name) and each.id == "msg" for each in statement.targets)


@pytest.mark.parametrize("module", WALKED, ids=lambda module: module.__name__)
def test_the_sweep_says_every_sentence_of_the_code(sweep, module):
    ran = sweep.ran[module.__file__]
    left = [(first, text) for first, last, text in makers(module) if not ran.intersection(range(first, last + 1))]
    assert not left, left


def test_every_line_has_a_row(sweep):
    lacking = sorted({each for each in sweep.said if of_line(each) is None})
    assert not lacking, lacking


def sources():
    """All strings in the code, with … for what varies."""
    for path in sorted(Path(inspect.getfile(wcdfa)).parent.rglob("*.py")):
        if path.name == "explanations.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(each.value if isinstance(each, ast.Constant) else "…" for each in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_no_row_is_dead(sweep):
    """A row is of a line of the sweep, or of a string that stands in the code."""
    living = {of_line(each).key for each in sweep.said}
    rest = [each for each in explanations.explanations() if each.key not in living]
    texts = list(sources())
    dead = [each.key for each in rest if not any(_holds(text, each.line.split("…")) for text in texts)]
    assert not dead, dead


def _holds(text, parts):
    """Whether the parts of a line come in a text, in their order."""
    place = 0
    for part in parts:
        place = text.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return True


def test_every_cause_and_every_sign_has_a_row():
    for name in CAUSES:
        assert explanation(explanations.key_of_cause(name)).line == CAUSES[name].text
    for name, words in STATISTICS.items():
        for direction, said in ((1, words.up), (-1, words.down)):
            if said:
                assert explanation(explanations.key_of_sign(name, direction)).line == said


def test_rows_are_whole_and_found_by_their_line():
    rows = explanations.explanations()
    assert len({each.key for each in rows}) == len(rows)
    for each in rows:
        assert re.fullmatch(r"[a-z0-9-]+", each.key)
        assert all((each.line, each.meaning, each.next_step)), each.key
        assert each.next_step.endswith("."), each.key
        assert of_line(each.line) == each
        assert not JARGON.search(each.next_step.replace("order=2", "")), each.next_step


@pytest.mark.parametrize(
    ("key", "evidence"), [pytest.param(*each, id=f"{place}-{each[0]}") for place, each in enumerate(windows())]
)
def test_each_outcome_has_its_own_row(key, evidence):
    """The row of the verdict, or of one of its findings; the words of a verdict hold no jargon, and no band beside what explains it."""
    verdict = weighed(evidence)
    keys = {of_line(str(verdict)).key, of_verdict(verdict).key, *(each.key for each in of_findings(verdict.findings))}
    keys |= {each.key for each in map(of_line, (finding.text for finding in verdict.findings)) if each is not None}
    assert key in keys, keys
    assert not JARGON.search(str(verdict))
    if verdict.explained_by:
        assert str(verdict).startswith("explained by ")
        assert not re.search("critical|ordered", str(verdict))


def test_of_what_explains_a_window_the_first_is_acted_on():
    assert of_verdict(weighed(compared(memory=MEMORY))).key == "optimizer"
    assert of_verdict(weighed(EVIDENCE)).key == "name-the-optimizer"
    assert of_verdict(weighed(compared(p_value=0.01, null=NULL._replace(p_value=0.001), memory=MEMORY))).key == "more-memory"


def test_a_diagnosis_is_acted_on_by_its_cause():
    nothing = wcdfa.diagnose(np.ones(10))
    change = Change("frozen", "head", 0.5, 0.0, 5001, 5020, 0.0)
    assert of_diagnosis(nothing).key == "nothing-compared"
    assert of_diagnosis(replace(nothing, compared=("all",))).key == "nothing-found"
    found = replace(nothing, changes=(change,))
    assert of_diagnosis(found).key == "sign-frozen-down"
    assert of_diagnosis(replace(found, causes=(Cause("frozen", 1.0),))).key == "cause-frozen"
    two = (Cause("frozen", 0.5), Cause("labels", 0.5))
    assert of_diagnosis(replace(found, causes=two)).key == "several-causes"
    assert of_diagnosis(replace(found, causes=tuple(each._replace(misfit=9.0) for each in two))).key == "no-known-cause"


def test_a_key_that_is_not_there_names_the_nearest():
    with pytest.raises(ValueError, match="the nearest are short-memory"):
        explanation("short-memori")
    with pytest.raises(ValueError, match="wcdfa explain lists all keys"):
        explanation("qqq")


@pytest.mark.parametrize("name", CAUSES)
def test_what_to_do_about_a_cause_is_a_sentence(name):
    assert re.match(r"Look at (?!that |whether )|Check (that|whether) ", CAUSES[name].check)
    assert not CAUSES[name].check.endswith(".")
