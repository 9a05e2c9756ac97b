"""Lines as training programs print them, with a step, a learning rate, a loss and a norm in each where they print one."""

from __future__ import annotations

from collections.abc import Callable

Line = Callable[[int, float, float, float], str]
CLOCK = "2024-05-01 10:00:00"


def _nnunet(step: int, norm: float, rate: float, loss: float) -> str:
    return (
        f"{CLOCK}.123456: \n{CLOCK}.123456: Epoch {step} \n{CLOCK}.1: Current learning rate: {rate} \n{CLOCK}.2: train_loss {loss} \n"
        f"{CLOCK}.3: val_loss -0.5 \n{CLOCK}.4: grad_norm {norm} \n{CLOCK}.5: Pseudo dice [0.9, 0.8] \n{CLOCK}.6: Epoch time: 12.5 s"
    )


PRINTED: dict[str, Line] = {
    "nanogpt": lambda step, norm, rate, loss: (
        (f"step {step}: train loss {loss}, val loss 2.5\nsaving checkpoint to out\n" if step % 100 == 0 else "")
        + f"iter {step}: loss {loss}, time 120.10ms, mfu 12.30%, lr {rate}, grad_norm {norm}"
    ),
    "modded-nanogpt": lambda step, norm, rate, loss: (
        (f"step:{step}/1750 val_loss:3.5 train_time:100ms step_avg:nanms\n" if step % 125 == 0 else "")
        + f"step:{step}/1750 train_loss:{loss} train_time:1000ms step_avg:100.00ms lr:{rate} grad_norm:{norm}"
    ),
    "torchtitan": lambda step, norm, rate, loss: (
        f"[rank0]:[titan] {CLOCK},123 - root - INFO - \x1b[31mstep: {step:2}  \x1b[32mloss: {loss}  \x1b[38;2;180;60;0mgrad_norm: {norm}  "
        f"\x1b[33mmemory:  9.04GiB(9.52%)  \x1b[34mtps: 1,234  \x1b[36mtflops: 10.50  \x1b[35mmfu: 3.37%\x1b[39m  lr: {rate}"
    ),
    "nnunet": _nnunet,
    "megatron": lambda step, norm, rate, loss: (
        f" [{CLOCK}] iteration {step:8}/    5000 | consumed samples: {16 * step:12} | elapsed time per iteration (ms): 600.1 | "
        f"learning rate: {rate} | global batch size:    16 | lm loss: {loss:.17E} | loss scale: 1.0 | grad norm: {norm} | "
        "number of skipped iterations:   0 | number of nan iterations:   0 |"
    ),
    "detectron2": lambda step, norm, rate, loss: (
        f"\x1b[32m[05/01 10:00:00 d2.utils.events]: \x1b[0m eta: 1:02:03  iter: {step}  total_loss: {loss}  loss_cls: 0.5  time: 0.2123  "
        f"last_time: 0.2  data_time: 0.0123  lr: {rate}  grad_norm: {norm}  max_mem: 2000M"
    ),
    "mmengine": lambda step, norm, rate, loss: (
        f"2024/05/01 10:00:00 - mmengine - INFO - Epoch(train)  [{(step - 1) // 100 + 1}][{(step - 1) % 100 + 1:4}/100]  lr: {rate}  "
        f"eta: 1 day, 1:02:03  time: 0.4532  data_time: 0.0123  memory: 500  grad_norm: {norm}  loss: {loss}"
    ),
    "timm": lambda step, norm, rate, loss: (
        f"Train: {step // 1251} [{step % 1251:4}/1251 ({step // 13:3}%)]  Loss: {loss} (6.93)  Time: 0.412s, 600.12/s  (0.4s, 600/s)  "
        f"LR: {rate}  Data: 0.011 (0.200)  grad_norm: {norm}"
    ),
    "fairseq": lambda step, norm, rate, loss: (
        f"{CLOCK} | INFO | train_inner | epoch 001: {step:5} / 2000 loss={loss}, nll_loss=3.5, ppl=12.1, wps=1234.5, num_updates={step}, "
        f"lr={rate}, gnorm={norm}, loss_scale=None, train_wall=12, wall=0"
    ),
    "deepspeed": lambda step, norm, rate, loss: (
        f"[{CLOCK},123] [INFO] [logging.py:96:log_dist] [Rank 0] step={step}, skipped=0, lr=[{rate}], mom=[(0.9, 0.999)], "
        f"loss={loss}, grad_norm={norm}"
    ),
    "trainer": lambda step, norm, rate, loss: (
        f"  1%|          | {step}/300 [00:01<02:03,  1.23it/s]\r  1%|          | {step}/300 [00:01<02:03,  1.23it/s]"
        f"\r\x1b[A\r{{'loss': {loss}, 'grad_norm': {norm}, 'learning_rate': {rate}, 'epoch': {step / 300}}}\n"
    ),
    "logging": lambda step, norm, rate, loss: (
        f"{CLOCK},123 - train.py:45 - INFO - step: {step}, loss: {loss}, learning rate: {rate}, update_norm: {norm}"
    ),
    "basicConfig": lambda step, norm, rate, loss: f"INFO:root:step={step} loss={loss} lr={rate} update_norm={norm}",
    "tqdm": lambda step, norm, rate, loss: (
        f"\r{step // 3}%|█▌   | {step}/300 [00:01<02:03,  1.23it/s, step={step}, loss={loss}, lr={rate}, update_norm={norm}]"
    ),
}
"""By the program; the last ones are of nobody in particular."""
STEPLESS = {"trainer"}
"""Programs that print no step."""


def printed(name: str, steps: list[int], norms: list[float], rates: list[float], losses: list[float]) -> str:
    """What a program prints at these steps, after a few lines of something else."""
    lines = map(PRINTED[name], steps, norms, rates, losses)
    return "Using device: cuda\nnumber of parameters: 124.34M\nTraining ...\n" + "\n".join(lines) + "\n"
