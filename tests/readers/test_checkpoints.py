"""Displacements between checkpoints: real files of each library, against both loaded wholly by that library."""

from __future__ import annotations

import itertools
import os
import tracemalloc
import zipfile

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.checkpoint_files import FORMATS, STEPS, distance, distances, weights
from wcdfa.readers.checkpoints.displacement import is_checkpoints, read_checkpoints
from wcdfa.readers.checkpoints.tensors import FLOAT8, FLOATS, widened


def displacement(run):
    assert list(run.columns) == ["displacement"]
    return run.columns["displacement"]


def said(run, words):
    """The one note that holds the words."""
    (note,) = [note for note in run.notes if words in note]
    return note


def torch_series(torch, folder, held, name="model_{}.pt"):
    """Files of what `held` gives for each step."""
    for step in STEPS:
        torch.save(held(step), folder / name.format(step))


def tensors(torch, step, **more):
    return {name: torch.tensor(part) for name, part in weights(step).items()} | more


EXPECTED = distances(map(weights, STEPS))


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_as_both_loaded_wholly(tmp_path, name):
    paths = [FORMATS[name].write(tmp_path, step) for step in STEPS]
    assert is_checkpoints(tmp_path)
    run = next(read_checkpoints(tmp_path))
    held = [FORMATS[name].load(path) for path in paths]
    np.testing.assert_allclose(displacement(run).values, distances(held), rtol=1e-12)
    np.testing.assert_allclose(displacement(run).values, EXPECTED, rtol=1e-12)
    np.testing.assert_array_equal(displacement(run).steps, STEPS[1:])
    assert "not a step norm" in run.notes[0]
    assert "100 to 200 steps apart" in run.notes[0]
    assert (run.path, run.name) == (tmp_path, "")


@pytest.mark.parametrize("library", ["safetensors.torch", "torch"])
def test_a_tensor_without_numbers_moves_nothing(tmp_path, library):
    torch, library = require("torch"), require(library)
    for step in STEPS:
        held = tensors(torch, step, empty=torch.zeros(0, 3), also=torch.zeros(4, 0))
        if library is torch:
            torch.save(held, tmp_path / f"model_{step}.pt")
        else:
            library.save_file(held, tmp_path / f"step_{step}.safetensors")
    np.testing.assert_allclose(displacement(next(read_checkpoints(tmp_path))).values, EXPECTED, rtol=1e-12)


@pytest.mark.parametrize("name", FORMATS)
def test_one_checkpoint_is_no_series_of_them(tmp_path, name):
    path = FORMATS[name].write(tmp_path, 100)
    assert not is_checkpoints(tmp_path)
    assert not is_checkpoints(path)
    with pytest.raises(ValueError, match="no two checkpoints of one format"):
        next(read_checkpoints(tmp_path))


def test_what_is_nothing_of_the_kind(tmp_path):
    (tmp_path / "events_1.bin").write_bytes(b"\x00" * 100)
    (tmp_path / "events_2.bin").write_bytes(b"\x00" * 100)
    (tmp_path / "log_1").mkdir()
    (tmp_path / "log_2").mkdir()
    for path in (tmp_path, tmp_path / "absent", tmp_path / "events_1.bin"):
        assert not is_checkpoints(path)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "complex64", "float8_e4m3fn", "float8_e5m2"])
@pytest.mark.parametrize("library", ["safetensors", "torch", "orbax"])
def test_kinds_of_numbers(tmp_path, torch, dtype, library):
    kind = getattr(torch, dtype)
    held = [torch.randn(50, 3, generator=torch.Generator().manual_seed(step)).to(kind) for step in STEPS]
    for step, part in zip(STEPS, held, strict=True):
        if library == "torch":
            torch.save({"w": part}, tmp_path / f"{step}.pt")
        elif library == "safetensors":
            require("safetensors")
            from safetensors.torch import save_file

            save_file({"w": part}, tmp_path / f"{step}.safetensors")
        else:
            orbax, jnp = require("orbax.checkpoint"), require("jax.numpy")
            with orbax.StandardCheckpointer() as checkpointer:
                known = part.numpy() if hasattr(np, dtype) else part.float().numpy()
                array = known if dtype == "float64" else jnp.asarray(known, dtype)  # jax has none of 64 bits
                checkpointer.save(tmp_path / f"{step}", {"w": array})
    wide = [part.to(torch.complex128 if part.is_complex() else torch.float64).numpy() for part in held]
    expected = [np.linalg.norm(new - old) for old, new in itertools.pairwise(wide)]
    run = next(read_checkpoints(tmp_path))
    np.testing.assert_allclose(displacement(run).values, expected, rtol=1e-12)
    assert any("8-bit" in note for note in run.notes) == dtype.startswith("float8")


