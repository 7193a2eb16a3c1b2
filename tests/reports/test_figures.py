"""Tests of the figures: nothing is lost, nothing collides, every colour follows the theme, the same bytes each time."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from matplotlib.figure import Figure as Sheet

from backtest.data.summaries import downsample
from backtest.reports.blocks import Figure
from backtest.reports.diagnostics import LossPath
from backtest.reports.figures.axes import limit_of, name_ends, reach, time_axis
from backtest.reports.figures.canvas import draw, pens
from backtest.reports.figures.cumulative_loss import cumulative_loss
from backtest.reports.render.svg import COLOURS, standalone
from backtest.reports.report import compose, figures
from backtest.reports.run import RunResult, read
from tests.support.fake_run import Plan, make
from tests.support.selection import examples

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 -- our own figures


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Figure]:
    run = make(tmp_path_factory.mktemp("figures"), Plan(networks=("模型 🚀", "<b>&\"'$x$"), folds=3, test=84))
    return {figure.name: figure for figure in figures(compose(read(run)))}


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5_000), st.integers(4, 400))
def test_a_thinned_series_keeps_its_ends_and_extremes(values: list[float], most: int) -> None:
    y = np.asarray(values)
    x = np.arange(len(y), dtype=float)
    kept_x, kept_y = downsample(x, y, most)
    assert len(kept_y) <= max(most, 4)
    assert (kept_x[0], kept_x[-1]) == (x[0], x[-1])
    assert (kept_y.min(), kept_y.max()) == (y.min(), y.max())
    np.testing.assert_array_equal(kept_y, y[kept_x.astype(int)])


def test_all_figures_of_the_report_are_drawn(pictures: dict[str, Figure]) -> None:
    assert list(pictures) == [
        *("forest", "cumulative_loss", "folds", "skill", "calibration", "regimes", "learning"),
        *("residuals", "coverage", "seeds"),
    ]


def test_ids_belong_to_one_figure_and_every_reference_is_met(pictures: dict[str, Figure]) -> None:
    for name, figure in pictures.items():
        ids = re.findall(r' id="([^"]+)"', figure.svg)
        references = set(re.findall(r"url\(#([^)]+)\)", figure.svg)) | set(re.findall(r'href="#([^"]+)"', figure.svg))
        assert len(ids) == len(set(ids))
        assert references == set(ids)
        assert all(identity.startswith(f"{name}-") for identity in ids)


def test_every_colour_has_a_role(pictures: dict[str, Figure]) -> None:
    for figure in pictures.values():
        for element in parsed(figure.svg).iter():
            painted = {key[0] for key in ("fill", "stroke") if element.get(key, "none") != "none"}
            roles = {role[0] for role in element.get("class", "").split()}
            assert painted <= roles, ET.tostring(element)


def test_a_file_beside_the_markdown_stands_alone(pictures: dict[str, Figure]) -> None:
    for figure in pictures.values():
        root = parsed(standalone(figure.svg))
        assert root.tag == f"{SVG}svg"
        assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
            *("svg", "style", "rect", "g", "path", "text", "defs", "use", "clipPath")
        }
        style = root.find(f"{SVG}style")
        assert style is not None
        assert "prefers-color-scheme:dark" in str(style.text)


def test_an_inline_figure_names_no_address(pictures: dict[str, Figure]) -> None:
    assert not any("http" in figure.svg for figure in pictures.values())


def test_names_are_text_and_never_formulas_or_markup(pictures: dict[str, Figure]) -> None:
    texts = [element.text for element in parsed(pictures["cumulative_loss"].svg).iter("text")]
    assert {"<b>&\"'$x$", "模型 🚀"} <= set(texts)


def test_the_readers_own_settings_change_nothing(tmp_path: Path) -> None:
    result = read(make(tmp_path, Plan(folds=3, test=84)))
    plain = [figure.svg for figure in figures(compose(result))]
    with mpl.rc_context({"font.size": 30, "axes.ymargin": 0.4, "axes.spines.bottom": False, "svg.fonttype": "path"}):
        assert [figure.svg for figure in figures(compose(result))] == plain


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "panel"])
@pytest.mark.parametrize("name", sorted(set(COLOURS) - {"paper", "panel", "rule"}))
def test_text_in_every_colour_has_contrast(name: str, ground: str, theme: str) -> None:
    pair = sorted(luminance(getattr(COLOURS[colour], theme)) for colour in (name, ground))
    assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5


@given(st.floats(0, 20_000), st.floats(0.05, 20_000))
def test_a_time_axis_has_a_few_round_dates_inside(start: float, length: float) -> None:
    axes = Sheet().add_subplot()
    time_axis(axes, start, start + length)
    ticks, labels = axes.get_xticks(), [label.get_text() for label in axes.get_xticklabels()]
    assert len(ticks) <= 7
    assert len(set(labels)) == len(labels)
    assert all(start <= tick <= start + length for tick in ticks)
    assert length < 1 or len(ticks) >= 1


SIZES = st.floats(0, 1e6)


@given(st.lists(SIZES, max_size=9), st.floats(1, 20))
def test_a_picture_reaches_as_far_as_it_must_but_leaves_the_first_size_visible(sizes: list[float], most: float) -> None:
    limit = limit_of(sizes, most)
    first = next((size for size in sizes if size), 0.0)
    assert first <= limit <= most * first
    assert limit == max(sizes, default=0.0) or limit == most * first


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(1e-6, 1e6))
def test_an_axis_shows_zero_and_all_values_but_those_beyond_the_limit(values: list[float], limit: float) -> None:
    low, high = reach(np.asarray(values), limit)
    assert low <= 0 <= high
    assert low < high
    assert all(low <= value <= high for value in values if abs(value) <= limit)
    assert not any(low < value < high for value in values if abs(value) > limit)


def test_lines_that_leave_the_picture_have_a_mark_where_they_do(usual: RunResult) -> None:
    first, second = (score.model for score in usual.candidates)
    times = np.datetime64("2020-02-19") + np.arange(5)
    ends = {first: [0.0, -0.01, 0.0, 0.01, -0.01], second: [0.0, 0.5, 0.6, -0.7, -0.8]}
    paths = [LossPath(model, times, np.asarray(values), {0: values[-1]}) for model, values in ends.items()]
    marks = [
        cumulative_loss(shown, (), usual.folds, pens(usual), 0.04, "alt", loss="squared error", rival="zero").count(
            "<use"
        )
        for shown in (paths[:1], paths)
    ]
    assert marks[1] - marks[0] == 2


@examples(25)
@example([1.0] * 8)
@example([0.0] * 8)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_names_at_line_ends_stay_inside_and_never_overlap(heights: list[float]) -> None:
    def paint(figure: Sheet) -> None:
        axes = figure.add_subplot()
        axes.set_ylim(0, 1)
        name_ends(axes, [(height, f"m{place}", COLOURS["ink"].light) for place, height in enumerate(heights)])

    svg = draw("ends", "", 270, paint)
    found = [float(y) for y in re.findall(r'<text [^>]*?y="([\d.]+)"[^>]*>m\d', svg)]
    assert len(found) == len(heights)
    assert len(found) == 1 or np.diff(sorted(found)).min() >= 13.9
