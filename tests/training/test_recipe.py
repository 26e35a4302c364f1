"""A recipe's course, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.inputs import InputError
from training.recipe import Phase, Recipe, learning_rate, phase_at, starts

RECIPE = Recipe(phases=[Phase(64, 48, 8), Phase(96, 16, 8)])


def test_learning_rate_by_hand():
    recipe = Recipe(phases=[Phase(64, 800, 8)], rate=1.0, warm_up=10)
    assert learning_rate(recipe, 0, 8) == pytest.approx(0.1)  # first of ten warm-up steps
    assert learning_rate(recipe, 400, 8) == pytest.approx(0.01 + 0.99 / 2)  # half of the cosine
    assert learning_rate(recipe, 800, 8) == pytest.approx(0.01)
    assert learning_rate(recipe, 400, 8, done=1.0) == pytest.approx(0.01)  # by time, not by images


def test_phases_follow_one_another():
    assert [phase_at(RECIPE, seen) for seen in (0, 47, 48, 63, 64)] == [
        *[RECIPE.phases[0]] * 2,
        *[RECIPE.phases[1]] * 2,
        None,
    ]


def test_starts_are_a_batch_apart_and_resume_where_asked():
    assert list(starts(RECIPE, 0)) == list(range(0, 64, 8))
    assert list(starts(RECIPE, 40)) == [40, 48, 56]


def test_sources_of_weight_0_are_left_out():
    assert Recipe(phases=[], sources={"a": 0.0, "b": 0.5}).left_out == {"a"}


def test_an_unknown_field_is_named(tmp_path):
    (tmp_path / "recipe.yaml").write_text("phases: [{size: 64, images: 8}]\nlerning_rate: 1\n")
    with pytest.raises(InputError, match="recipe.yaml is no recipe: .*lerning_rate"):
        Recipe.read(tmp_path / "recipe.yaml")


def test_shipped_recipes_can_be_read():

    recipes = sorted((Path(__file__).resolve().parents[2] / "training" / "recipes").glob("*.yaml"))
    assert recipes
    for file in recipes:
        assert Recipe.read(file).phases
