"""The comparison with the published table, on tables of two figures."""

from __future__ import annotations

import json

import pytest

from deepdect import weights
from training.reproduce import differences

LINE = {"source": "a", "reals": 10, "fakes": 0, "no_face": 0, "auc": None, "accuracy": 0.9}


def test_the_same_table_has_no_differences():
    assert differences({"a": LINE}, {"a": dict(LINE)}) == []
    assert differences({"a": LINE | {"accuracy": 0.9049}}, {"a": LINE}) == []  # rounding


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"accuracy": 0.92}, "a, accuracy: found 0.9200, published 0.9000"),
        ({"reals": 11}, "a, reals: found 11, published 10"),
        ({"auc": 0.5}, "a, auc: found 0.5000, published None"),
        ({"accuracy": None}, "a, accuracy: found None, published 0.9000"),
    ],
)
def test_a_difference_is_told(change, told):
    assert differences({"a": LINE | change}, {"a": LINE}) == [told]


def test_missing_and_new_sources_are_told():
    assert differences({"b": LINE}, {"a": LINE}) == ["a: published, not found", "b: found, not published"]


def test_the_published_table_is_of_the_shipped_weights():
    published = json.loads((weights.FOLDER / "metrics.json").read_text())
    assert published["model"]["sha256"] == weights.load().sha256
    assert published["split"] == "Test" and {"pooled", "dfdc"} <= set(published["lines"])
