"""Drawings that stand in a page."""

import re

from bench.report.render.svg import inline
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
    assert not re.search("<style|<metadata|xmlns|<!", one)


def test_references_inside_a_drawing_follow_its_ids():
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink"><style>*{}</style>'
        '<g id="a" clip-path="url(#c)" style="fill: url(#c)"><use x:href="#a"/></g> <g id="b"/></svg>'
    )
    assert inline(drawing.encode(), name="f", title="T & t") == (
        '<svg role="img" aria-label="T &amp; t" style="stroke-linejoin: round; stroke-linecap: butt">'
        '<g id="f-a" clip-path="url(#f-c)" style="fill: url(#f-c)"><use href="#f-a" /></g><g /></svg>'
    )


def test_places_are_kept_to_a_hundredth_and_texts_as_they_are():
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg"><path d="M 1.23456 -7.000001  \n L 12 3.5"/><text>0.12345</text></svg>'
    )
    page = inline(drawing.encode(), name="f", title="t")
    assert 'd="M 1.23 -7.00 L 12 3.5"' in page
    assert "<text>0.12345</text>" in page


def test_text_grid_and_ground_take_the_colours_of_the_page_and_lines_keep_theirs():
    shapes = '<g style="fill: #262626; stroke: #ffffff"/><g style="fill: #1f77b4"/><g style="stroke: #000000"/>'
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg">{shapes}</svg>'
    page = inline(drawing.encode(), name="f", title="t")
    assert 'style="fill: var(--ink); stroke: var(--paper)"' in page
    assert "fill: #1f77b4" in page
    assert "stroke: var(--ink)" in page
    assert not re.search("#262626|#cccccc|#fff", svg(line_figure("one")))
