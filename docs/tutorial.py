# %% [markdown]
# # A first session
#
# We bring our own bars, a feature and a model of our own, and ask: does the model, retrained as time goes on, forecast
# better than "no change"? Run this file cell by cell in a notebook, or as a script.

# %%
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

import backtest as bt

# %% [markdown]
# ## Bars
#
# Any table of bars will do: a file, or a polars or pandas data frame with its usual column names. To know the answer
# beforehand, we make bars in which the next return follows the last one, but only when volume was unusually high.

# %%
rng = np.random.default_rng(seed=7)
days = 2_000
volume = rng.lognormal(mean=10, sigma=0.5, size=days)
returns = rng.normal(scale=0.01, size=days)
for day in range(1, days):
    if volume[day - 1] > 25_000:
        returns[day] += 0.4 * returns[day - 1]
close = 100 * np.exp(returns.cumsum())

frame = pl.DataFrame(
    {
        "Date": pl.date_range(pl.date(2015, 1, 1), pl.date(2015, 1, 1) + pl.duration(days=days - 1), eager=True),
        "Open": np.append(100.0, close[:-1]),
        "High": np.maximum(np.append(100.0, close[:-1]), close) * 1.001,
        "Low": np.minimum(np.append(100.0, close[:-1]), close) * 0.999,
        "Close": close,
        "Volume": volume,
    }
)
bars = bt.load_bars(frame, symbol="MADE-UP")
bars.tail(3)

# %% [markdown]
# ## A feature, proved causal
#
# A feature is a function that returns a Polars expression and states how many earlier bars it reads. A parameter
# becomes part of its name: `surge_20` reads a window of 20 bars.


# %%
@bt.feature(lookback=lambda window: window)
def surge(window: int = 20) -> pl.Expr:
    """The last return, where volume was unusually high; else 0."""
    change = pl.col("close").log().diff()
    unusual = pl.col("volume") > 1.1 * pl.col("volume").rolling_mean(window)
    return pl.when(unusual).then(change).otherwise(0.0)


bt.assert_causal("surge_20", bars)  # silent: it reads nothing later than its own bar

# %% [markdown]
# `assert_causal` replaces later bars by other values and demands the same feature, to the bit. A feature that looks
# ahead is caught, with the smallest counterexample:


# %%
@bt.feature(lookback=0)
def peek() -> pl.Expr:
    """The next return: a leak."""
    return pl.col("close").log().diff().shift(-1)


try:
    bt.assert_causal("peek", bars)
except bt.LeakError as leak:
    print(leak)

# %% [markdown]
# ## A model
#
# A model learns from windows, the last `net.window` rows of features before each forecast: `windows.x` has shape
# (n, window, features), `windows.y` the target. `predict` sees no target. `state` and `restore` keep a fitted model as
# plain arrays, so that a run can be resumed and used later.


# %%
class NewestRow:
    """Least squares on the newest row of each window."""

    def fit(self, train, validation):
        x = np.column_stack([np.ones(len(train)), train.x[:, -1]])
        self.weights, *_ = np.linalg.lstsq(x, train.y, rcond=None)
        return bt.FitLog(note=f"{len(train):,} windows")

    def predict(self, windows):
        return self.weights[0] + windows.x[:, -1] @ self.weights[1:]

    def state(self):
        return {"weights": self.weights}

    def restore(self, state):
        self.weights = state["weights"]


@bt.model("newest_row")
def newest_row(net, train, seed):
    """Least squares on the newest row of each window."""
    return NewestRow()


bt.check_forecaster(newest_row)  # silent: it keeps every rule that a model must keep

# %% [markdown]
# ## The walk
#
# Train, leave a gap, validate, leave a gap, test; then move on by one test span and train again. Before that, a quick
# audit looks for leaks in the whole of it.

# %%
folds = bt.Folds(first_train=800, validation=100, test=200)
models = ["ridge", "newest_row"]
window = {"window": 10}
run = bt.walk_forward(bars, name="surge", models=models, features=["log_return", "surge_20"], net=window, folds=folds)
run

# %% [markdown]
# Every table of the run is a Polars frame. `forecasts` holds one row per model and time; a model with several seeds has
# a row for each seed, and one with `seed` null: their mean, which is what is scored.

# %%
print(run)
run.scores.filter(pl.col("fold").is_null(), metric="skill_zero")

# %%
run.verdict.status, run.verdict.candidates[0].p_adjusted

# %% [markdown]
# With the leak among the features, there is no run, but an error:

# %%
try:
    bt.walk_forward(bars, models=models, features=["peek"], net=window, folds=folds, progress=False)
except bt.LeakError as leak:
    print(leak)

# %% [markdown]
# ## What else was tried
#
# The best of many tries looks better than it is. So a run allows for all that was tried on the same bars in this
# session (or, in a run folder, in the ledger beside it).

# %%
plain = bt.walk_forward(
    bars, name="plain", models=models, features=["log_return"], net=window, folds=folds, audit="off", progress=False
)
plain.verdict.configurations

# %%
bt.compare(run, plain)

# %% [markdown]
# ## Keep it
#
# `save` writes a run folder, as the command line does: `backtest verify`, `report` and `compare` take it, and so does
# `bt.open_run`. The report is one HTML file.

# %%
folder = Path(tempfile.mkdtemp())
run.save(folder / "surge")
run.report(folder / "surge.html")
bt.open_run(folder / "surge")
