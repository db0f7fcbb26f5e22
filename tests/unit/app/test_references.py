"""Rows name objects in columns, in JSON and in texts; what nobody may lose is found in all of them."""

import pytest
import sqlalchemy as sa

from tidemill.app import references
from tidemill.core.access import OWNER
from tidemill.core.refs import Ref
from tidemill.ledger.schema import metadata
from tidemill.objects import digest_bytes
from tidemill.tracking.records import InputDataset

WANTED = digest_bytes(b"wanted")


def mentioned(workspace, without=()) -> bool:
    with workspace.ledger.read() as connection:
        return bytes.fromhex(WANTED) in references.mentioned(connection, without)


def put(workspace, table: str, **row: object) -> None:
    workspace.ledger.write(OWNER, lambda tx: tx.execute(sa.insert(metadata.tables[table]), row))


def cached(workspace, output: object) -> None:
    put(workspace, "step_cache", key="k", output=output, logged={}, run_id="r", created_at=_now(workspace))


def _now(workspace):
    return workspace.ledger.write(OWNER, lambda tx: tx.now)


@pytest.mark.parametrize(
    "text", [WANTED, f"see {WANTED}.", f'{{"deep": ["{WANTED}"]}}', f"{'0' * 64}/{WANTED}", f"sha:{WANTED}\n"]
)
def test_a_digest_counts_wherever_in_a_text_it_stands(workspace, text):
    cached(workspace, {"note": [text]})

    assert mentioned(workspace)
    assert mentioned(workspace, {Ref("run", "another")})
    assert not mentioned(workspace, {Ref("run", "r")}), "whose row it is will be gone"


@pytest.mark.parametrize("text", [f"0{WANTED}", f"{WANTED}f", WANTED[:-1], WANTED.upper()])
def test_what_only_looks_like_one_does_not(workspace, text):
    cached(workspace, {"note": text})

    assert not mentioned(workspace)


def test_a_digest_of_what_is_kept_elsewhere_holds_no_object(workspace):
    run_id = workspace.tracking.create_run(OWNER, experiment="e", tags={"of": WANTED}).run_id
    workspace.tracking.log_inputs(
        OWNER, run_id=run_id, datasets=[InputDataset(name="flights", digest="d", profile=WANTED)]
    )

    assert not mentioned(workspace)
    with workspace.ledger.read() as connection:
        assert [each for each in references.to_objects(connection) if each.digest == WANTED] == []


def test_what_needs_an_object_is_its_rows_and_what_came_from_those(workspace, filled):
    run = workspace.tracking.search_runs(OWNER).runs[0]
    version = workspace.models.create_version(
        OWNER, name="delay", source=f"runs:/{run.run_id}/notes.txt", run_id=run.run_id
    )
    with workspace.ledger.read() as connection:
        found = references.needed_by(connection, {filled["single"], WANTED})

    assert found[WANTED] == []
    names = found[filled["single"]]
    assert names[0] == f"run_artifacts run_id={run.run_id}, path=notes.txt"
    assert {f"run:{run.run_id}", f"model_version:{version.id}"} <= set(names)
    assert len(names) == len(set(names))


def test_a_thing_lives_as_long_as_its_row_and_what_has_none_does_not_say(workspace, filled):
    run = workspace.tracking.search_runs(OWNER).runs[0]
    with workspace.ledger.read() as connection:
        assert references.lives(connection, Ref("run", run.run_id)) is True
        assert references.lives(connection, Ref("run", "none")) is False
        assert references.lives(connection, Ref("artifact", WANTED)) is None


def test_a_tree_needs_its_files_and_a_layout_its_packs(workspace, filled, tmp_path):
    objects = workspace.objects
    empty = objects.put_bytes(b"")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.bin").write_bytes(b"abc")
    version = workspace.data.ingest(OWNER, "folder", str(folder))

    assert references.needs(objects, filled["tree"]) == [filled["inner"]]
    assert references.needs(objects, version.layout_digest) == [digest_bytes(b"abc")]
    assert references.needs(objects, filled["single"]) == references.needs(objects, empty) == []
    assert references.needs(objects, version.digest) == []
