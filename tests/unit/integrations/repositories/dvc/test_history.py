"""A repository is read, and nothing that it names is run."""

import subprocess

import pytest

from tidemill.integrations.repositories.dvc.history import changes, has_history


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Run Git in a repository with a commit of one file of DVC's."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")
    folder = tmp_path / "repository"
    folder.mkdir()

    def run(*words):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
        return folder

    run("init", "-q")
    (folder / "a.dvc").write_bytes(b"outs: []\n")
    run("add", "-A")
    run("commit", "-qm", "first")
    return run


def test_each_commit_tells_what_it_changed(git):
    folder = git("status")

    [(commit, [change])] = changes(folder)

    assert (commit.author, commit.message, change) == ("Ada", "first", ("a.dvc", b"outs: []\n"))


def test_no_program_of_the_repository_is_run(git, tmp_path):
    program = tmp_path / "program"
    signature = "-----BEGIN PGP SIGNATURE-----\\n\\nx\\n-----END PGP SIGNATURE-----\\n"
    program.write_text(
        f"#!/bin/sh\ntouch {tmp_path}/ran\nprintf '\\n[GNUPG:] SIG_CREATED ' >&2\nprintf -- '{signature}'\n"
    )
    program.chmod(0o755)
    git("config", "gpg.program", str(program))
    (tmp_path / "repository" / "b.dvc").write_bytes(b"stages: {}\n")
    git("add", "-A")
    folder = git("commit", "-q", "-S", "-m", "signed")
    for name in ("log.showSignature=true", "protocol.ext.allow=always", "remote.origin.promisor=true"):
        git("config", *name.split("="))
    git("config", "remote.origin.url", f"ext::sh -c touch% {tmp_path}/fetched")
    git("config", "extensions.partialClone", "origin")
    blob = subprocess.run(["git", "rev-parse", "HEAD:a.dvc"], cwd=folder, check=True, capture_output=True, text=True)
    name = blob.stdout.strip()
    (folder / ".git" / "objects" / name[:2] / name[2:]).unlink()
    (tmp_path / "ran").unlink()

    assert has_history(folder)
    assert [change.content for _, found in changes(folder) for change in found] == [None, b"stages: {}\n"]
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "fetched").exists()


def test_the_surroundings_name_no_other_repository(git, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other"))
    assert has_history(tmp_path / "repository")
