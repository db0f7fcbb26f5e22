import pytest

from tidemill.objects.remote.address import Address, parse_address
from tidemill.objects.remote.errors import InvalidRemote


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("s3://bucket", Address("s3", "bucket", "")),
        ("s3://bucket/team/data/", Address("s3", "bucket", "team/data")),
        ("gs://my_bucket.example/x", Address("gs", "my_bucket.example", "x")),
        ("az://container/a b", Address("az", "container", "a b")),
        ("file:///srv/data", Address("file", "", "/srv/data")),
        ("file:///srv/my%20data/", Address("file", "", "/srv/my data")),
    ],
)
def test_an_address_names_a_place_and_is_written_as_it_was(text, address):
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", "bucket", "s3:/bucket", "ftp://host/x", "s3://", "s3://b", "s3://bucket/../x", "s3://bucket/a//b", "s3://-x-/",
     "file://host/x", "file:///", "file:///a/../b", "s3://bucket/a\nb", "s3://bucket/\0"],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_a_hint(text):
    with pytest.raises(InvalidRemote) as refused:
        parse_address(text)

    assert "s3://BUCKET/PREFIX" in refused.value.hint


@pytest.mark.parametrize("text", ["s3://user:geheim@bucket/x", "az://box/x?sig=geheim", "https://user:geheim@host"])
def test_an_address_with_a_credential_is_refused_and_not_repeated(text):
    with pytest.raises(InvalidRemote) as refused:
        parse_address(text)

    assert "geheim" not in str(refused.value)
