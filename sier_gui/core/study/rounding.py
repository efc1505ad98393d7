"""Percentages as they are printed: rounded half up from exact shares (75/96 prints 78.13)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction


def percent(share: Fraction | float, digits: int = 2) -> Decimal:
    """100 · ``share`` with ``digits`` decimals.

    A Fraction is rounded exactly; binary floating point would turn 78.125 into 78.12.
    """
    with localcontext() as context:
        context.prec = 60
        hundredfold = Fraction(share) * 100
        number = Decimal(hundredfold.numerator) / Decimal(hundredfold.denominator)
        return number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def as_number(share: Fraction | float | None, digits: int = 2) -> float | None:
    """`percent` for JSON; None stays None."""
    return None if share is None else float(percent(share, digits))


def as_text(share: Fraction | float | None, digits: int = 2) -> str:
    """`percent` for people; a dash where there is none."""
    return "–" if share is None else str(percent(share, digits))
