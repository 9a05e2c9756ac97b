"""In the style of nanoGPT: a script whose settings are globals; accumulated gradients, bfloat16, clipping, warm-up and cosine decay."""

from __future__ import annotations

import math
from contextlib import nullcontext

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.pattern_programs.step_end import step_end
from wcdfa.backends.torch import attach  # wcdfa

max_iters, eval_interval, eval_iters = 128, 40, 2
batch_size, block_size, gradient_accumulation_steps = 8, 32, 2
n_layer, n_head, n_embd, dropout = 3, 4, 64, 0.1
learning_rate, min_lr, warmup_iters, weight_decay, grad_clip = 1e-3, 1e-4, 20, 0.1, 1.0
beta1, beta2, device, dtype, vocab_size, seed = 0.9, 0.95, "cpu", "bfloat16", 32, 1337

torch.manual_seed(seed)
ctx = torch.amp.autocast(device_type=device, dtype=torch.bfloat16) if dtype == "bfloat16" else nullcontext()
noise = torch.rand(20_000) < 0.1
data = torch.where(noise, torch.randint(vocab_size, (20_000,)), torch.arange(20_000) ** 2 % vocab_size)


class Block(nn.Module):
    """Attention, then two dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(n_embd), nn.LayerNorm(n_embd)
        self.c_attn, self.c_proj = nn.Linear(n_embd, 3 * n_embd), nn.Linear(n_embd, n_embd)
        self.mlp = nn.Sequential(nn.Linear(n_embd, 4 * n_embd), nn.GELU(), nn.Linear(4 * n_embd, n_embd), nn.Dropout(dropout))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        heads = [part.unflatten(-1, (n_head, -1)).transpose(1, 2) for part in self.c_attn(self.ln_1(x)).split(n_embd, dim=-1)]
        x = x + self.c_proj(F.scaled_dot_product_attention(*heads, is_causal=True).transpose(1, 2).flatten(-2))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    """A small transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab_size, n_embd), nn.Embedding(block_size, n_embd)
        self.h, self.ln_f = nn.Sequential(*(Block() for _ in range(n_layer))), nn.LayerNorm(n_embd)
        self.lm_head = nn.Linear(n_embd, vocab_size, bias=False)
        self.wte.weight = self.lm_head.weight  # one matrix for both

    def forward(self, idx: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        x = self.h(self.wte(idx) + self.wpe(torch.arange(idx.shape[1])))
        return F.cross_entropy(self.lm_head(self.ln_f(x)).flatten(0, 1), targets.flatten())


def get_batch(split: str) -> tuple[torch.Tensor, torch.Tensor]:
    part = data[:18_000] if split == "train" else data[18_000:]
    starts = torch.randint(len(part) - block_size - 1, (batch_size,)).tolist()
    return torch.stack([part[i : i + block_size] for i in starts]), torch.stack([part[i + 1 : i + 1 + block_size] for i in starts])


@torch.no_grad()
def estimate_loss() -> float:
    model.eval()
    losses = [model(*get_batch("val")).item() for _ in range(eval_iters)]
    model.train()
    return sum(losses) / len(losses)


def get_lr(it: int) -> float:
    if it < warmup_iters:
        return learning_rate * (it + 1) / warmup_iters
    ratio = (it - warmup_iters) / (max_iters - warmup_iters)
    return min_lr + 0.5 * (1 + math.cos(math.pi * ratio)) * (learning_rate - min_lr)


model = GPT()
decay, no_decay = ([p for p in model.parameters() if (p.dim() >= 2) == matrix] for matrix in (True, False))
optim_groups = [{"params": decay, "weight_decay": weight_decay}, {"params": no_decay, "weight_decay": 0.0}]
optimizer = torch.optim.AdamW(optim_groups, lr=learning_rate, betas=(beta1, beta2))
scaler = torch.amp.GradScaler(device, enabled=dtype == "float16")
handle = attach(optimizer)  # wcdfa

step_end(model.parameters())
X, Y = get_batch("train")
for iter_num in range(max_iters):
    for param_group in optimizer.param_groups:
        param_group["lr"] = get_lr(iter_num)
    if iter_num % eval_interval == 0:
        print(f"step {iter_num}: val loss {estimate_loss():.4f}")
    for _ in range(gradient_accumulation_steps):
        with ctx:
            loss = model(X, Y) / gradient_accumulation_steps
        X, Y = get_batch("train")
        scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_(model.parameters(), grad_clip)
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad(set_to_none=True)
    step_end(model.parameters())
print(handle.read().verdict())  # wcdfa
