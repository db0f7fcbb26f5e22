"""An endpoint moves from version to version; the ledger says how, and each request once."""

import msgspec
import pytest

from tidemill.core.access import OWNER
from tidemill.core.errors import Conflict, InvalidInput, NotFound, Refused
from tidemill.delivery.records import RolloutPlan

CANARY = RolloutPlan(shares=[0.1, 0.5], min_requests=10, on_timeout="wait")


@pytest.fixture
def routes(house):
    def read():
        return msgspec.json.decode((house.home / "serving" / "routes.json").read_bytes())

    return read


def test_an_endpoint_is_made_once(house):
    made = house.delivery.create_endpoint(OWNER, name="delay", time="at", passthrough=["id", "at", "id"], sticky="id")
    assert (made.time, made.passthrough, made.sticky) == ("at", ["id", "at"], "id")
    assert (made.targets, made.stable, made.revision) == ([], None, 0)
    again = house.delivery.create_endpoint(OWNER, name="delay", time="at", passthrough=["id", "at"], sticky="id")
    assert again == made
    assert house.audit("endpoint.create") == 1
    with pytest.raises(Conflict) as caught:
        house.delivery.create_endpoint(OWNER, name="delay")
    assert caught.value.code == "endpoint_exists"
    assert house.delivery.list_endpoints(OWNER) == [made]


@pytest.mark.parametrize("name", ["", "../up", "a b", "x\0", ".hidden", "é" * 200])
def test_a_name_that_cannot_be_is_refused(house, name):
    with pytest.raises(InvalidInput):
        house.delivery.create_endpoint(OWNER, name=name)
    with pytest.raises(InvalidInput):
        house.delivery.create_endpoint(OWNER, name="delay", passthrough=["a\0b"])
    assert house.delivery.list_endpoints(OWNER) == []


def test_what_is_not_there_is_told_with_what_is(house):
    house.delivery.create_endpoint(OWNER, name="delay")
    for verb in (house.delivery.get_endpoint, house.delivery.configure_endpoint):
        with pytest.raises(NotFound) as caught:
            verb(OWNER, name="dealy")
        assert caught.value.code == "endpoint_not_found"
        assert "delay" in caught.value.hint
    with pytest.raises(NotFound):
        house.delivery.list_deployments(OWNER, endpoint="dealy")
    with pytest.raises(NotFound):
        house.delivery.get_deployment(OWNER, id="nothing")
    with pytest.raises(NotFound):
        house.delivery.get_rollout(OWNER, id="nothing")


def test_the_first_version_takes_all_traffic_at_once(house, ann, routes):
    version = house.ready()
    house.delivery.create_endpoint(ann, name="delay", passthrough=["id"], sticky="id")
    rollout = house.delivery.deploy(ann, endpoint="delay", model=version.ref, plan=CANARY)
    assert (rollout.state, rollout.before, rollout.share) == ("promoted", None, 1.0)
    assert "nothing stood" in rollout.reason
    found = house.endpoint()
    assert found.stable == rollout.after
    assert house.champion() == 1
    (target,) = routes()["endpoints"]["delay"]["targets"]
    assert (target["share"], target["route"], target["version"]) == (1.0, "stable", 1)
    assert target["bundle"] == version.digest
    assert routes()["endpoints"]["delay"]["sticky"] == "id"
    (deployment,) = house.delivery.list_deployments(ann, endpoint="delay")
    assert (deployment.number, deployment.model, deployment.created_by) == (1, "delay", "ann")
    assert deployment.gate_report
    assert house.delivery.get_deployment(ann, id=deployment.id) == deployment


def test_without_a_data_plane_the_ledger_says_that_it_is_not_served(house, ann):
    house.delivery.create_endpoint(ann, name="delay")
    house.delivery.deploy(ann, endpoint="delay", model=house.ready().ref)
    found = house.endpoint()
    assert found.served is None
    assert found.served_revision < found.revision
    assert "does not run" in found.problem