@pytest.mark.parametrize("kind", [*FLOAT8, "bfloat16"])
def test_every_number_of_a_kind_is_widened_rightly(kind):
    small = np.dtype(getattr(require("ml_dtypes"), kind))
    codes = np.arange(256 ** np.dtype(FLOATS[kind]).itemsize).astype(FLOATS[kind])
    np.testing.assert_array_equal(widened(codes, kind), codes.view(small).astype(np.float32))


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning", "ignore::UserWarning:lightning")
def test_trainer_of_lightning(tmp_path, torch):
    lightning = require("lightning.pytorch")
    from lightning.pytorch.demos.boring_classes import BoringModel

    keep = lightning.callbacks.ModelCheckpoint(tmp_path, every_n_train_steps=3, save_top_k=-1, save_last=True)
    trainer = lightning.Trainer(
        max_steps=9, callbacks=[keep], logger=False, enable_progress_bar=False, enable_model_summary=False, accelerator="cpu"
    )
    trainer.fit(BoringModel(), torch.utils.data.DataLoader(torch.randn(9, 32)))
    run = next(read_checkpoints(tmp_path))
    held = [torch.load(tmp_path / f"epoch=0-step={step}.ckpt", weights_only=True)["state_dict"] for step in (3, 6, 9)]
    held = [{name: part.numpy() for name, part in each.items()} for each in held]
    np.testing.assert_allclose(displacement(run).values, distances(held), rtol=1e-12)
    np.testing.assert_array_equal(displacement(run).steps, [6, 9])
    assert "last.ckpt" in said(run, "left out")


@pytest.fixture
def tiny(torch):
    transformers = require("transformers")
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2}
    config = transformers.LlamaConfig(vocab_size=64, tie_word_embeddings=True, **sizes)
    return transformers.LlamaForCausalLM(config)


def test_trainer_of_transformers(tmp_path, torch, tiny):
    require("accelerate")
    import transformers

    seen = {}

    class Saw(transformers.TrainerCallback):
        def on_save(self, args, state, control, model=None, **_):
            seen[state.global_step] = {name: part.detach().double().numpy() for name, part in model.named_parameters()}

    data = [{"input_ids": torch.arange(8) + i, "labels": torch.arange(8) + i} for i in range(12)]
    arguments = transformers.TrainingArguments(
        tmp_path, max_steps=6, save_steps=2, per_device_train_batch_size=2, report_to=[], use_cpu=True, disable_tqdm=True,
        dataloader_pin_memory=False,
    )  # fmt: skip
    trainer = transformers.Trainer(tiny, arguments, train_dataset=data, callbacks=[Saw()])
    trainer.train()
    trainer.save_model(tmp_path)  # the last, beside the others
    run = next(read_checkpoints(tmp_path))
    np.testing.assert_array_equal(displacement(run).steps, [4, 6])
    np.testing.assert_allclose(displacement(run).values, [distance(seen[4], seen[2]), distance(seen[6], seen[4])], rtol=1e-12)
    assert "model.safetensors" in said(run, "left out")
    assert "2 steps apart" in run.notes[0]
    assert not is_checkpoints(tmp_path / "checkpoint-2")  # with its optimizer.pt, scheduler.pt, rng_state.pth, training_args.bin


def shards(tmp_path, torch, tiny):
    held = []
    for step in STEPS:
        with torch.no_grad():
            for part in tiny.parameters():
                part.add_(torch.randn_like(part))
        tiny.save_pretrained(tmp_path / f"checkpoint-{step}", max_shard_size="20KB")
        assert len(list((tmp_path / f"checkpoint-{step}").glob("*-of-*.safetensors"))) > 2
        held.append({name: part.detach().double().numpy().copy() for name, part in tiny.named_parameters()})
    return held


def test_shards(tmp_path, torch, tiny):
    held = shards(tmp_path, torch, tiny)
    run = next(read_checkpoints(tmp_path))
    np.testing.assert_allclose(displacement(run).values, distances(held), rtol=1e-12)
    assert not is_checkpoints(tmp_path / "checkpoint-100")


@pytest.mark.parametrize("index", [True, False])
def test_a_shard_is_missing(tmp_path, torch, tiny, index):
    held = shards(tmp_path, torch, tiny)
    next((tmp_path / "checkpoint-200").glob("*-of-*.safetensors")).unlink()
    if not index:
        (tmp_path / "checkpoint-200" / "model.safetensors.index.json").unlink()
    run = next(read_checkpoints(tmp_path))
    np.testing.assert_allclose(displacement(run).values, [distance(held[2], held[0])], rtol=1e-12)
    assert "checkpoint-200" in said(run, "1 of 3 checkpoints skipped")


