"""How figures are written."""

from __future__ import annotations

import pytest

from deepdect.figures import logits, percent, tenths, threshold


@pytest.mark.parametrize(
    ("probability", "shown"),
    [
        (0, "<1 %"),
        (0.0099, "<1 %"),
        (0.01, "1 %"),
        (0.5, "50 %"),
        (0.974, "97 %"),
        (0.99, "99 %"),
        (0.9901, ">99 %"),
        (1, ">99 %"),
    ],
)
def test_a_probability_is_never_shown_as_certain(probability, shown):
    assert percent(probability).replace("\N{NO-BREAK SPACE}", " ") == shown


@pytest.mark.parametrize(
    ("probability", "shown"), [(0.0009, "<0.1%"), (0.001, "0.1%"), (0.9764, "97.6%"), (0.999, "99.9%"), (1, ">99.9%")]
)
def test_nor_on_the_terminal(probability, shown):
    assert tenths(probability) == shown


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(value):
    with pytest.raises(ValueError, match="probability"):
        percent(value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1.204, "+1.20"), (-0.4, "\N{MINUS SIGN}0.40"), (0.004, "0.00"), (-0.004, "0.00")],
)
def test_logits_have_a_sign_where_they_are_not_nothing(value, shown):
    assert logits(value) == shown


def test_a_limit_of_the_band_keeps_its_thousandths():
    assert threshold(0.957) == "95.7\N{NO-BREAK SPACE}%" and threshold(0.1) == "10.0\N{NO-BREAK SPACE}%"
