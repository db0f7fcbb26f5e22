import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.server.pages.charts.bars import Bin, even_bins, histogram, stacked_shares, value_bars
from tidemill.server.pages.charts.figure import Frame
from tidemill.server.pages.charts.graphs import Node, arrange, lineage_graph
from tidemill.server.pages.charts.intervals import Judged, interval
from tidemill.server.pages.charts.lines import Axes, Line, Point, Rule, line_chart, nice_steps, spark, thinned
from tidemill.server.pages.charts.parallel import Column, Strand, axis_of, parallel
from tidemill.server.pages.charts.scales import Scale, decades, nice, over_time
from tidemill.server.pages.charts.scatter import Dot, scatter
from tidemill.server.pages.charts.strips import Cell, Row, heat_strip

EVIL = '<script>alert("x")</script>'
finite = st.floats(-1e12, 1e12, allow_nan=False)


@given(finite, finite)
def test_a_scale_holds_its_values_between_few_round_ticks(one, other):
    low, high = sorted((one, other))
    scale, ticks = nice(low, high)

    hair = 1e-6 * max(abs(low), abs(high))
    assert scale.low <= low + hair
    assert high - hair <= scale.high
    assert 2 <= len(ticks) <= 9


@pytest.mark.parametrize(("low", "high", "labels"), [(0.7, 0.8, ["0.70", "0.72", "0.74"]), (0, 100, ["0", "20", "40"])])
def test_ticks_are_labelled_as_exactly_as_they_stand(low, high, labels):
    _, ticks = nice(low, high)

    assert [tick.label for tick in ticks][:3] == labels
    assert all(math.isclose(float(tick.label), tick.value) for tick in ticks)


@pytest.mark.parametrize("span_s", [5, 600, 86_400, 40 * 86_400, 300 * 86_400, 3000 * 86_400])
def test_time_has_a_few_ticks_at_any_span(span_s):
    start = 1_772_000_000_000
    _, ticks = over_time(start, start + span_s * 1000)

    assert 1 <= len(ticks) <= 8
    assert all(start - 86_400_000 <= tick.value <= start + span_s * 1000 for tick in ticks)
    assert len({tick.label for tick in ticks}) == len(ticks)


def test_a_place_outside_stays_at_the_edge():
    assert (Scale(0, 1).at(-5), Scale(0, 1).at(0.5), Scale(0, 1).at(9)) == (0, 500, 1000)


def test_thinning_keeps_the_extremes_and_the_ends():
    points = [Point(at, math.sin(at / 50)) for at in range(20_000)]
    points[7777] = Point(7777, 99.0)
    kept = thinned(points)

    assert len(kept) <= 900
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert points[7777] in kept


def test_a_line_has_holes_where_values_miss():
    drawn = line_chart(Frame("m"), [Line("a", [Point(0, 1.0), Point(1, None), Point(2, 2.0), Point(3, 1.0)])])

    assert drawn.count('class="line') == 1
    assert drawn.split('class="line tone-1" d="')[1].split('"')[0].count("M") == 2


def test_a_line_shows_its_band_rule_numbers_and_words():
    points = [Point(0, 0.7, 0.6, 0.8), Point(86_400_000, 0.6, 0.5, 0.7)]
    axes = Axes(is_time=True, unit=" %", rules=[Rule(0.65, "alert", "bad")])
    drawn = line_chart(Frame("roc_auc", "It fell."), [Line("roc_auc", points, dots=True)], axes)

    for part in (
        'class="band',
        'class="rule tone-bad"',
        "alert",
        "It fell.",
        "0.7000 % (0.6000 to 0.8000)",
        "1970-01-01",
    ):
        assert part in drawn


def test_nothing_to_draw_says_so():
    assert "Nothing to draw yet" in line_chart(Frame("m"), [Line("a", [Point(0, float("nan"))])])
    assert spark([1.0], "m") == ""


