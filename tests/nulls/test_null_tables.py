"""Nulls are found again where they were kept, and only where everything that they depend on is the same."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

import wcdfa
from wcdfa import synthetic
from wcdfa.nulls import make_tables, null_tables
from wcdfa.nulls.families import Setting, member_norms
from wcdfa.nulls.gradients import Gradients
from wcdfa.nulls.null_tables import FIELDS, Treatment, computed, null_table, packed, path_of, prepared_replays, unpacked
from wcdfa.nulls.update_rules import SGD, Adam, AdamW, named
from wcdfa.preprocess.preparation import prepare
from wcdfa.scales import SHIPPED, half_sizes
from wcdfa.support.files import write_arrays

SETTING = Setting(rule=named("sgd", {"momentum": 0.5}), n=64, replicates=60)
TREATMENT = Treatment(spikes=None)


@pytest.fixture(scope="module")
def table():
    return computed(SETTING, TREATMENT)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and nothing in memory."""
    monkeypatch.setenv("WCDFA_CACHE_DIR", str(tmp_path))
    null_tables._null_table.cache_clear()
    yield tmp_path
    null_tables._null_table.cache_clear()


@pytest.fixture
def replayed(monkeypatch, table):
    """What was asked to be replayed; the answer is at hand."""
    asked = []
    monkeypatch.setattr(null_tables, "computed", lambda *of: asked.append(of) or table)
    return asked


def ask(setting=SETTING, treatment=TREATMENT):
    """Ask for a null as another process would."""
    null_tables._null_table.cache_clear()
    return null_table(setting, treatment)


def same(one, other, *, rtol=1e-5):
    """Whether tables say the same of windows."""
    windows = np.concatenate([0.2 * synthetic.arfima(64, d=d, batch=(5,), seed=1) for d in (0.0, 0.5)])
    for logs in windows:
        found = wcdfa.dfa(logs, method="gls")
        sizes = [int(size) for size in found.scales]
        results = [table.compare(logs, found.fluctuations, sizes, float(found.alpha), "gls") for table in (one, other)]
        for name in ("p_value", "p_shape", "p_more"):
            assert getattr(results[0], name) == pytest.approx(getattr(results[1], name), rel=100 * rtol, abs=1e-6)
        np.testing.assert_allclose(results[0].null, results[1].null, rtol=rtol, atol=1e-5)
        assert (results[0].closest, results[0].less) == (results[1].closest, results[1].less)
    return True


def test_what_was_packed_is_unpacked(table, tmp_path):
    write_arrays(tmp_path / "null.npz", packed(table))
    with np.load(tmp_path / "null.npz") as stored:
        assert all(array.dtype.kind != "O" and array.dtype != np.float64 for array in stored.values())
        again = unpacked(dict(stored))
    assert [member.name for member in again.members] == [member.name for member in table.members]
    assert [member.few for member in again.members] == [member.few for member in table.members]
    assert again.moves == table.moves
    assert again.members[0].alphas.keys() == table.members[0].alphas.keys() == {"gls", "robust"}
    assert same(table, again)


@pytest.mark.parametrize("start", [None, 0])
def test_a_packed_table_knows_whether_it_holds_the_start(start):
    table = computed(replace(SETTING, replicates=20, start=start), TREATMENT)
    assert unpacked(packed(table)).moves is (start == 0)


@pytest.mark.parametrize("name", FIELDS)
def test_a_table_that_lacks_something_is_damaged(table, name):
    arrays = packed(table)
    with pytest.raises(KeyError):
        unpacked({key: value for key, value in arrays.items() if key != name})
    broken = arrays[name].copy()
    broken.flat[-1] = np.nan
    with pytest.raises(ValueError, match="damaged"):
        unpacked({**arrays, name: broken})


def test_a_table_without_members_or_exponents_is_damaged(table):
    arrays = packed(table)
    with pytest.raises(ValueError, match="damaged"):
        unpacked({key: value for key, value in arrays.items() if not key.startswith("alpha")})
    with pytest.raises(ValueError, match="damaged"):
        unpacked({**arrays, "names": arrays["names"][:0], "few": arrays["few"][:0]})
    with pytest.raises(ValueError, match="zip"):
        unpacked({**arrays, "names": arrays["names"][:-1]})


def test_it_is_replayed_once(cache, replayed, table):
    assert same(ask(), table)
    assert len(replayed) == 1
    assert [path.name for path in cache.iterdir()] == [path_of(SETTING, TREATMENT)]
    assert same(ask(), table)
    assert len(replayed) == 1
    null_table(SETTING, TREATMENT)
    null_table(replace(SETTING), replace(TREATMENT))
    assert len(replayed) == 1


def truncated(path):
    path.write_bytes(path.read_bytes()[:200])


def emptied(path):
    path.write_bytes(b"")


