"""transformers: the callback records every step of a Trainer."""

import torch
import transformers

from wcdfa.backends.transformers import WeightChangeCallback


class Line(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def forward(self, x):
        return {"loss": self.layer(x).square().mean()}


settings = transformers.TrainingArguments(
    "out", max_steps=60, per_device_train_batch_size=8, report_to="none", use_cpu=True, save_strategy="no", disable_tqdm=True
)
callback = WeightChangeCallback(window=50)
transformers.Trainer(Line(), settings, train_dataset=[{"x": x} for x in torch.randn(480, 3)], callbacks=[callback]).train()
assert int(callback.monitor.reading().count) == 60, callback.monitor
