"""Which step a checkpoint is of, by its name."""

from __future__ import annotations

import os

import pytest

from tests.conftest import require
from wcdfa.readers.checkpoints.displacement import is_checkpoints, read_checkpoints
from wcdfa.readers.checkpoints.names import template
from wcdfa.readers.checkpoints.order import checkpoints_in


@pytest.mark.parametrize(
    ("names", "steps", "unit"),
    [
        (("checkpoint-500", "checkpoint-1000"), [500, 1000], "step"),
        (("epoch=3-step=600.pt", "epoch=4-step=800.pt"), [600, 800], "step"),
        (("epoch=3-step=600-loss=0.50.pt", "epoch=4-step=800-loss=0.25.pt"), [600, 800], "step"),
        (("epoch_9.pth", "epoch_10.pth"), [9, 10], "epoch"),
        (("gpt2_ep1_0.52.pt", "gpt2_ep2_0.49.pt"), [1, 2], "epoch"),
        (("pythia-160m-step512.pt", "pythia-160m-step1k.pt"), [512, 1000], "step"),
        (("2024-01-05_00500.pt", "2024-01-05_01000.pt"), [500, 1000], "step"),
        (("iter_0000100.pt", "iter_0000200.pt"), [100, 200], "step"),
        (("500", "1000"), [500, 1000], "step"),
        (("checkpoint_1.pth.tar", "checkpoint_2.pth.tar"), [1, 2], "step"),
        (("loss_0.25.pt", "loss_0.5.pt"), [None, None], "step"),
    ],
)
def test_steps_in_names(tmp_path, torch, names, steps, unit):
    for age, name in enumerate(names):
        path = tmp_path / name
        if not path.suffix:
            path.mkdir()
            path /= "pytorch_model.bin"
        torch.save({"w": torch.ones(2)}, path)
        os.utime(tmp_path / name, (age, age))
    series = checkpoints_in(tmp_path)
    assert [entry.path.name for entry in series.entries] == list(names)
    assert ([entry.step for entry in series.entries], series.unit) == (steps, unit)
    assert any("epochs" in note for note in next(read_checkpoints(tmp_path)).notes[1:]) == (unit == "epoch")


@pytest.mark.parametrize("name", ["run1/m.pt", "model_rank0.pt", "consolidated.00.pth", "model-00001-of-00002.safetensors"])
def test_numbers_of_other_things_than_steps(tmp_path, torch, name):
    for other in (name, name.replace("0000", "0001") if "-of-" in name else name.replace("0", "7").replace("run1", "run2")):
        (tmp_path / other).parent.mkdir(exist_ok=True)
        torch.save({"w": torch.ones(2)}, tmp_path / other)
    assert not is_checkpoints(tmp_path)


def test_template_keeps_numbers_of_other_things():
    assert template("Seed0_fp16_Step500.pt") == "seed0_fp16_step#.pt"


@pytest.mark.parametrize(
    "runs", [("depth0", "depth1"), ("exp-a", "exp-b"), ("0", "1"), ("lr0", "lr1"), ("2024-01-05", "2024-01-06")]
)
@pytest.mark.parametrize(
    "held",
    [
        ("step_1.pt", "step_2.pt"),
        ("checkpoint-5/m.bin", "checkpoint-9/m.bin"),
        ("checkpoints/epoch_7.ckpt", "checkpoints/last.ckpt"),
    ],
)
def test_folders_of_checkpoints_are_runs_and_not_checkpoints_of_one(tmp_path, torch, runs, held):
    for run in runs:
        save_all(torch, tmp_path / run, held)
    assert not is_checkpoints(tmp_path)


@pytest.mark.parametrize("runs", [("depth0", "depth1"), ("exp-a", "exp-b")])
def test_files_without_numbers_in_folders_not_named_by_steps(tmp_path, torch, runs):
    for run in runs:
        save_all(torch, tmp_path / run, ("best.pt", "other.pt"))
    assert not is_checkpoints(tmp_path)


@pytest.mark.parametrize(
    "held",
    [
        ("model.safetensors", "pytorch_model.bin"),
        ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"),
        ("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"),
        ("pytorch_model.bin", "pytorch_model_1.bin", "pytorch_model_2.bin"),  # of several models, as accelerate calls them
        ("generator.pt", "discriminator.pt"),
        ("unet/m.bin", "vae/m.bin"),
        ("mp_rank_00_model_states.pt", "mp_rank_01_model_states.pt"),
    ],
)
def test_parts_of_a_checkpoint_are_no_run(tmp_path, torch, held):
    for step in (500, 1000):
        save_all(torch, tmp_path / f"checkpoint-{step}", held)
    series = checkpoints_in(tmp_path)
    assert [entry.step for entry in series.entries] == [500, 1000]


def save_all(torch, folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("safetensors"):
            require("safetensors.torch").save_file({"w": torch.ones(2)}, folder / name)
        else:
            torch.save({"w": torch.ones(2)}, folder / name)
