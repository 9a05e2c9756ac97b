"""Series of checkpoints as the libraries of each format write them, and the weights as those libraries read them back."""

from __future__ import annotations

import itertools

import numpy as np

from tests.conftest import require

STEPS = (100, 200, 400)


def weights(seed):
    rng = np.random.default_rng(seed)
    shapes = {"embed": (60, 8), "layer.weight": (8, 8), "layer.bias": (8,), "scale": ()}
    return {name: np.asarray(rng.standard_normal(shape), np.float32) for name, shape in shapes.items()}


def distance(new, old):
    """Of two trees of NumPy arrays, loaded wholly."""
    flat = [np.concatenate([np.ravel(tree[name]).astype(np.float64) for name in sorted(tree)]) for tree in (new, old)]
    return np.linalg.norm(flat[0] - flat[1])


def distances(held):
    """From each tree to the next."""
    return [distance(new, old) for old, new in itertools.pairwise(held)]


class Safetensors:
    def write(self, folder, step):
        require("safetensors")
        from safetensors.numpy import save_file

        save_file(weights(step) | {"count": np.array(step)}, folder / f"step_{step}.safetensors", {"format": "np"})
        return folder / f"step_{step}.safetensors"

    def load(self, path):
        from safetensors.numpy import load_file

        return {name: part for name, part in load_file(path).items() if name != "count"}


class Torch:
    def write(self, folder, step):
        torch = require("torch")
        model = {name: torch.tensor(part) for name, part in weights(step).items()}
        parameters = [torch.nn.Parameter(part.clone()) for part in model.values()]
        optimizer = torch.optim.AdamW(parameters)
        sum(part.sum() for part in parameters).backward()
        optimizer.step()
        path = folder / f"model_{step:05d}.pt"
        held = {"model": model | {"count": torch.tensor(step)}, "optimizer": optimizer.state_dict(), "step": step}
        torch.save(held, path)
        return path

    def load(self, path):
        import torch

        held = torch.load(path, weights_only=True)["model"]
        return {name: part.double().numpy() for name, part in held.items() if part.is_floating_point()}


class Orbax:
    """A folder of `StandardCheckpointer` for each step."""

    def write(self, folder, step):
        orbax = require("orbax.checkpoint")
        path = folder / f"step_{step}"
        with orbax.StandardCheckpointer() as checkpointer:
            checkpointer.save(path, self.tree(step))
        return path

    def tree(self, step):
        import jax.numpy as jnp

        params = {name: jnp.asarray(part) for name, part in weights(step).items()}
        return {"params": params, "opt_state": [{"mu": jnp.full((8,), float(step))}], "step": step, "done": jnp.asarray(step)}

    def load(self, path):
        import orbax.checkpoint

        with orbax.checkpoint.StandardCheckpointer() as checkpointer:
            held = checkpointer.restore(path)
        return {name: np.asarray(part) for name, part in held["params"].items()}


class OrbaxOptions(Orbax):
    """With other ways to keep the arrays."""

    def __init__(self, **options):
        self.options = options

    def write(self, folder, step):
        orbax = require("orbax.checkpoint")
        with orbax.Checkpointer(orbax.PyTreeCheckpointHandler(**self.options)) as checkpointer:
            checkpointer.save(folder / f"step_{step}", self.tree(step))
        return folder / f"step_{step}"


class Manager(Orbax):
    """Steps of a `CheckpointManager`, each with items of its own."""

    def write(self, folder, step):
        orbax = require("orbax.checkpoint")
        tree = self.tree(step)
        with orbax.CheckpointManager(folder) as manager:
            items = {name: orbax.args.StandardSave(tree[name]) for name in ("params", "opt_state")}
            manager.save(step, args=orbax.args.Composite(**items, told=orbax.args.JsonSave({"loss": 0.5})))
            manager.wait_until_finished()
        return folder / str(step)

    def load(self, path):
        import orbax.checkpoint

        with orbax.checkpoint.StandardCheckpointer() as checkpointer:
            held = checkpointer.restore(path / "params")
        return {name: np.asarray(part) for name, part in held.items()}


class ManagerDefault(Manager):
    """Steps of a `CheckpointManager`, each with one item."""

    def write(self, folder, step):
        orbax = require("orbax.checkpoint")
        with orbax.CheckpointManager(folder) as manager:
            manager.save(step, args=orbax.args.StandardSave(self.tree(step)))
            manager.wait_until_finished()
        return folder / str(step)

    def load(self, path):
        return Orbax.load(self, path / "default")


FORMATS = {
    "safetensors": Safetensors(),
    "torch": Torch(),
    "orbax": Orbax(),
    "orbax with a file for each array": OrbaxOptions(use_ocdbt=False),
    "orbax of zarr 3": OrbaxOptions(use_zarr3=True),
    "orbax manager of items": Manager(),
    "orbax manager": ManagerDefault(),
}
