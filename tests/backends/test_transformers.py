"""`wcdfa.backends.transformers` under a real Trainer: every step, in all that it reports to, over checkpoints."""

from __future__ import annotations

import json
import logging
import shutil
import warnings

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from tests.helpers.torch_runs import Seen, alarming, handles, require_direction
from tests.sinks.test_wandb import history, wandb  # noqa: F401
from wcdfa.monitor.messages import DriftWarning


@pytest.fixture(scope="module")
def transformers():
    require("accelerate")
    return require("transformers")


@pytest.fixture
def made(transformers):
    from wcdfa.backends.transformers import WeightChangeCallback

    return WeightChangeCallback


def monitor(window=50):
    return wcdfa.RollingWeightChangeDFA(window=window, stride=10, method="gls")


def language_model(transformers, seed=0):
    config = transformers.GPT2Config(vocab_size=64, n_positions=16, n_embd=8, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
    require("torch").manual_seed(seed)
    return transformers.GPT2LMHeadModel(config)


def texts(count):
    tokens = np.random.default_rng(0).integers(0, 64, (count, 8))
    return [{"input_ids": row.tolist(), "labels": row.tolist()} for row in tokens]


@pytest.fixture
def begun(transformers, tmp_path):
    """A Trainer with these callbacks, and one of ours that looks at the parameters themselves after each step."""

    def begun(*callbacks, model=None, data=None, eval_dataset=None, folder=tmp_path / "out", **options):
        quiet = {"use_cpu": True, "report_to": "none", "disable_tqdm": True, "save_strategy": "no", "dataloader_pin_memory": False}
        options = {**quiet, "per_device_train_batch_size": 2, "logging_strategy": "no", "learning_rate": 0.01, **options}
        arguments = transformers.TrainingArguments(str(folder), **options)
        model = model or language_model(transformers)
        given = {"train_dataset": data or texts(40), "eval_dataset": eval_dataset, "callbacks": list(callbacks)}
        trainer = transformers.Trainer(model, arguments, **given)

        class Looks(transformers.TrainerCallback):
            def on_train_begin(self, args, state, control, model=None, **_):
                trainer.seen = Seen(model.parameters())

            def on_optimizer_step(self, *_, **__):
                trainer.seen.look()

        trainer.add_callback(Looks())
        trainer.remove_callback(transformers.PrinterCallback)
        return trainer

    return begun


@pytest.mark.parametrize("options", [{}, {"bf16": True}], ids=["float32", "bf16"])
def test_each_step_is_recorded_and_reported_once(transformers, made, begun, tmp_path, monkeypatch, options):
    """Three batches a step, and a number of them that does not divide; read back from TensorBoard and from the Trainer's own log."""
    require("tensorboard")
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "board"))
    callback = made(monitor(), groups=2)
    options = {**options, "gradient_accumulation_steps": 3, "logging_strategy": "steps", "logging_steps": 5}
    options |= {"eval_strategy": "epoch", "save_strategy": "epoch", "eval_dataset": texts(2)}
    trainer = begun(callback, report_to="tensorboard", num_train_epochs=9, **options)
    callback.add_to(trainer)
    trainer.train()
    norms = trainer.seen.norms()
    assert len(norms) == trainer.state.global_step == 63  # six of three batches and one of two, nine times
    np.testing.assert_allclose(callback.monitor.get_signal(), norms[-50:], rtol=1e-6)
    assert callback.monitor.reading().count == 63
    assert callback.monitor.epoch_history[0].tolist() == list(range(1, 10))
    assert set(callback.monitor.reading().groups) == {"transformer/wte", "transformer/wpe", "transformer/h", "transformer/ln_f"}

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "board"), size_guidance={"scalars": 0}).Reload()
    found = [(each.step, each.value) for each in events.Scalars("train/wcdfa/update_norm")]
    steps = [step for step, _ in found]
    assert steps == sorted({*range(5, 61, 5), *range(7, 64, 7)})  # each fifth, and after each epoch, where it is evaluated
    np.testing.assert_allclose([value for _, value in found], norms[np.array(steps) - 1], rtol=1e-6)
    np.testing.assert_allclose(events.Scalars("train/wcdfa/alpha")[-1].value, callback.monitor.alpha, rtol=1e-6)
    saved = json.loads((tmp_path / "out" / "checkpoint-63" / "trainer_state.json").read_text())["log_history"]
    rows = [row for row in saved if "wcdfa/step" in row]
    assert [row["wcdfa/step"] for row in rows] == [row["step"] for row in rows] == steps
    np.testing.assert_allclose([row["wcdfa/update_norm"] for row in rows], norms[np.array(steps) - 1], rtol=1e-6)
    assert rows[-1]["wcdfa/alpha"] == callback.monitor.alpha
    assert [row["step"] for row in rows if "wcdfa/alpha" in row] == [step for step in steps if step >= 50]


