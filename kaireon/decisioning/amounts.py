"""Amounts of money: JSON numbers outside, exact decimals inside."""

from decimal import Decimal

PLACES = 6
LARGEST = 10**12
"""Of one amount that is sent; sums have room for a million of them."""

_UNIT = Decimal(1).scaleb(-PLACES)


def as_amount(number: int | float) -> Decimal:
    """The number as written, rounded half to even at the sixth place. It must be finite and at most `LARGEST`."""
    return Decimal(repr(number)).quantize(_UNIT)


def as_number(amount: Decimal) -> int | float:
    """The amount as JSON writes it: 750, not 750.000000."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)
