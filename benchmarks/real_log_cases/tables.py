"""Tables by pandas, polars, NumPy and the csv module."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .cases import GRADIENT, Log, Series, case, columns, counted, csv, gradients, losses, norms, usual

UNKNOWN = "unknown"


def frame(folder: Path, **options):
    import pandas

    folder.mkdir(parents=True)
    return pandas.DataFrame(columns(**options))


def polar(folder: Path):
    import polars

    folder.mkdir(parents=True)
    return polars.DataFrame(columns())


def by_pandas(
    path: Path, column: str = "update_norm", step: str | None = "step", quantity: str = "update norm", **options
) -> Series:
    """What pandas reads."""
    import pandas

    table = pandas.read_csv(path, float_precision="round_trip", **options)
    return Series(table[column].to_numpy(float), None if step is None else table[step].to_numpy(), quantity)


@case("csv module", "DictWriter, a row a step")
def dict_writer(folder: Path) -> Log:
    return Log(csv(folder / "metrics.csv", columns()), [usual()])


@case("csv module", "every 10th step")
def every_tenth(folder: Path) -> Log:
    return Log(csv(folder / "metrics.csv", columns(every=10)), [usual(every=10)], "10th|10 steps")


@case("csv module", "no step column")
def no_step(folder: Path) -> Log:
    table = columns()
    del table["step"]
    return Log(csv(folder / "metrics.csv", table), [Series(norms(), None)])


@case("csv module", "steps as iter_num")
def iter_num(folder: Path) -> Log:
    return Log(csv(folder / "log.csv", columns(step="iter_num")), [usual()])


@case("csv module", "steps under a name of its own, every 5th")
def own_name(folder: Path) -> Log:
    return Log(csv(folder / "log.csv", columns(step="optimizer updates so far", every=5)), [usual(every=5)])


@case("csv module", "appended to after a restart, second header")
def restarted(folder: Path) -> Log:
    table = columns()
    first = csv(folder / "log.csv", {name: values[:350] for name, values in table.items()}).read_text()
    again = csv(folder / "log.csv", {name: values[300:] for name, values in table.items()}).read_text()
    (folder / "log.csv").write_text(first + again)
    return Log(folder / "log.csv", [usual()], "again|twice|restart|repeat|overlap|header")


@case("csv module", "a column added midway")
def column_added(folder: Path) -> Log:
    table = columns()
    text = csv(folder / "log.csv", table).read_text().splitlines()
    text[301:] = [f"{line},{i / 1000}" for i, line in enumerate(text[301:])]
    (folder / "log.csv").write_text("\n".join(text) + "\n")
    return Log(folder / "log.csv", [usual()])


@case("csv module", "killed in mid-line")
def torn(folder: Path) -> Log:
    path = csv(folder / "log.csv", columns())
    path.write_text(path.read_text()[:-9])
    return Log(path, [Series(norms()[:-1], counted(599))])


@case("csv module", "one row an epoch, gradient norm")
def epochs(folder: Path) -> Log:
    table = {"epoch": counted(200), "train_loss": losses(200), "grad_norm": gradients(0, 200)}
    return Log(csv(folder / "log.csv", table), [Series(gradients(0, 200), None, GRADIENT)], "epoch")


@case("csv module", "a gradient norm only")
def gradient_only(folder: Path) -> Log:
    table = {"step": counted(), "loss": losses(), "grad_norm": gradients()}
    return Log(csv(folder / "log.csv", table), [Series(gradients(), counted(), GRADIENT)], "gradient norm")


@case("csv module", "value beside grad_norm")
def value_beside(folder: Path) -> Log:
    table = {"step": counted(), "value": 5 + losses(), "grad_norm": gradients()}
    return Log(csv(folder / "log.csv", table), [Series(gradients(), counted(), GRADIENT)])


@case("csv module", "a loss only")
def loss_only(folder: Path) -> Log:
    return Log(csv(folder / "log.csv", {"step": counted(), "loss": losses(), "lr": losses()}), says="norm")


@case("csv module", "rate and accuracy only")
def no_norm(folder: Path) -> Log:
    return Log(csv(folder / "log.csv", {"step": counted(), "accuracy": 1 / losses(), "lr": losses()}), says="norm")


@case("csv module", "a header and no row")
def no_rows(folder: Path) -> Log:
    return Log(csv(folder / "log.csv", {name: values[:0] for name, values in columns().items()}))


@case("csv module", "a seed column")
def seed_column(folder: Path) -> Log:
    tables = [{**columns(seed=seed), "seed": np.full(600, seed)} for seed in (0, 1)]
    return Log(
        csv(folder / "runs.csv", {name: np.concatenate([each[name] for each in tables]) for name in tables[0]}),
        [usual(0), usual(1)],
    )


@case("csv module", "steps twice and nothing tells them apart")
def ambiguous(folder: Path) -> Log:
    tables = [columns(seed=seed) for seed in (0, 1)]
    table = {name: np.stack([each[name] for each in tables], 1).ravel() for name in tables[0]}
    return Log(csv(folder / "runs.csv", table), says="step")


@case("csv module", "a folder of three seeds")
def three_seeds(folder: Path) -> Log:
    for seed in range(3):
        csv(folder / f"seed={seed}" / "metrics.csv", columns(seed=seed))
    return Log(folder, [usual(seed) for seed in range(3)])


@case("csv module", "two unrelated columns of one name")
def of_one_name(folder: Path) -> Log:
    path = csv(folder / "log.csv", columns())
    path.write_text(path.read_text().replace("step,loss,lr", "step,loss,loss", 1))
    return Log(path, [usual()])


@case("csv module", "quoted names with commas")
def comma_names(folder: Path) -> Log:
    table = {"step": counted(), "loss, smoothed": losses(), "update_norm": norms(), "lr, of adam": losses()}
    return Log(csv(folder / "log.csv", table), [usual()])


@case("csv module", "no newline at the end")
def no_newline(folder: Path) -> Log:
    path = csv(folder / "log.csv", {"step": counted(), "update_norm": norms().round(6), "epoch": counted() // 100})
    path.write_bytes(path.read_bytes().rstrip(b"\r\n"))
    return Log(path, [Series(norms().round(6), counted())])


@case("NumPy", "savetxt with names")
def savetxt_names(folder: Path) -> Log:
    folder.mkdir()
    np.savetxt(folder / "log.txt", np.stack([counted(), norms()], 1), header="step update_norm")
    return Log(folder / "log.txt", [Series(np.loadtxt(folder / "log.txt")[:, 1], counted())])


@case("NumPy", "savetxt of norms, no names")
def savetxt_bare(folder: Path) -> Log:
    folder.mkdir()
    np.savetxt(folder / "norms.csv", norms())
    return Log(folder / "norms.csv", [Series(np.loadtxt(folder / "norms.csv"), None, UNKNOWN)], "name")


@case("NumPy", "savez")
def savez(folder: Path) -> Log:
    folder.mkdir()
    np.savez(folder / "log.npz", **columns())
    return Log(folder / "log.npz", [usual()])


@case("NumPy", "save")
def save(folder: Path) -> Log:
    folder.mkdir()
    np.save(folder / "update_norm.npy", norms())
    return Log(folder / "update_norm.npy", [Series(norms(), None)])


@case("NumPy", "savez, several arrays of other lengths")
def savez_ragged(folder: Path) -> Log:
    folder.mkdir()
    np.savez_compressed(folder / "log.npz", update_norm=norms(), val_loss=losses(6), weights=np.ones((3, 3)))
    return Log(folder / "log.npz", [Series(norms(), None)])


@case("pandas", "to_csv", "pandas")
def pandas_csv(folder: Path) -> Log:
    frame(folder).to_csv(folder / "log.csv", index=False)
    return Log(folder / "log.csv", [by_pandas(folder / "log.csv")])


@case("pandas", "to_csv with its index", "pandas")
def pandas_index(folder: Path) -> Log:
    frame(folder).to_csv(folder / "log.csv")
    return Log(folder / "log.csv", [by_pandas(folder / "log.csv")])


@case("pandas", "to_csv, index and no step", "pandas")
def pandas_index_only(folder: Path) -> Log:
    frame(folder)[["loss", "update_norm"]].to_csv(folder / "log.csv")
    return Log(folder / "log.csv", [by_pandas(folder / "log.csv", step="Unnamed: 0")])


@case("pandas", "to_csv, tab", "pandas")
def pandas_tsv(folder: Path) -> Log:
    frame(folder).to_csv(folder / "log.tsv", index=False, sep="\t")
    return Log(folder / "log.tsv", [by_pandas(folder / "log.tsv", sep="\t")])


@case("pandas", "to_csv, ; and decimal comma", "pandas")
def pandas_german(folder: Path) -> Log:
    frame(folder).to_csv(folder / "log.csv", index=False, sep=";", decimal=",")
    return Log(folder / "log.csv", [by_pandas(folder / "log.csv", sep=";", decimal=",")])


@case("pandas", "to_csv, blanks between", "pandas")
def pandas_blanks(folder: Path) -> Log:
    frame(folder).to_csv(folder / "log.csv", index=False, sep=" ")
    return Log(folder / "log.csv", [by_pandas(folder / "log.csv", sep=" ")])


@case("pandas", "to_csv, rounded to 5 digits", "pandas")
def pandas_rounded(folder: Path) -> Log:
    frame(folder).to_csv(folder / "log.csv", index=False, float_format="%.5g")
    return Log(folder / "log.csv", [by_pandas(folder / "log.csv")])


@case("pandas", "to_csv, gaps between", "pandas")
def pandas_gaps(folder: Path) -> Log:
    """The norm is logged in every second row; the other rows hold a validation loss."""
    import pandas

    folder.mkdir()
    table = pandas.DataFrame(columns())
    other = pandas.DataFrame({"step": counted(60, 9, 10), "val_loss": losses(60)})
    pandas.concat([table, other]).sort_values("step", kind="stable").to_csv(folder / "log.csv", index=False)
    return Log(folder / "log.csv", [usual()])


@case("pandas", "dates as the index", "pandas")
def pandas_dates(folder: Path) -> Log:
    import pandas

    table = frame(folder)[["loss", "update_norm"]]
    table.index = pandas.date_range("2026-01-01", periods=len(table), freq="s", name="step")
    table.to_csv(folder / "log.csv")
    return Log(folder / "log.csv", [Series(norms(), None)], "date|time|step")


@case("pandas", "melt: a long table", "pandas")
def pandas_melt(folder: Path) -> Log:
    frame(folder).melt("step").to_csv(folder / "log.csv", index=False)
    return Log(folder / "log.csv", [usual()])


@case("pandas", "melt, of two runs", "pandas")
def pandas_melt_runs(folder: Path) -> Log:
    import pandas

    folder.mkdir()
    both = pandas.concat(pandas.DataFrame(columns(seed=seed)).assign(run=f"run{seed}") for seed in (0, 1))
    both.melt(["run", "step"], var_name="metric").to_csv(folder / "log.csv", index=False)
    return Log(folder / "log.csv", [usual(0), usual(1)])


@case("pandas", "melt, a loss only", "pandas")
def pandas_melt_loss(folder: Path) -> Log:
    frame(folder)[["step", "loss", "lr"]].melt("step").to_csv(folder / "log.csv", index=False)
    return Log(folder / "log.csv", says="norm")


@case("pandas", "to_csv(mode='a') after a restart", "pandas")
def pandas_appended(folder: Path) -> Log:
    table = frame(folder)
    table[:350].to_csv(folder / "log.csv", index=False)
    table[300:].to_csv(folder / "log.csv", index=False, mode="a", header=False)
    return Log(folder / "log.csv", [usual()])


@case("pandas", "to_json, records", "pandas")
def pandas_records(folder: Path) -> Log:
    frame(folder).to_json(folder / "log.json", orient="records", double_precision=15)
    return Log(folder / "log.json", [of_json(folder / "log.json")])


@case("pandas", "to_json, lines", "pandas")
def pandas_lines(folder: Path) -> Log:
    frame(folder).to_json(folder / "log.jsonl", orient="records", lines=True, double_precision=15)
    return Log(folder / "log.jsonl", [of_json(folder / "log.jsonl", lines=True)])


@case("pandas", "to_json, columns", "pandas")
def pandas_columns(folder: Path) -> Log:
    frame(folder).to_json(folder / "log.json", double_precision=15)
    return Log(folder / "log.json", [of_json(folder / "log.json")])


def of_json(path: Path, **options) -> Series:
    """What pandas reads, each number as Python's json reads it."""
    import pandas

    table = pandas.read_json(path, precise_float=True, **options)
    return Series(table["update_norm"].to_numpy(), table["step"].to_numpy())