def test_weights_and_biases(wandb, made, begun, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    trainer = begun(report_to="wandb", max_steps=4, logging_strategy="steps", logging_steps=2, run_name="a")
    made().add_to(trainer)
    trainer.train()
    run = wandb.run
    run.finish()
    rows, _ = history(tmp_path, run)
    found = [(row["train/global_step"], row["train/wcdfa/update_norm"]) for row in rows if "train/wcdfa/step" in row]
    np.testing.assert_allclose(found, list(zip([2, 4], trainer.seen.norms()[[1, 3]], strict=True)), rtol=1e-6)


@pytest.mark.parametrize("restored", [False, True])
def test_gone_on_with_from_a_checkpoint(made, begun, transformers, tmp_path, monkeypatch, restored):
    """From the middle of an epoch, and by way of another folder; also where the Trainer makes callbacks anew that let it."""
    attached = handles(monkeypatch)
    options = {"max_steps": 66, "save_strategy": "steps", "save_steps": 31, "gradient_accumulation_steps": 3, "data_seed": 1}
    options |= {"logging_strategy": "steps", "logging_steps": 10}
    whole = made(monitor(), window=70, every=5)
    first = begun(whole, **options)
    first.train()
    shutil.rmtree(tmp_path / "out" / "checkpoint-66")
    shutil.rmtree(tmp_path / "out" / "checkpoint-62")
    resumed = made(monitor(), window=70, every=5)
    options["restore_callback_states_from_checkpoint"] = restored
    if restored:
        folder = tmp_path / "other"
        resumed.load(tmp_path / "out" / "checkpoint-31")
        second = begun(resumed, model=language_model(transformers, seed=9), folder=folder, **options)
        second.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-31"))
    else:
        second = begun(resumed, model=language_model(transformers, seed=9), **options)
        second.train(resume_from_checkpoint=True)
    np.testing.assert_array_equal(second.seen.norms(), first.seen.norms()[31:])
    assert len(second.seen.norms()) == 35
    np.testing.assert_array_equal(resumed.monitor.get_signal(), whole.monitor.get_signal())
    assert resumed.monitor.reading().count == 66
    assert resumed.monitor.history == whole.monitor.history
    np.testing.assert_array_equal(resumed.monitor.epochs, whole.monitor.epochs)
    assert resumed.watch.state_dict() == whole.watch.state_dict()
    assert len(resumed.watch.alphas) == 2
    for name in ("cosine", "weight_norm", "sketch"):
        found = [getattr(handle.read(), name) for handle in attached]
        np.testing.assert_array_equal(*found)
        assert np.isfinite(found[0][1:]).all()
    ours = [[row["wcdfa/update_norm"] for row in each.state.log_history if "wcdfa/step" in row] for each in (first, second)]
    assert ours[0] == ours[1]


@pytest.mark.parametrize("resumes", [False, True])
def test_interrupted_and_trained_again(made, begun, transformers, resumes):
    """With the same callback and Trainer, anew or from the last checkpoint."""

    class Fails(transformers.TrainerCallback):
        def on_step_end(self, args, state, control, **_):
            if state.global_step == 6:
                raise RuntimeError("of the user")

    callback, fails = made(), Fails()
    trainer = begun(callback, fails, max_steps=10, save_strategy="steps", save_steps=4)
    with pytest.raises(RuntimeError, match="of the user"):
        trainer.train()
    before = trainer.seen.norms()[:4] if resumes else []
    trainer.remove_callback(fails)
    trainer.train(resume_from_checkpoint=resumes)
    np.testing.assert_allclose(callback.monitor.get_signal(), [*before, *trainer.seen.norms()], rtol=1e-6)
    assert callback.monitor.n_samples == 10


@pytest.mark.parametrize("why", ["missing", "of another run", "damaged", "of other settings"])
def test_a_checkpoint_without_the_norms(made, begun, transformers, tmp_path, caplog, why):
    options = {"save_strategy": "steps", "save_steps": 4, "logging_strategy": "steps", "logging_steps": 4}
    options["lr_scheduler_type"] = "constant"
    begun(*(() if why == "missing" else (made(window=60 if why == "of other settings" else 500),)), max_steps=4, **options).train()
    file = tmp_path / "out" / "checkpoint-4" / "wcdfa.pt"
    if why == "of another run":
        other = begun(made(), model=language_model(transformers, seed=1), folder=tmp_path / "other", max_steps=4, **options)
        other.train()
        shutil.copy(tmp_path / "other" / "checkpoint-4" / "wcdfa.pt", file)
    elif why == "damaged":
        file.write_bytes(file.read_bytes()[:500])
    callback = made()
    trainer = begun(callback, max_steps=9, **options)
    with caplog.at_level(logging.WARNING, logger="wcdfa"):
        trainer.train(resume_from_checkpoint=True)
    (record,) = [each for each in caplog.records if each.name == "wcdfa"]
    said = {
        "missing": "training resumes at step 4, but the norms before it are not known, so α starts over ([Errno 2]",
        "of another run": f"α starts over ({file} belongs to another run); for a checkpoint in another folder, call load(folder)",
        "damaged": "training resumes at step 4, but the norms before it are not known",
        "of other settings": "the norms in the checkpoint do not fit, and α starts over: the state holds all with window=60",
    }
    assert said[why] in record.getMessage()
    np.testing.assert_allclose(callback.monitor.get_signal(), trainer.seen.norms(), rtol=1e-6)
    assert callback.monitor.n_samples == 5
    assert (tmp_path / "out" / "checkpoint-9" / "wcdfa.pt").is_file()


def test_a_folder_that_cannot_be_written_to(made, begun, tmp_path, caplog):
    folder = tmp_path / "out" / "checkpoint-4"
    (folder / "wcdfa.pt" / "in the way").mkdir(parents=True)
    with caplog.at_level(logging.WARNING, logger="wcdfa"):
        trainer = begun(made(), max_steps=5, save_strategy="steps", save_steps=4)
        trainer.train()
    (record,) = [each for each in caplog.records if each.name == "wcdfa"]
    assert f"the norms could not be written into the checkpoint in {folder}" in record.getMessage()
    assert trainer.state.global_step == 5
    assert not list(folder.glob(".wcdfa*"))


@pytest.mark.parametrize(("alarms", "logs"), [("warn", False), ("stop", False), ("stop", True), ("call", True)])
def test_alarms(transformers, made, begun, caplog, alarms, logs):
    import torch

    class Followed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x):
            return {"loss": (self.weight * x).sum()}

    norms, x = alarming(torch)
    model, said = Followed(), []
    given = wcdfa.WeightChangeDFA(window=128, stride=20, method="gls")
    callback = made(given, every=500 if logs else 20, alarms=said.append if alarms == "call" else alarms)
    plain = {"lr_scheduler_type": "constant", "learning_rate": 1.0, "optim": "sgd", "max_grad_norm": 0.0}
    logging_ = {"logging_strategy": "steps" if logs else "no", "logging_steps": 20}
    plain |= {"train_sampling_strategy": "sequential", "per_device_train_batch_size": 1, "num_train_epochs": 1}
    trainer = begun(callback, model=model, data=[{"x": each} for each in x], **plain, **logging_)
    with warnings.catch_warnings(record=True) as caught, caplog.at_level(logging.WARNING, logger="wcdfa"):
        warnings.simplefilter("always")
        trainer.train()
    steps = trainer.state.global_step
    np.testing.assert_allclose(given.get_signal(), norms[:steps][-128:], rtol=1e-4)
    assert callback.raised
    assert said == (callback.raised if alarms == "call" else [])
    warned = [str(each.message) for each in caught if each.category is DriftWarning]
    assert warned == (callback.raised if alarms == "warn" else [])
    assert [each.getMessage() for each in caplog.records if each.name == "wcdfa"] == (callback.raised if alarms == "stop" else [])
    assert (steps == len(norms)) == (alarms != "stop")
    assert steps % 20 == 0
    assert steps > 900


