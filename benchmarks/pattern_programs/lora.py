"""In the style of fine-tuning with LoRA: a frozen model with small trained adapters; those of the head join the optimizer later."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from benchmarks.pattern_programs.step_end import step_end
from wcdfa.backends.torch import attach  # wcdfa

WIDTH, WORDS, CLASSES, LENGTH = 64, 40, 3, 16
STEPS, WARMUP, ACCUMULATED, JOINS = 128, 10, 2, 64


class LoraLinear(nn.Module):
    """A frozen linear layer, plus the product of two small matrices."""

    def __init__(self, base: nn.Linear, r: int = 4, lora_alpha: int = 8, lora_dropout: float = 0.05) -> None:
        super().__init__()
        self.base_layer, self.scaling, self.dropout = base.requires_grad_(False), lora_alpha / r, nn.Dropout(lora_dropout)
        self.lora_A, self.lora_B = nn.Parameter(torch.empty(r, base.in_features)), nn.Parameter(torch.zeros(base.out_features, r))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base_layer(x) + self.scaling * (self.dropout(x) @ self.lora_A.T @ self.lora_B.T)


class Attention(nn.Module):
    """One layer of attention."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(x)
        heads = [part(y).unflatten(-1, (4, -1)).transpose(1, 2) for part in (self.q_proj, self.k_proj, self.v_proj)]
        return x + self.o_proj(F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(-2))


class Classifier(nn.Module):
    """Three layers of attention, and the class of a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.layers = nn.Embedding(WORDS, WIDTH), nn.Sequential(*(Attention() for _ in range(3)))
        self.score = nn.Linear(WIDTH, CLASSES)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        return self.score(self.layers(self.embed(words)).mean(1))


def get_peft_model(model: nn.Module, target_modules: tuple[str, ...]) -> nn.Module:
    """Freeze the model, and give the named layers an adapter."""
    model.requires_grad_(False)
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if name in target_modules and isinstance(child, nn.Linear):
                setattr(module, name, LoraLinear(child))
    return model


def trained(model: nn.Module) -> list[nn.Parameter]:
    return [part for part in model.parameters() if part.requires_grad]


torch.manual_seed(0)
model = get_peft_model(Classifier(), ("q_proj", "v_proj", "score"))
head = [model.score.lora_A, model.score.lora_B]
for part in head:
    part.requires_grad_(False)
optimizer = torch.optim.AdamW(trained(model), lr=5e-3, weight_decay=0.01)
scheduler = LambdaLR(optimizer, lambda step: min((step + 1) / WARMUP, (STEPS - step) / (STEPS - WARMUP)))
handle = attach(optimizer)  # wcdfa
print(f"trained: {sum(part.numel() for part in trained(model)):,} of {sum(part.numel() for part in model.parameters()):,}")

step_end(model.parameters())
for step in range(STEPS):
    if step == JOINS:
        optimizer.add_param_group({"params": [part.requires_grad_() for part in head], "lr": 1e-3, "initial_lr": 1e-3})
        scheduler.base_lrs.append(1e-3)
        scheduler.lr_lambdas.append(scheduler.lr_lambdas[0])
    for _ in range(ACCUMULATED):
        words = torch.randint(WORDS, (16, LENGTH))
        loss = F.cross_entropy(model(words), words.sum(1) % CLASSES)
        (loss / ACCUMULATED).backward()
    nn.utils.clip_grad_norm_(trained(model), 1.0)
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad()
    step_end(model.parameters())
print(handle.read().verdict())  # wcdfa
