"""The two lines that log ‖ΔW‖ with each tool, run as they are printed, and read back."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import require
from tests.helpers.processes import NO_GPU, ROOT
from wcdfa.readers import read_series
from wcdfa.readers.tools import LINES, TOOLS, how_to_log, log_each

STEPS = 40
LOOP = """
model = {{"weights": np.zeros(3)}}
monitor.update(model)
for step in range({steps}):
    model["weights"] = model["weights"] + np.random.default_rng(step).standard_normal(3)
    {update}
"""
LIGHTNING = """
class Line(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)
    def training_step(self, batch):
        return (self.layer(batch)[:, 0] - batch[:, 0]).square().mean()
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)
{trainer}
from lightning.pytorch.loggers import CSVLogger
trainer.loggers = [CSVLogger("runs")]
trainer.fit(Line(), torch.utils.data.DataLoader(torch.randn({steps}, 3)))
"""
TRAINER = """
class Line(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)
    def forward(self, x):
        return {{"loss": (self.layer(x)[:, 0] - x[:, 0]).square().mean()}}
options = transformers.TrainingArguments(
    "runs", max_steps={steps}, per_device_train_batch_size=1, report_to=[], logging_steps=1, save_steps={steps}, use_cpu=True
)
trainer = transformers.Trainer(Line(), options, train_dataset=[dict(x=x) for x in torch.randn({steps}, 3)])
{add}
trainer.train()
"""
KERAS = """
sink = JSONLinesSink("runs.jsonl")
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
optimizer, loss, x = keras.optimizers.SGD(0.01), "mse", np.random.default_rng(0).standard_normal((32 * {steps}, 3))
y = x[:, :1]
{compile}
{fit}
"""
NEEDED = {
    "tensorboard": ("torch", "tensorboard"),
    "lightning": ("torch", "lightning"),
    "trainer": ("torch", "transformers", "accelerate"),
    **{each: (each,) for each in ("wandb", "trackio", "mlflow", "keras")},
}
AROUND = {
    "tensorboard": ("from torch.utils.tensorboard import SummaryWriter; writer = SummaryWriter('runs')", "writer.close()"),
    "wandb": ("import wandb; wandb.init(mode='offline')", "wandb.finish()"),
    "trackio": ("import trackio; trackio.init(project='p', embed=False)", "trackio.finish()"),
    "mlflow": ("import mlflow; mlflow.set_tracking_uri('sqlite:///runs.db'); mlflow.start_run()", "monitor.logger.close()"),
}


def program(tool):
    """A program with the lines of a tool; what they import is in their comments."""
    lines = TOOLS[tool].lines
    imports = [line.partition("  # ")[2] for line in lines if line.partition("  # ")[2].startswith("from ")]
    first, second = (line.partition("  # ")[0] for line in lines)
    if tool == "lightning":
        body = ["import lightning, torch", first, LIGHTNING.format(trainer=second.replace("(", "(max_epochs=1, ", 1), steps=STEPS)]
    elif tool == "trainer":
        body = ["import transformers, torch", first, TRAINER.format(add=second, steps=STEPS)]
    elif tool == "keras":
        body = ["import keras; from wcdfa.sinks.jsonl import JSONLinesSink", KERAS.format(compile=first, fit=second, steps=STEPS)]
    else:
        before, after = AROUND.get(tool, ("", ""))
        body = [before, first, LOOP.format(update=second, steps=STEPS), after]
    return "\n".join(["import numpy as np, wcdfa", *imports, *body])


@pytest.mark.parametrize("tool", ["sb3", *NEEDED])
def test_the_two_lines_log_each_step(tool, tmp_path):
    for package in NEEDED.get(tool, ()):
        require(package)
    kept = {"TRACKIO_DIR": str(tmp_path), "HF_HUB_OFFLINE": "1", "WANDB_SILENT": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
    folders = {f"WANDB_{each}_DIR": str(tmp_path / "wandb") for each in ("CONFIG", "CACHE", "DATA")}
    environment = {**os.environ, **NO_GPU, **kept, **folders, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program(tool)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    series = read_series(tmp_path)
    assert series.quantity == "update norm"
    assert series.column.endswith("wcdfa/update_norm")
    assert series.thinned == 1
    assert len(series.values) == STEPS
    assert (series.values > 0).all()


def test_how_to_log_is_said_for_each_tool():
    for key, tool in TOOLS.items():
        assert f"with {tool.name}:" in how_to_log(key)
        assert how_to_log(key).count("\n") == 2
    assert how_to_log("another") == how_to_log("")
    assert LINES[0] in how_to_log("")
    assert log_each("trainer") == "log each with logging_steps=1"
