"""The `mlflow` command: experiments, runs, artifacts."""

import csv
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow


def command(*words: str) -> str:
    """Run `mlflow WORDS` as a user does and give its output."""
    program = str(Path(sys.executable).parent / "mlflow")
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False, env=os.environ)
    if done.returncode:
        raise RuntimeError(f"mlflow {' '.join(words)}: {done.stderr[-1500:]}")
    return done.stdout


def main() -> dict[str, Any]:
    """List, describe and download with the command."""
    mlflow.set_experiment("commands")
    with mlflow.start_run(run_name="from python") as run:
        mlflow.log_param("p", 1)
        mlflow.log_text("hello", "t/hello.txt")
    with tempfile.TemporaryDirectory() as folder:
        command("artifacts", "download", "--run-id", run.info.run_id, "--artifact-path", "t", "--dst-path", folder)
        downloaded = (Path(folder) / "t" / "hello.txt").read_text()
    described = json.loads(command("runs", "describe", "--run-id", run.info.run_id))
    rows = list(csv.reader(io.StringIO(command("experiments", "csv", "--experiment-id", run.info.experiment_id))))
    return {
        "runs": "from python" in command("runs", "list", "--experiment-id", run.info.experiment_id),
        "experiments": "commands" in command("experiments", "search"),
        "described": described["data"]["params"],
        "downloaded": downloaded,
        "rows": len([row for row in rows if row]),
    }


if __name__ == "__main__":
    print(json.dumps(main(), default=str))
