"""What the words of a name say, however they are put together; and the two lines that log ‖ΔW‖ with each tool."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcdfa.readers.column_names import Names, quantity_of
from wcdfa.readers.name_tokens import is_rate, meaning, words

SEPARATORS = st.sampled_from(["_", " ", "-", ".", "/", ": "])
UPDATES = st.sampled_from(
    [["update"], ["updates"], ["delta", "w"], ["weight", "update"], ["applied", "update"], ["parameter", "change"], ["delta"]]
)
GRADIENTS = st.sampled_from([["grad"], ["grads"], ["gradient"], ["g"], ["gradients"]])
BETWEEN = st.sampled_from([[], ["l2"], ["global"], ["total"]])
BEFORE = st.sampled_from([[], ["train"], ["trainer"], ["opt"], ["metrics", "train"], ["model"]])
AFTER = st.sampled_from([[], ["step"], ["total"], ["raw"]])
STYLES = st.sampled_from([str.lower, str.upper, str.title])


@given(st.data(), SEPARATORS, STYLES, BEFORE, AFTER, BETWEEN)
def test_words_in_any_style_say_the_same(data, separator, style, before, after, between):
    for quantity, what in (("update norm", UPDATES), ("gradient norm", GRADIENTS)):
        name = separator.join(map(style, [*before, *data.draw(what), *between, "norm", *after]))
        assert quantity_of(name) == quantity, name
        assert meaning(name).further == 0, name
        assert quantity_of(f"{name}/encoder") == quantity
        assert meaning(f"{name}/encoder").further == 1


@given(
    UPDATES, SEPARATORS, st.sampled_from(["ratio", "mean", "std", "epoch", "ema", "max", "log", "cosine", "hist"]), st.booleans()
)
def test_what_is_made_of_a_norm_is_no_norm(what, separator, spoiling, first):
    every = [*what, "norm"]
    assert quantity_of(separator.join([spoiling, *every] if first and separator != "/" else [*every, spoiling])) == "unknown"


@pytest.mark.parametrize(
    "name", ["‖ΔW‖", "||dW||", "|ΔW|", "norm(dW)", "dW_norm", "ΔW norm", "∆w_norm", "Δθ norm", "deltaWNorm", "updateNorm"]
)
def test_signs_and_humps(name):
    assert quantity_of(name) == "update norm"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "layer_norm/weight",
            "weight_norm",
            "param_norm",
            "activation_norm",
            "num_updates",
            "n_updates",
            "updates",
            "delta",
            "dw",
        ),
        *(
            "gradient_update_norm",
            "delta_grad_norm",
            "max_grad_norm",
            "clip_grad_norm",
            "update_to_weight_ratio",
            "normal",
            "normalized",
        ),
        *("update_time", "batch_norm", "group_norm/grad", "denorm", "total_normal", "g", "global_step", "normalised_update"),
    ],
)
def test_other_names_say_nothing(name):
    assert quantity_of(name) == "unknown"


@given(st.text(max_size=40))
def test_any_text_has_words(text):
    assert all(each and each == each.casefold() for each in words(text))
    assert meaning(text) == meaning(text)


@pytest.mark.parametrize(
    ("names", "rate"),
    [
        (["lr", "wcdfa/lr", "loss"], "wcdfa/lr"),
        (["train/learning_rate", "lr_scale"], "train/learning_rate"),
        (["lr-AdamW/pg1", "lr-AdamW/pg2"], "lr-AdamW/pg1"),
        (["Learning Rate"], "Learning Rate"),
        (["optim.lr"], "optim.lr"),
        (["lr/group0", "lr/group1"], "lr/group0"),
        (["lr_ratio", "lrelu", "relr", "max_lr"], None),
        (["encoder_lr", "decoder_lr"], None),
    ],
)
def test_the_learning_rate_is_found_by_its_words(names, rate):
    groups = Names(names).meant("rate")
    assert (groups[0][0] if groups and len(groups[0]) == 1 else None) == rate
    assert all(is_rate(name) for group in groups for name in group)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "cumulative_update_norm",
            "update_norm_cumsum",
            "update_norm_since_init",
            "normalized_update_norm",
            "update_norm_over_weight_norm",
        ),
        *(
            "ema/update_norm",
            "running_grad_norm",
            "grad_norm_rolling",
            "grad_norm_delta",
            "inv_grad_norm",
            "grad_norm_db",
            "lr*grad_norm",
        ),
        *("val_grad_norm", "eval/grad_norm", "test_update_norm", "mean/update_norm"),
    ],
)
def test_sums_averages_and_norms_of_other_steps_are_no_norms_of_a_step(name):
    assert quantity_of(name) == "unknown"


@pytest.mark.parametrize(("name", "quantity"), [("∥Δθ∥", "update norm"), ("‖Δθ‖₂", "update norm"), ("dtheta_norm", "update norm"),
                                               ("|∇L|", "gradient norm"), ("∇ norm", "gradient norm"), ("log/grad_norm", "gradient norm")])  # fmt: skip
def test_signs_that_people_have(name, quantity):
    assert quantity_of(name) == quantity


@pytest.mark.parametrize("belongs", ["scale", "scaler", "weight", "coef", "coefficient", "Ratio"])
@pytest.mark.parametrize("form", ["loss {}", "loss_{}", "{} of loss", "train/loss_{}", "aux-loss-{}"])
def test_what_belongs_to_a_loss_is_no_loss(belongs, form):
    assert quantity_of(form.format(belongs)) == "unknown"
    assert Names(["lm loss", form.format(belongs), "lr"]).meant("loss") == [["lm loss"]]


@pytest.mark.parametrize("counter", ["steps", "timestamps", "index", "iterations"])
def test_what_counts_below_the_name_of_a_series_is_no_series(counter):
    assert quantity_of(f"update_norm/{counter}") == "unknown"
    assert quantity_of("update_norm/values") == "update norm"