@case("pandas", "to_parquet", "pandas", "pyarrow")
def pandas_parquet(folder: Path) -> Log:
    frame(folder).to_parquet(folder / "log.parquet")
    return Log(folder / "log.parquet", [usual()])


@case("pandas", "to_parquet, steps as the index, .pq", "pandas", "pyarrow")
def pandas_parquet_index(folder: Path) -> Log:
    frame(folder).set_index("step").to_parquet(folder / "log.pq")
    return Log(folder / "log.pq", [usual()])


@case("pandas", "to_feather", "pandas", "pyarrow")
def pandas_feather(folder: Path) -> Log:
    frame(folder).to_feather(folder / "log.feather")
    return Log(folder / "log.feather", [usual()])


@case("polars", "write_csv", "polars")
def polars_csv(folder: Path) -> Log:
    polar(folder).write_csv(folder / "log.csv")
    return Log(folder / "log.csv", [usual()])


@case("polars", "write_ndjson", "polars")
def polars_ndjson(folder: Path) -> Log:
    polar(folder).write_ndjson(folder / "log.ndjson")
    return Log(folder / "log.ndjson", [usual()])


@case("polars", "write_json", "polars")
def polars_json(folder: Path) -> Log:
    polar(folder).write_json(folder / "log.json")
    return Log(folder / "log.json", [usual()])


@case("polars", "write_parquet", "polars", "pyarrow")
def polars_parquet(folder: Path) -> Log:
    polar(folder).write_parquet(folder / "log.parquet")
    return Log(folder / "log.parquet", [usual()])


@case("polars", "write_ipc", "polars", "pyarrow")
def polars_ipc(folder: Path) -> Log:
    polar(folder).write_ipc(folder / "log.arrow")
    return Log(folder / "log.arrow", [usual()])
