import polars as pl
import pytest

from tidemill.data.errors import MalformedTable, NotATable
from tidemill.data.profiling import profile_file
from tidemill.data.sources.here import is_file


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_of_any_kind_has_a_profile_a_sample_and_a_size(here):
    frame = pl.DataFrame({"x": range(50), "t": [f"t{at % 7}" for at in range(50)]})
    frame.write_parquet("a.parquet")
    frame.write_csv("a.csv", separator=";")
    frame.write_ndjson("a.jsonl")
    profiles = []
    for name in ("a.parquet", "a.csv", "a.jsonl"):
        found = profile_file(name)
        assert (found.name, found.size_bytes) == (name, here.joinpath(name).stat().st_size)
        assert found.sample.rows[1] == ("1", "t1")
        profiles.append(found.profile)
    assert profiles[0] == profiles[1] == profiles[2]


def test_long_files_are_read_in_pieces_that_are_told(monkeypatch):
    monkeypatch.setattr("tidemill.data.profiling._BATCH_CELLS", 1000)
    monkeypatch.setattr("tidemill.data.profile.build._CELLS_TOGETHER", 1000)
    frame = pl.DataFrame({"x": range(5000)})
    frame.write_parquet("a.parquet", row_group_size=500)
    heard: list[tuple[int, int]] = []
    found = profile_file("a.parquet", told=lambda done, total: heard.append((done, total)))
    assert len(heard) > 2
    assert heard[-1] == (5000, 5000)
    assert (found.profile.rows, found.profile.columns[0].high) == (5000, 4999)


def test_columns_of_more_than_one_type_are_told(here):
    here.joinpath("a.csv").write_text("x,y\n" + "".join(f"{at},1\n" for at in range(50)) + "oops,1\n")
    found = profile_file("a.csv")
    assert found.mixed == ("x",)
    assert found.profile.columns[0].rows == 51


def test_broken_files_folders_and_patterns_are_refused(here):
    here.joinpath("a.parquet").write_bytes(b"PAR1 and nothing more")
    here.joinpath("b.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(MalformedTable):
        profile_file("a.parquet")
    for several in (".", "*.parquet"):
        with pytest.raises(NotATable):
            profile_file(several)


def test_names_of_datasets_are_no_files(here):
    here.joinpath("flights").write_text("x\n1\n")
    assert is_file("flights")
    assert not is_file("flights@2")
    assert not is_file("other.v2")
