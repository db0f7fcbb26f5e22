import sys
from types import SimpleNamespace

import pytest

from tidemill.data.errors import CredentialMissing, SourceRefused
from tidemill.data.sources.access import Access, parse_hosts
from tidemill.data.sources.reach import Reach


def others(tmp_path, hosts=""):
    return Access(reach=Reach.of_others([tmp_path], []), hosts=parse_hosts(hosts))


def owner(tmp_path):
    return Access(reach=Reach.of_owner(tmp_path))


@pytest.mark.parametrize(
    ("scheme", "place", "allowed"),
    [
        ("https", "files.example.com", True),
        ("https", "FILES.example.com:8443", True),
        ("https", "a.open.example.org", True),
        ("https", "open.example.org", False),
        ("https", "files.example.com.evil.org", False),
        ("s3", "public", True),
        ("https", "public", False),
        ("postgresql", "db.example.com:5432", True),
        ("postgresql", "db.example.com", False),
        ("postgresql", "db.example.com:22", False),
        ("https", "169.254.169.254", False),
        ("https", "[::1]:80", False),
        ("https", "localhost", False),
        ("https", "", False),
    ],
)
def test_others_reach_the_listed_places_only(tmp_path, scheme, place, allowed):
    access = others(tmp_path, "files.example.com, *.open.example.org, s3://public, db.example.com:5432=env:PW")
    if allowed:
        access.check_host(scheme, place)
    else:
        with pytest.raises(SourceRefused):
            access.check_host(scheme, place)


def test_others_reach_nothing_by_default(tmp_path):
    with pytest.raises(SourceRefused):
        others(tmp_path).check_host("https", "files.example.com")


def test_the_owner_reaches_everything(tmp_path, monkeypatch):
    monkeypatch.setenv("PW", "hunter2")
    access = owner(tmp_path)
    access.check_host("https", "localhost")

    assert access.secret("env:PW") == "hunter2"


def test_others_use_a_credential_only_at_its_host(tmp_path, monkeypatch):
    monkeypatch.setenv("PW", "hunter2")
    hosts = "db.example.com=env:PW+env:OTHER, evil.example.com"
    at_home, elsewhere = others(tmp_path, hosts), others(tmp_path, hosts)
    at_home.check_host("postgresql", "db.example.com")
    elsewhere.check_host("postgresql", "evil.example.com")

    assert at_home.secret("env:PW") == "hunter2"
    with pytest.raises(SourceRefused):
        elsewhere.secret("env:PW")
    with pytest.raises(SourceRefused):
        at_home.secret("env:TIDEMILL_TOKEN")


def test_a_credential_is_used_only_while_every_place_is_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("PW", "hunter2")
    access = others(tmp_path, "db.example.com=env:PW, evil.example.com")
    access.check_host("postgresql", "db.example.com")
    access.check_host("https", "evil.example.com")

    with pytest.raises(SourceRefused):
        access.secret("env:PW")


def test_credentials_come_from_files_and_the_keyring(tmp_path, monkeypatch):
    keyring = SimpleNamespace(
        get_password=lambda *entry: "from the ring" if entry == ("warehouse", "me") else None,
        errors=SimpleNamespace(KeyringError=RuntimeError),
    )
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    (tmp_path / "pw").write_text("from a file\n")
    access = owner(tmp_path)

    assert access.secret(f"file:{tmp_path / 'pw'}") == "from a file"
    assert access.secret("keyring:warehouse/me") == "from the ring"
    assert access.scrub("says from a file, from the ring") == "says ***, ***"
    for missing in (f"file:{tmp_path / 'none'}", "keyring:warehouse/you", "env:NOT_SET_ANYWHERE"):
        with pytest.raises(CredentialMissing):
            access.secret(missing)


def test_a_credential_is_cleaned_in_every_spelling(tmp_path, monkeypatch):
    token = "sv=2022-11-02&sig=abc%2Bdef%2Fghijkl%3D&se=2027"
    monkeypatch.setenv("SAS", token)
    monkeypatch.setenv("PEM", "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n-----END KEY-----")
    access = owner(tmp_path)
    access.secret("env:SAS")
    access.secret("env:PEM")
    said = access.scrub(f"GET https://h/a?{token} sig abc+def/ghijkl= key MIIEvQIBADANBgkq")

    assert [word for word in ("abc", "ghijkl", "MIIEvQ") if word in said] == []
    assert access.scrub("look at https://h/a?x=1 and why?") == "look at https://h/a?*** and why?"


def test_paths_are_those_that_may_be_read(tmp_path):
    (tmp_path / "here.db").touch()

    assert others(tmp_path).path(str(tmp_path / "here.db")) == (tmp_path / "here.db").resolve()
    with pytest.raises(SourceRefused):
        others(tmp_path).path("/etc/passwd")
    with pytest.raises(SourceRefused):
        others(tmp_path).check_owner("a function")
