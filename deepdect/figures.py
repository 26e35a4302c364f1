"""How page, reports and terminal write a figure."""

from __future__ import annotations

NBSP, NARROW_NBSP = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"
# By whether hiding a region has confirmed its evidence; never alone, `Texts.checks` says what they mean.
MARKS: dict[bool | None, str] = {True: "✓", False: "✗", None: "–"}


def percent(probability: float) -> str:
    """A probability in 0..1 as whole per cent, never "0 %" or "100 %": no model is that sure. Raises ValueError."""
    if not 0 <= probability <= 1:  # so written, NaN is refused too
        raise ValueError(f"expected a probability in 0..1, received {probability}")
    if probability < 0.01:
        return f"<1{NBSP}%"
    if probability > 0.99:
        return f">99{NBSP}%"
    return f"{100 * probability:.0f}{NBSP}%"


def tenths(probability: float) -> str:
    """A probability in 0..1 as per cent with a decimal, as the terminal has it, never "0.0%" or "100.0%"."""
    if probability < 0.001:
        return "<0.1%"
    if probability > 0.999:
        return ">99.9%"
    return f"{probability:.1%}"


def threshold(probability: float) -> str:
    """A limit of the inconclusive band in 0..1 as per cent with a decimal: it was chosen in thousandths."""
    return f"{100 * probability:.1f}{NBSP}%"


def logits(value: float) -> str:
    """A logit with its sign and two decimals, "0.00" where it rounds to nothing."""
    text = f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")
    return text[1:] if text[1:] == "0.00" else text
