"""The Python of the reference of data, run as it stands there."""

from typing import Any

from .following import blocks


def test_the_examples_run(bare, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [f"{('UA', 'AA')[at % 2]},{at},2013-0{1 + at % 6}-{1 + at % 28:02} 10:00:00" for at in range(200)]
    for rows in (100, 150, 200):
        (tmp_path / "flights.csv").write_text("\n".join(["carrier,dep_delay,departed_at", *lines[:rows]]))
        assert bare("data", "add", "flights", "flights.csv").code == 0
    (tmp_path / "images" / "cats").mkdir(parents=True)
    (tmp_path / "images" / "cats" / "001.jpg").write_bytes(b"a cat")
    assert bare("data", "add", "images", "images").code == 0
    names: dict[str, Any] = {}

    for text in blocks("reference/data.md", "python"):
        exec(text, names)

    assert names["first"] == b"a cat"
    assert [names[name].height for name in ("late", "rest", "held")] == [139, 160, 40]