@given(st.lists(st.tuples(finite, st.integers(1, 1000)), min_size=1, max_size=50, unique_by=lambda pair: pair[0]))
def test_equal_bins_hold_every_row(pairs):
    pairs.sort()
    bins = [Bin(value, value, rows) for value, rows in pairs]
    heights, _, _ = even_bins(bins, 20)

    assert math.isclose(sum(heights), sum(rows for _, rows in pairs))


def test_few_single_values_have_a_bar_each():
    heights, low, high = even_bins([Bin(hour, hour, 10 + hour) for hour in range(5, 23)], 28)

    assert heights == [10 + hour for hour in range(5, 23)]
    assert (low, high) == (5, 22)


def test_one_far_value_does_not_flatten_a_histogram():
    bins = [Bin(at, at + 1, 1000) for at in range(10)] + [Bin(1e9, 1e9, 1)]
    heights, _, high = even_bins(bins, 10)

    assert high <= 10
    assert min(heights) > 0


def test_bars_tell_their_share():
    assert "25\u202f%" in value_bars([("UA", 25.0)], 100.0)


def test_stacked_bars_have_a_block_a_share():
    drawn = stacked_shares(Frame("rows"), [0.0, 86_400_000.0], [("a@1", "1", [5.0, 0.0]), ("a@2", "2", [1.0, 4.0])])

    assert drawn.count('class="block') == 3
    assert "a@2" in drawn


@pytest.mark.parametrize("is_above", [True, False])
def test_an_interval_shows_what_is_allowed(is_above):
    drawn = interval(Judged(0.7, 0.65, 0.75, 0.6, is_above=is_above, tone="good"), "roc_auc")

    assert "allowed" in drawn
    assert "threshold 0.6<" in drawn
    assert ('x="0.0"' in drawn) is not is_above


def test_an_interval_without_a_number_is_nothing():
    assert interval(Judged(None, None, None, 0.6), "x") == ""


def test_a_strip_reads_as_a_table():
    drawn = heat_strip("Drift", ["1 Mar", "2 Mar"], [Row("wind", [Cell(0.9, "bad", "wind far away"), None])])

    assert '<th scope="row"><bdi>wind</bdi></th>' in drawn
    assert "wind far away" in drawn


