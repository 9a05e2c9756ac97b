"""torch: the norms of a training are those of its parameters."""

import torch
from common import require_recorded

from wcdfa.backends.torch import attach

model = torch.nn.Linear(3, 1)
optimizer = torch.optim.AdamW(model.parameters())
handle = attach(optimizer)
moved = []
for _ in range(20):
    before = torch.nn.utils.parameters_to_vector(model.parameters()).detach().double()
    model(torch.randn(8, 3)).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()
    moved.append(float((torch.nn.utils.parameters_to_vector(model.parameters()).detach().double() - before).norm()))
require_recorded(handle.read(), moved)