def test_an_endpoint_without_a_version_is_not_in_the_routes(house, ann, routes):
    house.delivery.create_endpoint(ann, name="empty")
    house.delivery.create_endpoint(ann, name="delay")
    house.delivery.deploy(ann, endpoint="delay", model=house.ready().ref)
    assert list(routes()["endpoints"]) == ["delay"]


def test_settings_change_without_touching_traffic(house, ann, routes):
    house.delivery.create_endpoint(ann, name="delay")
    house.delivery.deploy(ann, endpoint="delay", model=house.ready().ref)
    before = house.endpoint()
    found = house.delivery.configure_endpoint(ann, name="delay", passthrough=["id"])
    assert (found.targets, found.passthrough) == (before.targets, ["id"])
    assert found.revision == before.revision + 1
    assert routes()["endpoints"]["delay"]["passthrough"] == ["id"]
    assert routes()["revision"] == found.revision
    assert house.delivery.configure_endpoint(ann, name="delay", passthrough=["id"]).revision == found.revision


def test_only_what_passed_its_gate_is_deployed(house, ann, bob):
    house.delivery.create_endpoint(ann, name="delay")

    def refused(code, **more):
        with pytest.raises((Refused, Conflict, NotFound)) as caught:
            house.delivery.deploy(ann, endpoint="delay", model="delay@1", **more)
        assert caught.value.code == code
        return caught.value

    version = house.register("one")
    refused("gate_missing")
    house.judge(version, [{"metric": "roc_auc >= 0.99"}])
    assert "surely misses >= 0.99" in refused("gate_shut").message
    report = house.judge(version, [{"approval": "reviewers"}])
    assert "waits for approval" in refused("gate_shut").message
    refused("gate_report_not_found", gate_report="nothing")
    refused("permission_missing", force=True)
    house.delivery.reject(bob, id=report.id, comment="too soon")
    assert "bob said no: too soon" in refused("gate_shut").message
    assert house.delivery.list_deployments(ann, endpoint="delay") == []
    opened = house.judge(version)
    house.judge(version, [{"metric": "roc_auc >= 0.99"}])
    refused("report_outdated", gate_report=opened.id)
    forced = house.delivery.deploy(OWNER, endpoint="delay", model="delay@1", force=True)
    assert forced.state == "promoted"
    assert house.audit("deployment.force") == 1


def test_a_report_of_another_version_opens_nothing(house, ann):
    house.delivery.create_endpoint(ann, name="delay")
    one, both = house.ready("one"), house.register("both")
    report = house.delivery.list_gate_reports(ann, model="delay", version=one.number)[0]
    with pytest.raises(Refused):
        house.delivery.deploy(ann, endpoint="delay", model=both.ref, gate_report=report.id)
    house.judge(both, [{"metric": "roc_auc >= 0.1"}])
    with pytest.raises(Conflict) as caught:
        house.delivery.deploy(ann, endpoint="delay", model=both.ref, gate_report=report.id)
    assert caught.value.code == "report_outdated"


def test_a_comparison_with_a_champion_that_is_gone_does_not_hold(house, ann):
    house.delivery.create_endpoint(ann, name="delay")
    house.delivery.deploy(ann, endpoint="delay", model=house.ready("guess").ref)
    both, one = house.register("both"), house.register("one")
    for version in (both, one):
        assert house.judge(version, [{"metric": "roc_auc >= champion - 0.005"}]).status == "open"
    house.delivery.deploy(ann, endpoint="delay", model=both.ref)
    with pytest.raises(Conflict) as caught:
        house.delivery.deploy(ann, endpoint="delay", model=one.ref)
    assert caught.value.code == "report_outdated"
    again = house.delivery.deploy(ann, endpoint="delay", model=both.ref)  # it is the champion itself
    assert again.state == "promoted"