def test_several_files_of_torch_in_a_folder(tmp_path, torch):
    """As accelerate and DeepSpeed write: tensors of the same name in two files are two tensors."""
    for step in STEPS:
        folder = tmp_path / f"global_step{step}"
        folder.mkdir()
        for rank in range(2):
            torch.save({"module": tensors(torch, step + rank)}, folder / f"mp_rank_0{rank}_model_states.pt")
            torch.save({"m": torch.randn(5)}, folder / f"zero_pp_rank_{rank}_optim_states.pt")
        torch.save([torch.randn(3)], folder / "random_states_0.pt")
    both = [distance(weights(200 + rank), weights(100 + rank)) for rank in range(2)]
    assert displacement(next(read_checkpoints(tmp_path))).values[0] == pytest.approx(np.hypot(*both), rel=1e-12)


def test_a_model_in_a_folder_of_its_own(tmp_path):
    """As trainers of diffusers write, beside a smoothed copy."""
    for step in STEPS:
        for part in ("unet", "unet_ema"):
            (tmp_path / f"checkpoint-{step}" / part).mkdir(parents=True)
            FORMATS["safetensors"].write(tmp_path / f"checkpoint-{step}" / part, step if part == "unet" else 0)
    np.testing.assert_allclose(displacement(next(read_checkpoints(tmp_path))).values, EXPECTED, rtol=1e-12)


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model", "module", "params", None])
def test_where_the_weights_are(tmp_path, torch, key):
    def held(step):
        model = tensors(torch, step)
        return {key: model, "epoch": 3, "ema": tensors(torch, 1), "args": tmp_path} if key else model

    torch_series(torch, tmp_path, held)
    run = next(read_checkpoints(tmp_path))
    np.testing.assert_allclose(displacement(run).values, EXPECTED, rtol=1e-12)
    if key:
        assert said(run, "left out beside").endswith(": ema")


def test_several_models_and_optimizers_in_a_file(tmp_path, torch):
    def held(step):
        optimizer = torch.optim.Adam([torch.nn.Parameter(torch.randn(3))])
        optimizer.param_groups[0]["params"][0].sum().backward()
        optimizer.step()
        return {
            "g": tensors(torch, step),
            "d": tensors(torch, step + 1),
            "opt_g": optimizer.state_dict(),
            "how": [optimizer.state_dict()],
        }

    torch_series(torch, tmp_path, held)
    expected = np.hypot(EXPECTED[0], distance(weights(201), weights(101)))
    assert displacement(next(read_checkpoints(tmp_path))).values[0] == pytest.approx(expected, rel=1e-12)


def test_tied_transposed_and_other_tensors_of_torch(tmp_path, torch):
    def held(step):
        w = torch.randn(4, 6, generator=torch.Generator().manual_seed(step))
        part = torch.arange(20.0) * step
        tensors = {"w": w, "tied": w, "turned": (w + 1).T, "window": part[5:15:3], "own": torch.nn.Parameter(w[0].clone())}
        return tensors | {"wide": torch.tensor([step]).float().expand(9), "back": torch.randn(3, dtype=torch.complex64).conj()}

    torch_series(torch, tmp_path, held)
    run = next(read_checkpoints(tmp_path))
    counted = [{name: held(step)[name].detach().numpy() for name in ("w", "turned", "window", "own")} for step in STEPS]
    np.testing.assert_allclose(displacement(run).values, distances(counted), rtol=1e-12)
    assert "2 left out" in said(run, "expanded float32")


def test_written_on_a_machine_of_the_other_byte_order(tmp_path, torch):
    for step in STEPS:
        torch.save({"w": torch.tensor(weights(step)["embed"])}, tmp_path / "little")
        with zipfile.ZipFile(tmp_path / "little") as little, zipfile.ZipFile(tmp_path / f"{step}.pt", "w") as big:
            for name in little.namelist():
                held = b"big" if name.endswith("byteorder") else little.read(name)
                big.writestr(name, np.frombuffer(held, np.float32).byteswap().tobytes() if "/data/" in name else held)
    expected = distances([{"w": weights(step)["embed"]} for step in STEPS])
    np.testing.assert_allclose(displacement(next(read_checkpoints(tmp_path))).values, expected, rtol=1e-12)


def test_one_turned_and_one_not(tmp_path, torch):
    first, second = torch.randn(4, 6), torch.randn(6, 4)
    torch.save({"w": first}, tmp_path / "1.pt")
    torch.save({"w": second.T}, tmp_path / "2.pt")
    assert displacement(next(read_checkpoints(tmp_path))).values[0] == pytest.approx(
        np.linalg.norm(first.double() - second.double().T), rel=1e-12
    )


