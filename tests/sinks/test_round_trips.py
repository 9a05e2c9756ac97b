"""What a sink writes, its reader reads: a run that was interrupted and went on from a checkpoint before."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.processes import printed, start
from wcdfa.readers.series import read_series

NEEDS = {"wandb": "wandb", "tensorboard": "torch", "mlflow": "mlflow", "trackio": "trackio", "jsonl": "json", "parquet": "pyarrow"}


@pytest.mark.parametrize("name", NEEDS)
def test_what_a_sink_writes_its_reader_reads(name, tmp_path, request):
    require(NEEDS[name])
    if name == "mlflow":
        (tmp_path / "mlflow.db").write_bytes(request.getfixturevalue("mlflow_template").read_bytes())
    expected = np.array(printed(start("round_trip.py", name, tmp_path, WANDB_SILENT="true", OMP_NUM_THREADS="1")))
    series = read_series(tmp_path)
    if name == "tensorboard":  # it stores float32
        expected = expected.astype(np.float32).astype(np.float64)
    np.testing.assert_array_equal(series.values, expected)
    np.testing.assert_array_equal(series.steps, np.arange(1, 601))
    assert series.column == "wcdfa/update_norm"
    assert any("went back to 251: a restart" in note for note in series.notes)
