"""A logger, or a cadence, that reads or changes its own monitor: no norm is lost, and the calls come in order."""

from __future__ import annotations

import copy
import threading

import numpy as np
import pytest

from wcdfa import Reading, RollingWeightChangeDFA, WeightChangeDFA, synthetic
from wcdfa.monitor.watch import Watch

NORMS = np.exp(0.1 * synthetic.white_noise(300, seed=0))
READS = {
    "alpha": lambda monitor, folder: monitor.alpha,
    "reading": lambda monitor, folder: monitor.reading(),
    "verdict": lambda monitor, folder: monitor.verdict() if monitor.ready else None,
    "metrics": lambda monitor, folder: monitor.metrics(),
    "history": lambda monitor, folder: monitor.histories,
    "other method": lambda monitor, folder: monitor.result_by("ols"),
    "repr": lambda monitor, folder: repr(monitor),
    "state": lambda monitor, folder: monitor.state_dict(),
    "save": lambda monitor, folder: monitor.save(folder / "state.npz"),
    "copy": lambda monitor, folder: copy.deepcopy(monitor).alpha,
}


def whole(norms, first=0):
    """All norms in one reading."""
    return Reading(norms[: len(norms)], first + len(norms), 0, steps=first + np.arange(1, len(norms) + 1))


def numbers(monitor):
    for norm in NORMS:
        monitor.update(norm)


def reading(monitor):
    monitor.update(whole(NORMS))


def parameters(monitor):
    weight = np.zeros(1)
    monitor.update({"w": weight})
    for norm in NORMS:
        weight += norm
        monitor.update({"w": weight})


def watched(monitor):
    Watch().update(monitor, whole(NORMS))


GIVEN = [numbers, reading, parameters, watched]


@pytest.mark.parametrize("given", GIVEN, ids=lambda given: given.__name__)
@pytest.mark.parametrize(
    ("read", "log_every"),
    [
        *((read, 25 if read in ("verdict", "copy", "save", "state") else 1) for read in READS),
        ("alpha", 7),
        ("alpha", lambda step: step % 50 in (0, 3)),
    ],
)
def test_a_logger_that_reads_the_monitor_sees_each_step_and_nothing_is_lost(tmp_path, given, read, log_every):
    calls, plain = [], []
    alone = WeightChangeDFA(100, 20, log_every=log_every, logger=lambda step, metrics: plain.append((step, metrics)))
    given(alone)
    monitor = RollingWeightChangeDFA(100, 20, log_every=log_every)

    def logger(step, metrics):
        READS[read](monitor, tmp_path)
        assert (monitor.step, monitor.n_samples) == (step, min(step, 100)) == (metrics["wcdfa/step"], metrics["wcdfa/n"])
        assert monitor.alpha == metrics.get("wcdfa/alpha")
        assert monitor.get_signal()[-1] == metrics["wcdfa/update_norm"]
        calls.append((step, metrics))

    monitor.logger = logger
    given(monitor)
    assert monitor.reading().count == len(NORMS)
    np.testing.assert_array_equal(monitor.get_signal(), alone.get_signal())
    np.testing.assert_array_equal(monitor.reading().steps, np.arange(201, 301))
    assert monitor.history == alone.history
    assert len(plain) >= 12
    assert repr(calls) == repr(plain)  # NaN included
    assert [step for step, _ in calls] == sorted({step for step, _ in calls})


def test_a_cadence_that_reads_the_monitor_changes_nothing():
    alone = WeightChangeDFA(100, lambda count: count % 20 == 0)
    reads = WeightChangeDFA(100, lambda count: (reads.alpha, reads.n_samples, count % 20 == 0)[-1])
    for monitor in (alone, reads):
        monitor.update(whole(NORMS))
        np.testing.assert_array_equal(monitor.get_signal(), NORMS[-100:])
    assert reads.history == alone.history


