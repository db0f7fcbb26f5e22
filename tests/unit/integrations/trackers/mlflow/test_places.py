import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.integrations.trackers.mlflow.places import FileRoots, parse_address
from tidemill.tracking.ports import Credentials, FilesElsewhere, InvalidTracker

NOBODY = Credentials()


def test_a_server_is_named_without_who_asks():
    found = parse_address("https://ada:s3cr%40t@mlflow.example.org:8443/base/", NOBODY)

    assert (found.kind, found.url, found.shown) == ("rest", *["https://mlflow.example.org:8443/base"] * 2)
    assert (found.credentials.username, found.credentials.password) == ("ada", "s3cr@t")


def test_what_stands_beside_the_address_counts_before_what_stands_in_it():
    found = parse_address("http://ada:old@host", Credentials(username="eve", password="new", token="t"))

    assert (found.credentials.username, found.credentials.password, found.credentials.token) == ("eve", "new", "t")


def test_a_database_is_reached_by_what_its_query_says_and_shown_without_it():
    found = parse_address("postgresql+psycopg2://reader:x@db/mlflow?sslmode=require", NOBODY)

    assert (found.kind, found.url) == ("postgresql", "postgresql://db/mlflow?sslmode=require")
    assert found.shown == "postgresql://db/mlflow"


def test_a_file_may_be_named_by_a_relative_or_a_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert parse_address("sqlite:///mlflow.db", NOBODY).url == str(tmp_path / "mlflow.db")
    assert parse_address("sqlite:////srv/mlflow.db", NOBODY).url == "/srv/mlflow.db"


@given(st.text(max_size=60))
def test_no_text_does_more_than_be_refused(text):
    try:
        found = parse_address(text, NOBODY)
    except InvalidTracker:
        return
    assert found.kind in {"rest", "sqlite", "postgresql"}


def test_files_are_read_below_the_named_folders_only(tmp_path):
    root, beside = tmp_path / "root", tmp_path / "beside"
    outside = tmp_path / "outside"
    for folder in (root, beside, outside):
        folder.mkdir()
    (root / "link").symlink_to(outside)
    roots = FileRoots(str(root), beside)

    assert roots.folder("mlflow-artifacts:/1/r/artifacts") == root / "1/r/artifacts"
    assert roots.folder(f"file://{root}/a%20b") == root / "a b"
    assert roots.folder("mlruns/1/r") == beside / "mlruns/1/r"
    for uri in (
        str(outside),
        f"file://{outside}",
        f"{root}/../outside",
        "mlflow-artifacts:/../outside",
        "mlflow-artifacts:/%2e%2e/outside",
        "mlflow-artifacts:/link/x",
        "file://elsewhere/x",
        "s3://bucket/x",
        "../outside",
    ):
        with pytest.raises(FilesElsewhere):
            roots.folder(uri)
    with pytest.raises(FilesElsewhere):
        FileRoots("", beside).folder("mlflow-artifacts:/1")


def test_a_root_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidTracker, match="no such folder"):
        FileRoots(str(tmp_path / "nowhere"), tmp_path)
