"""Logs everything that Millrace promises to take from an MLflow client, and reads it back with the client.

It runs as a step, with nothing set but what Millrace sets.
"""

import json
import os
import pathlib
import tempfile
import time

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

major = int(mlflow.__version__.split(".")[0])
own = os.environ["MLFLOW_RUN_ID"]
client = MlflowClient()


def refused(code, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except MlflowException as e:
        assert e.error_code == code, (e.error_code, code, e)
        return
    raise AssertionError(f"{call} was not refused")


def model_of(**named):
    """How log_model is told the name of a model: it has changed with MLflow 3."""
    (name,) = named.values()
    return {"name": name} if major >= 3 else {"artifact_path": name}


# The run is the step's, whatever the experiment is called.
mlflow.set_experiment("an experiment of the script's own")
with mlflow.start_run(run_name="everything") as run:
    assert run.info.run_id == own, run.info
    mlflow.log_metric("loss", 0.5)
    for step in range(1, 6):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metrics({"accuracy": 0.9, "nan": float("nan"), "up": float("inf"), "down": float("-inf")}, step=3)
    mlflow.log_metric("val/f1 score", 0.25, step=2)
    mlflow.log_param("depth", 3)
    mlflow.log_param("depth", 3)
    refused("INVALID_PARAMETER_VALUE", mlflow.log_param, "depth", 4)
    mlflow.log_params({f"p{i}": i for i in range(150)})
    mlflow.set_tag("colour", "blue")
    mlflow.set_tags({"shape": "round", "gone": "soon"})
    mlflow.delete_tag("gone")
    refused("INVALID_PARAMETER_VALUE", client.log_metric, own, "a" * 251, 1)
    refused("RESOURCE_DOES_NOT_EXIST", client.get_run, "0123456789abcdef0123456789abcdef")

    # Files.
    with tempfile.TemporaryDirectory() as folder:
        top = pathlib.Path(folder)
        (top / "one.txt").write_text("one")
        (top / "empty").write_text("")
        (top / "many" / "deep").mkdir(parents=True)
        (top / "many" / "a b.txt").write_text("a")
        (top / "many" / "deep" / "ü.txt").write_text("b")
        (top / "large.bin").write_bytes(bytes(range(256)) * 4 * 4096)
        mlflow.log_artifact(top / "one.txt")
        mlflow.log_artifact(top / "empty", "sub")
        mlflow.log_artifact(top / "large.bin", "sub")
        mlflow.log_artifacts(top / "many", "many")
    mlflow.log_text("hello", "texts/hello.txt")
    mlflow.log_dict({"a": [1, 2]}, "dict.json")
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3])
    mlflow.log_figure(figure, "plots/figure.png")
    mlflow.log_image(np.zeros((4, 4, 3), dtype=np.uint8), "image.png")
    mlflow.log_table({"x": [1, 2], "y": ["a", "b"]}, "table.json")
    assert [f.path for f in client.list_artifacts(own, "sub")] == ["sub/empty", "sub/large.bin"]
    assert {f.path for f in client.list_artifacts(own)} >= {"one.txt", "sub", "many", "texts", "dict.json", "plots"}
    assert mlflow.artifacts.load_text(f"runs:/{own}/texts/hello.txt") == "hello"
    assert mlflow.artifacts.load_dict(f"runs:/{own}/dict.json") == {"a": [1, 2]}
    got = pathlib.Path(mlflow.artifacts.download_artifacts(f"runs:/{own}/many"))
    assert sorted(p.name for p in got.rglob("*.txt")) == ["a b.txt", "ü.txt"], list(got.rglob("*"))
    got = pathlib.Path(client.download_artifacts(own, "sub/large.bin"))
    assert got.stat().st_size == 4 << 20

    # Data sets.
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [0, 1]})
    mlflow.log_input(mlflow.data.from_pandas(frame, name="toy", targets="y"), context="training")
    (found,) = client.get_run(own).inputs.dataset_inputs
    assert found.dataset.name == "toy", found

    # Nested runs.
    children = []
    for i in range(3):
        with mlflow.start_run(nested=True, run_name=f"child {i}") as child:
            children.append(child.info.run_id)
            mlflow.log_param("i", i)
            mlflow.log_metric("score", i * 0.5)
            mlflow.log_text(str(i), "child.txt")
    found = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{own}'")
    assert {r.info.run_id for r in found} == set(children), found
    frame = mlflow.search_runs(filter_string="metrics.score >= 0.5 and params.i != '2'", order_by=["metrics.score DESC"])
    assert list(frame["run_id"]) == [children[1]], frame
    frame = mlflow.search_runs(experiment_names=["an experiment of the script's own"], order_by=["metrics.score DESC"])
    assert frame["run_id"][0] == children[2], frame
    assert len(mlflow.search_runs(filter_string="attributes.run_name LIKE 'child%'", max_results=2)) == 2
    refused("INVALID_PARAMETER_VALUE", client.search_runs, [run.info.experiment_id], "metrics.score >")
    client.delete_run(children[0])
    assert len(client.search_runs([run.info.experiment_id], "metrics.score >= 0")) == 2

    # Models.
    x, y = load_iris(return_X_y=True, as_frame=True)
    fitted = LogisticRegression(max_iter=500).fit(x, y)
    logged = mlflow.sklearn.log_model(
        fitted, **model_of(name="classifier"), registered_model_name="iris", input_example=x.head(2)
    )
    loaded = mlflow.sklearn.load_model(logged.model_uri)
    assert (loaded.predict(x) == fitted.predict(x)).all()
    assert (mlflow.pyfunc.load_model(f"runs:/{own}/classifier").predict(x) == fitted.predict(x)).all()
    version = mlflow.register_model(logged.model_uri, "iris", tags={"kind": "again"})
    assert version.version == "2" or version.version == 2, version
    client.set_registered_model_alias("iris", "best", version.version)
    assert client.get_model_version_by_alias("iris", "best").version == version.version
    client.update_model_version("iris", version.version, description="as good as the first")
    client.set_model_version_tag("iris", version.version, "checked", "yes")
    assert len(client.search_model_versions("name = 'iris'")) == 2
    assert [m.name for m in client.search_registered_models()] == ["iris"]
    assert client.get_registered_model("iris").aliases == {"best": str(version.version)}
    assert (mlflow.sklearn.load_model("models:/iris@best").predict(x) == fitted.predict(x)).all()
    if major >= 3:
        model = mlflow.get_logged_model(logged.model_id)
        assert model.status == "READY" and model.source_run_id == own, model
        mlflow.log_metric("model_score", 0.75, model_id=logged.model_id)
        mlflow.set_logged_model_tags(logged.model_id, {"stage": "trial"})
        model = mlflow.get_logged_model(logged.model_id)
        assert model.tags["stage"] == "trial" and {m.key: m.value for m in model.metrics}["model_score"] == 0.75, model
        found = mlflow.search_logged_models(filter_string="name = 'classifier'", output_format="list")
        assert [m.model_id for m in found] == [logged.model_id], found
        external = mlflow.initialize_logged_model(name="checkpoint", params={f"q{i}": str(i) for i in range(120)})
        mlflow.finalize_logged_model(external.model_id, "READY")
        assert len(mlflow.get_logged_model(external.model_id).params) == 120