def test_it_comes_first_however_it_is_added(transformers, made, begun):
    for add in (True, False):
        callback = made()
        trainer = begun(*(() if add else (callback,)), max_steps=3)
        order = [each for each in trainer.callback_handler.callbacks if each is not callback]
        if add:
            trainer.add_callback(callback)
        assert callback.add_to(trainer) is callback
        trainer.train()
        assert trainer.callback_handler.callbacks == [callback, *order]
        assert callback.monitor.n_samples == 3
        trainer.train()  # its steps are counted anew, and so is what we see
        np.testing.assert_allclose(callback.monitor.get_signal(), trainer.seen.norms(), rtol=1e-6)
        assert trainer.log({"more": 1.0}) is None
        assert trainer.state.log_history[-1].keys() == {"more", "epoch", "step"}


def test_not_in_front_of_those_that_report_it_says_so(made, begun, tmp_path, monkeypatch, caplog):
    """α is in the Trainer's own log all the same."""
    require("tensorboard")
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "board"))
    trainer = begun(made(), report_to="tensorboard", max_steps=2, logging_strategy="steps", logging_steps=1)
    with caplog.at_level(logging.WARNING, logger="wcdfa"):
        trainer.train()
    (record,) = [each for each in caplog.records if each.name == "wcdfa"]
    assert record.getMessage() == (
        "α is in the log of the Trainer but not in tensorboard, which comes before this callback: call add_to(trainer) of the "
        "callback before train"
    )
    assert [row["wcdfa/step"] for row in trainer.state.log_history if "wcdfa/step" in row] == [1, 2]


