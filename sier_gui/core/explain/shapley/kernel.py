"""A prior over games: the Gaussian process whose posterior stands in for coalitions that are not valued.

With s_p = 1 for a present player and −1 for an absent one, two coalitions vary together as

    k(A, A') = (1 − ρ)·Π_p (1 + λ_p s_p s'_p)/(1 + λ_p) + ρ·Σ_p λ_p s_p s'_p / Σ_p λ_p + ν·[A = A'].    (1)

The product is the Gaussian kernel exp(−2 Σ_p w_p [s_p ≠ s'_p]) on masks with λ_p = tanh w_p. It gives an
interaction of players T the prior variance Π_{p∈T} λ_p, so a player that hardly matters takes λ_p → 0 and
costs nothing (automatic relevance determination: Rasmussen & Williams, Gaussian Processes for Machine
Learning, 2006, §5.1). The sum leaves more to single players than the product does. The nugget ν is what a
coalition's value has for itself. It is no error of measurement: networks answer the same each time. So it
belongs to the game, a Shapley value contains it, and a coalition that was valued leaves none of it open:
of a finite population that is known nothing remains. All three are made of factors of single players, and
so are their means over random coalitions: Shapley values have a closed form (`weights`). The mean of the
process is unknown and estimated with the rest (§2.7 there; "ordinary kriging" elsewhere).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sier_gui.core.explain.attribution import Floats
from sier_gui.core.explain.patterns import Bools

MOST_TO_FIT = 256  # masks that the parameters are fitted to; the estimate uses all
ITERATIONS = 12
# weight of a prior on the parameters, in observations: holds those that the data say nothing about
HOLD = 1.0
CONSTANT = 1e-12  # variation that is nothing but rounding, against the values
START_REACH = 3.2  # Σ w_p at the start
START_LINEAR = -2.7  # logit ρ
START_NUGGET = -6.9  # log ν
LEAST_NUGGET, MOST_NUGGET = -11.5, 0.0  # log ν; the least keeps the equations well-conditioned


@dataclass(frozen=True, slots=True)
class SetKernel:
    """Kernel (1): ``reach`` (n,) w_p > 0, ``linear`` ρ in [0, 1], ``nugget`` ν > 0."""

    reach: Floats
    linear: float
    nugget: float

    @property
    def lam(self) -> Floats:
        """(n,) λ_p in [0, 1)."""
        return np.tanh(self.reach)

    def between(self, first: Floats, second: Floats) -> Floats:
        """Signs (a, n), (b, n) of masks that differ → (a, b). Equal masks would lack the nugget."""
        product = np.exp((first * self.reach) @ second.T - self.reach.sum())
        return (1 - self.linear) * product + self.linear / self.lam.sum() * (first * self.lam) @ second.T

    def gram(self, signs: Floats) -> Floats:
        """(K, K) covariance of the values of different masks ``signs`` (K, n); 1 + ν on the diagonal."""
        return self.between(signs, signs) + self.nugget * np.eye(len(signs))

    def expected(self, nodes: Floats, signs: Floats) -> tuple[Floats, Floats]:
        """What random coalitions covary with masks ``signs`` (K, n).

        At node q every player is present with probability q, independently. The first, (Q, K), is the mean of
        k(A, ·) over such A; the second, (Q, K, n), that of k(A ∪ i, ·) − k(A ∖ i, ·). With m = 2q − 1 = E s_p
        the product's mean is Π_p (1 + λ_p m s'_p)/(1 + λ_p), that of λ_p s_p s'_p is λ_p m s'_p, and setting
        s_i = ±1 in place of m leaves twice player i's own term. Of the nugget the share `chances` arrives.
        """
        lam, mean = self.lam, 2 * nodes - 1
        own = signs * lam
        factors = 1 + mean[:, None, None] * own
        product = np.exp(np.log(factors).sum(axis=2) - np.log1p(lam).sum())
        ratio = self.linear / lam.sum()
        whole = (1 - self.linear) * product + ratio * mean[:, None] * own.sum(axis=1)
        difference = (1 - self.linear) * product[..., None] * (2 * own) / factors + 2 * ratio * own
        chance, gain = chances(nodes, signs > 0)
        return whole + self.nugget * chance, difference + self.nugget * gain

    def variance(self, nodes: Floats) -> tuple[Floats, Floats]:
        """Prior covariance of those expectations between nodes: (Q, Q), and (n, Q, Q) for the differences.

        As in `expected`, with both coalitions random: m m' in place of m s'_p. Two of them are the same with
        probability Π_p [q q' + (1 − q)(1 − q')] = ((1 + m m')/2)^n.
        """
        lam, n = self.lam, len(self.reach)
        mean = np.multiply.outer(2 * nodes - 1, 2 * nodes - 1)
        factors = 1 + mean * lam[:, None, None]
        product = (1 - self.linear) * np.exp(np.log(factors).sum(axis=0) - np.log1p(lam).sum())
        difference = 4 * lam[:, None, None] * (product / factors + self.linear / lam.sum())
        same = (1 + mean) / 2
        whole = product + self.linear * mean + self.nugget * same**n
        return whole, difference + 2 * self.nugget * same ** (n - 1)


def chances(nodes: Floats, masks: Bools) -> tuple[Floats, Floats]:
    """What one mask of (K, n) weighs in expectations over random coalitions, at each node q.

    Its chance q^|A| (1 − q)^(n − |A|), (Q, K), and the difference between its chances where player i is
    present for sure and absent for sure, (Q, K, n): the chance over q for members, over q − 1 for others.
    """
    n, size = masks.shape[1], masks.sum(axis=1)
    chance: Floats = nodes[:, None] ** size * (1 - nodes)[:, None] ** (n - size)
    part = np.where(masks, 1 / nodes[:, None, None], -1 / (1 - nodes[:, None, None]))
    return chance, chance[..., None] * part


def signs_of(masks: Bools) -> Floats:
    """Present 1, absent −1."""
    return np.where(masks, 1.0, -1.0)


class Posterior:
    """What values on ``masks`` (K, n) say about everything else, before the values are looked at.

    ``precision`` (K, K) is the inverse Gram matrix with the unknown mean projected out, ``root`` its root:
    rootᵀ·root = precision. ``level`` (K,) are the weights of the estimated mean.
    """

    def __init__(self, kernel: SetKernel, masks: Bools) -> None:
        self.kernel, self.masks, self.signs = kernel, masks, signs_of(masks)
        self._inverse = np.asarray(np.linalg.inv(kernel.gram(self.signs)), np.float64)
        self._total = self._inverse.sum(axis=0)
        self.level = self._total / self._total.sum()
        self.precision = self._inverse - np.outer(self._total, self.level)
        half = np.asarray(np.linalg.cholesky(self._inverse), np.float64).T
        self.root = half - np.outer(half.sum(axis=1), self.level)

    def left(self, prior: Floats, first: Floats, second: Floats, counts: tuple[Floats, Floats]) -> Floats:
        """Covariance (a, b) that remains of ``prior`` between quantities known by theirs with the masks.

        ``first`` (a, K), ``second`` (b, K); ``counts`` (a,), (b,) say how often each contains the mean: once
        for a value, not at all for a difference.
        """
        unknown = [count - one @ self._total for count, one in zip(counts, (first, second), strict=True)]
        known: Floats = first @ self._inverse @ second.T
        return prior - known + np.outer(*unknown) / self._total.sum()


def fitted(masks: Bools, values: Floats, before: SetKernel | None = None) -> SetKernel:
    """The kernel under which ``values`` (K, columns) on ``masks`` (K, n) are likeliest.

    Columns count as independent draws of one process whose means and scale are profiled out (restricted
    likelihood): the search minimises (log|K| + log 1ᵀK⁻¹1)/(K − 1) + log tr(P Y Yᵀ), P being the precision of
    `Posterior`, over log w, logit ρ and log ν, from ``before`` on where one is given.
    """
    n = masks.shape[1]
    if len(masks) > MOST_TO_FIT:
        rows = np.linspace(0, len(masks) - 1, MOST_TO_FIT).astype(np.intp)
        masks, values = masks[rows], values[rows]
    start = np.append(np.full(n, np.log(min(START_REACH / n, 0.5))), [START_LINEAR, START_NUGGET])
    centred = values - values.mean(axis=0)
    if np.abs(centred).max() <= CONSTANT * np.abs(values).max():
        return _kernel(start)
    signs, squares = signs_of(masks), centred @ centred.T
    begin = start if before is None else _parameters(before)
    return _kernel(minimised(lambda x: _unlikeliness(x, signs, squares, start), begin, ITERATIONS))


def _kernel(x: Floats) -> SetKernel:
    """``x`` (n + 2,): log w_p, logit ρ, log ν."""
    linear = 1 / (1 + np.exp(-np.clip(x[-2], -9, 9)))
    nugget = np.exp(np.clip(x[-1], LEAST_NUGGET, MOST_NUGGET))
    return SetKernel(np.exp(np.clip(x[:-2], -9, 1.5)), float(linear), float(nugget))


def _parameters(kernel: SetKernel) -> Floats:
    """What `_kernel` makes ``kernel`` of."""
    linear = np.log(kernel.linear / (1 - kernel.linear))
    return np.append(np.log(kernel.reach), [linear, np.log(kernel.nugget)])


def _unlikeliness(x: Floats, signs: Floats, squares: Floats, start: Floats) -> tuple[float, Floats]:
    """The objective of `fitted` and its gradient, ∂f = Σ H ∘ ∂K, H = P/(K − 1) − P Y Yᵀ P/tr(P Y Yᵀ)."""
    kernel, free = _kernel(x), len(signs) - 1
    lam, rho = kernel.lam, kernel.linear
    product = np.exp((signs * kernel.reach) @ signs.T - kernel.reach.sum())
    line = (signs * lam) @ signs.T / lam.sum()
    gram = (1 - rho) * product + rho * line + kernel.nugget * np.eye(len(signs))
    inverse = np.linalg.inv(gram)
    total = inverse.sum(axis=0)
    precision = inverse - np.outer(total, total / total.sum())
    half = precision @ squares
    trace = np.trace(half)
    hold = HOLD / free * (x - start)
    value = (np.linalg.slogdet(gram)[1] + np.log(total.sum())) / free + np.log(trace)
    h = precision / free - half @ precision / trace
    by_product = h * product
    of_product = np.einsum("ip,ip->p", signs, by_product @ signs) - by_product.sum()
    of_line = (np.einsum("ip,ip->p", signs, h @ signs) - (h * line).sum()) * (1 - lam**2) / lam.sum()
    slope = ((1 - rho) * of_product + rho * of_line) * kernel.reach
    of_linear, of_nugget = (h * (line - product)).sum() * rho * (1 - rho), np.trace(h) * kernel.nugget
    return float(value + hold @ (x - start)), np.append(slope, [of_linear, of_nugget]) + 2 * hold


def minimised(function: Callable[[Floats], tuple[float, Floats]], x: Floats, iterations: int) -> Floats:
    """A local minimum by BFGS with backtracking (Nocedal & Wright, Numerical Optimization, 2006, §6.1)."""
    value, slope = function(x)
    inverse = np.eye(len(x))
    for iteration in range(iterations):
        step = -inverse @ slope
        step *= min(1, 2 / np.abs(step).max(initial=1e-12))
        rate = float(slope @ step)
        length = 1.0
        while True:
            tried = x + length * step
            found, steeper = function(tried)
            if found <= value + 1e-4 * length * rate or length < 0.02:
                break
            length *= 0.4
        if not found < value:
            break
        moved, turned = tried - x, steeper - slope
        gain, curvature = value - found, float(moved @ turned)
        x, value, slope = tried, found, steeper
        if gain < 1e-4:
            break
        if curvature > 1e-12:
            if iteration == 0:
                inverse *= curvature / float(turned @ turned)
            left = np.eye(len(x)) - np.outer(moved, turned) / curvature
            inverse = left @ inverse @ left.T + np.outer(moved, moved) / curvature
    return x
