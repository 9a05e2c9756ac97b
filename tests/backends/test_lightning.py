"""`wcdfa.backends.lightning` under real trainers: every step, in every logger, over checkpoints."""

from __future__ import annotations

import csv
import logging

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from tests.helpers.processes import printed, start
from tests.helpers.torch_runs import alarming, batches, handles, require_direction


@pytest.fixture(scope="module")
def root():
    return require("lightning.pytorch") if require("lightning") else None


@pytest.fixture
def runs(root):
    from tests.helpers import lightning_runs

    return lightning_runs


@pytest.fixture
def made(root):
    from wcdfa.backends.lightning import WeightChangeCallback

    return WeightChangeCallback


def monitor(window=50):
    return wcdfa.RollingWeightChangeDFA(window=window, stride=10, method="gls")


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_each_step_is_recorded_and_logged_once(root, runs, made, tmp_path, precision):
    """Three batches a step, and a number of them that does not divide."""
    from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

    require("tensorboard")
    loggers = [CSVLogger(tmp_path, name="csv", version=""), TensorBoardLogger(tmp_path, name="board", version="")]
    model, callback = runs.regression(root)(), made(monitor(), every=10, groups=2)
    options = {"accumulate_grad_batches": 3, "max_epochs": 2, "precision": precision, "logger": loggers}
    trainer = runs.fitted(root, model, runs.loader(100), callback, **options)
    norms = model.seen.norms()
    assert len(norms) == 68  # 33 steps and one of a single batch, twice
    np.testing.assert_allclose(callback.monitor.get_signal(), norms[-50:], rtol=1e-6)
    assert callback.monitor.reading().count == trainer.global_step == 68
    np.testing.assert_allclose(callback.monitor.get_signal("net/0"), model.seen.norms([0, 1])[-50:], rtol=1e-6)

    with open(tmp_path / "csv" / "metrics.csv") as file:
        rows = [row for row in csv.DictReader(file) if row["wcdfa/step"]]
    steps = [int(row["step"]) for row in rows]
    assert steps == [10, 20, 30, 34, 40, 50, 60, 68]  # each tenth, and the ends of epochs
    assert [float(row["wcdfa/step"]) for row in rows] == steps
    np.testing.assert_allclose([float(row["wcdfa/update_norm"]) for row in rows], norms[np.array(steps) - 1], rtol=1e-6)
    alphas = [float(row["wcdfa/alpha"]) for row in rows if row["wcdfa/alpha"]]
    assert alphas == [callback.monitor.history[0], callback.monitor.history[1], callback.monitor.history[1]]

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "board"), size_guidance={"scalars": 0}).Reload()
    assert [each.step for each in events.Scalars("wcdfa/update_norm")] == steps
    np.testing.assert_allclose([each.value for each in events.Scalars("wcdfa/alpha")], alphas, rtol=1e-6)
    np.testing.assert_allclose(float(trainer.callback_metrics["wcdfa/alpha"]), callback.monitor.alpha, rtol=1e-6)
    assert callback.monitor.epoch_history[0].tolist() == [0, 1]