def test_a_norm_that_the_logger_adds_is_recorded_after_those_that_were_given():
    monitor = WeightChangeDFA(100, log_every=100)
    monitor.logger = lambda step, metrics: monitor.update(1000.0 + step)
    monitor.update(whole(NORMS[:250]))
    np.testing.assert_array_equal(monitor.get_signal()[-4:], [*NORMS[248:250], 1100.0, 1200.0])
    assert monitor.reading().count == 252


def test_a_logger_that_always_adds_a_norm_does_not_go_on_for_ever():
    monitor = WeightChangeDFA(50, log_every=1)
    monitor.logger = lambda step, metrics: monitor.update(2.0)
    for _ in range(30):
        monitor.update(1.0)
    np.testing.assert_array_equal(monitor.get_signal(), [1.0, 2.0] * 25)
    assert monitor.reading().count == 60


def test_a_reading_that_the_logger_gives_again_is_taken_once():
    for feed in (lambda monitor, given: monitor.update(given), lambda monitor, given: Watch().update(monitor, given)):
        monitor, given = WeightChangeDFA(100, 20, log_every=10), whole(NORMS)
        monitor.logger = lambda step, metrics, monitor=monitor, given=given: monitor.update(given)
        feed(monitor, given)
        assert monitor.reading().count == 300
        np.testing.assert_array_equal(monitor.get_signal(), NORMS[-100:])
        assert len(monitor.history) == 11


def test_a_watch_that_the_logger_updates_again_loses_nothing():
    watch, monitor, given = Watch(), WeightChangeDFA(100, 20, log_every=10), whole(NORMS)
    monitor.logger = lambda step, metrics: watch.update(monitor, given)
    watch.update(monitor, given)
    assert watch.stops == list(range(100, 301, 20))
    assert monitor.reading().count == watch.live.recent.count == 300
    np.testing.assert_array_equal(monitor.get_signal(), NORMS[-100:])


def test_an_alarm_that_reads_the_monitor():
    from wcdfa.monitor.messages import MessageAction

    wild = np.exp(0.1 * np.concatenate([synthetic.white_noise(1500, seed=0), synthetic.random_walk(500, seed=0)]))
    monitor, watch, seen = WeightChangeDFA(100, 20, method="gls"), Watch(), []
    act = MessageAction(
        lambda message: seen.append((monitor.step, watch.update(monitor, whole(wild)), monitor.metrics()["wcdfa/n"]))
    )
    for message in watch.update(monitor, whole(wild)):
        act(message)
    assert seen
    assert seen == [(2000, [], 100.0)] * len(act.messages)


@pytest.mark.parametrize("given", [numbers, reading], ids=["numbers", "reading"])
def test_a_reset_in_the_logger_forgets_what_was_given_before(given):
    monitor, left = WeightChangeDFA(100, 20, log_every=50), []

    def logger(step, metrics):
        if not left:
            monitor.reset()
            left.append((monitor.n_samples, monitor.step, monitor.alpha))
            monitor.update(7.0)

    monitor.logger = logger
    given(monitor)
    assert left == [(0, 0, None)]
    np.testing.assert_array_equal(monitor.get_signal(), [7.0, *NORMS[50:]][-100:] if given is numbers else [7.0])
    assert monitor.update(5.0).get_signal()[-1] == 5.0


def test_a_state_loaded_in_the_logger_is_gone_on_from():
    earlier = WeightChangeDFA(100, 20)
    earlier.update(whole(NORMS[:150]))
    state = earlier.state_dict()
    monitor, calls = WeightChangeDFA(100, 20, log_every=50), []

    def logger(step, metrics):
        calls.append(step)
        if len(calls) == 1:
            monitor.load_state_dict(state)
            assert (monitor.step, monitor.history) == (150, earlier.history)

    monitor.logger = logger
    monitor.update(whole(NORMS[100:250]))
    assert (monitor.step, monitor.alpha) == (150, earlier.alpha)
    monitor.update(whole(NORMS))  # the reading goes on from the state
    assert monitor.reading().count == 300
    np.testing.assert_array_equal(monitor.get_signal(), NORMS[-100:])
    assert calls == [50, 200, 250, 300]