def test_options_of_the_monitor_go_on_to_it(made, begun):
    callback = made(window=60, order=2, stride=7)
    begun(callback, max_steps=2).train()
    assert (callback.monitor.window, callback.monitor.order, callback.monitor.stride) == (60, 2, 7)


def test_without_an_optimizer_or_a_trainer(transformers, made, caplog):
    callback = made()
    state, control = transformers.TrainerState(), transformers.TrainerControl()
    with caplog.at_level(logging.WARNING, logger="wcdfa"):
        for event in ("on_train_begin", "on_step_end", "on_log", "on_epoch_end", "on_save", "on_train_end"):
            getattr(callback, event)(None, state, control)
    assert caplog.records[-1].getMessage() == "the Trainer gives its callbacks no optimizer, so nothing is recorded"
    assert not control.should_training_stop


def test_misuse(made, tmp_path):
    for options, error, said in (
        ({"monitor": 3}, TypeError, "monitor must be a WeightChangeDFA, got int"),
        ({"alarms": "shout"}, ValueError, "alarms must be one of 'log', 'warn', 'stop', None or a callable"),
        ({"window": 0}, ValueError, "window must be at least 1, got 0"),
        ({"monitor": monitor(), "order": 2}, TypeError, "order=2 belongs to the monitor: give it to the WeightChangeDFA"),
        ({"oder": 2}, TypeError, "unexpected keyword argument 'oder'"),
        ({"order": 9}, ValueError, "order must be 1, 2, 3 or 4, got 9"),
        ({"every": 600}, ValueError, "copied to the host after every=600 steps, but only window=500"),
    ):
        with pytest.raises(error, match=said):
            made(**options)
    with pytest.raises(FileNotFoundError, match=r"wcdfa\.pt"):
        made().load(tmp_path)


def test_gradients_after_clipping(transformers, made, begun):
    callback, seen = made(monitor(), gradients=True), []

    class Looks(transformers.TrainerCallback):
        def on_pre_optimizer_step(self, *_, model=None, **__):
            seen.append(float(sum(part.grad.double().square().sum() for part in model.parameters()) ** 0.5))

    trainer = begun(callback, Looks(), num_train_epochs=1, max_grad_norm=0.5, logging_strategy="steps", logging_steps=5)
    trainer.train()
    reading = callback.monitor.reading()
    np.testing.assert_allclose(reading.gradients, seen, rtol=1e-5)
    assert max(seen) < 0.501
    row = next(row for row in trainer.state.log_history if row.get("wcdfa/step") == 5)
    assert row["wcdfa/gradient_norm"] == pytest.approx(seen[4], rel=1e-5)
    assert row["wcdfa/lr"] == pytest.approx(reading.lr[4], rel=1e-5)
    assert (reading.taken, reading.optimizer) == (0, "adamw")


@pytest.mark.parametrize("options", [{}, {"coordinates": 9, "mode": "sample"}, {"direction": False}], ids=["on", "few", "off"])
def test_the_direction_is_recorded_too(made, begun, monkeypatch, options):
    attached = handles(monkeypatch)
    callback = made(monitor(), groups={"head": "ln_f"}, **options)
    trainer = begun(callback, num_train_epochs=1)
    trainer.train()
    names = [name for name, _ in trainer.model.named_parameters()]
    groups = {"head": [i for i, name in enumerate(names) if "ln_f" in name]}
    require_direction(attached[0].read(), trainer.seen, groups, options)
