"""In the style of cleanrl: proximal policy optimization of a pole on a cart in one file; the learning rate is annealed by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.distributions.categorical import Categorical

from benchmarks.pattern_programs.step_end import step_end
from wcdfa.backends.torch import attach  # wcdfa


@dataclass
class Args:
    """The settings."""

    seed: int = 1
    num_envs: int = 8
    num_steps: int = 32
    num_iterations: int = 8
    num_minibatches: int = 4
    update_epochs: int = 4
    learning_rate: float = 2.5e-3
    gamma: float = 0.99
    gae_lambda: float = 0.95
    clip_coef: float = 0.2
    ent_coef: float = 0.01
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5


class Poles:
    """Poles on carts, all at once; an episode ends when the pole falls, the cart leaves, or after 200 steps."""

    def __init__(self, count: int, seed: int) -> None:
        self.rng, self.count = np.random.default_rng(seed), count
        self.state, self.age = self.rng.uniform(-0.05, 0.05, (count, 4)), np.zeros(count)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, speed, angle, turn = self.state.T
        push = (np.where(action == 1, 10.0, -10.0) + 0.05 * turn**2 * np.sin(angle)) / 1.1
        bend = (9.8 * np.sin(angle) - np.cos(angle) * push) / (0.5 * (4 / 3 - 0.1 * np.cos(angle) ** 2 / 1.1))
        slide = push - 0.05 * bend * np.cos(angle) / 1.1
        self.state = np.stack([x + 0.02 * speed, speed + 0.02 * slide, angle + 0.02 * turn, turn + 0.02 * bend], axis=1)
        self.age += 1
        done = (np.abs(self.state[:, 0]) > 2.4) | (np.abs(self.state[:, 2]) > 0.21) | (self.age >= 200)
        self.state[done], self.age[done] = self.rng.uniform(-0.05, 0.05, (int(done.sum()), 4)), 0
        return self.state, np.ones(self.count), done


def layer_init(layer: nn.Linear, std: float = 2**0.5) -> nn.Linear:
    torch.nn.init.orthogonal_(layer.weight, std)
    torch.nn.init.constant_(layer.bias, 0.0)
    return layer


class Agent(nn.Module):
    """A policy, and the value of a state."""

    def __init__(self) -> None:
        super().__init__()
        body = lambda: (layer_init(nn.Linear(4, 64)), nn.Tanh(), layer_init(nn.Linear(64, 64)), nn.Tanh())
        self.critic = nn.Sequential(*body(), layer_init(nn.Linear(64, 1), std=1.0))
        self.actor = nn.Sequential(*body(), layer_init(nn.Linear(64, 2), std=0.01))


args = Args()
torch.manual_seed(args.seed)
envs, agent = Poles(args.num_envs, args.seed), Agent()
optimizer = torch.optim.Adam(agent.parameters(), lr=args.learning_rate, eps=1e-5)
handle = attach(optimizer)  # wcdfa
step_end(agent.parameters())

shape = (args.num_steps, args.num_envs)
obs, actions, logprobs, rewards, dones, values = (torch.zeros(shape + more) for more in [(4,), (), (), (), (), ()])
next_obs, next_done = torch.tensor(envs.state, dtype=torch.float32), torch.zeros(args.num_envs)
for iteration in range(args.num_iterations):
    optimizer.param_groups[0]["lr"] = (1.0 - iteration / args.num_iterations) * args.learning_rate
    for step in range(args.num_steps):
        obs[step], dones[step] = next_obs, next_done
        with torch.no_grad():
            policy = Categorical(logits=agent.actor(next_obs))
            actions[step] = policy.sample()
            logprobs[step], values[step] = policy.log_prob(actions[step]), agent.critic(next_obs).flatten()
        state, reward, done = envs.step(actions[step].numpy())
        rewards[step] = torch.tensor(reward)
        next_obs, next_done = torch.tensor(state, dtype=torch.float32), torch.tensor(done, dtype=torch.float32)
    with torch.no_grad():
        advantages, last, next_value = torch.zeros(shape), torch.zeros(args.num_envs), agent.critic(next_obs).flatten()
        for t in reversed(range(args.num_steps)):
            alive = 1.0 - (next_done if t == args.num_steps - 1 else dones[t + 1])
            following = next_value if t == args.num_steps - 1 else values[t + 1]
            last = rewards[t] + args.gamma * following * alive - values[t] + args.gamma * args.gae_lambda * alive * last
            advantages[t] = last
        returns = advantages + values
    flat = [each.flatten(0, 1) for each in (obs, actions, logprobs, advantages, returns)]
    for _ in range(args.update_epochs):
        for chosen in torch.randperm(args.num_steps * args.num_envs).chunk(args.num_minibatches):
            b_obs, b_actions, b_logprobs, b_advantages, b_returns = (each[chosen] for each in flat)
            policy, value = Categorical(logits=agent.actor(b_obs)), agent.critic(b_obs).flatten()
            ratio = (policy.log_prob(b_actions) - b_logprobs).exp()
            scaled = (b_advantages - b_advantages.mean()) / (b_advantages.std() + 1e-8)
            clipped = torch.clamp(ratio, 1 - args.clip_coef, 1 + args.clip_coef)
            pg_loss, v_loss = torch.max(-scaled * ratio, -scaled * clipped).mean(), 0.5 * (value - b_returns).square().mean()
            loss = pg_loss - args.ent_coef * policy.entropy().mean() + args.vf_coef * v_loss
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), args.max_grad_norm)
            optimizer.step()
            step_end(agent.parameters())
    print(f"iteration {iteration}: {rewards.sum() / max(1.0, dones.sum()):.0f} steps an episode")
print(handle.read().verdict())  # wcdfa
