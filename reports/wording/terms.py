"""The terms of a report, each in one sentence, in the words of its question."""

from __future__ import annotations

from backtest.data.losses import WEIGHTED
from backtest.data.names import Scale, label
from backtest.data.question import Question
from backtest.reports.wording.question import capital, fill, words_of_loss

GLOSSARY: dict[str, str] = {
    "Adjusted p": (
        "A p-value raised by the number of comparisons made: the more are made, the smaller one of them is by luck."
    ),
    "Autocorrelation": "The correlation of a series with itself some bars earlier, from −1 to 1.",
    "Baseline": "A simple model that a network has to beat, such as {rival}.",
    "Calibration": "Agreement of forecasts with outcomes: forecasts of a size are followed by outcomes of that mean.",
    "Confidence interval": "A range that covers the true value in 95 of 100 samples like this one.",
    "Configuration": "One set of models and settings that was tried on the same bars.",
    "Decile": "A tenth of the forecasts, sorted by size.",
    "Dispersion": "The standard deviation of the forecasts in per cent of that of the outcomes.",
    "Early stopping": "Ending the training of a network when its validation loss no longer falls.",
    "Epoch": "One pass of a network over all its training data.",
    "Fixed-b": "A way to compute p that allows for the uncertainty of the estimated variance.",
    "Fold": (
        "One step of the walk, numbered from 0: models are fitted on earlier bars and evaluated on the test period "
        "after them."
    ),
    "Fragile": "Of a claim: it no longer holds when a single fold is left out.",
    "Gap": "The bars left out between the periods of a fold, so that outcomes do not overlap.",
    "Holm": "An adjustment of p-values that keeps the probability of any false claim at the level.",
    "Horizon": "How many bars ahead a forecast looks.",
    "Leak audit": "A search for any use of information from after the forecast.",
    "Level": "The largest adjusted p at which a claim is made, usually 5 %.",
    "Loss difference": "The {loss} of a model minus that of {rival}; below 0 the model is better.",
    "Model Confidence Set": "The models that cannot be ruled out as the best.",
    "p": "The probability of a result at least this good if the model were no better than {rival}.",
    "Power": "The probability that a test detects a gain that is really there.",
    "Regime": "A condition by which forecasts are grouped: volatility, hour of day, or weekday.",
    "Ridge": "A linear model of the features with penalised weights.",
    "Seed": "The number that determines all randomness in the training of a network.",
    "SHA-256": "A checksum that identifies the content of a file.",
    "Skill": "The reduction in {loss} relative to a baseline: 0 % is no better, negative is worse.",
    "Slope": "The change in the outcome per unit change in the forecast: 1 is ideal, 0 means no information.",
    "Stepwise (StepM)": "A test that selects the models that are better than {rival}, corrected for their number.",
    "Superior predictive ability (SPA)": "A test of whether the best of many models beats {rival}, or is only lucky.",
    "Tercile": "A third of the forecasts, sorted by a value such as recent volatility.",
    "Validation period": "The part of the past that is held out from training to decide when to stop.",
    "Volatility": "The standard deviation of returns.",
    "Walk forward": "Fit on the past, forecast the next period, move forward, and fit again.",
}
"""Terms of every report that a reader may not know, with the names of rival and loss left open."""

