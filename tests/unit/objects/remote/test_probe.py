import pytest

from tidemill.objects.remote import Conditions, connect, parse_address, probe
from tidemill.objects.remote.connect import Patience
from tidemill.objects.remote.errors import RemoteUnsafe
from tidemill.objects.remote.probe import check_safe

SOON = Patience(tries=2, first_wait_s=0.001, longest_wait_s=0.002)


@pytest.mark.parametrize(("cloud", "scheme"), [("s3", "s3"), ("gcs", "gs"), ("azure", "az")])
def test_a_place_that_honours_conditions_is_found_to(request, cloud, scheme):
    bucket = connect(parse_address(f"{scheme}://{request.getfixturevalue(cloud)}/x"), SOON)

    assert probe(bucket) == Conditions(creates_once=True, compares=True)
    assert list(bucket.list("")) == []


@pytest.mark.parametrize(
    ("cloud", "scheme", "dropped"),
    [
        ("s3", "s3", {"if-none-match", "if-match"}),
        ("gcs", "gs", {"x-goog-if-generation-match"}),
    ],
)
def test_a_server_that_ignores_conditions_is_found_out_and_refused(request, cloud, scheme, dropped):
    request.getfixturevalue(f"{cloud}_proxy").dropped_headers = dropped
    bucket = connect(parse_address(f"{scheme}://{request.getfixturevalue(cloud)}/x"), SOON)

    found = probe(bucket)

    assert found == Conditions(creates_once=False, compares=False)
    assert list(bucket.list("")) == []
    with pytest.raises(RemoteUnsafe, match="writes over what is there"):
        check_safe(bucket, found)


def test_a_server_that_does_not_know_the_header_is_found_out(s3_proxy, s3):
    s3_proxy.faults.clear()
    bucket = connect(parse_address(f"s3://{s3}/x"), SOON)
    from tests.faults.store_proxy import Fault

    s3_proxy.faults.append(
        Fault("501", lambda asked: any(name.lower() == "if-none-match" for name, _ in asked.headers), 99)
    )

    assert probe(bucket) == Conditions(creates_once=False, compares=True)


def test_a_folder_creates_once_and_compares_nothing(tmp_path):
    assert probe(connect(parse_address(f"file://{tmp_path}/x"))) == Conditions(creates_once=True, compares=False)
