"""Calibrations: what ships is what is computed, and what is computed is kept, once, wherever that is possible."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import wcdfa
from wcdfa import synthetic
from wcdfa.inference import calibration_tables as tables
from wcdfa.inference import make_calibrations
from wcdfa.inference.approximate_moments import of_sizes
from wcdfa.scales import LARGEST_EXACT, SHIPPED, half_sizes
from wcdfa.support import progress

ROOT = Path(__file__).parents[2]
X = synthetic.white_noise(70, seed=0)
LAYOUT = (70, half_sizes(70, 1), 1, 0.5)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, and nothing in memory."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("WCDFA_CACHE_DIR", str(folder))
    forget()
    yield folder
    forget()


def forget():
    tables.table.cache_clear()
    tables.calibration_for.cache_clear()
    wcdfa.inference.exponent._one_estimate.cache_clear()
    wcdfa.kernel.arrays._constant.cache_clear()


@pytest.fixture
def computed(monkeypatch):
    """The lengths that are computed from here on."""
    lengths = []
    original = tables.compute

    def compute(n, *rest, **options):
        lengths.append(n)
        return original(n, *rest, **options)

    monkeypatch.setattr(tables, "compute", compute)
    return lengths


@pytest.mark.parametrize("name", ["ols1", "robust1", "robust2", "robust3"])
def test_shipped_tables_are_what_is_computed(name):
    sizes, order, overlap = tables.shipped_layouts(128)[name]
    shipped = tables.table(128, sizes, order, overlap)
    fresh = tables.compute(128, sizes, order, overlap, exact=True, series=make_calibrations.SERIES)
    for part, expected in zip(shipped.moments, fresh.moments, strict=True):
        np.testing.assert_allclose(part, expected, rtol=3e-7, atol=1e-6)  # single precision
    assert set(shipped.misfit) == set(fresh.misfit) == ({"ols"} if overlap == 0 else {"robust", "gls"})
    for method, rows in shipped.misfit.items():
        np.testing.assert_allclose(rows, fresh.misfit[method], rtol=1e-3)  # of the same simulated series


def test_every_length_ships_and_takes_little_room():
    files = sorted(tables.FOLDER.glob("*"))
    assert {file.name for file in files} == {f"{n}.npz" for n in SHIPPED}
    assert sum(file.stat().st_size for file in files) < 1_000_000
    for file in files:
        with np.load(file) as stored:
            names = {key.partition(".")[0] for key in stored}
        assert names - {"version"} == set(tables.shipped_layouts(int(file.stem)))


def test_the_package_ships_them():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert "calibrations/*.npz" in settings["package-data"]["wcdfa.inference"]


@pytest.mark.parametrize("n", SHIPPED)
@pytest.mark.parametrize("method", ["robust", "gls", "ols"])
def test_a_shipped_length_computes_nothing(n, method, cache, computed):
    x = synthetic.white_noise(n, seed=0)
    for order in tables.SHIPPED_ORDERS["ols" if method == "ols" else "robust"]:
        assert np.isfinite(wcdfa.dfa(x, method=method, order=order).adequacy)
    # the larger sizes left out, as with breaks
    assert np.isfinite(wcdfa.dfa(x, method=method, breaks=[n // 2]).alpha)
    assert computed == []
    assert not cache.exists()


def test_the_first_call_reads_one_file(cache, monkeypatch):
    read = []
    original = np.load
    monkeypatch.setattr(np, "load", lambda path, *rest, **options: read.append(Path(path)) or original(path, *rest, **options))
    x = synthetic.white_noise(500, seed=0)
    for _ in range(3):
        wcdfa.dfa(x)
    assert read == [tables.FOLDER / "500.npz"]


@pytest.mark.parametrize(("n", "base"), [(1025, 1024), (1500, 1024), (3000, 2048), (4095, 2048), (5000, 4096), (200_000, 4096)])
@pytest.mark.parametrize("method", ["robust", "gls"])
def test_longer_series_are_scaled_from_a_shipped_length(n, base, method, cache, computed):
    result = wcdfa.dfa(synthetic.white_noise(n, seed=1), method=method)
    assert computed == []
    assert result.scales[-1] == base // 2 // 4 * 4 or result.scales[-1] < base // 2
    shorter = wcdfa.dfa(synthetic.white_noise(base, seed=1), method=method)
    assert 0.5 < result.stderr / (shorter.stderr * np.sqrt(base / n)) < 1.05  # more boxes, and as many of each size as they are
    assert 0 <= result.adequacy <= 1


def test_it_is_computed_once_and_read_by_another_process(cache, computed):
    first = wcdfa.dfa(X)
    files = list(cache.iterdir())
    assert (computed, len(files)) == ([70], 1)
    assert files[0].suffix == ".npz"
    wcdfa.dfa(X, method="gls")  # the same boxes
    assert computed == [70]
    program = (
        "import numpy as np, wcdfa; from wcdfa.inference import calibration_tables as tables\n"
        "def compute(*_, **__): raise AssertionError('computed again')\n"
        "tables.compute = compute\n"
        "result = wcdfa.dfa(wcdfa.synthetic.white_noise(70, seed=0)); print(repr(float(result.alpha)), repr(float(result.low)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    # single precision in the file, double in the process that computed it
    np.testing.assert_allclose([float(v) for v in done.stdout.split()], [first.alpha, first.low], rtol=1e-5)
    assert list(cache.iterdir()) == files


@pytest.mark.parametrize("damage", ["empty", "truncated", "noise", "another file", "a folder"])
def test_a_broken_file_is_computed_again(cache, computed, damage):
    expected = wcdfa.dfa(X).alpha
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    path.unlink()
    if damage == "a folder":
        path.mkdir()
    elif damage == "another file":
        np.savez(path, something=np.zeros(3))
    else:
        path.write_bytes({"empty": b"", "truncated": whole[: len(whole) // 2], "noise": b"\x00noise" * 100}[damage])
    forget()
    assert wcdfa.dfa(X).alpha == expected
    assert computed == [70, 70]
    if damage != "a folder":
        assert path.read_bytes() == whole
        forget()
        np.testing.assert_allclose(wcdfa.dfa(X).alpha, expected, rtol=1e-5)
        assert computed == [70, 70]
        assert list(cache.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_survived(cache, computed):
    cache.write_text("a file where the folder should be")
    assert np.isfinite(wcdfa.dfa(X).alpha)
    assert np.isfinite(wcdfa.dfa(X[::-1]).alpha)
    assert computed == [70]  # kept in memory
    assert cache.read_text() == "a file where the folder should be"


def test_without_platformdirs_it_is_kept_in_memory(monkeypatch, computed):
    monkeypatch.delenv("WCDFA_CACHE_DIR")
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    assert tables._cache_file(*LAYOUT) is None
    forget()
    assert wcdfa.dfa(X).alpha == wcdfa.dfa(X).alpha
    assert computed == [70]
    forget()


def test_the_folder_of_platformdirs_is_the_default(monkeypatch):
    platformdirs = pytest.importorskip("platformdirs")
    monkeypatch.delenv("WCDFA_CACHE_DIR")
    path = tables._cache_file(*LAYOUT)
    assert path.parent == Path(platformdirs.user_cache_dir("wcdfa"))


def test_another_layout_or_version_is_another_file(cache, monkeypatch):
    names = [tables._cache_file(*LAYOUT)]
    for other in [(71, *LAYOUT[1:]), (70, (4, 8), 1, 0.5), (70, LAYOUT[1], 2, 0.5), (70, LAYOUT[1], 1, 0.0)]:
        names.append(tables._cache_file(*other))
    monkeypatch.setattr(tables, "VERSION", tables.VERSION + 1)
    names.append(tables._cache_file(*LAYOUT))
    assert len(set(names)) == len(names)
    assert all(name.parent == cache for name in names)


@pytest.mark.parametrize("method", ["ols", "robust"])
def test_what_was_computed_gives_the_digits_that_the_next_process_gets(method, cache):
    first = wcdfa.dfa(X, method=method)
    forget()
    again = wcdfa.dfa(X, method=method)  # from the folder
    assert [first.alpha, first.low, first.high, first.adequacy] == [again.alpha, again.low, again.high, again.adequacy]


def test_packing_keeps_all_but_the_last_digits():
    table = tables.compute(32, (3, 4, 6, 8), 1, 0.5, exact=True, series=100)
    again = tables.unpacked(tables.packed(table), 1)
    for before, after in zip(table.moments, again.moments, strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-7, atol=1e-7)
    assert np.all(np.triu(again.moments.root, 1) == 0)
    for method in ("robust", "gls"):
        np.testing.assert_allclose(again.misfit[method], table.misfit[method], rtol=1e-6)


def test_slow_work_is_told_on_stderr_alone(cache, monkeypatch, capsys):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    wcdfa.dfa(X)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "wcdfa: calibrating for 70 samples, 8 box sizes: some seconds …\n"
    wcdfa.dfa(X)
    assert capsys.readouterr() == ("", "")


def test_quick_work_is_silent(cache, monkeypatch, capsys):
    monkeypatch.setattr(progress, "PATIENCE", 1e9)
    wcdfa.dfa(X)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_on_stderr(monkeypatch, capsys):
    pytest.importorskip("rich")
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress.Progress("calibrating", 3) as shown:
        for _ in range(3):
            shown.advance()
        assert shown._bar is not None
        assert shown._bar.console.stderr
    assert capsys.readouterr().out == ""


def test_the_display_of_the_user_is_left_alone(monkeypatch, capsys):
    """Inside a live display of rich a second one is an error: then there is none."""
    rich_progress, console = pytest.importorskip("rich.progress"), pytest.importorskip("rich.console")
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with rich_progress.Progress(console=console.Console(stderr=True)), progress.Progress("calibrating", 3) as shown:
        for _ in range(3):
            shown.advance()
    assert capsys.readouterr().out == ""


def test_chi_square_quantiles():
    """Upper 5 % points of the tables, to the 0.5 % of the approximation."""
    found = [tables.chi_square_quantiles(k)[tables.LEVELS.index(0.05)] for k in (1, 2, 5, 11, 30)]
    np.testing.assert_allclose(found, [3.841, 5.991, 11.070, 19.675, 43.773], rtol=0.03)
    np.testing.assert_allclose(found[2:], [11.070, 19.675, 43.773], rtol=0.005)


def test_what_is_exact_is_below_what_ships():
    assert LARGEST_EXACT in SHIPPED
    assert list(SHIPPED) == sorted(SHIPPED)


@pytest.mark.parametrize("method", ["robust", "gls"])
def test_some_of_the_known_sizes_need_no_simulation(method, monkeypatch):
    """The estimate from every second size has the α and the p-values that simulated series say it should."""
    monkeypatch.setattr(tables, "compute", lambda *_, **__: pytest.fail("nothing has to be simulated"))
    sizes = tuple(1 << k for k in range(2, 11))
    for alpha in (0.5, 1.2):
        white = synthetic.arfima(5000, d=min(alpha, 0.8) - 0.5 if alpha < 1 else alpha - 1.5, batch=(400,), seed=1)
        found = wcdfa.dfa(white if alpha < 1 else np.cumsum(white, axis=-1), scales=sizes, method=method)
        assert abs(found.alpha.mean() - alpha) < 0.01
        assert 0.91 < np.mean((found.low < alpha) & (alpha < found.high)) <= 1
        assert 0.02 < np.mean(found.adequacy < 0.1) < 0.2


def test_long_series_are_not_simulated_at_their_length(monkeypatch):
    asked = []
    shipped = tables.table(4096, half_sizes(4096, 1), 1, 0.5)

    def table(n, sizes, *_):
        asked.append(n)
        return tables.Table(of_sizes(shipped.moments, list(range(len(sizes)))), shipped.misfit)

    monkeypatch.setattr(tables, "table", table)
    deviations = []
    for n, sizes in ((100_000, (5, 10, 20)), (100_000, (5, 10, 2000)), (3000, (5, 10, 20))):
        moments, _ = tables.moments_for(n, sizes, 1, "gls")
        deviations.append(np.sqrt(np.sum(moments.root**2, axis=-1)))
    assert asked == [4096, 8000, 3000]
    np.testing.assert_allclose(deviations[0] / deviations[2], np.sqrt(4096 / 100_000), rtol=0.01)
