"""Lightning: the callback records every step, and logs."""

import lightning
import torch

from wcdfa.backends.lightning import WeightChangeCallback


class Line(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def training_step(self, batch, index):
        return self.layer(batch).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1e-2)

    def train_dataloader(self):
        return torch.utils.data.DataLoader(torch.randn(480, 3), batch_size=8)


callback = WeightChangeCallback(window=50)
trainer = lightning.Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, callbacks=[callback])
trainer.fit(Line())
assert int(callback.monitor.reading().count) == 60, callback.monitor
