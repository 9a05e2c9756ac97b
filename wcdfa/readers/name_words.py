"""The words in the names of columns, by what they say."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """The words in a text."""
    return frozenset(text.split())


NORM = {"norm", "norms"}
UPDATE = {"update", "updates"}
CHANGE = {"change", "changes", "diff", "difference"}
WEIGHT = {"weight", "weights", "param", "params", "parameter", "parameters", "w", "theta", "model"}
GRADIENT = {"grad", "grads", "gradient", "gradients", "g"}
OF_ALL = {"global", "total", "all", "overall", "full"}
KINDS = {"l1", "l2", "1", "2", "2.0", "inf", "of", "the", *OF_ALL}  # words between what changes and "norm"
SPOILING = word_set(  # words that make a statistic, a sum, a ratio or a limit of a norm
    "mean avg average averaged ema smooth smoothed running rolling moving median std var variance min max sum hist cum cumsum cumulative "
    "accum accumulated since init initial ratio relative rel over normalized normalised inv inverse cos cosine angle alpha beta epoch clip "
    "threshold limit noise scale per squared sq log log10 ln db l1 inf exponent fraction percent target count num n"
)
NAMESPACES = {"log", "n", "num"}  # words that spoil a norm, but not if they stand before a slash
OTHER_NORMS = {"inf", "l1"}  # norms of a gradient that are not Euclidean
PLACES = word_set(  # words that say where, when or how a norm was logged, and leave it that of all parameters
    "train training trainer step steps iter iteration batch metrics metric stats debug logs optim optimizer opt applied emitted raw scalar "
    "scalars monitor wcdfa value clipped final own"
)
OTHERS = word_set(  # what is no norm, where it is the only column
    "accuracy acc error perplexity ppl nll mse mae entropy kl score f1 auc bleu iou map reward rewards return returns length seconds time "
    "duration eta memory mem gpu cpu speed throughput tokens samples examples flops mfu temperature momentum epoch dt tok hours elo"
) | (SPOILING - {"alpha", "beta", "n"})
LOSS = {"loss", "losses"}
OF_LOSS = word_set(  # what belongs to a loss, and is none
    "scale scaler scaling weight weights weighting coef coefs coeff coeffs coefficient coefficients factor multiplier lambda threshold limit "
    "ratio"
)
COUNTERS = {"steps", "iters", "iterations", "epochs", "index", "idx", "times", "timestamp", "timestamps", "rows"}
"""Below the name of a series, they say where its values were logged."""
ELSEWHERE = {"val", "valid", "validation", "eval", "test", "dev"}
