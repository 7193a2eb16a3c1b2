"""What the words of a report mean, each in one plain sentence."""

from __future__ import annotations

from backtest.reports.blocks import Block, Facts, Heading
from backtest.reports.run import RunResult

QUESTION = "What do the words mean?"

GLOSSARY: dict[str, str] = {
    "Adjusted p": "A p that has been made larger because several models, or several attempts, had their chance.",
    "Anatolyev-Gerko": "A test of whether trading the sign of the forecasts, free of costs, earns more than chance.",
    "Autocorrelation": "How much a series resembles itself some bars earlier, from −1 to 1; 0 says not at all.",
    "Baseline": "A simple model that a network has to beat: zero, naive, the mean, AR or ridge.",
    "Basis point": "A hundredth of a per cent, 0.0001.",
    "Break-even": "The cost per trade at which the gain of a strategy would be gone.",
    "Calibration": "Whether forecasts of a size come true on average, so that a forecast of 1 % is followed by 1 %.",
    "Clark-West": "A test of whether a larger model would beat zero if its weights were known instead of estimated.",
    "Confidence interval": "A range that holds the true value in 95 of 100 samples like this one.",
    "Configuration": "One set of models and settings that was tried on the same bars.",
    "Coverage": "The share of outcomes that lay inside of the intervals around the forecasts.",
    "Decile": "A tenth of the forecasts, when they are sorted by size.",
    "Diebold-Mariano": "The test of whether a model's errors are smaller than zero's by more than chance would make.",
    "Dispersion": "The standard deviation of the forecasts in per cent of that of the outcomes.",
    "Drawdown": "The largest loss of an account from a peak to a later low.",
    "Early stopping": "Ending the training of a network when its error on the validation span no longer falls.",
    "Encompassing": "A test of whether a mix of model and baseline would gain anything on the baseline alone.",
    "Epoch": "One pass of a network over all that it is trained on.",
    "Fixed-b": "A way to compute p that counts that the error of a mean is itself only estimated from the sample.",
    "Fluctuation test": "A test of whether a model was better or worse than zero in some spell (Giacomini-Rossi).",
    "Fold": "One step of the walk: the models are fitted on earlier bars, and judged on the test span after them.",
    "Fragile": "Said of a claim that does not hold any more when a single fold is left out.",
    "Gap": "Of a model its loss difference to zero; of a fold the bars left out between what is learned and judged.",
    "Giacomini-White": "A test of whether the last loss difference could have told which of two models is next ahead.",
    "Holm": "A way to adjust several p so that the chance of even one false claim stays at the level.",
    "Horizon": "How many bars ahead a forecast looks.",
    "Ibragimov-Müller": "A test of whether the gain repeats from fold to fold, whatever happens inside of a fold.",
    "Leak audit": "A search for any way in which a model could have used later information.",
    "Level": "The largest adjusted p at which a claim is made, 5 % as a rule.",
    "Log return": "The change of the logarithm of a price, for small changes the change in per cent.",
    "Loss difference": "The squared error of a model minus that of zero; below 0 the model is better.",
    "MAE": "The mean of the sizes of all errors.",
    "Mincer-Zarnowitz": "A test of whether forecasts are off in level or in size.",
    "Model Confidence Set": "The models that may be the best of all, as far as these forecasts can tell them apart.",
    "MSE": "The mean of the squares of all errors.",
    "Naive": "The baseline that forecasts the last return again.",
    "p": "How often chance alone would make a model that is no better than zero look at least this good.",
    "Pesaran-Timmermann": "A test of whether the forecasts get the sign right more often than chance.",
    "Power": "How often a test finds a gain that is really there.",
    "Regime": "A part of the time that is unlike others, such as wild or calm days, an hour, or a weekday.",
    "Ridge": "A linear model of the features whose weights are kept small.",
    "Seed": "The number from which all chance in the training of a network is drawn.",
    "SHA-256": "A checksum of a file: another file has another one.",
    "Sharpe ratio": "The mean return of a strategy over its standard deviation, per year.",
    "Skill": "The share of a baseline's squared error that a model saves: 0 % is no better, below 0 % is worse.",
    "Slippage": "What is lost between the price that was decided on and the price that was paid.",
    "Slope": "By how much the outcome rises when the forecast rises by one: 1 is ideal, 0 says nothing.",
    "Split conformal": "Making an interval around a forecast from the sizes of earlier errors, nothing else assumed.",
    "Stepwise (StepM)": "A test that names the models that are better than zero, counting that many were tried.",
    "Superior predictive ability (SPA)": "A test of whether the best of many models is more than just lucky.",
    "Tercile": "A third of the forecasts, when they are sorted, as by how wild the days before them were.",
    "Turnover": "How much is traded in a year, in units of the capital.",
    "Validation span": "The part of the past that is kept from training, to tell when to stop it.",
    "Volatility": "The standard deviation of returns.",
    "Walk forward": "Fit on the past, forecast the next span, move on, and fit again.",
    "Zero": "The baseline that says that the price will not move.",
}
"""Every term that a reader may not know, in one plain sentence."""


def glossary(result: RunResult) -> tuple[Block, ...]:
    """What do the words mean? Every term of the report in one plain sentence."""
    return (Heading("The words of this report, in one sentence each", QUESTION), Facts(tuple(GLOSSARY.items())))
