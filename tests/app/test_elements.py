"""The app without a page: texts, uploads, charts, and how the server is started."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("streamlit", reason="needs streamlit: pip install 'beatzero[app]'")

from backtest.app import charts, server
from backtest.app.elements import distinct_texts, error_text, seed_label, target_label
from backtest.app.loading import Choice, Source, safe_name, temporary_file, with_state
from backtest.app.next_step_tab import interval_text
from backtest.app.replay_tab import downsample, zero_line_text
from backtest.data.errors import ConfigError, DataError, UnknownSource
from backtest.data.reading.bars import load_bars
from backtest.forecast.intervals import Interval
from backtest.forecast.step import NextStep
from backtest.reports.formats import decimals, level, within
from backtest.reports.render.svg import COLOURS

pytestmark = pytest.mark.integration

NOON = datetime(2024, 1, 5, 12, tzinfo=UTC)
COLOUR = charts.colours("light")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@given(st.integers(1, 400), st.integers(8, 60), st.integers(0, 5))
def test_downsampling_keeps_every_extreme_the_order_and_the_limit(n: int, most: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = pl.DataFrame({"place": range(n), "y": rng.standard_t(2, n), "y_hat": rng.integers(0, 2, n).astype(float)})
    kept = downsample(rows, ("y", "y_hat"), most)
    assert kept.height <= max(most, 0)
    assert kept.equals(rows) if n <= most else kept.height >= most // 4
    assert kept["place"].is_sorted()
    assert kept["place"].is_unique().all()
    for name in ("y", "y_hat"):
        assert (kept[name].min(), kept[name].max()) == (rows[name].min(), rows[name].max())


@pytest.mark.parametrize(("close", "digits"), [(2506.85, 2), (63_741.16, 2), (9.5, 5), (0.0000123, 10)])
def test_a_price_has_six_digits_and_two_decimals_at_least(close: float, digits: int) -> None:
    assert decimals(close) == digits


def test_labels_of_targets_seeds_and_levels_are_exact() -> None:
    assert target_label(NOON, 1, HOUR) == "the close at 2024-01-05 12:00\N{NO-BREAK SPACE}UTC"
    assert target_label(None, 1, DAY) == "the close of the next session"
    assert target_label(None, 3, DAY) == "the close 3 sessions ahead"
    assert target_label(None, 1, HOUR) == "the close of the next bar"
    assert (seed_label(None, 3), seed_label(2, 3), seed_label(None, 0)) == ("mean over 3 seeds", "seed 2", "one fit")
    texts = {0.5: "50", 0.95: "95", 0.975: "97.5", 0.9975: "99.75", 0.29: "29", 0.999: "99.9"}
    assert {share: level(share) for share in texts} == {
        share: f"{text}\N{NO-BREAK SPACE}%" for share, text in texts.items()
    }
    assert within(1.5, 2_000.25, 2) == "1.50 to 2,000.25"


def next_step(target: str = "log_return", intervals: tuple[Interval, ...] = ()) -> NextStep:
    """A forecast of the LSTM from a close, or a level, of 100."""
    return NextStep("A", "lstm", 1, NOON, NOON + HOUR, None, target, 0.0, {}, 100.0, intervals)


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        (
            Interval(0.95, 0.1, 1_234, 1_164),
            "95 % intervals covered 94.3 % of 1,234 outcomes of the walk, each made from",
        ),
        (Interval(0.95, 0.1, 0, 0), "95 % intervals covered no outcome of the walk"),
        (Interval(0.95, None, 0, 0), "Too few errors for an interval of 95 %."),
        (None, "Too few errors for an interval of 95 %."),
    ],
)
def test_an_interval_is_shown_with_its_coverage_so_far(interval: Interval | None, said: str) -> None:
    step = next_step(intervals=(interval,) if interval else ())
    words = interval_text(step, Choice("A", "lstm", None, 3, 0.95))
    assert words.replace("\N{NO-BREAK SPACE}", " ").startswith(said)


def test_the_width_of_an_interval_is_in_the_unit_of_the_forecast() -> None:
    choice, intervals = Choice("A", "lstm", None, 3, 0.95), (Interval(0.95, 0.25, 100, 95),)
    words = {kind: interval_text(next_step(kind, intervals), choice) for kind in ("log_return", "series.spread")}
    assert words["log_return"].endswith("forecast ±\N{NO-BREAK SPACE}0.25000 in log return.")
    assert words["series.spread"].endswith("forecast ±\N{NO-BREAK SPACE}0.250.")
    for kind in ("direction", "log_variance"):
        assert interval_text(next_step(kind), choice) == "No interval: for this target they have no meaning."


def test_an_error_about_an_option_names_the_control_of_the_app() -> None:
    assert error_text(ConfigError("--data: expected bars of A")) == "Bars: expected bars of A"
    assert error_text(DataError("a.csv: --data: odd")) == "a.csv: --data: odd"


@pytest.mark.parametrize(
    ("model", "share", "said"),
    [
        ("lstm", 0.1, "Zero draws nearly the same line: the last close, one bar late. Look at the log returns."),
        (
            "naive",
            1.0,
            "Zero draws the dashed line: the last close, one bar late. To be close to the price is no merit.",
        ),
        ("zero", 0.0, "This is zero's line: the last close, one bar late. Look at the log returns."),
    ],
)
def test_prices_always_come_with_a_sentence_about_zeros_line(model: str, share: float, said: str) -> None:
    rows = pl.DataFrame({"y": [0.01, -0.02], "y_hat": [share * 0.01, share * 0.02]})
    assert zero_line_text(rows, model, 1).startswith(said)
    assert zero_line_text(rows, model, 1).endswith("Look at the log returns.")
    assert "the last close, 11 bars late" in zero_line_text(rows, model, 11)


def test_options_with_the_same_short_text_get_distinct_texts() -> None:
    texts = distinct_texts([Path("a/run"), Path("b/run"), Path("b/other")], lambda path: path.name)
    assert list(texts.values()) == ["a/run", "b/run", "other"]
    assert distinct_texts(["a\x00b"], str) == {"a\x00b": "a\N{REPLACEMENT CHARACTER}b"}


@pytest.mark.parametrize("name", ["bars.csv", "../../etc/passwd", "..", "", "a" * 300 + ".csv", "x\x00y.csv", "ü" * 99])
def test_an_upload_is_a_temporary_file_of_its_own_name(name: str) -> None:
    with temporary_file(name, b"content") as path:
        assert Path(path).read_bytes() == b"content"
        assert Path(path).name == safe_name(name)
        assert Path(path).parent.name.startswith("beatzero-")
    assert not Path(path).parent.exists()


def test_an_error_calls_an_upload_by_its_name() -> None:
    with (
        pytest.raises(DataError, match=r"^bars\.csv: expected bars \(the file is empty\)"),
        temporary_file("bars.csv", b"") as path,
    ):
        load_bars(path)


def test_the_state_of_bars_on_disk_changes_when_they_do(tmp_path: Path) -> None:
    file = tmp_path / "bars.csv"
    file.write_text("a")
    before = with_state(tmp_path, "", Source(str(file)))
    assert with_state(tmp_path, "", Source(str(file))) == before
    file.write_text("ab")
    assert with_state(tmp_path, "", Source(str(file))) != before
    assert with_state(tmp_path, "", Source("synthetic:n=100")).state == ""
    with pytest.raises(UnknownSource, match="no such file"):
        with_state(tmp_path, "", Source(str(tmp_path / "gone.csv")))


def replay_rows(n: int = 5, width: float | None = 0.1) -> pl.DataFrame:
    """Rows as a replay draws them."""
    start = datetime(2024, 1, 5, tzinfo=UTC)
    numbers = {
        name: [1.0 + place for place in range(n)] for name in ("y", "y_hat", "close", "close_hat", "close_outcome")
    }
    return pl.DataFrame(
        {"time": [start + place * HOUR for place in range(n)], "at": ["x"] * n, "kind": [charts.OUTCOME] * n, **numbers}
    ).with_columns(low=pl.lit(width, pl.Float64), high=pl.lit(width, pl.Float64))


def test_a_chart_holds_only_fixed_columns_and_can_be_zoomed() -> None:
    known = {
        "time",
        "at",
        "kind",
        "open",
        "high",
        "low",
        "close",
        "forecast",
        "y",
        "y_hat",
        "close_hat",
        "close_outcome",
    }
    bars = replay_rows().with_columns(open="close")
    step = replay_rows(1).with_columns(forecast="close")
    pictures = (
        charts.price_history(bars, COLOUR, 2, candles=True),
        charts.price_history(bars, COLOUR, 2, candles=False),
        charts.next_close(step, COLOUR, 2),
        charts.outcomes(replay_rows(), COLOUR, charts.LOG_RETURN),
        charts.closes(replay_rows(), COLOUR, 2),
    )
    for picture in pictures:
        text = picture.interactive().to_json()
        fields = {part.split('"')[0] for part in text.split('"field": "')[1:]}
        assert fields <= known
        assert '"bind": "scales"' in text, "it can be zoomed"
        assert '"tooltip"' in text


def test_a_chart_of_prices_draws_the_last_close_as_zeros_line() -> None:
    picture = json.loads(charts.closes(replay_rows(), COLOUR, 2).to_json())
    [dashed] = [layer for layer in picture["layer"] if "strokeDash" in layer["mark"]]
    assert dashed["encoding"]["y"]["field"] == "close"
    assert dashed["encoding"]["color"]["datum"] == charts.ZERO
    [scale] = [layer["encoding"]["color"]["scale"] for layer in picture["layer"] if layer["mark"]["type"] == "point"]
    assert scale["domain"] == [charts.FORECAST, charts.ZERO, charts.OUTCOME]
    assert len(set(scale["range"])) == 3


def test_an_interval_is_drawn_only_where_there_is_one() -> None:
    marks = [
        [layer["mark"]["type"] for layer in json.loads(picture.to_json())["layer"]]
        for picture in (
            charts.outcomes(replay_rows(width=None), COLOUR, "variance"),
            charts.outcomes(replay_rows(), COLOUR, charts.LOG_RETURN),
            charts.next_close(replay_rows(1, None).with_columns(forecast="close"), COLOUR, 2),
            charts.next_close(replay_rows(1).with_columns(forecast="close"), COLOUR, 2),
        )
    ]
    assert marks == [["circle", "line"], ["area", "circle", "line"], ["point"], ["rule", "point"]]


def test_colours_are_those_of_the_report() -> None:
    assert charts.colours("dark") == {role: colour.dark for role, colour in COLOURS.items()}
    assert charts.colours(None) == {role: colour.light for role, colour in COLOURS.items()}


def test_the_server_listens_on_this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr("streamlit.web.cli.main", lambda arguments, **_: called.append(arguments))
    server.serve(Path("runs/mine"), ["my_module"])
    [[run, page, *told]] = called
    assert (run, Path(page).name, told[-3:]) == ("run", "page.py", ["--", "runs/mine", "my_module"])
    for flag in (
        "--server.address=127.0.0.1",
        "--browser.gatherUsageStats=false",
        "--server.enableXsrfProtection=true",
        "--server.allowedHosts=127.0.0.1",
        "--client.showErrorDetails=none",
        "--server.maxUploadSize=100",
    ):
        assert flag in told


def test_the_server_starts_without_a_warning_and_loads_what_the_page_needs() -> None:
    code = (
        "import sys, streamlit.web.cli as cli\ncli.main = lambda *_, **__: None\n"
        "from backtest.app.server import NEEDED, serve\nserve(None, [])\nassert set(NEEDED) <= set(sys.modules)"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True, capture_output=True
    )
    assert done.stdout + done.stderr == b""


def test_without_streamlit_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"app: needs streamlit, .* pip install 'beatzero\[app\]'"):
        server.serve(None, [])


def test_importing_the_page_does_not_import_torch() -> None:
    code = "import sys, backtest.app.page\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)  # noqa: S603
