from prometheus_client.parser import text_string_to_metric_families

from tidemill.serving.metrics import Metrics, exposition, merge, pack, unpack

ROUTE = {"endpoint": "delay", "model": "delay", "version": "1", "route": "stable"}


def read(page):
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def value(found, name, **labels):
    return found[name, tuple(sorted(labels.items()))]


def test_the_page_is_what_prometheus_reads(server):
    for body in ({"records": [{"x": 1}, {"x": 2}]}, {"records": [{"x": "a"}]}):
        server.call(body)
    server.call({}, path="/v1/endpoints/unknown/predict")
    found = read(server.get("/metrics")[1])
    none = {"model": "", "version": "", "route": ""}
    assert value(found, "tidemill_requests_total", status="200", **ROUTE) == 1
    assert value(found, "tidemill_requests_total", endpoint="delay", status="422", **none) == 1
    assert value(found, "tidemill_requests_total", endpoint="", status="404", **none) == 1
    assert value(found, "tidemill_errors_total", endpoint="delay", code="invalid_rows") == 1
    assert value(found, "tidemill_rows_total", **ROUTE) == 2
    assert value(found, "tidemill_request_seconds_count", **ROUTE) == 1
    assert value(found, "tidemill_request_seconds_bucket", le="+Inf", **ROUTE) == 1
    assert value(found, "tidemill_routes_revision") == 1
    assert value(found, "tidemill_in_flight") == 0
    assert value(found, "tidemill_capture_bytes_total") > 0
    assert value(found, "tidemill_process_start_time_seconds") > 1e9


def test_buckets_count_what_is_below_their_bound():
    metrics = Metrics()
    target = metrics.target(endpoint="e", model="m", version=1, route="stable")
    for seconds in (0.0001, 0.0003, 0.0003, 9.0):
        target.answered(seconds, 1)
    found = read(exposition(metrics.samples()))
    labels = {"endpoint": "e", "model": "m", "version": "1", "route": "stable"}
    assert value(found, "tidemill_request_seconds_bucket", le="0.00025", **labels) == 1
    assert value(found, "tidemill_request_seconds_bucket", le="0.0005", **labels) == 3
    assert value(found, "tidemill_request_seconds_bucket", le="2.5", **labels) == 3
    assert value(found, "tidemill_request_seconds_bucket", le="+Inf", **labels) == 4


def test_what_clients_send_makes_no_labels(server):
    before = len(read(server.get("/metrics")[1]))
    server.call({}, path="/v1/endpoints/x/predict")
    once = len(read(server.get("/metrics")[1]))
    for at in range(20):
        server.call({}, path=f"/v1/endpoints/x{at}/predict")
    assert len(read(server.get("/metrics")[1])) == once == before + 2


def test_old_targets_are_forgotten_when_there_are_many():
    metrics = Metrics()
    for version in range(200):
        metrics.target(endpoint="e", model="m", version=version, route="stable")
    assert len(metrics.samples()["tidemill_rows_total"]) == 64
    again = metrics.target(endpoint="e", model="m", version=199, route="stable")
    assert again is metrics.target(endpoint="e", model="m", version=199, route="stable")


def test_a_label_is_escaped():
    metrics = Metrics()
    metrics.target(endpoint='a"b\\c\nd', model="m", version=1, route="stable")
    assert any(dict(labels).get("endpoint") == 'a"b\\c\nd' for _, labels in read(exposition(metrics.samples())))


def test_processes_are_added_up():
    parts = []
    for revision in (3, 2):
        metrics = Metrics()
        metrics.routes_revision = revision
        metrics.target(endpoint="e", model="m", version=1, route="stable").answered(0.1, 5)
        metrics.refused("e", "invalid_rows", 422)
        parts.append(unpack(pack(metrics.samples())))
    found = read(exposition(merge(parts)))
    assert value(found, "tidemill_rows_total", endpoint="e", model="m", version="1", route="stable") == 10
    assert value(found, "tidemill_errors_total", endpoint="e", code="invalid_rows") == 2
    assert value(found, "tidemill_routes_revision") == 2
