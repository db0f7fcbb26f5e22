"""The how-to `label-data`: each command of it works, with nobody at the page but a program."""

from .following import steps

CHOICES = ["--choice", "price", "--choice", "taste"]


def test_every_command_of_the_page_works(bare, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{at},text {at},{at % 5 + 1},{at % 97 / 97},taste" for at in range(1, 601)]
    (tmp_path / "reviews.csv").write_text(
        "\n".join(["id,body,stars,confidence,predicted", *rows, "601,odd,many,1,taste"])
    )
    (tmp_path / "pets").mkdir()
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / "pets" / name).write_bytes(b"\xff\xd8\xff" + name.encode())
    followed = [step for step in steps("how-to/label-data.md") if step.line.startswith("tidemill ")]

    for step in followed:
        if step.verb == "tokens create":
            continue
        words = [each for word in step.words[1:] for each in (CHOICES if word == "..." else [word])]
        words += ["--no-serve"] if step.verb == "data label" else []
        words += ["--on-bad-rows", "quarantine", "--type", "stars=int"] if "reviews.csv" in words else []
        ran = bare(*words)
        assert ran.code == 0, f"{step.line}\n{ran.err}"
        if step.verb == "data label" and ("--guidelines" in words or "animal" in words):
            task, value = ("pets-animal", "cat") if "animal" in words else ("reviews-topic", "price")
            assert bare("data", "labels", "answer", task, 1, value).code == 0

    assert len(followed) > 12
    told = {each["name"]: each["rows"] for each in bare("data", "labels", "list", "--json").json}
    assert (told["first-500"], told["unhappy"], told["unsure"], told["pets-animal"]) == (500, 240, 200, 2)