def test_a_thing_stands_right_of_what_it_came_from():
    layers = arrange(["d", "c", "b", "a", "x"], [("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("x", "d")])

    assert layers == [["a"], ["b"], ["c", "x"], ["d"]]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_any_graph_is_drawn_even_with_rings(pairs):
    names = [str(at) for at in range(10)]
    layers = arrange(names, [(str(a), str(b)) for a, b in pairs if a != b])

    assert sorted(name for layer in layers for name in layer) == names


def test_drawings_escape_what_they_are_given():
    point = Point(0, 1.0, note=EVIL)
    nodes = [Node(EVIL, "run", EVIL, "/runs/x", is_start=True), Node("b", "model", EVIL, "/", is_start=False)]
    drawn = [
        line_chart(Frame(EVIL, EVIL), [Line(EVIL, [point]), Line("b", [Point(1, 2.0)])], Axes(rules=[Rule(1, EVIL)])),
        histogram([Bin(0, 1, 2)], EVIL),
        value_bars([(EVIL, 1)], 1),
        stacked_shares(Frame(EVIL), [0.0], [(EVIL, "1", [1.0])]),
        interval(Judged(1, 0, 2, 1), EVIL),
        heat_strip(EVIL, [EVIL], [Row(EVIL, [Cell(1, "bad", EVIL)], EVIL)]),
        lineage_graph(nodes, [(EVIL, EVIL, "b")], EVIL),
    ]

    assert [each for each in drawn if "<script" in each or "'>" in each.replace("]'>", "")] == []


@given(st.floats(1e-200, 1e200), st.floats(1e-200, 1e200))
def test_decades_hold_their_values_between_few_powers_of_ten(one, other):
    low, high = sorted((one, other))
    scale, ticks = decades(low, high)

    assert scale.low <= low * (1 + 1e-6)
    assert high * (1 - 1e-6) <= scale.high
    assert 2 <= len(ticks) <= 7


def test_on_a_logarithmic_axis_equal_factors_are_equal_distances():
    scale, ticks = decades(0.002, 50)

    assert [tick.label for tick in ticks] == ["0.001", "0.01", "0.1", "1", "10", "100"]
    assert scale.at(1) - scale.at(0.1) == pytest.approx(scale.at(100) - scale.at(10), abs=0.02)
    assert scale.at(0) == scale.at(-1) == 0


def test_a_logarithmic_chart_leaves_out_what_is_not_above_nothing():
    points = [Point(0, 0.0), Point(1, -1), Point(2, 10), Point(3, 1000)]
    drawing = line_chart(Frame("loss"), [Line("a", points)], Axes(is_log=True))

    assert drawing.count("<tr>") == 3
    assert "Nothing to draw" in line_chart(Frame("loss"), [Line("a", points[:2])], Axes(is_log=True))


def test_a_faint_line_is_drawn_and_not_told():
    points = [Point(0, 1.0), Point(1, 2.0)]
    drawing = line_chart(Frame("loss"), [Line("raw", points, is_faint=True), Line("smooth", points)])

    assert 'class="line tone-1 faint"' in drawing
    assert "raw" not in drawing


def test_strands_go_through_numbers_and_words_with_holes_between():
    columns = [
        Column("rate", [0.1, 0.2, None]),
        Column("optimizer", ["adam", "sgd", EVIL]),
        Column("auc", [0.5, math.nan, 0.9]),
    ]
    strands = [Strand(EVIL, "1", "/runs/a"), Strand("b", "2", "/runs/b"), Strand("c", "3 dash-1", "/runs/c")]
    drawing = parallel("Params", columns, strands)

    assert EVIL not in drawing
    assert drawing.count('class="strand') == 3
    assert "M0.0 1000.0L500.0 500.0L1000.0 1000.0" in drawing
    assert 'data-at="[1000.0,500.0,1000.0]"' in drawing
    assert "Choose two columns" in parallel("Params", columns[:1], strands)


def test_an_axis_of_numbers_far_apart_is_logarithmic():
    near, far = axis_of(Column("a", [1.0, 2.0, 99.0])), axis_of(Column("b", [0.001, 0.01, 0.1, math.inf, None]))

    assert near.scale is not None
    assert not near.scale.is_log
    assert far.scale is not None
    assert far.scale.is_log
    assert far.places == [1000.0, 500.0, 0.0, None, None]
    assert axis_of(Column("c", [0.0, 1000.0])).scale == near.scale.__class__(0.0, 1000.0)


def test_an_axis_of_words_says_where_each_of_them_stands():
    axis = axis_of(Column("optimizer", ["sgd", "adam", None, "adamw"]))

    assert axis.words == [(0.0, "adam"), (500.0, "adamw"), (1000.0, "sgd")]
    assert axis.places == [1000.0, 0.0, None, 500.0]
    assert axis_of(Column("none", [None, math.nan])).words == []


def test_a_colour_is_a_place_and_many_strands_are_thin():
    columns = [Column("a", [float(at) for at in range(100)]), Column("b", [float(at) for at in range(100)])]
    drawing = parallel("Params", columns, [Strand(f"r{at}", "idle", "/", at or None) for at in range(100)])

    assert drawing.count("by-value") == 99
    assert 'class="strand tone-idle"' in drawing
    assert "very-many" in drawing
    assert "--at:63.0%" in drawing


def test_dots_are_links_with_a_table():
    drawing = scatter(
        Frame("auc by rate"), [Dot(EVIL, 0.1, 0.5, "1", "/runs/a"), Dot("b", 0.2, 0.6, "2", "/b")], "r", "a"
    )

    assert drawing.count('class="dot') == 2
    assert drawing.count("<tr>") == 3
    assert EVIL not in drawing
    assert "no run has both" in scatter(Frame("x"), [], "r", EVIL)


def test_a_few_whole_steps_are_marked_by_themselves():
    assert [tick.label for tick in nice_steps(1, 3)[1]] == ["1", "2", "3"]
