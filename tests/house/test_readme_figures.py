"""The figures in the README's comparison are those that the benchmarks printed."""

from __future__ import annotations

import re

import pytest

from tests.helpers.documents import ROOT

README = (ROOT / "README.md").read_text("utf-8")


def printed(name, pattern):
    """The groups of the first match in what a benchmark printed."""
    found = re.search(pattern, (ROOT / "benchmarks" / "results" / f"{name}.txt").read_text("utf-8"), re.MULTILINE)
    assert found, f"{pattern} is not in the results of {name}"
    return found.groups()


def rounded(text):
    """Two digits, as the README has it; whole numbers of more digits keep three."""
    value = float(text)
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 100 else f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def coverage():
    ours = [float(each) for each in printed("calibration", r"500 robust +((?:[\d.]+ +){9})±")[0].split()]
    slope = [float(each) for each in printed("calibration", r"slope ± 1.96 residual errors +((?:[\d.]+ +){9})±")[0].split()]
    return (
        f"covers {min(ours):.0f} to {max(ours):.0f} %; [with noise](docs/verdict.md) less",
        f"a slope's own error covers {min(slope):.0f} to {max(slope):.0f} %; no other DFA package has an interval",
    )


def short_series():
    robust, antropy = printed("speed", r"^n = 500, .* robust ([\d.]+) µs, antropy ([\d.]+) µs")
    (old,) = printed("speed", r"^  wcdfa 0.1.0: ([\d.]+) ms")
    return f"{rounded(robust)} µs", f"antropy, the slope alone, {rounded(antropy)} µs; wcdfa 0.1.0, the same, {rounded(old)} ms"


def long_series():
    times = printed(
        "speed", r"^n = 1e6, .*: ours ([\d.]+) ms, robust ([\d.]+) ms, cumsum ([\d.]+) ms, antropy ([\d.]+) ms, fathon ([\d.]+) ms"
    )
    ours, robust, cumsum, antropy, fathon = map(rounded, times)
    return (
        f'{ours} ms `"ols"`, {robust} ms `"robust"`',
        f"antropy {antropy} ms, fathon {fathon} ms (20 sizes); `np.cumsum` alone {cumsum} ms",
    )


def norms_in_torch():
    exact, copies = printed("overhead_torch", r"10 M: ([\d.]+) ms, [\d.]+ × the copies of ([\d.]+) ms")
    (share,) = printed("overhead_torch", r"^ +exact: (-?[\d.]+ ± [\d.]+) % of")
    (old,) = printed("overhead_torch", r"× faster than wcdfa 0.1.0, ([\d.]+) ms")
    return f"{rounded(exact)} ms; {share} %", f"plain copies, {rounded(copies)} ms; wcdfa 0.1.0, {rounded(old)} ms"


def many_runs():
    two, one = (printed("many_runs", rf"^{how} +([\d.]+) s")[0] for how in ("2 processes", "1 process"))
    return f"{rounded(two)} s; one core {rounded(one)} s", ""


def logs():
    kinds = ("tensorboard", "mlflow", "wandb", "csv", "jsonl", "trackio")
    times = [printed("read_logs", rf"{kind} +([\d.]+) s +([\d.]+) s") for kind in kinds]
    ours, theirs = (", ".join(rounded(each) for each in some) for some in zip(*times, strict=True))
    return f"{ours} s", f"with the tracker's own library, or pandas: {theirs} s"


def digits():
    white, walk, offset = (
        f"{float(printed('accuracy', rf'float64, n = 1e6, {kind}: ([^ ]+)')[0]):.0e}".replace("e-0", "e-")
        for kind in ("white noise", "random walk", r"white noise \+ 1e6")
    )
    return f"{white} (offset 10⁶: {offset}; random walk: {walk})", "2e-5 to 1e7 with global prefix sums"


def never_more_than_chance():
    text = (ROOT / "benchmarks" / "results" / "verdicts.txt").read_text("utf-8")
    table = text.partition("said to be not explained, window 500")[2].partition("\n\n")[0]
    shares = [float(each) for each in re.findall(r"([\d.]+) ± ", table)]
    assert len(shares) > 300
    return f"{min(shares):.0f} to {max(shares):.0f} %", "no other package has a null"


def memory_found():
    rows = [
        printed("verdicts", rf"α = {alpha}, σ = 0.2, n = 500 +([\d.]+) ± [\d.]+ +([\d.]+) ±") for alpha in ("0.8", "1.0", "1.3")
    ]
    shares = [sorted(float(each) for each in row) for row in rows]
    said = [f"{low:.0f}" if f"{low:.0f}" == f"{high:.0f}" else f"{low:.0f} to {high:.0f}" for low, high in shares]
    return f"{', '.join(said)} %", ""


ROWS = {
    "95 % interval of α, 500 samples of pure long memory, α from 0.3 to 1.7": coverage,
    "windows of 500 without memory of their own said to differ from their optimizer: 10 optimizers, 9 kinds of gradients, 4 schedules": never_more_than_chance,
    "long memory put on top of momentum or AdamW (σ 0.2, α 0.8, 1.0, 1.3), found": memory_found,
    "`dfa` of 500 samples: α, interval and p-value": short_series,
    "1,000,000 samples": long_series,
    "‖ΔW‖ of 10 M parameters in torch, exact; share of a transformer's step": norms_in_torch,
    "verdicts on 1,000 logged runs of 10,000 steps, 20,000 windows, 2 cores": many_runs,
    "reading 1,000,000 steps: TensorBoard, MLflow, `.wandb`, csv, jsonl, trackio": logs,
    "largest relative error of F², 10⁶ samples, float64": digits,
}


@pytest.mark.parametrize("label", ROWS)
def test_a_row_of_the_comparison_is_what_was_measured(label):
    (row,) = (line for line in README.splitlines() if line.startswith(f"| {label} |"))
    assert [cell.strip() for cell in row.strip("|").split("|")[1:]] == list(ROWS[label]())
