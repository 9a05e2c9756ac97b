"""Where the numbers of a monitor go: one module with one class for each tracker, none of them imported from here.

- `wcdfa.sinks.wandb.WandbSink`: the active run of Weights & Biases
- `wcdfa.sinks.tensorboard.TensorBoardSink`: a writer of torch, tensorboardX or TensorFlow
- `wcdfa.sinks.mlflow.MLflowSink`: the active run of MLflow
- `wcdfa.sinks.trackio.TrackioSink`: the current run of trackio
- `wcdfa.sinks.jsonl.JSONLinesSink`: a file, a line each time
- `wcdfa.sinks.parquet.ParquetSink`: a folder of tables

A monitor takes any of them, ``WeightChangeDFA(logger=sink, log_every=1)``, and a recorder takes its alerts,
``attach(optimizer, alarm=sink.alert)``. They write into the run that the training script has begun, and never begin one. The keys are
the same everywhere; a group whose name not every tracker would take gets another, see `wcdfa.sinks.keys.clean`. What a tracker raises,
the monitor logs once, and training goes on. `wcdfa.sinks.base.Sink` says how to add a sink.
"""