@pytest.mark.parametrize("overwritten", [0, 60])
def test_a_state_saved_in_the_logger_reads_the_norms_that_waited_again(tmp_path, overwritten):
    monitor, states = WeightChangeDFA(100, 20, log_every=40), {}
    monitor.logger = lambda step, metrics: states.update({step: monitor.state_dict()})
    monitor.update(whole(NORMS[:30]))
    part = whole(NORMS)._replace(norms=NORMS[30 + overwritten :], steps=np.arange(31 + overwritten, 301))
    monitor.update(part)
    assert len(states) == 7 - overwritten // 40
    for state in states.values():
        resumed = WeightChangeDFA(100, 20)
        resumed.load_state_dict(state)
        resumed.update(part)
        np.testing.assert_array_equal(resumed.get_signal(), monitor.get_signal())
        np.testing.assert_array_equal(resumed.reading().steps, monitor.reading().steps)
        assert (resumed.history, resumed.drained) == (monitor.history, 300)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
@pytest.mark.parametrize(
    "steps",
    [
        [lambda monitor, norm=norm: monitor.update(norm) for norm in NORMS],
        [lambda monitor, n=n: monitor.update(whole(NORMS[: 100 * n])) for n in (1, 2, 3)],
        [lambda monitor, n=n: Watch().update(monitor, whole(NORMS[: 100 * n])) for n in (1, 2, 3, 3)],
    ],
    ids=["numbers", "readings", "watch"],
)
def test_an_interrupted_logger_loses_no_norm(steps, error):
    monitor, calls = WeightChangeDFA(100, 20, log_every=10), []

    def logger(step, metrics):
        calls.append((step, monitor.alpha))
        if step in (30, 170):
            raise error

    monitor.logger = logger
    for give in steps:
        try:
            give(monitor)
        except error:  # a user who goes on after the interruption
            monitor.alpha  # noqa: B018 - a read records the norms that waited
    np.testing.assert_array_equal(monitor.get_signal(), NORMS[-100:])
    assert monitor.reading().count == 300
    assert [step for step, _ in calls] == list(range(10, 301, 10))


def test_an_interruption_while_a_norm_is_read_from_its_device_loses_none():
    waits = [1]

    class Scalar:
        shape, dtype = (), np.dtype(np.float32)

        def item(self):
            if waits:
                raise KeyboardInterrupt(waits.pop())
            return 3.0

    monitor = WeightChangeDFA(50)
    for norm in (1.0, 2.0, Scalar(), 4.0):
        monitor.update(norm)
    with pytest.raises(KeyboardInterrupt):
        monitor.n_samples  # noqa: B018 - the reading is what is tested
    np.testing.assert_array_equal(monitor.get_signal(), [1.0, 2.0, 3.0, 4.0])


def test_other_threads_read_and_record_while_loggers_read():
    monitor, calls, done, errors = WeightChangeDFA(500, 100, log_every=1), [], threading.Event(), []
    monitor.logger = lambda step, metrics: calls.append((step, monitor.step, len(monitor.history)))

    def reads():
        try:
            while not done.wait(0.001):
                assert monitor.reading().count >= len(monitor.history)
        except BaseException as error:  # noqa: BLE001 - it is raised below
            errors.append(error)

    def records(norms):
        for norm in norms:
            monitor.update(norm)

    readers = [threading.Thread(target=reads, daemon=True) for _ in range(2)]
    writers = [threading.Thread(target=records, args=(NORMS[i::3],), daemon=True) for i in range(3)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join(60)
        assert not thread.is_alive()
    done.set()
    for thread in readers:
        thread.join(60)
        assert not thread.is_alive()
    assert errors == []
    assert [step for step, *_ in calls] == [step for _, step, _ in calls] == list(range(1, 301))
    np.testing.assert_array_equal(np.sort(monitor.get_signal()), np.sort(NORMS))
