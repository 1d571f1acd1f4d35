"""Measures how fast an MLflow server takes what its client logs: 10,000 metrics one by one, and 1,000 batches of 100."""

import json
import os
import sys
import time

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric

singles, batches, size = (int(n) for n in sys.argv[1:4])
own = os.environ.get("MLFLOW_RUN_ID")
with mlflow.start_run() as run:
    mlflow.log_metric("warm", 0)
    begun = time.perf_counter()
    for i in range(singles):
        mlflow.log_metric("single", i * 0.5, step=i)
    one_by_one = time.perf_counter() - begun
    client, now = MlflowClient(), int(time.time() * 1000)
    begun = time.perf_counter()
    for i in range(batches):
        client.log_batch(run.info.run_id, [Metric(f"batch{j}", i * 0.5, now, i) for j in range(size)])
    in_batches = time.perf_counter() - begun
got = MlflowClient().get_run(run.info.run_id).data.metrics
assert got["single"] == (singles - 1) * 0.5 and got["batch0"] == (batches - 1) * 0.5, got
print(
    "RATE",
    json.dumps(
        {
            "mlflow": mlflow.__version__,
            "server": "millrace" if own else "mlflow server, SQLite",
            "log_metric": round(singles / one_by_one),
            "log_batch": round(batches / in_batches),
        }
    ),
    flush=True,
)
