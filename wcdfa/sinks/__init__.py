"""Where the numbers of a monitor go, at each step: one file for each tracker, each with one class, none imported from here.

- `wcdfa.sinks.wandb.WandbSink`: the active run of Weights & Biases
- `wcdfa.sinks.tensorboard.TensorBoardSink`: a writer of torch, tensorboardX or TensorFlow
- `wcdfa.sinks.mlflow.MLflowSink`: the active run of MLflow
- `wcdfa.sinks.trackio.TrackioSink`: the current run of trackio
- `wcdfa.sinks.jsonl.JSONLinesSink`: a file, a line each time
- `wcdfa.sinks.parquet.ParquetSink`: a folder of tables

All are given to a monitor in the same way, ``WeightChangeDFA(logger=sink, log_every=1)``, and to a recorder for its alarms,
``attach(optimizer, alarm=sink.alert)``. They write into the run that the training script has begun and never begin one. The same
keys are used everywhere; a group whose name no tracker would take has another one, see `wcdfa.sinks.keys.clean`. What a tracker raises
is raised to the monitor, which logs it once and goes on.
"""