def test_parameters_that_came_went_and_changed(tmp_path, torch):
    def held(step):
        more = {"new": torch.ones(3)} if step > 100 else {"gone": torch.ones(2), "odd": torch.ones(2)}
        return tensors(torch, step, **{"odd": torch.ones(3)} | more, n=torch.tensor(3), running_mean=torch.zeros(2))

    torch_series(torch, tmp_path, held)
    run = next(read_checkpoints(tmp_path))
    np.testing.assert_allclose(displacement(run).values, EXPECTED, rtol=1e-12)
    assert "2 tensor(s)" in said(run, "came or went")
    assert said(run, "changed shape").endswith(": odd")
    assert said(run, "int64").endswith(": n")
    assert said(run, "running statistics").endswith(": running_mean")


def test_a_change_of_precision_is_said(tmp_path, torch):
    torch_series(torch, tmp_path, lambda step: {"w": torch.ones(2, dtype=torch.float32 if step == 100 else torch.bfloat16)})
    run = next(read_checkpoints(tmp_path))
    np.testing.assert_array_equal(displacement(run).values, 0)
    assert said(run, "dtype").endswith(": w")


def test_weights_that_are_not_finite(tmp_path, torch):
    torch_series(torch, tmp_path, lambda step: {"w": torch.tensor([1.0, np.inf if step == 200 else 0.0])})
    run = next(read_checkpoints(tmp_path))
    assert not np.isfinite(displacement(run).values).any()
    assert "2 of 2" in said(run, "not finite")


def test_other_models_have_nothing_in_common(tmp_path, torch):
    torch_series(torch, tmp_path, lambda step: {f"w{step}": torch.ones(2)})
    with pytest.raises(ValueError, match=r"model_100\.pt and model_200\.pt have no parameter in common"):
        next(read_checkpoints(tmp_path))


def test_order_of_writing_where_the_names_have_no_steps(tmp_path, torch):
    for age, name in enumerate(("last", "best", "first")):
        torch.save(tensors(torch, STEPS[2 - age]), tmp_path / f"{name}.pt")
        os.utime(tmp_path / f"{name}.pt", (1000 - age, 1000 - age))
    run = next(read_checkpoints(tmp_path))
    np.testing.assert_allclose(displacement(run).values, EXPECTED, rtol=1e-12)
    assert displacement(run).steps is None
    assert said(run, "times of writing").endswith(": first.pt, best.pt, last.pt")


def test_duplicates_links_and_unfinished_ones(tmp_path, torch):
    for name, seed in (("epoch=0-step=100", 100), ("epoch=1-step=200", 1), ("epoch=2-step=200", 200), ("epoch=3-step=400", 400)):
        torch.save(tensors(torch, seed), tmp_path / f"{name}.ckpt")
    os.utime(tmp_path / "epoch=1-step=200.ckpt", (0, 0))
    (tmp_path / "latest.ckpt").symlink_to(tmp_path / "epoch=3-step=400.ckpt")
    (tmp_path / "epoch=4-step=500.ckpt.tmp").write_bytes(b"PK")
    for ending in ("ckpt", "safetensors"):
        (tmp_path / f"epoch=5-step=600.{ending}").symlink_to(tmp_path / "gone")
    run = next(read_checkpoints(tmp_path))
    np.testing.assert_allclose(displacement(run).values, EXPECTED, rtol=1e-12)
    assert said(run, "because there is a later one of the same step").endswith(": epoch=1-step=200.ckpt")
    assert said(run, "unfinished").endswith(": epoch=4-step=500.ckpt.tmp")
    assert len(run.notes) == 3


def test_a_folder_of_links(tmp_path, torch):
    (tmp_path / "links").mkdir()
    torch_series(torch, tmp_path, lambda step: tensors(torch, step), "net_d_{}.pth")
    torch_series(torch, tmp_path, lambda step: tensors(torch, step + 1), "net_g_{}.pth")
    assert is_checkpoints(tmp_path)
    with pytest.raises(ValueError, match=r"which of 2 series of 3 checkpoints each\? It holds: net_d_#\.pth, net_g_#\.pth"):
        next(read_checkpoints(tmp_path))
    for path in tmp_path.glob("net_d_*"):
        (tmp_path / "links" / path.name).symlink_to(path)
    np.testing.assert_allclose(displacement(next(read_checkpoints(tmp_path / "links"))).values, EXPECTED, rtol=1e-12)


def test_memory_is_that_of_neither_model(tmp_path):
    require("safetensors")
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    for step in STEPS:
        save_file({"w": rng.standard_normal((1000, 5000), np.float32)}, tmp_path / f"{step}.safetensors")
    tracemalloc.start()
    next(read_checkpoints(tmp_path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8e6  # of files of 20 MB


def test_progress_is_shown(tmp_path, monkeypatch, capsys):
    for step in STEPS:
        FORMATS["safetensors"].write(tmp_path, step)
    monkeypatch.setattr("wcdfa.support.progress.PATIENCE", 0.0)
    next(read_checkpoints(tmp_path))
    assert capsys.readouterr().err.count("reading checkpoints") == 1
