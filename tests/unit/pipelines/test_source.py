import pytest

from tidemill.objects import ObjectStore
from tidemill.pipelines import source
from tidemill.pipelines.errors import SourceMissing, SourceTooLarge


@pytest.fixture
def objects(tmp_path):
    return ObjectStore(tmp_path / "store")


def names(objects, folder):
    return [entry.path for entry in objects.list_tree(source.take_snapshot(folder, objects).digest)]


def test_code_and_small_texts_are_kept_and_data_is_not(objects, tmp_path):
    folder = tmp_path / "project"
    for name in ("pipeline.py", "lib/__init__.py", "lib/query.sql", "tidemill.yaml", "uv.lock"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    for name in ("data.parquet", "big.json", ".env", ".git/config.py", "__pycache__/x.py", "my-env/lib/x.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x" * 300_000)
    (folder / "my-env" / "pyvenv.cfg").write_text("")
    (tmp_path / "outside.py").write_text("secret")
    (folder / "link.py").symlink_to(tmp_path / "outside.py")

    assert names(objects, folder) == ["lib/__init__.py", "lib/query.sql", "pipeline.py", "tidemill.yaml", "uv.lock"]


def test_equal_code_has_an_equal_digest_wherever_it_lies(objects, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pipeline.py").write_text("x = 1")

    first, second = (source.take_snapshot(tmp_path / name, objects) for name in ("one", "two"))
    assert first.digest == second.digest
    assert first.git is None
    assert (first.files, first.size) == (1, 5)


def test_code_has_a_limit(objects, tmp_path, monkeypatch):
    monkeypatch.setattr(source, "MOST_BYTES", 10)
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "pipeline.py").write_text("x" * 11)

    with pytest.raises(SourceTooLarge):
        source.take_snapshot(tmp_path / "p", objects)


def test_a_missing_folder_is_named(objects, tmp_path):
    with pytest.raises(SourceMissing, match="absent"):
        source.take_snapshot(tmp_path / "absent", objects)


def test_the_copy_to_run_from_is_read_only_and_is_mended(objects, tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "pipeline.py").write_text("x = 1")
    digest = source.take_snapshot(tmp_path / "p", objects).digest
    copy = source.export_source(digest, objects, tmp_path / "work")

    assert (copy / "pipeline.py").stat().st_mode & 0o222 == 0
    assert copy.stat().st_mode & 0o222 == 0
    copy.chmod(0o755)
    (copy / "shadow.py").write_text("evil")
    assert source.export_source(digest, objects, tmp_path / "work") == copy
    assert [path.name for path in copy.iterdir()] == ["pipeline.py"]
