"""MLflow: what the sink writes is there."""

import math

import mlflow
from common import logged

from wcdfa.sinks.mlflow import MLflowSink

mlflow.set_tracking_uri("runs")
with mlflow.start_run() as run, MLflowSink() as sink:
    expected = logged(sink)
history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "wcdfa/update_norm")
assert all(math.isclose(each.value, norm) for each, norm in zip(history, expected, strict=True))
