"""Paths of artifacts name something, and never leave it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.errors import InvalidInput
from tidemill.objects.trees import UnsafePath
from tidemill.tracking.places import (
    ArtifactPlace,
    InvalidPlace,
    logged_model_uri,
    place_of,
    place_of_uri,
    run_uri,
    version_uri,
)

RUN = "0f" * 16


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (f"0/{RUN}/artifacts", ArtifactPlace("run", RUN, "")),
        (f"0/{RUN}/artifacts/model/MLmodel", ArtifactPlace("run", RUN, "model/MLmodel")),
        (f"/team/a b/{RUN}/artifacts/x", ArtifactPlace("run", RUN, "x")),
        (f"0/{RUN}/artifacts/models/m-1/artifacts/x", ArtifactPlace("run", RUN, "models/m-1/artifacts/x")),
        ("0/models/m-1/artifacts/MLmodel", ArtifactPlace("logged_model", "m-1", "MLmodel")),
        ("versions/v1/artifacts/MLmodel", ArtifactPlace("model_version", "v1", "MLmodel")),
    ],
)
def test_a_path_names_whose_file_it_is(path, place):
    assert place_of(path) == place


@pytest.mark.parametrize("path", ["", "0", f"0/{RUN}", "artifacts/x", f"{RUN}/artifacts/x", f"0/{RUN}/artefacts/x"])
def test_a_path_that_names_nothing_is_refused(path):
    with pytest.raises(InvalidInput):
        place_of(path)


@pytest.mark.parametrize("up", ["..", "%2e%2e", "%252e%252e", "%25252e%25252e", "..%2f", "..%5c", "..\\"])
def test_no_encoding_of_two_dots_leaves_a_run(up):
    with pytest.raises(UnsafePath):
        place_of(f"0/{RUN}/artifacts/{up}/x")


@pytest.mark.parametrize("letter", ["\0", "\n", "%00", "%0a"])
def test_control_characters_are_refused(letter):
    with pytest.raises(UnsafePath):
        place_of(f"0/{RUN}/artifacts/a{letter}b")


def test_uris_lead_back_to_what_they_were_made_for():
    assert place_of_uri(run_uri("", "7", RUN) + "/a") == ArtifactPlace("run", RUN, "a")
    assert place_of_uri(run_uri("mlflow-artifacts:/team/x/", "7", RUN)) == ArtifactPlace("run", RUN, "")
    assert place_of_uri(logged_model_uri("", "7", "m-1")) == ArtifactPlace("logged_model", "m-1", "")
    assert place_of_uri(version_uri("v1") + "/a/b") == ArtifactPlace("model_version", "v1", "a/b")
    assert place_of_uri(f"runs:/{RUN}/model") == ArtifactPlace("run", RUN, "model")
    assert place_of_uri("models:/m-1") == ArtifactPlace("logged_model", "m-1", "")


@pytest.mark.parametrize("uri", ["s3://bucket/a", "models:/delay/3", "file:///etc/passwd", "/etc/passwd", ""])
def test_uris_of_other_stores_name_nothing_here(uri):
    assert place_of_uri(uri) is None


def test_a_uri_of_this_server_that_names_nothing_is_refused():
    with pytest.raises(InvalidPlace):
        place_of_uri("mlflow-artifacts:/7/nothing")


@given(st.text())
def test_any_text_is_a_place_inside_or_refused(text):
    try:
        place = place_of(text)
    except InvalidInput:
        return
    assert ".." not in place.path.split("/")
    assert not place.path.startswith("/")


@pytest.mark.parametrize("path", ["a//b", "/etc/passwd", "a/\ufffd"])
def test_parts_that_are_empty_or_not_utf_8_are_refused(path):
    with pytest.raises(UnsafePath):
        place_of(f"0/{RUN}/artifacts/{path}")