OF_TESTS: dict[str, tuple[str, str]] = {
    "anatolyev_gerko": (
        "Anatolyev-Gerko",
        "A test of whether trading on the sign of the forecasts, without costs, earns more than chance.",
    ),
    "clark_west": (
        "Clark-West",
        "A test of whether a larger model would beat {rival} if its weights were known, not estimated.",
    ),
    "diebold_mariano": (
        "Diebold-Mariano",
        "The test of whether a model's {losses} are significantly lower than {rival}'s.",
    ),
    "diebold_mariano_hall": (
        "Diebold-Mariano, corrected for skewness",
        "Diebold-Mariano for a single fold, whose few rows would otherwise reject too often where losses are skewed.",
    ),
    "diebold_mariano_robust": (
        "Robust Diebold-Mariano",
        "Diebold-Mariano for skewed losses: a claim must hold with and without a correction for skewness.",
    ),
    "encompassing": (
        "Encompassing",
        "A test of whether combining model and baseline would improve on the baseline alone.",
    ),
    "fluctuation": (
        "Fluctuation test",
        "A test of whether a model was better or worse than {rival} in some period (Giacomini-Rossi).",
    ),
    "giacomini_white": (
        "Giacomini-White",
        "A test of whether the last loss difference predicts which of two models is better next.",
    ),
    "ibragimov_muller": (
        "Ibragimov-Müller",
        "A test of whether the gain repeats from fold to fold, whatever happens within a fold.",
    ),
    "mincer_zarnowitz": ("Mincer-Zarnowitz", "A test of whether forecasts are biased in level or in scale."),
    "mincer_zarnowitz_logs": (
        "Mincer-Zarnowitz, in logs",
        "A test of whether forecasts move too much or too little, in logarithms.",
    ),
    "pesaran_timmermann": (
        "Pesaran-Timmermann",
        "A test of whether the forecasts get the direction right more often than chance.",
    ),
}
"""The terms of tests that not every target has."""

OF_MODELS: dict[str, str] = {
    "base_rate": "forecasts the share of rises in training and validation",
    "coin": "always forecasts one half",
    "ewma": "forecasts the exponentially weighted mean of past variances with the decay of RiskMetrics, 0.94",
    "log_har": "regresses the logarithm on mean variances, of daily bars those of a day, week and month",
    "naive": "repeats {last}",
    "random_walk": "repeats the variance of the last bars",
    "zero": "forecasts that {still}",
}
"""What the references of the targets do, as a clause."""

OF_SCALES: dict[Scale, dict[str, str]] = {
    "return": {},
    "variance": {
        "Proxy": "A measurement that stands for the variance, which itself is never seen.",
        "Realised variance": "The sum of squared returns within a bar or a span of bars.",
    },
    "probability": {"Direction": "Whether the price is higher at the end, 1, or not, 0."},
}

OF_TRADING = {
    "Break-even": "The cost per trade at which the gain of a strategy vanishes.",
    "Drawdown": "The largest loss from a peak to a later low.",
    "Sharpe ratio": "The mean return of a strategy over its standard deviation, per year.",
    "Slippage": "The difference between the expected price of a trade and the price paid.",
    "Turnover": "The amount traded per year, in units of the capital.",
}

OF_INTERVALS = {
    "Coverage": "The share of outcomes inside the prediction intervals.",
    "Split conformal": "A way to build prediction intervals from earlier absolute errors, with few assumptions.",
}

OF_UNITS = {
    "Basis point": "A hundredth of a per cent, 0.0001.",
    "Log return": "The change in the logarithm of a price; for small changes about the percentage change.",
}

OF_HORIZONS: dict[str, str] = {
    "aSPA": "A test of whether a model is better on average over the horizons, each in units of the rival's loss.",
    "uSPA": "A test of whether a model is better at every horizon.",
}
"""Terms that only a report of several horizons uses."""


def terms_of(question: Question, rival: str | None = None, *, several: bool = False) -> dict[str, str]:
    """Return the terms of a report on a question, in alphabetical order; `several` adds those of several horizons."""
    target = question.about
    found = GLOSSARY | OF_SCALES[target.scale]
    found |= dict(OF_TESTS[name] for name in target.tests if name in OF_TESTS)
    names = [*question.losses, *([WEIGHTED] if question.weighted else [])]
    means = (words_of_loss(name) for name in names)
    found |= {capital(words.mean): f"The {words.meaning}." for words in means if words.meaning}
    found |= {
        capital(label(name)): f"The baseline that {OF_MODELS[name]}."
        for name in question.references
        if name in OF_MODELS
    }
    found |= OF_UNITS if target.unit == "log return" else {}
    found |= OF_TRADING if target.tradable else {}
    found |= OF_INTERVALS if target.intervals else {}
    found |= OF_HORIZONS if several else {}
    return {name: fill(found[name], question, rival) for name in sorted(found, key=str.lower)}
