"""The tree of errors: everything that leaves the program on purpose.

BacktestError
├── DataError                  a file or frame of market data cannot be trusted
│   ├── WrongSchema            columns missing, of another type, or not recognised
│   ├── UnknownSource          no such file, folder or built-in name; or no symbol can be told
│   ├── MissingValue           a null where a number must stand
│   ├── NotFinite              NaN or infinity
│   ├── NonPositivePrice       a price <= 0
│   ├── NegativeVolume         a volume or count < 0
│   ├── InconsistentPrices     high below, or low above, another price of its bar
│   ├── DuplicateTime          one time twice, with different values
│   │   └── RepeatedBar        one bar twice, identical in every column
│   ├── Unsorted               times not in ascending order
│   ├── TimestampUnit          times that no unit makes plausible, or that lost their digits
│   ├── TimezoneMissing        clock times of another zone than UTC, or of none that is stated
│   ├── UnfinishedBar          the last bar had not closed
│   ├── TooFewBars             fewer bars than the work needs
│   ├── UnpairedForecasts      two models, or two series of losses, do not cover the same rows
│   └── UndefinedTest          a statistic that these numbers do not define
├── ConfigError                settings that cannot be used
├── RunError                   a run folder is incomplete, damaged or in use
├── LeakError                  something saw the future
└── ProtocolError              a forecaster does not keep to the protocol
"""

from __future__ import annotations


class BacktestError(Exception):
    """Root of every error that the program raises on purpose; its text is the whole message.

    >>> import backtest as bt
    >>> try:
    ...     bt.open_run("runs/nothing")
    ... except bt.BacktestError as error:
    ...     print(type(error).__name__)
    RunError
    """


class ConfigError(BacktestError):
    """Settings that cannot be used: which, what was expected, what it got, what to do.

    >>> import backtest as bt
    >>> bt.walk_forward("synthetic", modles=["ridge"])
    Traceback (most recent call last):
    backtest.data.errors.ConfigError: settings: modles: unknown setting: did you mean models?
    """


class RunError(BacktestError):
    """A run folder is incomplete, damaged or in use.

    >>> import backtest as bt
    >>> bt.open_run("runs/nothing")
    Traceback (most recent call last):
    backtest.data.errors.RunError: runs/nothing: expected a finished run ...
    """


class LeakError(BacktestError):
    """A feature, a fold or a forecast depends on something that was not known yet.

    >>> import backtest as bt
    >>> import polars as pl
    >>> bt.assert_causal(pl.col("close").shift(-1), bt.load_bars("synthetic:n=300"))
    Traceback (most recent call last):
    backtest.data.errors.LeakError: ...
    """


class ProtocolError(BacktestError):
    """A forecaster does not keep to the protocol: which rule, what was expected, what it got.

    >>> import backtest as bt
    >>> class Silent:
    ...     def fit(self, train, validation):
    ...         return None
    >>> bt.check_forecaster(Silent)
    Traceback (most recent call last):
    backtest.data.errors.ProtocolError: ...
    """


class DataError(BacktestError):
    """Market data that cannot be trusted; `others` are the further problems of the same source.

    >>> import backtest as bt
    >>> bars = bt.load_bars("synthetic:n=100")
    >>> bt.load_bars(bars.with_columns(close=-bars["close"]))
    Traceback (most recent call last):
    backtest.data.errors.NonPositivePrice: ...
    """

    def __init__(self, message: str, *others: DataError) -> None:
        super().__init__(message)
        self.message = message
        self.others = others

    def __str__(self) -> str:
        """All problems of the source, numbered when there are several."""
        if not self.others:
            return self.message
        problems = [self.message, *(other.message for other in self.others)]
        return "\n".join(f"{number}. {text}" for number, text in enumerate(problems, start=1))


class WrongSchema(DataError):
    """Columns are missing, of another type, or not recognised."""


class UnknownSource(DataError):
    """No such file, folder or built-in name; or the symbol is not known."""


class MissingValue(DataError):
    """A null where a number must stand."""


class NotFinite(DataError):
    """NaN or infinity where a finite number must stand."""


class NonPositivePrice(DataError):
    """A price that is zero or negative."""


class NegativeVolume(DataError):
    """A volume or a count below zero."""


class InconsistentPrices(DataError):
    """A high below, or a low above, another price of the same bar."""


class DuplicateTime(DataError):
    """One time stands twice, with different values."""


class RepeatedBar(DuplicateTime):
    """One bar stands twice, identical in every column."""


class Unsorted(DataError):
    """Times are not in ascending order."""


class TimestampUnit(DataError):
    """Times that no unit makes plausible, or that have lost their last digits."""


class TimezoneMissing(DataError):
    """Clock times of another zone than UTC, or of none that is stated."""


class UnfinishedBar(DataError):
    """The last bar had not closed when the data were taken."""


class TooFewBars(DataError):
    """Fewer bars than the work needs."""


class UnpairedForecasts(DataError):
    """Two models, or two series of losses, do not cover the same rows."""


class UndefinedTest(DataError):
    """A statistic that these numbers do not define: too few of them, or no variance."""
