from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.server.pages.run_query import Asked, heads, read_asked, table_width, written
from tidemill.tracking.search.parser import parse, parse_order

NESTED = "tags.mlflow.parentRunId"


def test_what_is_usual_is_not_in_the_address():
    assert Asked().address() == "/runs"
    assert read_asked([("status", "nothing"), ("view", "x"), ("start", "-1"), ("show", "metric.x")]) == Asked()
    assert read_asked([("group", "metrics.auc"), ("within", "=x"), ("start", "\uff19")]) == Asked()


@given(
    st.builds(
        Asked,
        filter=st.text().map(str.strip),
        experiment=st.text().map(str.strip),
        view=st.sampled_from(["active", "deleted", "all"]),
        order=st.text().map(str.strip),
        shown=st.lists(st.text(min_size=1).map(lambda key: f"tags.{key}"), unique=True, max_size=5).map(tuple),
        group=st.sampled_from(["parent", "tags.a b"]),
        within=st.sampled_from(["", "-", "=x"]),
        start=st.integers(0, 1000),
    )
)
def test_an_address_says_the_whole_state(asked):
    query = urlsplit(asked.address()).query

    assert read_asked(parse_qsl(query, keep_blank_values=True)) == asked


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Asked(), ""),
        (Asked(filter="a = 1 OR b = 2"), "a = 1 OR b = 2"),
        (
            Asked(filter="a = 1 OR b = 2", status="FAILED"),
            "attributes.status = 'FAILED' AND (a = 1 OR b = 2)",
        ),
        (Asked(group="tags.team"), ""),
        (Asked(group="tags.team", within="=ann's", filter="x = 1"), 'tags.team = "ann\'s" AND (x = 1)'),
        (Asked(group="tags.team", within="-"), "tags.team IS NULL"),
        (Asked(group="parent"), f"{NESTED} IS NULL"),
        (Asked(group="parent", filter="x = 1"), f"{NESTED} IS NULL AND (x = 1)"),
        (Asked(group="parent", within="=r1", filter="x = 1"), f"{NESTED} = 'r1'"),
    ],
)
def test_conditions_join_the_filter_and_what_stands_beside_it(asked, expected):
    assert asked.conditions() == expected
    parse(asked.conditions())


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30))
def test_any_key_is_written_as_the_language_reads_it(name):
    text = written(f"tags.{name}")

    if text:
        assert parse_order(f"{text} DESC").name.key == name
    else:
        assert '"' in name
        assert "`" in name


def test_a_head_orders_the_other_way_at_each_click_and_then_no_more():
    def click(asked):
        head = next(each for each in heads(asked, ["metrics.auc"]) if each.text == "auc")
        return head.sorted, read_asked(parse_qsl(urlsplit(head.href).query))

    first, then = click(Asked(filter="x = 1", start=300))
    assert (first, then.order, then.filter, then.start) == ("", "metrics.auc DESC", "x = 1", 0)
    second, then = click(then)
    assert (second, then.order) == ("descending", "metrics.auc ASC")
    third, then = click(then)
    assert (third, then.order) == ("ascending", "")


def test_texts_are_ordered_from_their_start_and_what_cannot_be_written_not_at_all():
    found = {each.text: each.href for each in heads(Asked(), ["params.depth", 'tags.a`"'])}

    assert "ASC" in found["depth"]
    assert found['a`"'] == ""
    assert table_width(heads(Asked(), ["params.depth"])) > table_width(heads(Asked(), []))
