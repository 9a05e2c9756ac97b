"""The catalogue: what each statistic is, what each cause means and where to look, and what each cause does to the statistics.

The words stand here, the numbers in ``signatures.tsv`` beside this file, which ``benchmarks/faults.py --signatures`` makes of runs into
which faults were put. To add a cause, put its words into `CAUSES`, add its fault to ``benchmarks/fault_runs`` and make the file again.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple


class Statistic(NamedTuple):
    """What a statistic is, in words."""

    title: str
    up: str
    """What is said if it is higher than expected, or than before."""
    down: str
    show: str = "{:.3g}"
    """How its value is written."""
    log: bool = False
    """Whether values are logarithms."""


STATISTICS = {
    "level": Statistic(
        "size of the weight change over the learning rate",
        "the weight change is larger for its learning rate",
        "the weight change is smaller for its learning rate",
        log=True,
    ),
    "size": Statistic("size of the weight change", "the weight change is larger", "the weight change is smaller", log=True),
    "cosine": Statistic(
        "cosine of consecutive weight changes",
        "consecutive changes are more alike",
        "consecutive changes are less alike",
        "{:.3f}",
    ),
    "spread": Statistic(
        "spread of ‖ΔW‖ from step to step",
        "‖ΔW‖ varies more from step to step",
        "‖ΔW‖ varies less from step to step",
        log=True,
    ),
    "swing": Statistic(
        "spread of ‖ΔW‖ in 100 steps", "‖ΔW‖ varies more within 100 steps", "‖ΔW‖ varies less within 100 steps", log=True
    ),
    "size of what gradients add": Statistic(
        "size of each gradient's own part of the change",
        "the part of the newest gradient in each change is larger",
        "the part of the newest gradient in each change is smaller",
        log=True,
    ),
    "spread of what gradients add": Statistic(
        "spread of that part from step to step",
        "the part of the newest gradient varies more from step to step",
        "the part of the newest gradient varies less from step to step",
        log=True,
    ),
    "neighbours": Statistic(
        "autocorrelation of gradients at lag 1, above a straight line through lags 2 and 4",
        "gradients of consecutive steps have more in common than those a few steps apart",
        "gradients of consecutive steps oppose each other",
        "{:.3f}",
    ),
    "near gradients": Statistic(
        "autocorrelation of gradients a few steps apart",
        "gradients a few steps apart have more in common",
        "gradients a few steps apart have less in common",
        "{:.3f}",
    ),
    "next gradients": Statistic(
        "autocorrelation of gradients at lags 1 to 3",
        "",
        "changes keep less of the ones before than the named momentum keeps",
        "{:.3f}",
    ),
    "vector α, small boxes": Statistic(
        "exponent of the weight change as a vector over 4 to 16 steps",
        "the direction of the change persists more over 4 to 16 steps",
        "the direction of the change persists less over 4 to 16 steps",
        "{:.2f}",
    ),
    "vector α, large boxes": Statistic(
        "exponent of the weight change as a vector over 16 steps and more",
        "the direction of the change persists more over 16 steps and more",
        "the direction of the change persists less over 16 steps and more",
        "{:.2f}",
    ),
    "lag-1": Statistic(
        "autocorrelation of log ‖ΔW‖ at lag 1",
        "‖ΔW‖ of consecutive steps is more alike",
        "‖ΔW‖ of consecutive steps is less alike",
        "{:.2f}",
    ),
    "α": Statistic("α of ‖ΔW‖", "‖ΔW‖ has a longer memory", "‖ΔW‖ has a shorter memory", "{:.2f}"),
    "outward": Statistic(
        "cosine of the weight change with the weights",
        "the weight change points more away from the origin",
        "the weight change points more towards the origin",
        "{:.3f}",
    ),
    "gradient norm": Statistic("‖g‖", "‖g‖ is larger", "‖g‖ is smaller", log=True),
    "spread of the gradient norm": Statistic(
        "difference of the change from what ‖g‖ and the momentum give",
        "the changes are not made of gradients of the recorded norms by the named momentum",
        "",
    ),
    "learning rate": Statistic("learning rate", "the learning rate is higher", "the learning rate is lower"),
    "steps without momentum": Statistic(
        "share of steps whose change had nothing of the one before", "the momentum was lost at some steps", "", "{:.2%}"
    ),
    "smallest steps in a change": Statistic(
        "smallest steps of the weights in a typical change",
        "",
        "changes are rounded to few of the smallest steps that the weights can make",
        "{:.1f}",
    ),
    "rhythm": Statistic(
        "rhythm of the newest gradient's part", "the size of the newest gradient's part repeats every few steps", "", "{:.2f}"
    ),
    "frozen": Statistic("group without any change", "", "it no longer moves"),
    "burst": Statistic("largest single change over the learning rate", "a single change is far above what was usual", ""),
}
"""All statistics by name."""


class Meaning(NamedTuple):
    """A cause, in words."""

    text: str
    check: str
    """What to do first, as a sentence without its full stop."""


CAUSES = {
    "batches repeated": Meaning(
        "each batch is used more than once in a row",
        "Look at what the data loader yields: print the indices of ten consecutive batches; look for a sampler that repeats, or a loop inside the loop",
    ),
    "order of data": Meaning(
        "data come in another order: sorted, not reshuffled, or drawn with replacement",
        "Look at shuffle= and the sampler of the data loader",
    ),
    "less data": Meaning("far fewer examples are used, again and again", "Look at the length of the data set that the loader sees"),
    "labels": Meaning("labels are wrong or noisy", "Look at some examples with their labels, as the model gets them"),
    "inputs": Meaning(
        "inputs are of another kind or scale", "Look at preprocessing and normalisation: mean, spread and shape of a batch"
    ),
    "augmentation or dropout off": Meaning(
        "noise that was there is gone: augmentation or dropout is off",
        "Look at model.train() against model.eval(); the transforms of the training data",
    ),
    "more dropout": Meaning(
        "there is more dropout than before", "Look at the dropout rates, and which modules are in training mode"
    ),
    "smaller batches": Meaning("batches are smaller", "Look at the batch size, and how many examples the last batches held"),
    "larger batches": Meaning(
        "batches are larger", "Look at the batch size, and the number of gradient accumulation steps or processes"
    ),
    "gradients not zeroed": Meaning(
        "gradients are not set to zero before each backward pass, so they add up",
        "Check that optimizer.zero_grad() is called once for each optimizer.step()",
    ),
    "stale gradients": Meaning(
        "gradients are of older weights",
        "Look at which weights each process computes its gradients with: asynchronous updates, a rank that lags",
    ),
    "gradients scaled": Meaning(
        "gradients are multiplied by a factor",
        "Look at the divisor of gradient accumulation, the reduction of the loss (sum or mean), loss scaling, the number of processes",
    ),
    "clipping": Meaning("gradients are clipped to one size", "Look at the threshold of clip_grad_norm_ against the recorded ‖g‖"),
    "gradients lost": Meaning("small gradients become zero", "Look at the loss scale of half precision, and whether it is stuck"),
    "momentum smaller": Meaning(
        "the momentum, or β₁, is smaller", "Look at momentum or betas of the optimizer, in every parameter group"
    ),
    "momentum larger": Meaning(
        "the momentum, or β₁, is larger", "Look at momentum or betas of the optimizer, in every parameter group"
    ),
    "second moment": Meaning("β₂ or ε is another one", "Look at betas and eps of the optimizer, in every parameter group"),
    "learning rate": Meaning(
        "the learning rate changed",
        "Look at the scheduler: how often it is stepped, and whether a warm restart or a drop is due here",
    ),
    "weight decay": Meaning(
        "weight decay is stronger", "Look at weight_decay in every parameter group: biases and norms are usually left out"
    ),
    "state reset": Meaning(
        "the optimizer's state is lost again and again",
        "Check whether the optimizer is created again (in a new epoch, a new group of parameters, loading a checkpoint without its state)",
    ),
    "frozen": Meaning(
        "some parameters are frozen", "Look at requires_grad, the parameter groups of the optimizer, detach() in the forward pass"
    ),
    "norms in evaluation": Meaning(
        "batch normalisation uses its running averages",
        "Look at model.train() after each evaluation, and which modules are in evaluation mode",
    ),
    "half precision": Meaning(
        "changes are lost by rounding: the weights have too few digits for them, as in half precision",
        "Look at the dtype of the parameters that the optimizer updates (keep a float32 copy), or a learning rate too small for their digits",
    ),
    "weights replaced": Meaning(
        "the weights were replaced from outside the optimizer",
        "Look at averaging (EMA, SWA) that is swapped in, a checkpoint that was loaded",
    ),
}
"""All causes by name."""


class Signature(NamedTuple):
    """What one fault did to the statistics in one training."""

    cause: str
    fault: str
    training: str
    optimizer: str
    question: str
    """"change" for the change at a step, "named" for a run that has the fault from its start."""
    effects: dict[str, tuple[float, float]]
    """Mean and standard deviation over runs of each effect: `wcdfa.verdicts.effects`."""


@lru_cache(1)
def signatures() -> tuple[Signature, ...]:
    """The catalogue.

    >>> sorted({signature.question for signature in signatures()})
    ['change', 'named']
    """
    text = files("wcdfa.verdicts").joinpath("signatures.tsv").read_text("utf-8")
    return parsed(text)


def parsed(text: str) -> tuple[Signature, ...]:
    """Read a catalogue; lines that begin with # are comments, an empty cell is an effect that cannot be measured."""
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    heads, found = rows[0][5:], []
    for row in rows[1:]:
        cells = zip(heads, row[5:], strict=True)
        effects = {name: (float(cell.split("±")[0]), float(cell.split("±")[1])) for name, cell in cells if cell}
        cause, fault, training, optimizer, question = row[:5]
        found.append(Signature(cause, fault, training, optimizer, question, effects))
    return tuple(found)
