"""The formulas of a report with their sources, in the terms of its question."""

from __future__ import annotations

from backtest.data.losses import WEIGHTED
from backtest.data.names import Scale
from backtest.data.question import Question
from backtest.data.targets import ROBUST_TEST
from backtest.reports.wording.question import capital, fill, words_of_loss

SIGNS = (
    "yₜ is the realised value at time t and ŷₜ its forecast; n is the number of forecasts, h the "
    "horizon in bars, Σ the sum over all forecasts, x̄ the mean of x. dₜ is the loss difference between a model and "
    "{rival}. With several symbols, losses of the same time are averaged first."
)

COMMON: dict[str, str] = {
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
    "Holm's adjusted p": (
        "The m p-values in ascending order: the i-th becomes max over j ≤ i of min(1, (m − j + 1) pⱼ). Holm (1979), "
        "Scandinavian Journal of Statistics 6."
    ),
    "Benjamini and Hochberg's adjusted p": (
        "The i-th of m becomes min over j ≥ i of min(1, m pⱼ / j), and by Benjamini and Yekutieli that times "
        "1 + 1/2 + … + 1/m. Journal of the Royal Statistical Society B 57 (1995); Annals of Statistics 29 (2001)."
    ),
    "Fluctuation": (
        "Fₜ = Σ d over the m bars around t / √(V m), m = 0.3 n. Giacomini and Rossi (2010), Journal of Applied "
        "Econometrics 25."
    ),
    "Model Confidence Set": (
        "The worst model is removed as long as a block bootstrap rejects that the remaining models are equally good. "
        "Hansen, Lunde and Nason (2011), Econometrica 79."
    ),
    "Slope": (
        "b in yₜ = a + b ŷₜ + error, by least squares; its interval is robust to heteroskedasticity. Mincer and "
        "Zarnowitz (1969), NBER; White (1980), Econometrica 48."
    ),
    "Autocorrelation": "Σ (eₜ − ē)(eₜ₋ₖ − ē) / Σ (eₜ − ē)² of the errors eₜ = yₜ − ŷₜ, at lag k.",
}
"""Formulas of every report: formula, meaning and source by name."""

OUTCOMES: dict[Scale, str] = {
    "return": "yₜ is the {outcome}, in the unit {unit}.",
    "variance": (
        "yₜ is the sum of the {outcome} of the bars t + 1 to t + h. Networks, linear models and models of your own "
        "forecast its logarithm f: ŷₜ = exp(f + s2 / 2)."
    ),
    "probability": "yₜ is 1 or 0, the {outcome}; ŷₜ is the forecast probability of 1.",
}
"""What an outcome is of which no formula is known."""

AGAINST_ZERO: dict[str, str] = {
    "Skill": "1 − MSE of model / MSE of baseline. Campbell and Thompson (2008), Review of Financial Studies 21.",
    "Loss difference": (
        "dₜ = (yₜ − ŷₜ)² − yₜ², because zero forecasts 0. Below 0 the model is better. Its sum divided by Σ yₜ² is "
        "minus the skill."
    ),
    "95 % interval of the skill": (
        "All 1 − r for which the two-sided test of the mean of (yₜ − ŷₜ)² − r yₜ² does not reject 0. Fieller (1954), "
        "Journal of the Royal Statistical Society B 16."
    ),
    "Smallest detectable gain": (
        "x = m e √((x + 2w) / q): e is the standard error of the skill s, q = Σ ŷₜ² / Σ yₜ², w = (q − s) / 2 the part "
        "of q that is noise, m the mean in standard errors that the test finds in 4 of 5 samples. Beatzero's own, from "
        "the fixed-b distribution."
    ),
}
"""What is particular to squared errors against zero, which forecasts 0."""

AGAINST_OTHERS: dict[str, str] = {
    "Skill": "1 − {mean} of model / {mean} of baseline.",
    "Loss difference": (
        "dₜ = Lₜ − Kₜ, the {losses} of the model and of {rival}. Below 0 the model is better. Its sum divided by Σ Kₜ "
        "is minus the skill."
    ),
    "95 % interval of the skill": (
        "All 1 − r for which the two-sided test of the mean of Lₜ − r Kₜ does not reject 0. Fieller (1954), Journal of "
        "the Royal Statistical Society B 16."
    ),
    "Smallest detectable gain": (
        "x = m e: e is the standard error of the mean of d in units of the mean of K, m the mean in standard errors "
        "that the test finds in 4 of 5 samples, from the fixed-b distribution."
    ),
}
"""The same for any loss L of a model and K of the rival."""

CLARK_WEST = {
    "Clark-West": (
        "DM of yₜ² − (yₜ − ŷₜ)² + ŷₜ²: corrects for the noise of estimated weights. Clark and West (2007), Journal of "
        "Econometrics 138."
    ),
}

ROBUST = {
    "Robust Diebold-Mariano": (
        "The weaker of DM = u √n and (u + g u² / 3 + g² u³ / 27 + g / (6 n)) √n, g the skewness of sums of h "
        "neighbours of d per step: Hall (1992), Journal of the Royal Statistical Society B 54. One-sided p = "
        "T(Φ⁻¹(p, fixed-b)), T Student's t with 5 degrees of freedom, chosen by simulation; two-sided p is twice the "
        "smaller. The interval holds what the two-sided test does not reject."
    ),
    "Smallest detectable gain": (
        "x = k e + (m − c) e max(1, 1 + k g / (2 √n)): e is the standard error of the mean of d in units of the mean "
        "of K, c the fixed-b critical value, k the DM that the robust test needs, m the mean in standard errors that a "
        "fixed-b test finds in 4 of 5 samples. Where d has a long right tail it is found less often, in about 3 of 5."
    ),
}

OF_INTERVALS = {
    "Split-conformal half-width": (
        "The ⌈(N + 1) c⌉-th smallest of the N errors |yᵢ − ŷᵢ| that were known before the fold began, for coverage c. "
        "Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), Journal of the American Statistical Association 113."
    ),
}

OF_TRADING = {
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


def formulas_of(question: Question, rival: str | None = None) -> dict[str, str]:
    """Return the formulas of a report on a question by name: of outcome and losses, of the verdict, then all others."""
    target = question.about
    found = {"Outcome": target.formula or OUTCOMES[target.scale]}
    names = [*question.losses, *([WEIGHTED] if question.weighted else [])]
    losses = (words_of_loss(name) for name in names)
    found |= {capital(words.one): words.formula for words in losses if words.formula}
    found |= AGAINST_ZERO if (question.loss, question.rival) == ("squared", "zero") else AGAINST_OTHERS
    found |= COMMON
    found |= CLARK_WEST if question.rival in target.nested and "clark_west" in target.tests else {}
    found |= ROBUST if question.test == ROBUST_TEST else {}
    found |= OF_INTERVALS if target.intervals else {}
    found |= OF_TRADING if target.tradable else {}
    return {name: fill(text, question, rival) for name, text in found.items()}
