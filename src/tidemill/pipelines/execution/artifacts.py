"""What a step leaves in its run: its outputs and its log, as artifacts under paths that a person can read."""

from tidemill.objects import ObjectStore
from tidemill.pipelines.records import LoggedArtifact, StoredValue

_ENDINGS = {"polars": ".parquet", "polars-lazy": ".parquet", "pandas": ".parquet", "numpy": ".npy", "value": ".msgpack"}


def output_artifacts(step: str, value: StoredValue, objects: ObjectStore) -> list[LoggedArtifact]:
    """Return the files of a step's output; values that are small enough to lie in the ledger have none.

    Args:
        step: The step's name.
        value: What it returned.
        objects: Where its bytes are.
    """
    return _below(f"outputs/{path_name(step)}", value, objects)


def log_artifact(step: str, content: bytes, objects: ObjectStore) -> LoggedArtifact:
    """Store what a step printed and return it as an artifact."""
    digest = objects.put_bytes(content)
    return LoggedArtifact(path=f"logs/{path_name(step)}.txt", digest=digest, size=len(content))


def path_name(name: str) -> str:
    """Return a name as a part of a path."""
    return "".join(letter if letter.isalnum() or letter in "_-." else "-" for letter in name).strip(".") or "-"


def _below(path: str, value: StoredValue, objects: ObjectStore) -> list[LoggedArtifact]:
    if value.items is not None:
        return [file for key, item in value.items.items() for file in _below(f"{path}/{path_name(key)}", item, objects)]
    if value.object is None:
        return []
    if value.codec in _ENDINGS:
        return [LoggedArtifact(path=path + _ENDINGS[value.codec], digest=value.object, size=value.size)]
    if value.codec == "file":
        return [LoggedArtifact(path=f"{path}/{path_name(value.text)}", digest=value.object, size=value.size)]
    entries = objects.list_tree(value.object)
    return [LoggedArtifact(path=f"{path}/{entry.path}", digest=entry.digest, size=entry.size) for entry in entries]