@pytest.mark.parametrize("late", [False, True])
def test_gone_on_with_from_a_checkpoint(root, runs, made, tmp_path, monkeypatch, late):
    """Of a strategy that loads the weights before the optimizers are attached, or after."""
    attached = handles(monkeypatch)
    import torch
    from lightning.pytorch.callbacks import ModelCheckpoint

    def run(callback, epochs, ckpt_path=None):
        model = runs.regression(root)()
        saves = ModelCheckpoint(tmp_path, filename="{epoch}", save_top_k=-1)
        options = {"enable_checkpointing": True, "accumulate_grad_batches": 3, "max_epochs": epochs}
        options |= {"strategy": runs.late()} if late else {}
        trainer = runs.fitted(root, model, runs.loader(50), callback, saves, ckpt_path=ckpt_path, **options)
        trainer.save_checkpoint(tmp_path / "after.ckpt")
        return model, callback

    model, whole = run(made(monitor(), window=70, every=5), 6)
    half = torch.load(tmp_path / "epoch=3.ckpt", weights_only=True)["callbacks"]["WeightChangeCallback"]
    assert half["handle"]["counts"].tolist() == [68, 0]
    after = torch.load(tmp_path / "after.ckpt", weights_only=True)["callbacks"]["WeightChangeCallback"]
    resumed_model, resumed = run(made(monitor(), window=70, every=5), 6, tmp_path / "epoch=3.ckpt")
    assert len(resumed_model.seen.norms()) == 34
    np.testing.assert_array_equal(resumed_model.seen.norms(), model.seen.norms()[68:])
    np.testing.assert_array_equal(resumed.monitor.get_signal(), whole.monitor.get_signal())
    assert resumed.monitor.reading().count == whole.monitor.reading().count == 102
    assert resumed.monitor.history == whole.monitor.history
    np.testing.assert_array_equal(resumed.monitor.epochs, whole.monitor.epochs)
    assert resumed.watch.state_dict() == whole.watch.state_dict()
    assert len(resumed.watch.alphas) == 6
    again = torch.load(tmp_path / "after.ckpt", weights_only=True)["callbacks"]["WeightChangeCallback"]
    assert torch.equal(again["handle"]["norms"], after["handle"]["norms"])
    for name in ("cosine", "weight_norm", "sketch"):
        found = [getattr(handle.read(), name) for handle in attached]
        np.testing.assert_array_equal(*found)
        assert np.isfinite(found[0]).all()  # the first has left the window
    assert again["handle"]["groups"] == after["handle"]["groups"]  # the direction of the last step, too


@pytest.mark.parametrize("late", [False, True])
def test_a_resumed_run_logs_no_step_twice(root, runs, made, tmp_path, late):
    """Neither the norms that the checkpoint holds, nor a number of the trainer; also if the first epoch is validated before."""
    from lightning.pytorch.loggers import CSVLogger

    def run(epochs, version, ckpt_path=None):
        logger = CSVLogger(tmp_path, name="csv", version=version)
        model, callback = runs.regression(root)(), made(window=60)
        options = {"strategy": runs.late()} if late else {}
        options |= {"val": runs.loader(2), "max_epochs": epochs, "logger": logger}
        trainer = runs.fitted(root, model, runs.loader(25), callback, ckpt_path=ckpt_path, **options)
        with open(tmp_path / "csv" / version / "metrics.csv") as file:
            return trainer, model.seen.norms(), [row for row in csv.DictReader(file) if row.get("wcdfa/step")]

    trainer, norms, rows = run(2, "first")
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    assert [int(row["step"]) for row in rows] == [*range(1, 51)]
    _, after, resumed = run(3, "second", tmp_path / "half.ckpt")
    assert [int(row["step"]) for row in resumed] == [*range(51, 76)]
    logged = rows + resumed
    assert [float(row["wcdfa/step"]) for row in logged] == [float(row["step"]) for row in logged]
    found = [float(row["wcdfa/update_norm"]) for row in logged]
    np.testing.assert_allclose(found, [*norms, *after], rtol=1e-6)


def test_rows_are_kept_only_if_the_norm_of_each_step_is_logged(root, runs, made):
    """Else nobody takes them, and they would fill the memory."""
    callback = made(window=60, every=5)
    runs.fitted(root, runs.regression(root)(), runs.loader(25), callback)
    assert callback._recording.rows() == []


