"""The terms of a report, each in one sentence, and its formulas with their sources."""

from __future__ import annotations

from backtest.reports.blocks import Block, Facts, Heading
from backtest.reports.result import Result

QUESTION = "What do the terms mean?"

GLOSSARY: dict[str, str] = {
    "Adjusted p": "A p-value increased to allow for the number of models and configurations that were tried.",
    "Anatolyev-Gerko": "A test of whether trading on the sign of the forecasts, without costs, earns more than chance.",
    "Autocorrelation": "The correlation of a series with itself some bars earlier, from −1 to 1.",
    "Baseline": "A simple model that a network has to beat: zero, naive, the mean, AR or ridge.",
    "Basis point": "A hundredth of a per cent, 0.0001.",
    "Break-even": "The cost per trade at which the gain of a strategy vanishes.",
    "Calibration": "Agreement of forecasts with mean outcomes: forecasts of 1 % are followed by 1 % on average.",
    "Clark-West": "A test of whether a larger model would beat zero if its weights were known, not estimated.",
    "Confidence interval": "A range that covers the true value in 95 of 100 samples like this one.",
    "Configuration": "One set of models and settings that was tried on the same bars.",
    "Coverage": "The share of outcomes inside the prediction intervals.",
    "Decile": "A tenth of the forecasts, sorted by size.",
    "Diebold-Mariano": "The test of whether a model's squared errors are significantly lower than zero's.",
    "Dispersion": "The standard deviation of the forecasts in per cent of that of the outcomes.",
    "Drawdown": "The largest loss from a peak to a later low.",
    "Early stopping": "Ending the training of a network when its validation loss no longer falls.",
    "Encompassing": "A test of whether combining model and baseline would improve on the baseline alone.",
    "Epoch": "One pass of a network over all its training data.",
    "Fixed-b": "A way to compute p that allows for the uncertainty of the estimated variance.",
    "Fluctuation test": "A test of whether a model was better or worse than zero in some period (Giacomini-Rossi).",
    "Fold": "One step of the walk: models are fitted on earlier bars and evaluated on the test period after them.",
    "Fragile": "Of a claim: it no longer holds when a single fold is left out.",
    "Gap": "The bars left out between the periods of a fold, so that outcomes do not overlap.",
    "Giacomini-White": "A test of whether the last loss difference predicts which of two models is better next.",
    "Holm": "An adjustment of p-values that keeps the probability of any false claim at the level.",
    "Horizon": "How many bars ahead a forecast looks.",
    "Ibragimov-Müller": "A test of whether the gain repeats from fold to fold, whatever happens within a fold.",
    "Leak audit": "A search for any use of information from after the forecast.",
    "Level": "The largest adjusted p at which a claim is made, usually 5 %.",
    "Log return": "The change in the logarithm of a price; for small changes about the percentage change.",
    "Loss difference": "The squared error of a model minus that of zero; below 0 the model is better.",
    "MAE": "The mean absolute error.",
    "Mincer-Zarnowitz": "A test of whether forecasts are biased in level or in scale.",
    "Model Confidence Set": "The models that cannot be ruled out as the best.",
    "MSE": "The mean squared error.",
    "Naive": "The baseline that repeats the last return.",
    "p": "The probability of a result at least this good if the model were no better than zero.",
    "Pesaran-Timmermann": "A test of whether the forecasts get the sign right more often than chance.",
    "Power": "The probability that a test detects a gain that is really there.",
    "Regime": "A condition by which forecasts are grouped: volatility, hour of day, or weekday.",
    "Ridge": "A linear model of the features with penalised weights.",
    "Seed": "The number that determines all randomness in the training of a network.",
    "SHA-256": "A checksum that identifies the content of a file.",
    "Sharpe ratio": "The mean return of a strategy over its standard deviation, per year.",
    "Skill": "The reduction in squared error relative to a baseline: 0 % is no better, negative is worse.",
    "Slippage": "The difference between the expected price of a trade and the price paid.",
    "Slope": "The change in the outcome per unit change in the forecast: 1 is ideal, 0 means no information.",
    "Split conformal": "A way to build prediction intervals from earlier absolute errors, with few assumptions.",
    "Stepwise (StepM)": "A test that selects the models that are better than zero, allowing for the number tried.",
    "Superior predictive ability (SPA)": "A test of whether the best of many models beats zero, or is only lucky.",
    "Tercile": "A third of the forecasts, sorted by a value such as recent volatility.",
    "Turnover": "The amount traded per year, in units of the capital.",
    "Validation period": "The part of the past that is held out from training to decide when to stop.",
    "Volatility": "The standard deviation of returns.",
    "Walk forward": "Fit on the past, forecast the next period, move forward, and fit again.",
    "Zero": "The baseline that forecasts that the price will not move.",
}
"""Every term that a reader may not know, in one sentence."""


OF_HORIZONS: dict[str, str] = {
    "aSPA": "A test of whether a model is better on average over the horizons, each in units of the rival's loss.",
    "uSPA": "A test of whether a model is better at every horizon.",
}
"""Terms that only a report of several horizons uses."""