# A run that is begun after the step's own has ended is another one.
with mlflow.start_run() as second:
    assert second.info.run_id != own
    mlflow.log_metric("other", 1)

# Autolog, in a run of its own.
mlflow.autolog(silent=True)
with mlflow.start_run(run_name="auto") as auto:
    LogisticRegression(max_iter=300).fit(x, y)
mlflow.flush_artifact_async_logging()
mlflow.flush_async_logging()
logged = client.get_run(auto.info.run_id)
assert logged.data.params["max_iter"] == "300", logged.data.params
assert logged.data.metrics["training_accuracy_score"] > 0.9, logged.data.metrics
assert logged.inputs.dataset_inputs, logged.inputs
mlflow.autolog(disable=True)

# Batches, and what is logged in the background.
client.log_batch(own, metrics=[mlflow.entities.Metric("batch", i * 1.0, int(time.time() * 1000), i) for i in range(1000)])
for i in range(10):
    mlflow.log_metric("background", i, step=i, run_id=own, synchronous=False)
mlflow.flush_async_logging()

# Traces, which are kept or politely refused: nothing fails over them.
if hasattr(mlflow, "trace"):

    @mlflow.trace
    def traced(a, b):
        return a + b

    assert traced(1, 2) == 3
    if hasattr(mlflow, "flush_trace_async_logging"):
        mlflow.flush_trace_async_logging(terminate=True)

# Read back what the step's own run has.
run = client.get_run(own)
assert run.info.status == "FINISHED", run.info
assert run.data.params["depth"] == "3" and len(run.data.params) >= 151
assert run.data.tags["colour"] == "blue" and "gone" not in run.data.tags
assert abs(run.data.metrics["loss"] - 1 / 6) < 1e-9, run.data.metrics
assert run.data.metrics["nan"] != run.data.metrics["nan"], run.data.metrics
assert run.data.metrics["up"] == float("inf") and run.data.metrics["down"] == float("-inf")
history = client.get_metric_history(own, "loss")
assert [m.step for m in history] == [0, 1, 2, 3, 4, 5], history
assert len(client.get_metric_history(own, "batch")) == 1000
assert len(client.get_metric_history(own, "background")) == 10
assert client.get_metric_history(own, "nobody") == []
experiment = client.get_experiment(run.info.experiment_id)
assert client.get_experiment_by_name(os.environ["MLFLOW_EXPERIMENT_NAME"]).experiment_id == experiment.experiment_id
assert client.get_experiment_by_name("nobody's") is None
client.set_experiment_tag(experiment.experiment_id, "team", "a")
assert client.get_experiment(experiment.experiment_id).tags["team"] == "a"
assert len(client.search_experiments()) >= 2

# What scripts without MLflow do.
with open(os.environ["MILLRACE_METRICS"], "a") as lines:
    for step in range(3):
        lines.write(json.dumps({"plain": step / 2, "step": step}) + "\n")
    lines.write("not a metric\n")
    lines.write(json.dumps({"key": "last", "value": float("nan"), "step": 9}) + "\n")

print("everything is there, with mlflow", mlflow.__version__)