def overwritten(path):
    path.write_bytes(b"no archive")


def of_another_version(path):
    with np.load(path) as stored:
        arrays = dict(stored)
    write_arrays(path, arrays | {"version": np.array(null_tables.VERSION + 1)})


def without_a_version(path):
    with np.load(path) as stored:
        arrays = dict(stored)
    del arrays["version"]
    write_arrays(path, arrays)


def with_a_nan(path):
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["mean"][0, 0] = np.nan
    write_arrays(path, arrays)


def of_pickles(path):
    with path.open("wb") as file:
        np.savez(file, version=np.array(null_tables.VERSION), names=np.array([{}], dtype=object))


@pytest.mark.parametrize("damage", [truncated, emptied, overwritten, of_another_version, without_a_version, with_a_nan, of_pickles])
def test_a_damaged_file_is_replayed_again(cache, replayed, table, damage):
    ask()
    (path,) = cache.iterdir()
    damage(path)
    assert same(ask(), table)
    assert len(replayed) == 2
    assert same(ask(), table)  # and mended
    assert len(replayed) == 2


def test_no_damage_ends_in_an_error(table, tmp_path):
    """A byte changed, or the end missing, anywhere: it is not read, or what was read is right."""
    path = tmp_path / "null.npz"
    write_arrays(path, packed(table))
    data, right = path.read_bytes(), packed(unpacked(packed(table)))
    refused = 0
    for place in range(0, len(data), len(data) // 150):
        for damaged in (data[:place], data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]):
            path.write_bytes(damaged)
            found = null_tables._read(path)
            refused += found is None
            if found is not None:
                assert all(np.array_equal(values, right[name]) for name, values in packed(found).items())
    assert refused > 250


def test_a_folder_that_cannot_be_written_costs_time_only(cache, replayed, table, monkeypatch):
    (cache / "file").write_text("no folder")
    monkeypatch.setenv("WCDFA_CACHE_DIR", str(cache / "file" / "folder"))
    for turn in (1, 2):
        assert same(ask(), table)
        assert len(replayed) == turn
    null_table(SETTING, TREATMENT)  # this process has it
    assert len(replayed) == 2


def test_without_a_folder_it_is_kept_in_memory(cache, replayed, monkeypatch):
    monkeypatch.setattr(null_tables, "cache_folder", lambda: None)
    ask()
    null_table(SETTING, TREATMENT)
    assert len(replayed) == 1
    assert list(cache.iterdir()) == []


OTHER_SETTINGS = {
    "rule": named("sgd", {"momentum": 0.6}),
    "n": 65,
    "start": 0,
    "every": 2,
    "lr": 0.5,
    "dimension": 9,
    "replicates": 61,
    "seed": 1,
    "rules": (named("sgd", {"momentum": 0.4}),) * 64,
}
OTHER_TREATMENTS = {"order": 2, "method": "ols", "log": False, "spikes": "hampel", "breaks": (9,), "schedule": (1.0, 0.0)}


def test_each_setting_and_treatment_has_a_file_of_its_own():
    assert {each.name for each in fields(Setting)} == set(OTHER_SETTINGS)
    assert {each.name for each in fields(Treatment)} == set(OTHER_TREATMENTS)
    paths = [path_of(SETTING, TREATMENT)]
    paths += [path_of(replace(SETTING, **{name: value}), TREATMENT) for name, value in OTHER_SETTINGS.items()]
    paths += [path_of(SETTING, replace(TREATMENT, **{name: value})) for name, value in OTHER_TREATMENTS.items()]
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("name", ["momentum", "dampening", "weight_decay", "clip_norm"])
def test_each_hyperparameter_has_a_file_of_its_own(name):
    other = replace(SETTING.rule, **{name: 0.25})
    assert path_of(replace(SETTING, rule=other), TREATMENT) != path_of(SETTING, TREATMENT)


def test_optimizers_of_equal_hyperparameters_have_files_of_their_own():
    paths = {path_of(replace(SETTING, rule=rule), TREATMENT) for rule in (Adam(), AdamW(weight_decay=0.0), named("nadam", {}))}
    assert len(paths) == 3


def test_a_file_is_shared_by_methods_that_use_the_same_boxes():
    assert path_of(SETTING, TREATMENT) == path_of(SETTING, replace(TREATMENT, method="gls"))


