"""Drawings that stand in a page."""

import re

import numpy as np

from bench.report.render.svg import UNSEEN, bends, inline
from tests.report.made import drawn, line_figure


def svg(figure) -> str:
    return inline(drawn([figure])[figure.name]["svg"], name=figure.name, title=figure.title)


def test_a_figure_is_the_same_twice_and_shares_no_id_with_another():
    one, again, two = svg(line_figure("one")), svg(line_figure("one")), svg(line_figure("two"))
    assert one == again
    ids = [set(re.findall(r'id="(.*?)"', drawing)) for drawing in (one, two)]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert "&lt;a &amp; b&gt;</text>" in one
    assert not re.search("<metadata|xmlns|<!", one)
    classes = [re.findall(r"\.([\w-]+){", drawing) for drawing in (one, two)]
    assert {name.partition("-")[0] for name in classes[0]} == {"one"}
    assert not set(classes[0]) & set(classes[1])


def test_references_inside_a_drawing_follow_its_ids():
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink"><style>*{}</style>'
        '<g id="a" clip-path="url(#c)" style="fill: url(#c)"><use x:href="#a"/></g> <g id="b"/></svg>'
    )
    assert inline(drawing.encode(), name="f", title="T & t") == (
        '<svg role="img" aria-label="T &amp; t" style="stroke-linejoin:round;stroke-linecap:butt">'
        "<style>.f-2{fill:url(#f-1);clip-path:url(#f-1)}</style>"
        '<g id="f-0" class="f-2"><use href="#f-0"/></g></svg>'
    )


def bare(shapes: str) -> str:
    """The shapes as they stand in the page."""
    page = inline(f'<svg xmlns="http://www.w3.org/2000/svg">{shapes}</svg>'.encode(), name="f", title="t")
    return re.fullmatch(r"<svg [^>]*>(.*)</svg>", page)[1]


def test_groups_that_say_nothing_go_and_a_look_stands_once():
    line = '<path style="fill: none; stroke: #ff0000"/>'
    shapes = f'<g id="x"><g>{line}<g/></g>{line}</g>'
    assert bare(shapes) == '<style>.f-0{fill:none;stroke:#ff0000}</style><path class="f-0"/><path class="f-0"/>'


def test_an_upright_text_is_not_turned():
    assert bare('<text transform="rotate(-0 1 2)">a</text>') == "<text>a</text>"
    assert bare('<text transform="rotate(-90 1 2)">a</text>') == '<text transform="rotate(-90 1 2)">a</text>'


def test_several_marks_of_one_look_are_the_markers_of_a_line():
    """At 1, 2 and at 3.5, 1: a step of 2.5 to the right and of 1 upwards."""
    mark = '<use href="#m" x="{}" y="{}" style="fill: #ff0000"/>'
    shapes = f'<defs><path id="m" d="M 0 1"/></defs><g clip-path="url(#c)">{mark.format(1, 2)}{mark.format(3.5, 1)}</g>'
    page = bare(shapes)
    (marker,) = re.findall(r'<marker markerUnits="userSpaceOnUse" overflow="visible" id="(.*?)">', page)
    (style,) = re.findall(r'<path d="M1 2l2.5-1" class="(.*?)"/>', page)
    assert f".{style}{{fill:none;stroke:none;marker:url(#{marker})}}" in page
    assert page.count("<use") == 1
    assert bare(f"<g>{mark.format(1, 2)}</g>").count("<marker") == 0


def test_a_long_line_goes_by_its_steps_and_bends_where_anybody_sees_it():
    """A straight line with a peak of 5 in its middle, and one of 0.1 that nobody sees."""
    points = [(n / 2, 5 if n == 20 else 0.1 if n == 30 else 0) for n in range(41)]
    line = " ".join(f"{'L' if n else 'M'} {x} {y}" for n, (x, y) in enumerate(points))
    assert bare(f'<path d="{line}"/>') == '<path d="M0 0l9.5 0 .5 5 .5-5 9.5 0"/>'
    assert bare(f'<path d="{line} z"/>').count("L") == 40


def test_a_thinned_line_is_everywhere_near_the_points_left_out(rng):
    points = np.column_stack([np.arange(200) * 0.35, 60 + rng.normal(size=200).cumsum() / 4])
    kept = points[bends(points)]
    assert len(kept) < 150
    between = np.interp(points[:, 0], kept[:, 0], kept[:, 1])
    slopes = np.repeat(np.diff(kept[:, 1]) / np.diff(kept[:, 0]), np.diff(bends(points)))
    assert (np.abs(points[1:, 1] - between[1:]) / np.hypot(1, slopes) <= UNSEEN + 1e-9).all()


def test_places_are_kept_to_a_hundredth_and_texts_as_they_are():
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg"><path d="M 1.23456 -7.000001  \n L 12 3.5"/><text>0.12345</text></svg>'
    )
    page = inline(drawing.encode(), name="f", title="t")
    assert 'd="M1.23 -7L12 3.5"' in page
    assert "<text>0.12345</text>" in page


def test_text_grid_and_ground_take_the_colours_of_the_page_and_lines_keep_theirs():
    shapes = "".join(
        f'<path style="{s}"/>' for s in ("fill: #262626; stroke: #ffffff", "fill: #1f77b4", "stroke: #000000")
    )
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg">{shapes}</svg>'
    page = inline(drawing.encode(), name="f", title="t")
    assert "{fill:var(--ink);stroke:var(--paper)}" in page
    assert "{fill:#1f77b4}" in page
    assert "{stroke:var(--ink)}" in page
    assert not re.search("#262626|#cccccc|#fff", svg(line_figure("one")))
