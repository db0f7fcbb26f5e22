"""Record what the real server answers to the table of routes: `python -m tests.mlflow.record [--url URL]`.

Without a URL a server of the newest client's environment is started on an empty folder.
"""

import argparse
import json
import tempfile
from pathlib import Path

from tests.mlflow.asking import play
from tests.mlflow.environments import NEWEST
from tests.mlflow.routes import RECORDING, SCENES
from tests.mlflow.servers import peer_server


def main() -> None:
    """Write `routes.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url")
    asked = parser.parse_args()
    if asked.url:
        record(asked.url)
        return
    with tempfile.TemporaryDirectory() as folder, peer_server(Path(folder)) as url:
        record(url)


def record(url: str) -> None:
    """Play every scene and write the answers down."""
    answers = {}
    for name, scene in SCENES.items():
        answers[name] = play(url, scene)
        print(f"{name}: {len(scene)} answers", flush=True)
    for name, scene in SCENES.items():
        for one in scene:
            answer = answers[name][one.name]
            if one.says and one.says not in answer.get("says", ""):
                print(f"{name}: {one.name}: {answer}")
            # Sentences are the server's own; tests hold only the words that the table asks for.
            answer.pop("says", None)
    lines = [f"{json.dumps(name)}: {{\n" + ",\n".join(
        f"  {json.dumps(key)}: {json.dumps(value, sort_keys=True)}" for key, value in scene.items()) + "\n}"
        for name, scene in answers.items()]  # fmt: skip
    head = f'"recorded from": "mlflow {NEWEST}"'
    RECORDING.write_text("{\n" + ",\n".join([head, *lines]) + "\n}\n")
    print(f"{sum(map(len, answers.values()))} answers of {len(answers)} scenes in {RECORDING}")


if __name__ == "__main__":
    main()
