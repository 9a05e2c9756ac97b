"""Tells from a name what a column of counts counts: optimizer steps, samples of data, epochs, seconds, or rows."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from wcdfa.readers.name_tokens import words
from wcdfa.readers.name_words import word_set

Counts = Literal["steps", "samples", "epochs", "seconds", "rows", "nothing", "unknown"]

COUNTER = "_step"  # the counter of Weights & Biases: it counts the rows, unless the user gave a step with each
# usual names of the training step, best first, in any case
STEPS = (
    *("step", "global_step", "train_step", "training_step", "current_step", "optimizer_step", "num_updates"),
    *("iteration", "iterations", "iter", COUNTER),
)
OURS = "wcdfa/"  # keys of this package have a step of their own, which may differ from the trainer's


UPDATES = word_set(
    "step steps iter iters itr iteration iterations it niter update updates nupdates nsteps batch batches minibatch minibatches"
)
# what one optimizer step takes many of: samples of data, steps of an environment, micro-batches
DATA = word_set(
    "sample samples token tokens frame frames example examples image images img imgs sequence sequences document documents byte bytes "
    "char chars word words timestep timesteps env environment agent policy interaction interactions transition transitions episode "
    "episodes game games micro microbatch microbatches microstep accum accumulation flos flops"
)
EPOCHS = word_set("epoch epochs")
TIMES = word_set(
    "time times second seconds sec secs s ms us ns minute minutes hour hours timestamp datetime date day days runtime walltime wall "
    "elapsed duration clock uptime"
)
ROWS = word_set("row rows index idx unnamed line lines record records entry")
# a name with one of these is that of a measured number, a setting, or a part of a whole
MEASURED = word_set(
    "norm norms gnorm loss losses lr rate rates size sizes per since acc accuracy mean std var min max avg median sum ratio alpha beta "
    "momentum reward rewards return returns score error errors mem memory "
    "scale seed rank device gpu target limit interval freq frequency every warmup remaining eta left dim layers workers correct"
)
LEARNED = word_set(
    "grad grads gradient gradients param params parameters weight weights"
)  # updates of them are steps, other things are not
QUALIFIERS = word_set(
    "num n nr no number idx index id count counter cnt total cur current curr global local seen consumed trained processed sampled done "
    "completed so far x axis cumulative overall lifetime main train training input"
)
WITHIN = word_set("batch batches minibatch minibatches")  # they are often counted from the start of each epoch


def rank(name: str) -> int | None:
    """The rank of a name among the usual names of steps, 0 for the best; None if it is not one of them.

    >>> rank("train/global_step"), rank("Global Step"), rank("loss")
    (2, 2, None)
    """
    plain = name.strip().casefold()
    if f"/{plain}".endswith(f"/{OURS}step"):
        return 0
    last = plain.rpartition("/")[2]
    known = last if last in STEPS else "_".join(last.split())
    return 1 + STEPS.index(known) if known in STEPS else None


def is_ours(name: str) -> bool:
    """Whether this package logged the column, perhaps under a prefix that a Trainer puts before it.

    >>> is_ours("wcdfa/update_norm"), is_ours("train/wcdfa/alpha"), is_ours("update_norm")
    (True, True, False)
    """
    return f"/{OURS}" in f"/{name.strip().casefold()}"


def counted_in(name: str) -> Counts:
    """What the words of a name say that the column counts, if it counts anything: the numbers in it must show that it does.

    >>> [counted_in(name) for name in ("time/total_timesteps", "iterNum", "train/epoch", "batch_size", "time_elapsed", "Unnamed: 0", "x")]
    ['samples', 'steps', 'epochs', 'nothing', 'seconds', 'rows', 'unknown']
    """
    each = words(name.rpartition("/")[2])
    every = frozenset(each)
    head = next((word for word in reversed(each) if word not in QUALIFIERS and not word.isdecimal()), "")
    if every & MEASURED or (every & LEARNED and head not in UPDATES):
        return "nothing"
    if any(pair in (("time", "step"), ("time", "steps")) for pair in pairwise(each)):
        return "samples"
    if every & TIMES:
        return "seconds"
    if head in EPOCHS:
        return "epochs"
    if head in UPDATES and not (every & DATA and head in ("step", "steps", "batch", "batches")):
        return "steps"
    if every & DATA:
        return "samples"
    return "rows" if every & ROWS else "unknown"
