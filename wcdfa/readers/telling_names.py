"""Tells from the name of a column whether it tells runs apart, such as seed, holds the names of metrics, or says what a row is of."""

from __future__ import annotations

from wcdfa.readers.column_names import is_time
from wcdfa.readers.name_tokens import is_rate, meaning, words
from wcdfa.readers.name_words import OTHERS, word_set
from wcdfa.readers.step_names import counted_in

METRICS = word_set(
    "tag tags key keys metric metrics name names variable variables scalar scalars series attribute attributes field"
)
VALUE = word_set("value values val y")
PHASE = word_set("phase split stage mode subset partition loop set context type kind prefix")
IDENTITY = word_set("run runs trial trials experiment experiments exp dir directory logdir folder hash uuid guid job study sweep")
SEED = word_set("seed seeds")
REPEAT = word_set("fold folds repeat repeats repetition replicate replica rep")
RANK = word_set("rank ranks worker workers process proc gpu device node host hostname pid machine shard")
LABEL = word_set("id ids identifier label group variant config configuration setting method algorithm file filename path source")
SETTING = word_set(
    "bs batchsize size width depth dim layers hidden heads dropout decay wd momentum beta beta1 beta2 beta3 temperature gamma eps epsilon "
    "tau scale warmup nesterov clip noise"
)
BESIDE = word_set(
    "id ids name index idx number no nr key label local global random data torch numpy np init display training train model wandb mlflow tune "
    "optuna base my the"
)
"""Words that may stand beside those of a column of numbers that tells runs apart; with others, it measures something."""
SURE = 1
"""Columns up to this strength are called run or seed."""
STRONG = 3
"""Columns up to this strength tell runs apart by their names."""
NO_TELLER = 99


def words_of(name: str) -> frozenset[str]:
    """The words of a name, on all sides of its slashes.

    >>> sorted(words_of("run/metricName"))
    ['metric', 'name', 'run']
    """
    return frozenset(word for part in name.split("/") for word in words(part))


def holds_names(name: str) -> bool:
    """Whether the words of a name say that a column of text holds the names of metrics.

    >>> [holds_names(name) for name in ("tag", "metricName", "run_name", "phase")]
    [True, True, False, False]
    """
    every = words_of(name)
    return bool(every) and every <= METRICS


def holds_values(name: str) -> bool:
    """Whether a column is called the value of something that another column names.

    >>> [holds_values(name) for name in ("value", "metricValue", "grad_norm", "value_loss")]
    [True, True, False, False]
    """
    every = words_of(name)
    return bool(every & VALUE) and every <= VALUE | METRICS | {"float", "scalar", "number"}


def is_index(name: str) -> bool:
    """Whether a column only numbers the rows, as pandas and polars write it: no name, or "index"."""
    every = words_of(name)
    return not every or every <= {"index", "unnamed", "row", "nr", "level"} or (bool(every & {"unnamed"}) and len(every) == 2)


def counts(name: str) -> bool:
    """Whether a name is that of a count or a time, which goes on within a run.

    >>> [counts(name) for name in ("global_step", "wall_time", "epoch", "batch_size", "seed")]
    [True, True, True, False, False]
    """
    said = counted_in(name)
    numbered = said == "rows" and not words_of(name) & (IDENTITY | SEED | REPEAT | RANK)
    return is_index(name) or is_time(name) or numbered or said in ("steps", "samples", "epochs", "seconds")


def strength(name: str, *, text: bool) -> int:
    """How well a column tells runs apart by its name: 0 best, more than `STRONG` if its values must show it, `NO_TELLER` if it cannot.

    >>> [strength(name, text=False) for name in ("run_id", "seed", "fold", "local_rank", "gpu_temp", "lr", "k", "loss", "epoch")]
    [0, 1, 2, 3, 7, 6, 7, 99, 99]
    """
    every = words_of(name)
    if counts(name):
        return NO_TELLER
    measured = meaning(name).quantity != "unknown" or bool(every & OTHERS - SETTING - RANK)
    if measured and not text:
        return NO_TELLER
    for place, known in ((0, IDENTITY), (1, SEED), (2, REPEAT), (3, RANK), (4, LABEL)):
        if every & known and (text or place > STRONG or every <= IDENTITY | SEED | REPEAT | RANK | BESIDE):
            return place
    if text:
        return 5
    return 6 if is_rate(name) or every & SETTING else 7


def is_rank(name: str) -> bool:
    """Whether a column tells the processes of one run apart."""
    return strength(name, text=False) == STRONG
