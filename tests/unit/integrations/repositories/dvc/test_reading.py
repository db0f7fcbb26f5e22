"""What a list of a folder may say."""

import json
from hashlib import md5

import pytest

from tidemill.data.repositories import Commit, ContentMissing, Output
from tidemill.integrations.repositories.dvc.reading import OpenDVC


@pytest.mark.parametrize("name", ["/tmp/stolen", "../../stolen", "0" * 31, "0" * 32 + ".dir"])
def test_a_list_that_names_no_md5_is_refused(tmp_path, name):
    listed = json.dumps([{"md5": name, "relpath": "a"}]).encode()
    content = md5(listed, usedforsecurity=False).hexdigest()
    cache = tmp_path / "repository" / ".dvc" / "cache" / "files" / "md5" / content[:2]
    cache.mkdir(parents=True)
    (cache / f"{content[2:]}.dir").write_bytes(listed)
    opened = OpenDVC(tmp_path / "repository", "", tmp_path)
    output = Output(path="a", content=f"{content}.dir", is_folder=True, commit=Commit())

    with pytest.raises(ContentMissing, match="where an MD5 stands"):
        opened.files(output)
