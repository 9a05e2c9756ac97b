"""In the style of minGPT: a Trainer with callbacks and a config, which makes its optimizer itself; the model learns to sort."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from types import SimpleNamespace

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, RandomSampler

from benchmarks.pattern_programs.step_end import step_end
from wcdfa.backends.torch import attach  # wcdfa

LENGTH, DIGITS = 6, 4


class SortDataset(Dataset):
    """Digits, followed by the same digits in order."""

    def __len__(self) -> int:
        return 10_000

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        given = torch.randint(DIGITS, (LENGTH,))
        whole = torch.cat([given, given.sort().values])
        targets = whole[1:].clone()
        targets[: LENGTH - 1] = -1  # what is given need not be predicted
        return whole[:-1], targets


class GPT(nn.Module):
    """A small transformer."""

    def __init__(self, width: int = 48, layers: int = 3) -> None:
        super().__init__()
        self.tok_emb, self.pos_emb = nn.Embedding(DIGITS, width), nn.Parameter(torch.zeros(1, 2 * LENGTH - 1, width))
        make = lambda: nn.TransformerEncoderLayer(width, 4, 4 * width, 0.1, "gelu", batch_first=True, norm_first=True)
        self.blocks, self.ln_f = nn.ModuleList(make() for _ in range(layers)), nn.LayerNorm(width)
        self.head = nn.Linear(width, DIGITS, bias=False)

    def configure_optimizers(self, config: SimpleNamespace) -> torch.optim.Optimizer:
        matrices = {name for name, part in self.named_parameters() if part.dim() >= 2 and "emb" not in name}
        groups = [
            {"params": [part for name, part in self.named_parameters() if (name in matrices) == decays], "weight_decay": decay}
            for decays, decay in ((True, config.weight_decay), (False, 0.0))
        ]
        return torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas)

    def forward(self, idx: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x, mask = self.tok_emb(idx) + self.pos_emb, nn.Transformer.generate_square_subsequent_mask(idx.shape[1])
        for block in self.blocks:
            x = block(x, src_mask=mask, is_causal=True)
        logits = self.head(self.ln_f(x))
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)


class Trainer:
    """Trains a model, and tells its callbacks."""

    def __init__(self, config: SimpleNamespace, model: GPT, train_dataset: Dataset) -> None:
        self.config, self.model, self.train_dataset = config, model, train_dataset
        self.callbacks: dict[str, list[Callable[[Trainer], None]]] = defaultdict(list)

    def add_callback(self, onevent: str, callback: Callable[[Trainer], None]) -> None:
        self.callbacks[onevent].append(callback)

    def trigger_callbacks(self, onevent: str) -> None:
        for callback in self.callbacks[onevent]:
            callback(self)

    def run(self) -> None:
        model, config = self.model, self.config
        self.optimizer = model.configure_optimizers(config)
        self.handle = attach(self.optimizer)  # wcdfa
        sampler = RandomSampler(self.train_dataset, replacement=True, num_samples=10**6)
        batches = iter(DataLoader(self.train_dataset, sampler=sampler, batch_size=config.batch_size))
        model.train()
        for self.iter_num in range(config.max_iters):
            _, self.loss = model(*next(batches))
            model.zero_grad(set_to_none=True)
            self.loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.grad_norm_clip)
            self.optimizer.step()
            self.trigger_callbacks("on_batch_end")


def batch_end_callback(trainer: Trainer) -> None:
    step_end(trainer.model.parameters())
    if trainer.iter_num % 40 == 0:
        print(f"iter {trainer.iter_num}: train loss {trainer.loss.item():.5f}")


torch.manual_seed(3407)
model = GPT()
config = SimpleNamespace(max_iters=128, batch_size=32, learning_rate=5e-4, betas=(0.9, 0.95), weight_decay=0.1, grad_norm_clip=1.0)
trainer = Trainer(config, model, SortDataset())
trainer.add_callback("on_batch_end", batch_end_callback)
step_end(model.parameters())
trainer.run()
print(trainer.handle.read().verdict())  # wcdfa
