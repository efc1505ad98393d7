"""Shapley values as weighted sums over a grid of coalitions, and what such sums leave open.

Let A hold each player with probability q, independently. Then (Owen, Management Science 18, 1972, P64)

    φ_i = ∫₀¹ E_q[v(A ∪ i) − v(A ∖ i)] dq .                                                          (1)

The integrand is a polynomial in q of degree n − 1, so ⌈n/2⌉ Gauss-Legendre nodes integrate it exactly. At a
node the modalities are independent: the expectation is one over each in turn, and each modality needs weights
for its own masks only, of E_q[v] and of E_q[v(A ∪ i) − v(A ∖ i)]. Where all of its masks were valued they
are q^|A| (1 − q)^(n − |A|) and what follows from it, and the result is exact. Otherwise they are those of the
posterior mean under `kernel` (Bayesian quadrature: O'Hagan, J. Statist. Plann. Inference 29, 1991).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sier_gui.core.explain.attribution import Floats
from sier_gui.core.explain.patterns import Bools
from sier_gui.core.explain.shapley.kernel import Posterior, chances

MOST_NODES = 32  # exact up to 64 players; beyond, what they miss is far below the estimate's error
SPECTRUM = 1e-4  # share of an error covariance that may be left out


@dataclass(frozen=True, slots=True)
class Weights:
    """Of one axis of the grid, K masks of n players, at Q nodes.

    ``whole`` (Q, K) for E_q[v], ``difference`` (Q, K, n) for E_q[v(A ∪ i) − v(A ∖ i)]. Where they come from a
    kernel: ``root`` (K, K) of the `Posterior`, and the posterior covariances between nodes, ``whole_error``
    (Q, Q) and ``difference_error`` (n, Q, Q), per unit of variance. Empty where exact.
    """

    whole: Floats
    difference: Floats
    root: Floats = field(default_factory=lambda: np.empty((0, 0)))
    whole_error: Floats = field(default_factory=lambda: np.empty((0, 0)))
    difference_error: Floats = field(default_factory=lambda: np.empty((0, 0, 0)))

    @property
    def exact(self) -> bool:
        return not self.root.size


def all_masks(players: int) -> Bools:
    """(2^n, n): row i holds the bits of i, the first player's lowest."""
    return (np.arange(2**players)[:, None] >> np.arange(players) & 1).astype(bool)


def quadrature(players: int) -> tuple[Floats, Floats]:
    """Nodes in (0, 1) and weights that sum up to 1."""
    x, w = np.polynomial.legendre.leggauss(min((players + 1) // 2, MOST_NODES))
    return (x + 1) / 2, w / 2


def complete_weights(masks: Bools, nodes: Floats) -> Weights:
    """Exact ones of ``masks`` (K, n), which are all 2^n masks or some of them, for sums over parts."""
    return Weights(*chances(nodes, masks))


def kriged_weights(posterior: Posterior, nodes: Floats) -> Weights:
    """Those of the posterior mean given the values on its masks."""
    kernel, precision = posterior.kernel, posterior.precision
    whole, difference = kernel.expected(nodes, posterior.signs)
    prior, difference_prior = kernel.variance(nodes)
    once = np.ones(len(nodes))
    weights = np.einsum("qki,kl->qli", difference, precision, optimize=True)
    return Weights(
        whole @ precision + posterior.level,
        weights,
        posterior.root,
        posterior.left(prior, whole, whole, (once, once)),
        difference_prior - np.einsum("qki,rki->iqr", weights, difference, optimize=True),
    )


def averaged(values: Floats, weights: Sequence[Weights], axis: int) -> Floats:
    """Grid values (K_0, …, C) → (Q, K of ``axis``, C): expectations over every other axis."""
    letters = "abcdefgh"[: values.ndim - 1]
    terms, given = [f"{letters}z", "q"], [values, np.ones(len(weights[0].whole))]
    for other, own in enumerate(weights):
        if other != axis:
            terms.append(f"q{letters[other]}")
            given.append(own.whole)
    return np.einsum(f"{','.join(terms)}->q{letters[axis]}z", *given, optimize=True)


def contrasted(values: Floats, weights: Sequence[Weights], axis: int, by: int, factor: Floats) -> Floats:
    """(K of ``axis``, F, n, C): differences over players of ``by``; ``factor`` (Q, F) mixes the nodes."""
    letters = "abcdefgh"[: values.ndim - 1]
    terms, given = [f"{letters}z", "qf", f"q{letters[by]}i"], [values, factor, weights[by].difference]
    for other, own in enumerate(weights):
        if other not in (axis, by):
            terms.append(f"q{letters[other]}")
            given.append(own.whole)
    return np.einsum(f"{','.join(terms)}->{letters[axis]}fiz", *given, optimize=True)


def shapley_sums(values: Floats, weights: Sequence[Weights], share: Floats) -> list[Floats]:
    """Grid values (K_0, …, C) → Shapley values (n, C) of each axis's players; ``share`` (Q,) of the nodes."""
    return [
        np.einsum("q,qki,qkz->iz", share, own.difference, averaged(values, weights, axis), optimize=True)
        for axis, own in enumerate(weights)
    ]


def shapley_variances(
    values: Floats, weights: Sequence[Weights], share: Floats, scales: Sequence[Floats]
) -> tuple[list[Floats], list[Floats]]:
    """Posterior variances of `shapley_sums`: for each axis's players (n, C), and due to each axis (C,).

    One axis at a time is uncertain, the others enter as their weights have them: the product of two errors
    is left out. The scale comes from the values, Yᵀ P Y/(K − 1) for each pair of nodes, and from ``scales``:
    by axis, how far off its kernel is at each node, (Q,).
    """
    found = [np.zeros((own.difference.shape[2], values.shape[-1])) for own in weights]
    due = []
    for axis, own in enumerate(weights):
        if own.exact:
            due.append(np.zeros(values.shape[-1]))
            continue
        half = own.root / np.sqrt(len(own.root) - 1)
        both = np.outer(share * scales[axis], share * scales[axis])
        columns = np.einsum("kl,qlz->zqk", half, averaged(values, weights, axis), optimize=True)
        scale = columns @ columns.swapaxes(1, 2)
        parts = {axis: np.einsum("qr,iqr,zqr->iz", both, own.difference_error, scale, optimize=True)}
        factor = _root(own.whole_error * both)
        for other in range(len(weights)):
            if other != axis:
                mixed = contrasted(values, weights, axis, other, factor)
                parts[other] = (np.tensordot(half, mixed, 1) ** 2).sum(axis=(0, 1))
        for other, part in parts.items():
            found[other] += np.maximum(part, 0)
        due.append(sum(np.maximum(part, 0).sum(axis=0) for part in parts.values()))
    return found, due


def _root(covariance: Floats) -> Floats:
    """(Q, Q) → (Q, F) with root·rootᵀ ≈ covariance, the smallest eigenvalues left out."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    large = values > SPECTRUM * max(values[-1], 0)
    return vectors[:, large] * np.sqrt(values[large])
