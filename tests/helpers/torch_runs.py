"""Short runs in torch, and their norms as NumPy counts them in float64, step by step, from the parameters alone."""

from __future__ import annotations

import itertools
import math

import numpy as np


def network(torch, dtype=None, width=12):
    torch.manual_seed(0)
    layers = torch.nn.Linear(6, width), torch.nn.Tanh(), torch.nn.Linear(width, 1)
    return torch.nn.Sequential(*layers).to(dtype or torch.float32)


def batches(torch, steps, dtype=None, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(10, 6, generator=generator).to(dtype or torch.float32) for _ in range(steps)]


def loss_of(model, x):
    return (model(x)[:, 0] - x[:, 0].sin()).square().mean()


def host(tensors):
    """Copies in float64."""
    return [np.array(part.detach().to("cpu").double().numpy()) for part in tensors]


class Seen:
    """The parameters after each step that was taken."""

    def __init__(self, tensors):
        self.tensors = list(tensors)
        self.history = [host(self.tensors)]

    def look(self):
        self.history.append(host(self.tensors))

    def norms(self, places=None):
        pairs = zip(self.history[1:], self.history[:-1], strict=True)
        chosen = range(len(self.tensors)) if places is None else places
        return np.array([np.sqrt(sum(np.sum((b[i] - a[i]) ** 2) for i in chosen)) for b, a in pairs])


def alarming(torch):
    """What one weight under SGD at rate 1 is moved by, a batch of one each, so that α of it changes; signs keep it small."""
    import wcdfa

    calm, wild = wcdfa.synthetic.white_noise(900, seed=0), wcdfa.synthetic.random_walk(300, seed=0)
    norms = np.exp(0.1 * np.concatenate([calm, wild]))
    return norms, torch.tensor(norms * (-1.0) ** np.arange(len(norms)), dtype=torch.float32).unsqueeze(1)


def trained(model, optimizer, given, seen=None):
    """Train, a step a batch; returns what the parameters were."""
    seen = seen or Seen(model.parameters())
    for x in given:
        optimizer.zero_grad()
        loss_of(model, x).backward()
        optimizer.step()
        seen.look()
    return seen


def require_norms(handle, expected, rtol=1e-6):
    """Those that are not 0."""
    reading, real = handle.read(), expected[expected != 0]
    np.testing.assert_allclose(reading.norms, real[-handle.window :], rtol=rtol)
    assert (reading.count, reading.skipped) == (len(real), len(expected) - len(real))
    assert reading.steps.tolist() == list(range(1, len(real) + 1))[-handle.window :]


def handles(monkeypatch):
    """The handles of the callbacks, in a list, as they are made: what they have recorded can still be read after training."""
    from wcdfa.backends.torch import training

    found, attach = [], training.attach

    def kept(*given, **options):
        found.append(attach(*given, **options))
        return found[-1]

    monkeypatch.setattr(training, "attach", kept)
    return found


def slow_cosines(changes):
    """The cosine of each change with the one before, in float64, a number at a time; the first has none."""
    found = [math.nan]
    for old, new in itertools.pairwise(changes):
        product = sum(float(a) * float(b) for a, b in zip(old, new, strict=True))
        lengths = [math.sqrt(sum(float(a) ** 2 for a in change)) for change in (old, new)]
        found.append(product / lengths[0] / lengths[1] if all(lengths) else math.nan)
    return found


def changes_of(history, places=None):
    """The change of each step as one row."""
    chosen = range(len(history[0])) if places is None else places
    rows = [np.concatenate([np.ravel(weights[i]) for i in chosen]) for weights in history]
    return [new - old for old, new in itertools.pairwise(rows)]


def require_direction(reading, seen, groups=None, options=None, atol=1e-5):
    """That of what was seen of parameters with at most 65,536 numbers, which are all in the sample; or none if it was off."""
    if (options or {}).get("direction") is False:
        assert (reading.cosine, reading.weight_norm, reading.sketch, reading.cosines) == (None, None, None, {})
        return
    history, changes = seen.history, np.array(changes_of(seen.history))
    np.testing.assert_allclose(reading.cosine, slow_cosines(changes), atol=atol)
    for group, places in (groups or {}).items():
        np.testing.assert_allclose(reading.cosines[group], slow_cosines(changes_of(history, places)), atol=atol)
    lengths = [math.sqrt(sum(float(np.sum(part**2)) for part in weights)) for weights in history[1:]]
    np.testing.assert_allclose(reading.weight_norm, lengths, rtol=atol)
    kept = min((options or {}).get("coordinates", 64), changes.shape[1])
    assert reading.sketch.shape == (len(changes), kept)
    nearest = [int(np.abs(changes - column[:, None]).max(axis=0).argmin()) for column in reading.sketch.T]
    np.testing.assert_allclose(reading.sketch, changes[:, nearest], atol=atol * np.abs(changes).max())