@pytest.mark.parametrize("method", ["robust", "gls", "ols"])
def test_a_table_has_the_exponents_of_the_method_asked_for(method, cache):
    setting = replace(SETTING, replicates=20)
    norms = np.log(member_norms(setting, Gradients(), [0, 0]))
    expected = np.median(wcdfa.dfa(norms, method=method).alpha)
    for _ in range(2):  # replayed, and read
        curve = wcdfa.dfa(norms[0], method="gls")
        table = ask(setting, replace(TREATMENT, method=method))
        found = table.compare(norms[0], curve.fluctuations, curve.scales.tolist(), 0.6, method)
        assert found.null.median == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("rule", "lr", "expected", "rate"),
    [
        (AdamW(), None, Adam(), None),
        (AdamW(), 1e-3, Adam(), None),
        (AdamW(betas=(0.95, 0.9), weight_decay=0.1), 1e-4, Adam(betas=(0.95, 0.9)), None),
        (AdamW(weight_decay=0.1), 0.1, AdamW(weight_decay=0.1), 0.1),
        (AdamW(weight_decay=1.0), None, AdamW(weight_decay=1.0), 1e-3),
        (SGD(momentum=0.9, weight_decay=5e-4), 0.1, SGD(momentum=0.9), None),
        (SGD(momentum=0.99, weight_decay=5e-4), 0.1, SGD(momentum=0.99, weight_decay=5e-4), 0.1),
        (SGD(), 0.3, SGD(), None),
    ],
)
def test_slight_weight_decay_is_ignored(rule, lr, expected, rate):
    found = null_tables.without_slight_decay(replace(SETTING, rule=rule, lr=lr))
    assert (found.rule, found.lr) == (expected, rate)
    assert type(found.rule) is type(expected)


@pytest.mark.parametrize(("rule", "lr"), [(AdamW(betas=(0.9, 0.95)), 1e-3), (SGD(momentum=0.9, weight_decay=1.9e-3), 0.1)])
def test_weight_decay_that_is_ignored_moves_no_figure(rule, lr):
    """The same gradients, with and without it."""
    setting = Setting(rule=rule, n=64, lr=lr, replicates=60, start=0)
    other = null_tables.without_slight_decay(setting)
    assert other.rule.weight_decay == 0
    for gradients in (Gradients(), Gradients(mean=1.0)):
        one, two = (
            np.asarray(wcdfa.dfa(np.log(member_norms(each, gradients, [0])), method="gls").alpha) for each in (setting, other)
        )
        assert abs(np.mean(one - two)) < 0.2 * np.std(one)


@pytest.mark.parametrize("optimizer", [("adafactor", {}), ("sgd", {"momentum": 0.9})], ids=str)
def test_replays_are_prepared_as_a_window_is(optimizer):
    rule = named(*optimizer)
    norms = member_norms(Setting(rule=rule, n=100, replicates=40), Gradients(coordinates=None), [0])
    found = prepared_replays(norms, log=True, spikes="hampel")
    for logs, each in zip(found, norms, strict=True):
        prepared = prepare(each)
        if not prepared.breaks:
            np.testing.assert_allclose(logs, prepared.values, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(prepared_replays(norms, log=False, spikes=None), norms)
    np.testing.assert_allclose(prepared_replays(norms, log=True, spikes=None), np.log(norms))
    assert np.all(np.isfinite(prepared_replays(np.zeros((2, 50)), log=True, spikes=None)))


def test_breaks_split_the_boxes_of_replays():
    """Norms that step at a break."""
    norms = member_norms(replace(SETTING, replicates=40), Gradients(), [0]) * np.where(np.arange(64) < 32, 1, 3)
    logs = np.log(norms)
    split, whole = (
        null_tables.table_of(str(Gradients()), False, logs, replace(TREATMENT, breaks=breaks)) for breaks in ((32,), ())
    )
    assert split.test.mean[-1] < whole.test.mean[-1] - 0.2


def test_a_seed_gives_the_same_table():
    setting = replace(SETTING, replicates=10, n=32, start=0)
    null_tables._filtered.cache_clear()
    one = packed(computed(setting, TREATMENT))
    null_tables._filtered.cache_clear()
    two, other = packed(computed(setting, TREATMENT)), packed(computed(replace(setting, seed=1), TREATMENT))
    for name in FIELDS:
        np.testing.assert_array_equal(one[name], two[name])
    assert np.abs(one["mean"] - other["mean"]).max() > 0


@pytest.mark.parametrize("start", [None, 0], ids=["settled", "start"])
@pytest.mark.parametrize("name", make_tables.USUAL)
def test_each_usual_optimizer_at_each_shipped_length_is_found_without_a_replay(name, start, monkeypatch):
    def refused(*_):
        raise AssertionError

    monkeypatch.setattr(null_tables, "computed", refused)
    monkeypatch.setattr(null_tables, "cache_folder", lambda: None)
    null_tables._null_table.cache_clear()
    for n in (n for n in SHIPPED if start is None or n <= make_tables.LONGEST_START):
        table = null_table(Setting(rule=named(*make_tables.USUAL[name]), n=n, start=start), Treatment())
        assert table.members[0].name == str(Gradients())
        assert table.moves is (start == 0)
        assert len(table.members[0].test.mean) == len(half_sizes(n, 1)) - 1
    null_tables._null_table.cache_clear()
