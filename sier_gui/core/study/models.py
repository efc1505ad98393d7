"""The secondary tests: logistic models with raters as clusters, and with raters and items as random effects.

Both are additive on the log odds, class + modality; a contrast of two modalities is an odds ratio at equal
class. statsmodels computes them (the extra ``study``).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.errors import SierError
from sier_gui.core.nets.ablation.significance import holm
from sier_gui.core.study.randomisation import CONTRASTS
from sier_gui.core.study.records import Modality
from sier_gui.core.study.responses import Answers

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OddsRatio:
    """Odds of agreeing with the label in the second modality over those in the first, with 95 % limits.

    ``p_holm`` for the GEE; ``probability`` that the ratio exceeds 1, for the Bayesian model; else None.
    """

    first: Modality
    second: Modality
    ratio: float
    low: float
    high: float
    p_holm: float | None = None
    probability: float | None = None

    def to_json(self) -> dict[str, Any]:
        numbers = {"ratio": self.ratio, "low": self.low, "high": self.high}
        rest = {"p_holm": self.p_holm, "probability": self.probability}
        return {
            "first": str(self.first),
            "second": str(self.second),
            **{name: round(value, 4) for name, value in numbers.items()},
            **{name: value for name, value in rest.items() if value is not None},
        }


@dataclass(frozen=True, slots=True)
class Model:
    """``sd_rater``, ``sd_item``: of the random effects in log odds; None for the GEE."""

    contrasts: tuple[OddsRatio, ...]
    sd_rater: float | None = None
    sd_item: float | None = None

    def to_json(self) -> dict[str, Any]:
        sds = {"sd_rater": self.sd_rater, "sd_item": self.sd_item}
        return {
            "contrasts": [contrast.to_json() for contrast in self.contrasts],
            **{name: round(value, 4) for name, value in sds.items() if value is not None},
        }


def gee(answers: Answers) -> Model:
    """Generalized estimating equations (Liang and Zeger 1986), raters as exchangeable clusters.

    Standard errors are Mancl and DeRouen's (2001), for few clusters; p values Holm-corrected over contrasts.
    Ignores that items are drawn.

    Raises
    ------
    SierError : statsmodels is missing, or the data do not determine the model.
    """
    _need_statsmodels()
    from scipy import stats
    from statsmodels.genmod.cov_struct import Exchangeable
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_estimating_equations import GEE

    design = _design(answers)
    with _fitting("GEE"):
        model = GEE(
            answers.correct.astype(float), design, answers.rater, family=Binomial(), cov_struct=Exchangeable()
        )
        result = model.fit(cov_type="bias_reduced")
    mean, cov = np.asarray(result.params), np.asarray(result.cov_params())
    z = stats.norm.ppf(0.975)
    found = list(_contrasts(answers, mean, cov))
    p_values = holm([2 * float(stats.norm.sf(abs(d) / e)) for _, _, d, e in found])
    return Model(
        tuple(
            OddsRatio(a, b, math.exp(d), math.exp(d - z * e), math.exp(d + z * e), p_holm=p)
            for (a, b, d, e), p in zip(found, p_values, strict=True)
        )
    )


def bayesian(answers: Answers) -> Model:
    """Mixed logistic model with crossed effects of raters and items, by variational Bayes.

    Priors: fixed effects N(0, 2²), log standard deviations of the random effects N(0, 1). Variances and means
    are statsmodels' variational ones; the covariance is Laplace's at them, since a factored posterior knows
    none and is too narrow (Blei, Kucukelbir and McAuliffe 2017).

    Raises
    ------
    SierError : statsmodels is missing, or the data do not determine the model.
    """
    _need_statsmodels()
    from scipy import stats
    from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

    fixed, prior = _design(answers), 2.0
    raters, items = _indicators(answers.rater), _indicators(answers.item)
    random = np.hstack([raters, items])
    ident = np.repeat([0, 1], [raters.shape[1], items.shape[1]])
    with _fitting("The Bayesian model"):
        model = BinomialBayesMixedGLM(
            answers.correct.astype(float), fixed, random, ident, vcp_p=1, fe_p=prior
        )
        result = model.fit_vb(rng=np.random.default_rng(0))
    sds = np.exp(np.asarray(result.vcp_mean))
    both = np.hstack([fixed, random])
    mean = np.concatenate([result.fe_mean, result.vc_mean])
    p = 1 / (1 + np.exp(-both @ mean))
    precision = np.concatenate([np.full(fixed.shape[1], prior**-2), sds[ident] ** -2])
    information = both.T @ (both * (p * (1 - p))[:, None]) + np.diag(precision)
    cov = np.linalg.inv(information)
    z = stats.norm.ppf(0.975)
    ratios = [
        OddsRatio(
            a, b, math.exp(d), math.exp(d - z * e), math.exp(d + z * e), probability=stats.norm.cdf(d / e)
        )
        for a, b, d, e in _contrasts(answers, mean, cov)
    ]
    return Model(tuple(ratios), float(sds[0]), float(sds[1]))


def _need_statsmodels() -> None:
    try:
        import statsmodels  # noqa: F401
    except ImportError as error:
        raise SierError(
            "GEE and the Bayesian model need statsmodels.", "Install it: pip install 'sier-gui[study]'."
        ) from error


@contextmanager
def _fitting(what: str) -> Iterator[None]:
    """A fit that does not converge, or whose algebra fails, is a SierError that says which model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message=".*(converge|eparation|verflow|ingular).*")
        try:
            yield
        except (Warning, ValueError, np.linalg.LinAlgError) as error:
            raise SierError(f"{what} cannot be fitted: {error}.", "More responses are needed.") from error


def _design(answers: Answers) -> Floats:
    """(n, modalities + classes − 1): one column for each modality, then classes after the first."""
    modalities = np.eye(len(answers.modalities))[answers.modality]
    return np.hstack([modalities, _indicators(answers.label)[:, 1:]])


def _indicators(groups: NDArray[np.int64]) -> Floats:
    present, place = np.unique(groups, return_inverse=True)
    ones: Floats = np.eye(len(present))[place]
    return ones


def _contrasts(
    answers: Answers, mean: Floats, cov: Floats
) -> Iterator[tuple[Modality, Modality, float, float]]:
    """(first, second, difference of log odds, its standard error) where both were met."""
    for first, second in CONTRASTS:
        if first in answers.modalities and second in answers.modalities:
            weights = np.zeros(len(mean))
            weights[answers.modalities.index(second)] = 1
            weights[answers.modalities.index(first)] = -1
            yield first, second, float(weights @ mean), math.sqrt(float(weights @ cov @ weights))
