import polars as pl
import pytest

from tidemill.core.access import OWNER, Actor, Role
from tidemill.data import errors
from tidemill.integrations.sources.huggingface.layout import split_of

EDITOR = Actor("somebody", Role.EDITOR)
PIXEL = bytes.fromhex("89504e470d0a1a0a0000000d49484452")


@pytest.fixture
def folder(project):
    made = project / "set"
    made.mkdir()
    return made


def shard(folder, name, *values):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame({"n": values}).write_parquet(path)


def image(folder, name, content=PIXEL):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("data/train-00000-of-00002.parquet", "train"),
        ("data/validation-00000-of-00001.parquet", "validation"),
        ("my_dataset_test.csv", "test"),
        ("dev/a.jsonl", "validation"),
        ("eval.csv.gz", "test"),
        ("contest.csv", "train"),
        ("test/cats/training.png", "test"),
        ("a.csv", "train"),
    ],
)
def test_the_split_is_seen_from_the_name(path, split):
    from pathlib import PurePosixPath

    assert split_of(PurePosixPath(path)) == split


def test_the_shards_of_a_split_are_the_parts(data, folder):
    shard(folder, "data/train-00000-of-00002.parquet", 1, 2)
    shard(folder, "data/train-00001-of-00002.parquet", 3)
    shard(folder, "data/test-00000-of-00001.parquet", 9)
    (folder / "README.md").write_text("---\n---\n")
    made = data.ingest(OWNER, "t", f"hf:{folder}#split=train")

    assert data.read(OWNER, "t")["n"].to_list() == [1, 2, 3]
    assert [part.source.name for part in made.parts] == [
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
    ]
    assert made.parts[0].source.version == {"split": "train"}


def test_splits_do_not_mix(data, folder, nothing_kept):
    shard(folder, "train.parquet", 1)
    shard(folder, "test.parquet", 2)
    with pytest.raises(errors.InvalidOption, match="train, test"):
        data.ingest(OWNER, "t", f"hf:{folder}")
    with pytest.raises(errors.InvalidOption, match="'tset'"):
        data.ingest(OWNER, "t", f"hf:{folder}#split=tset")
    nothing_kept()


def test_images_by_class_are_rows(data, folder):
    image(folder, "train/cats/1.png")
    image(folder, "train/dogs/2.png", PIXEL + b"x")
    image(folder, "test/dogs/3.png")
    data.ingest(OWNER, "t", f"hf:{folder}#split=train")

    rows = data.read(OWNER, "t")
    assert rows.columns == ["file_name", "label", "size_bytes", "digest"]
    assert rows.select("file_name", "label", "size_bytes").rows() == [
        ("train/cats/1.png", "cats", 16),
        ("train/dogs/2.png", "dogs", 17),
    ]
    data.ingest(OWNER, "u", f"hf:{folder}#split=test&content=true")
    assert data.read(OWNER, "u")["content"].to_list() == [PIXEL]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_images_with_metadata_have_its_columns(data, folder, kind):
    image(folder, "train/1.png")
    image(folder, "train/2.png")
    told = pl.DataFrame({"file_name": ["2.png", "1.png"], "text": ["two", "one"]})
    place = folder / f"train/metadata.{kind}"
    if kind == "parquet":
        told.write_parquet(place)
    else:
        place.write_text(told.write_csv() if kind == "csv" else told.write_ndjson())
    data.ingest(OWNER, "t", f"hf:{folder}")

    assert data.read(OWNER, "t").select("file_name", "text").rows() == [("train/1.png", "one"), ("train/2.png", "two")]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["1.png", "3.png"], "no such file"),
        (["1.png"], "does not name"),
        (["1.png", "2.png", "2.png"], "twice"),
        (["1.png", "../../secret.png"], "no such file"),
    ],
)
def test_metadata_that_does_not_fit_is_told(data, folder, nothing_kept, names, words):
    image(folder, "1.png")
    image(folder, "2.png")
    pl.DataFrame({"file_name": names}).write_csv(folder / "metadata.csv")
    with pytest.raises(errors.MalformedTable, match=words):
        data.ingest(OWNER, "t", f"hf:{folder}")
    nothing_kept()


def test_links_lead_others_nowhere_and_devices_are_left_alone(data, folder, tmp_path):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    (folder / "train.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "train.tsv").symlink_to("/dev/zero")
    with pytest.raises(errors.SourceRefused):
        data.ingest(EDITOR, "t", f"hf:{folder}")

    assert data.ingest(OWNER, "t", f"hf:{folder}").rows == 1


def test_an_empty_or_foreign_folder_is_told(data, folder, tmp_path):
    (folder / "notes.txt").write_text("x")
    for place in (folder, folder / "none", folder / "notes.txt"):
        with pytest.raises(errors.SourceNotFound):
            data.ingest(OWNER, "t", f"hf:{place}")
    with pytest.raises(errors.SourceRefused):
        data.ingest(EDITOR, "t", f"hf:{tmp_path}")