def test_deploying_again_with_a_key_changes_nothing(house, ann):
    one, both = house.ready("one"), house.ready("both")
    house.delivery.create_endpoint(ann, name="delay")
    first = house.delivery.deploy(ann, endpoint="delay", model=one.ref, key="delivery-1")
    second = house.delivery.deploy(ann, endpoint="delay", model=both.ref, key="delivery-2")
    assert house.delivery.deploy(ann, endpoint="delay", model=one.ref, key="delivery-1").id == first.id
    assert house.endpoint().stable == second.after
    assert len(house.delivery.list_deployments(ann, endpoint="delay")) == 2
    with pytest.raises(Conflict) as caught:
        house.delivery.deploy(ann, endpoint="delay", model=both.ref, key="delivery-1")
    assert caught.value.code == "key_reused"


def test_rolling_back_walks_the_versions_back_and_the_champion_with_them(house, ann, routes):
    house.delivery.create_endpoint(ann, name="delay")
    first = house.delivery.deploy(ann, endpoint="delay", model=house.ready("guess").ref)
    second = house.delivery.deploy(ann, endpoint="delay", model=house.ready("one").ref)
    third = house.delivery.deploy(ann, endpoint="delay", model=house.ready("both").ref)
    assert house.champion() == 3
    for wanted, version in ((second, 2), (first, 1)):
        found = house.delivery.rollback(ann, endpoint="delay", reason="too many complaints")
        assert found.stable == wanted.after
        assert house.champion() == version
        assert routes()["endpoints"]["delay"]["targets"][0]["version"] == version
    with pytest.raises(Conflict) as caught:
        house.delivery.rollback(ann, endpoint="delay")
    assert caught.value.code == "nothing_to_roll_back"
    assert house.delivery.rollback(ann, endpoint="delay", to=third.after).stable == third.after
    assert house.audit("endpoint.rollback") == 3


def test_rolling_back_goes_to_deployments_of_this_endpoint_only(house, ann):
    version = house.ready("one")
    for name in ("delay", "other"):
        house.delivery.create_endpoint(ann, name=name)
    house.delivery.deploy(ann, endpoint="delay", model=version.ref)
    other = house.delivery.deploy(ann, endpoint="other", model=version.ref)
    with pytest.raises(NotFound) as caught:
        house.delivery.rollback(ann, endpoint="delay", to=other.after)
    assert caught.value.code == "deployment_not_found"
    with pytest.raises(NotFound):
        house.delivery.rollback(ann, endpoint="nothing")
    with pytest.raises(Conflict):
        house.delivery.promote(ann, endpoint="delay")


def test_revisions_only_grow(house, ann, routes):
    seen = []
    for name in ("a", "b"):
        house.delivery.create_endpoint(ann, name=name)
    one, both = house.ready("one"), house.ready("both")
    for step in (
        lambda: house.delivery.deploy(ann, endpoint="a", model=one.ref),
        lambda: house.delivery.deploy(ann, endpoint="b", model=one.ref),
        lambda: house.delivery.deploy(ann, endpoint="a", model=both.ref),
        lambda: house.delivery.rollback(ann, endpoint="a"),
        lambda: house.delivery.configure_endpoint(ann, name="b", time="at"),
    ):
        step()
        seen.append(routes()["revision"])
    assert seen == sorted(set(seen))


def test_the_lineage_leads_from_the_endpoint_to_the_model(house, ann):
    house.delivery.create_endpoint(ann, name="delay")
    version = house.ready()
    rollout = house.delivery.deploy(ann, endpoint="delay", model=version.ref)
    with house.ledger.read() as connection:
        edges = connection.exec_driver_sql(
            "SELECT source_kind, relation, target_kind FROM lineage_edges WHERE target_id = ? OR source_id = ?",
            (rollout.after, rollout.after),
        ).fetchall()
    assert {tuple(edge) for edge in edges} == {
        ("model_version", "deployed_as", "deployment"),
        ("gate_report", "lets_pass", "deployment"),
        ("deployment", "serves", "endpoint"),
        ("deployment", "rolled_out_by", "rollout"),
    }