def glossary(result: Result) -> tuple[Block, ...]:
    """What do the terms mean? Every term of the report in one sentence."""
    terms = GLOSSARY | OF_HORIZONS if len(result.horizons) > 1 else GLOSSARY
    ordered = tuple(sorted(terms.items(), key=lambda term: term[0].lower()))
    return (Heading("The terms of this report, in one sentence each", QUESTION), Facts(ordered))


SIGNS = (
    "yₜ is the realised value at time t and ŷₜ its forecast, both log returns; n is the number of forecasts, h the "
    "horizon in bars, Σ the sum over all forecasts, x̄ the mean of x. dₜ is the loss difference between a model and "
    "zero. With several symbols, losses of the same time are averaged first."
)

FORMULAS: dict[str, str] = {
    "Log return": "yₜ = ln(closeₜ₊ₕ / closeₜ).",
    "Squared error": "MSE = Σ (yₜ − ŷₜ)² / n.",
    "Absolute error": "MAE = Σ |yₜ − ŷₜ| / n.",
    "Skill": "1 − MSE of model / MSE of baseline. Campbell and Thompson (2008), Review of Financial Studies 21.",
    "Loss difference": (
        "dₜ = (yₜ − ŷₜ)² − yₜ², because zero forecasts 0. Below 0 the model is better. Its sum divided by Σ yₜ² is "
        "minus the skill."
    ),
    "Diebold-Mariano": (
        "DM = d̄ / √(V / n), V the long-run variance of d with weights 1 − k / b on its autocovariances at lag k, "
        "b = h − 1 + 1.3 √n rounded up. Diebold and Mariano (1995), Journal of Business & Economic Statistics 13; "
        "Newey and West (1987), Econometrica 55; the rule for b: Lazarus, Lewis, Stock and Watson (2018), Journal of "
        "Business & Economic Statistics 36."
    ),
    "p, fixed-b": (
        "P(Z / √Q < DM), Z standard normal and Q the estimate of its variance from n such values with the same b, "
        "so that p allows for the uncertainty of V. Kiefer and Vogelsang (2005), Econometric Theory 21."
    ),
    "95 % interval of the skill": (
        "All 1 − r for which the two-sided test of the mean of (yₜ − ŷₜ)² − r yₜ² does not reject 0. Fieller (1954), "
        "Journal of the Royal Statistical Society B 16."
    ),
    "Holm's adjusted p": (
        "The m p-values in ascending order: the i-th becomes max over j ≤ i of min(1, (m − j + 1) pⱼ). Holm (1979), "
        "Scandinavian Journal of Statistics 6."
    ),
    "Benjamini and Hochberg's adjusted p": (
        "The i-th of m becomes min over j ≥ i of min(1, m pⱼ / j), and by Benjamini and Yekutieli that times "
        "1 + 1/2 + … + 1/m. Journal of the Royal Statistical Society B 57 (1995); Annals of Statistics 29 (2001)."
    ),
    "Smallest detectable gain": (
        "x = m e √((x + 2w) / q): e is the standard error of the skill s, q = Σ ŷₜ² / Σ yₜ², w = (q − s) / 2 the part "
        "of q that is noise, m the mean in standard errors that the test finds in 4 of 5 samples. Beatzero's own, from "
        "the fixed-b distribution."
    ),
    "Fluctuation": (
        "Fₜ = Σ d over the m bars around t / √(V m), m = 0.3 n. Giacomini and Rossi (2010), Journal of Applied "
        "Econometrics 25."
    ),
    "Clark-West": (
        "DM of yₜ² − (yₜ − ŷₜ)² + ŷₜ²: corrects for the noise of estimated weights. Clark and West (2007), Journal of "
        "Econometrics 138."
    ),
    "Model Confidence Set": (
        "The worst model is removed as long as a block bootstrap rejects that the remaining models are equally good. "
        "Hansen, Lunde and Nason (2011), Econometrica 79."
    ),
    "Slope": (
        "b in yₜ = a + b ŷₜ + error, by least squares; its interval is robust to heteroskedasticity. Mincer and "
        "Zarnowitz (1969), NBER; White (1980), Econometrica 48."
    ),
    "Split-conformal half-width": (
        "The ⌈(N + 1) c⌉-th smallest of the N errors |yᵢ − ŷᵢ| that were known before the fold began, for coverage c. "
        "Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), Journal of the American Statistical Association 113."
    ),
    "Autocorrelation": "Σ (eₜ − ē)(eₜ₋ₖ − ē) / Σ (eₜ − ē)² of the errors eₜ = yₜ − ŷₜ, at lag k.",
    "Sharpe ratio": (
        "√(bars per year) × mean / standard deviation of the net returns per bar. Sharpe (1994), Journal of Portfolio "
        "Management 21."
    ),
    "Probabilistic and deflated Sharpe ratio": (
        "Φ((S − S₀) √(n − 1) / √(1 − g S + (k − 1) S² / 4)), S the ratio per bar, g skewness and k kurtosis of the "
        "returns; S₀ is 0, or for the deflated one the ratio expected by chance of the best of all that were tried. "
        "Bailey and López de Prado (2012), Journal of Risk 15; (2014), Journal of Portfolio Management 40."
    ),
}
"""Formula, meaning and source by name."""
