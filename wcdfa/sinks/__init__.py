"""Sends the numbers of a monitor to trackers and files: one module with one class for each. Import them from their modules.

- `wcdfa.sinks.wandb.WandbSink`: the active run of Weights & Biases
- `wcdfa.sinks.tensorboard.TensorBoardSink`: a writer of torch, tensorboardX or TensorFlow
- `wcdfa.sinks.mlflow.MLflowSink`: the active run of MLflow
- `wcdfa.sinks.trackio.TrackioSink`: the current run of trackio
- `wcdfa.sinks.jsonl.JSONLinesSink`: a file with one line per call
- `wcdfa.sinks.parquet.ParquetSink`: a folder of tables

Give one to a monitor, ``WeightChangeDFA(logger=sink, log_every=1)``, and its alerts to a recorder,
``attach(optimizer, alarm=sink.alert)``. Sinks write into the run that the training script has started, and never start one. The keys
are the same everywhere; a group whose name some tracker refuses gets another name, see `wcdfa.sinks.keys.clean`. If a tracker raises
an error, the monitor logs it once and training goes on. `wcdfa.sinks.base.Sink` says how to add a sink.
"""
