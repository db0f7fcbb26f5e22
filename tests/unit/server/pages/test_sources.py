from tidemill.server.pages.sources import differences, line_differences


def tree(workspace, folder, files):
    for path, content in files.items():
        folder.joinpath(path).parent.mkdir(parents=True, exist_ok=True)
        folder.joinpath(path).write_bytes(content)
    return workspace.objects.put_tree(folder)


def test_files_that_differ_are_told_line_by_line(workspace, tmp_path):
    same = {"same.py": b"x\n", "gone.py": b"old\n", "data.bin": b"\xff\x00"}
    before = tree(workspace, tmp_path / "a", {**same, "step.py": b"rate = 1\nkeep\n"})
    after = tree(
        workspace,
        tmp_path / "b",
        {"same.py": b"x\n", "data.bin": b"\xff\x01", "step.py": b"rate = 2\nkeep\n", "n/new.py": b"a"},
    )
    found = {each.path: each for each in differences(workspace, before, after)}

    assert {path: each.change for path, each in found.items()} == {
        "data.bin": "changed",
        "gone.py": "removed",
        "n/new.py": "added",
        "step.py": "changed",
    }
    assert [(line.sign, line.text) for line in found["step.py"].lines][1:] == [
        ("-", "rate = 1"),
        ("+", "rate = 2"),
        (" ", "keep"),
    ]
    assert found["data.bin"].note
    assert differences(workspace, before, before) == []


def test_lines_that_look_like_signs_stay_lines():
    assert [(line.sign, line.text) for line in line_differences("-- a\n", "++ b\n")][1:] == [
        ("-", "-- a"),
        ("+", "++ b"),
    ]
