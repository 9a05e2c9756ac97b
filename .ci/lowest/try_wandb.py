"""wandb: what the sink writes offline is read."""

import os
from pathlib import Path

from common import logged, require_read

os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
import wandb

from wcdfa.sinks.wandb import WandbSink

with wandb.init(project="p", dir=".", settings=wandb.Settings(console="off")):
    expected = logged(WandbSink())
(log,) = Path("wandb").glob("offline-run-*/*.wandb")
require_read(log, expected)