@pytest.mark.filterwarnings("ignore:.*noload:DeprecationWarning")  # of sqlalchemy, which MLflow uses
def test_a_logger_of_mlflow_keeps_its_prefix(root, runs, made, tmp_path):
    require("mlflow")
    from lightning.pytorch.loggers import MLFlowLogger

    logger = MLFlowLogger(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db", artifact_location=str(tmp_path), prefix="dev")
    runs.fitted(root, runs.regression(root)(), runs.loader(25), made(window=60), logger=logger)
    history = logger.experiment.get_metric_history(logger.run_id, "dev-wcdfa/update_norm")
    assert [each.step for each in history] == [*range(1, 26)]
    assert not any(key.startswith("wcdfa/") for key in logger.experiment.get_run(logger.run_id).data.metrics)


@pytest.mark.parametrize("resumes", [False, True])
def test_interrupted_and_fitted_again(root, runs, made, tmp_path, resumes):
    """With the same callback, anew or from the last checkpoint."""
    from lightning.pytorch.callbacks import ModelCheckpoint

    class Fails(runs.regression(root)):
        def training_step(self, batch):
            if self.trainer.global_step == 8:
                raise RuntimeError("of the user")
            return super().training_step(batch)

    callback, saves = made(), ModelCheckpoint(tmp_path, filename="{epoch}", save_top_k=-1)
    model = Fails()
    with pytest.raises(RuntimeError, match="of the user"):
        runs.fitted(root, model, runs.loader(5), callback, saves, enable_checkpointing=True, max_epochs=3)
    np.testing.assert_allclose(callback.state_dict()["handle"]["norms"][0, :8], model.seen.norms(), rtol=1e-6)
    again = runs.regression(root)()
    ckpt_path = tmp_path / "epoch=0.ckpt" if resumes else None
    runs.fitted(root, again, runs.loader(5), callback, saves, enable_checkpointing=True, max_epochs=2, ckpt_path=ckpt_path)
    before = model.seen.norms()[:5] if resumes else []
    np.testing.assert_allclose(callback.monitor.get_signal(), [*before, *again.seen.norms()], rtol=1e-6)
    assert callback.monitor.n_samples == 10


@pytest.mark.parametrize("late", [False, True])
def test_a_checkpoint_that_does_not_fit(root, runs, made, tmp_path, caplog, late):
    """Of other settings, or of a run without the callback: what is loaded is no step."""
    runs.fitted(root, runs.regression(root)(), runs.loader(6), made(window=60)).save_checkpoint(tmp_path / "settings")
    runs.fitted(root, runs.regression(root)(), runs.loader(6)).save_checkpoint(tmp_path / "without")
    for name in ("settings", "without"):
        caplog.clear()
        model, callback = runs.regression(root)(), made(every=4)
        options = {"ckpt_path": tmp_path / name, "max_epochs": 3, "strategy": runs.late() if late else "auto"}
        with caplog.at_level(logging.WARNING, logger="wcdfa"):
            runs.fitted(root, model, runs.loader(6), callback, **options)
        np.testing.assert_allclose(callback.monitor.get_signal(), model.seen.norms(), rtol=1e-6)
        assert callback.monitor.n_samples == 12
        said = "the norms in the checkpoint do not fit, and α starts over: the state holds all with window=60"
        assert [said in record.getMessage() for record in caplog.records] == ([True] if name == "settings" else [])


def test_manual_optimization_and_a_second_fit(root, runs, made, caplog):
    """One norm for each round of two optimizers; another fit has optimizers of its own."""
    import torch

    class Two(runs.regression(root)):
        def __init__(self):
            super().__init__()
            self.automatic_optimization = False

        def configure_optimizers(self):
            return [torch.optim.SGD(self.net[i].parameters(), lr=0.1) for i in (0, 2)]

        def training_step(self, batch):
            for optimizer in self.optimizers():
                self.zero_grad()
                self.manual_backward(super().training_step(batch))
                optimizer.step()
            self.seen.look()

    model, callback = Two(), made(window=60, every=4)
    for steps in (5, 8):
        trainer = runs.fitted(root, model, runs.loader(steps), callback)
        assert trainer.global_step == 2 * steps
        np.testing.assert_allclose(callback.monitor.get_signal(), model.seen.norms(), rtol=1e-6)
        assert callback.monitor.get_signal().shape == (steps,)
    assert [record.getMessage()[:29] for record in caplog.records if record.name == "wcdfa"] == ["the norms do not continue tho"]


@pytest.mark.parametrize("fused", [False, True])
def test_steps_that_a_scaler_leaves_out(root, runs, made, fused):
    """Without gradients that are finite, nothing moves."""
    import torch
    from lightning.pytorch.plugins.precision import MixedPrecision

    data = [batch * (1e30 if i in (3, 4) else 1) for i, batch in enumerate(batches(torch, 12))]
    model, callback = runs.regression(root)(fused=fused), made()
    plugin = MixedPrecision("16-mixed", "cpu", scaler=torch.amp.GradScaler("cpu"))
    runs.fitted(root, model, torch.utils.data.DataLoader(data, batch_size=None), callback, plugins=[plugin])
    norms = model.seen.norms()
    assert np.flatnonzero(norms == 0).tolist() == [3, 4]
    np.testing.assert_allclose(callback.monitor.get_signal(), norms[norms != 0], rtol=1e-6)
    assert callback.monitor.skipped == (2 if fused else 0)  # else step() is not even called


@pytest.mark.parametrize("alarms", ["log", "stop", "call"])
def test_alarms(root, runs, made, caplog, alarms):
    import torch

    norms, x = alarming(torch)
    said = []

    def fails(message):
        said.append(message)
        raise RuntimeError("of the user")

    given = wcdfa.WeightChangeDFA(window=128, stride=20, method="gls")
    callback = made(given, every=20, alarms=fails if alarms == "call" else alarms)
    callback.watch.live = None  # it would say before that the weight goes to and fro, which it does
    with caplog.at_level(logging.WARNING, logger="wcdfa"):
        trainer = runs.fitted(root, runs.followed(root)(), torch.utils.data.DataLoader(x), callback, barebones=True)
    np.testing.assert_allclose(given.get_signal(), norms[: trainer.global_step][-128:], rtol=1e-4)
    assert any("α drifted up" in message or "regime changed" in message for message in callback.raised)
    assert (trainer.global_step == len(norms)) == (alarms != "stop")
    assert trainer.global_step > 900
    assert (said == callback.raised) == (alarms == "call")
    expected = ["the alarm of a monitor failed; training goes on"] * len(said) if said else callback.raised
    assert [record.getMessage() for record in caplog.records] == expected
    if alarms == "stop":
        assert trainer.global_step % 20 == 0
        assert len(callback.raised) == 1


def test_early_stopping_goes_by_it(root, runs, made):
    from lightning.pytorch.callbacks import EarlyStopping

    wanted = {"wcdfa/step": ("max", 25), "wcdfa/n": ("max", 30), "wcdfa/alpha": ("min", 9.0)}
    stops = []
    for name, (mode, limit) in wanted.items():
        for val in (None, runs.loader(2)):
            stop = EarlyStopping(name, mode=mode, stopping_threshold=limit, patience=99, strict=False)
            model, callback = runs.regression(root)(), made(monitor(), every=40)
            trainer = runs.fitted(root, model, runs.loader(10), callback, stop, val=val, max_epochs=8)
            stops.append(trainer.global_step)
    assert stops == [30, 30, 40, 40, 50, 50]  # the threshold must be passed


def test_a_logger_that_fails(root, runs, made, tmp_path, caplog):
    from lightning.pytorch.loggers import CSVLogger

    class Fails(CSVLogger):
        def log_metrics(self, metrics, step=None):
            if "wcdfa/step" in metrics:
                raise OSError("no space left")
            super().log_metrics(metrics, step)

    callback = made(every=4)
    with caplog.at_level(logging.ERROR, logger="wcdfa"):
        trainer = runs.fitted(root, runs.regression(root)(), runs.loader(10), callback, logger=Fails(tmp_path))
    assert trainer.global_step == callback.monitor.n_samples == 10
    assert [record.getMessage() for record in caplog.records] == ["a logger of the trainer failed; training goes on"] * 3


def test_misuse(root, runs, made):
    for options, error, said in (
        ({"monitor": 3}, TypeError, "monitor must be a WeightChangeDFA, got int"),
        ({"monitor": wcdfa.WeightChangeDFA(groups=1)}, ValueError, "the monitor has groups=, but no groups are recorded"),
        ({"alarms": "shout"}, ValueError, "alarms must be one of 'log', 'warn', 'stop', None or a callable"),
        ({"mode": "all"}, ValueError, "mode must be 'exact' or 'sample', got 'all'"),
        ({"every": 600}, ValueError, "copied to the host after every=600 steps, but only window=500"),
        ({"snapshot": "disk"}, ValueError, "snapshot must be 'device' or 'cpu'"),
        ({"groups": 0}, ValueError, "groups"),
    ):
        with pytest.raises(error, match=said):
            made(**options)
    callback = made()
    assert callback.state_dict() == {}
    assert callback.monitor is None
    trainer = runs.fitted(root, runs.regression(root)(), runs.loader(3), callback)
    with runs.quietly():
        trainer.validate(runs.regression(root)(), runs.loader(3), verbose=False)  # where nothing is recorded
    assert callback.monitor.n_samples == 3


@pytest.mark.parametrize("options", [{}, {"coordinates": 9, "mode": "sample"}, {"direction": False}], ids=["on", "few", "off"])
def test_the_direction_is_recorded_too(root, runs, made, monkeypatch, options):
    attached = handles(monkeypatch)
    model, callback = runs.regression(root)(), made(monitor(), groups=2, **options)
    runs.fitted(root, model, runs.loader(12), callback)
    require_direction(attached[0].read(), model.seen, {"net/0": [0, 1], "net/2": [2, 3]}, options)


@pytest.mark.parametrize("groups", [{"first": "^net/0", "last": "^net/2"}, 2], ids=["named", "by depth"])
@pytest.mark.parametrize("before", [True, False], ids=["before it", "after it"])
def test_a_part_that_is_unfrozen_later(root, runs, made, tmp_path, caplog, before, groups):
    """By a callback of Lightning, before which this one comes, or after; and gone on with from a checkpoint."""
    import torch
    from lightning.pytorch.callbacks import BaseFinetuning, ModelCheckpoint

    class Unfreezes(BaseFinetuning):
        def freeze_before_training(self, pl_module):
            self.freeze(pl_module.net[0])

        def finetune_function(self, pl_module, epoch, optimizer):
            if epoch == 2:
                self.unfreeze_and_add_param_group(pl_module.net[0], optimizer)

    class Later(runs.regression(root)):
        def configure_optimizers(self):
            return torch.optim.AdamW([part for part in self.parameters() if part.requires_grad], lr=0.01)

    def run(ckpt_path=None):
        callback, saves = (
            made(monitor(), groups=groups, every=3, coordinates=9),
            ModelCheckpoint(tmp_path, filename="{epoch}", save_top_k=-1),
        )
        callbacks = [callback, Unfreezes()] if before else [Unfreezes(), callback]
        model = Later()
        options = {"enable_checkpointing": True, "max_epochs": 5, "ckpt_path": ckpt_path}
        runs.fitted(root, model, runs.loader(7), *callbacks, saves, **options)
        return model.seen, callback.monitor

    with caplog.at_level(logging.WARNING, logger="wcdfa"):
        seen, recorded = run()
    np.testing.assert_allclose(recorded.get_signal(), seen.norms(), rtol=1e-6)
    names = {"first": "net/0", "last": "net/2"} if groups == 2 else {"first": "first", "last": "last"}
    np.testing.assert_allclose(recorded.get_signal(names["last"]), seen.norms([2, 3]), rtol=1e-6)
    first = recorded.get_signal(names["first"])
    assert np.isnan(first[:14]).all()
    np.testing.assert_allclose(first[14:], seen.norms([0, 1])[14:], rtol=1e-6)
    assert [record.getMessage() for record in caplog.records] == []
    again, resumed = run(tmp_path / "epoch=3.ckpt")  # Lightning gives the part to the optimizer again, and leaves it frozen
    for group, places in (("all", None), (names["first"], [0, 1]), (names["last"], [2, 3])):
        norms = np.concatenate([recorded.get_signal(group)[:28], again.norms(places)])
        np.testing.assert_allclose(resumed.get_signal(group), norms, rtol=1e-6)


def test_the_other_package():
    require("pytorch_lightning")
    found = printed(start("lightning_root.py", "pytorch_lightning", OMP_NUM_THREADS="1"))
    assert found["instances"] == {"pytorch_lightning": True}
    np.testing.assert_allclose(found["norms"], found["expected"], rtol=1e-6)
    assert len(found["norms"]) == 6


def test_shards_of_two_processes(root):
    """All of them measure, one logs; a stop is that of all."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    running = [
        start("lightning_root.py", "lightning.pytorch", "sharded", OMP_NUM_THREADS="1", **env(rank, port)) for rank in (0, 1)
    ]
    try:
        found = [printed(process) for process in running]
    finally:
        for process in running:
            process.kill()
    assert found[0]["instances"] == {"lightning.pytorch": True}
    for each in found:
        np.testing.assert_allclose(each["norms"], each["expected"], rtol=1e-5)
        assert each["norms"] == found[0]["norms"]
    assert [each["logged"] for each in found] == [[2, 4, 6], []]
    assert [each["saved"] for each in found] == [[6, 0]] * 2


def test_spawned_processes_bring_back_what_they_recorded(root, tmp_path):
    """After fit, the callback holds what the first of them has seen; a monitor that was given, too; no file is left."""
    found = printed(start("lightning_spawned.py", tmp_path, OMP_NUM_THREADS="1", TMPDIR=str(tmp_path)))
    assert found["ddp_spawn"]["given"] is True
    for strategy in ("ddp_spawn", "ddp_fork"):
        each, seen = found[strategy], np.load(tmp_path / f"{strategy}.npy")
        np.testing.assert_allclose(each["norms"], seen[-60:], rtol=1e-6)
        assert (each["count"], each["optimizer"], each["step"]) == (70, "adamw", 70)
        assert len(each["alphas"]) == 2
        assert each["metric"] == pytest.approx(each["alphas"][-1], rel=1e-6)
        assert each["messages"] == ["said there"]
        assert each["saved"] == [70, 0]
        assert each["again"] == each["norms"]
    assert [path.name for path in tmp_path.glob("wcdfa-*")] == []


def env(rank, port):
    """As torchrun sets it."""
    here = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "wcdfa", "GROUP_RANK": "0"}
    return here | {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "RANK": str(rank), "LOCAL_RANK": str(rank)}


@pytest.mark.parametrize("accumulated", [1, 3])
def test_gradients_after_clipping_and_cycled_momentum(root, runs, made, accumulated):
    """Lightning steps with a closure, which computes the gradients and clips them inside the step."""
    import torch

    class Cycled(runs.regression(root)):
        def configure_optimizers(self):
            self.seen_gradients, self.seen_betas = [], []
            optimizer = torch.optim.AdamW(self.parameters(), lr=0.01)
            schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, 60)
            return [optimizer], [{"scheduler": schedule, "interval": "step"}]

        def optimizer_step(self, *given):
            self.seen_betas.append(self.optimizers().param_groups[0]["betas"])
            super().optimizer_step(*given)
            self.seen_gradients.append(float(sum(part.grad.double().square().sum() for part in self.parameters()) ** 0.5))

    model, callback = Cycled(), made(monitor(), gradients=True)
    options = {"accumulate_grad_batches": accumulated, "gradient_clip_val": 0.05}
    runs.fitted(root, model, runs.loader(60), callback, **options)
    reading = callback.monitor.reading()
    np.testing.assert_allclose(reading.gradients, model.seen_gradients[-50:], rtol=1e-5)
    assert reading.gradients.max() < 0.0501
    np.testing.assert_allclose(reading.varying["betas"], model.seen_betas[-50:], rtol=1e-6)
    assert reading.taken == max(0, 60 // accumulated - 50)
