"""The rows of the ablation, and one of them run from end to end on a tiny network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training import ablation
from training.data import CropSet
from training.forger import Forger
from training.items import Item


def crops(split: str, count: int = 16) -> CropSet:
    """Noisy pictures, red ones fake and blue ones real, half of them of the cross-data-set source."""
    random = np.random.default_rng(len(split))
    pixels = random.integers(0, 60, (count, 256, 256, 3), dtype=np.uint8)
    sources = ["dfdc", "dfdc", "ffpp", "ffpp"]
    items = [Item(f"{n}.jpg", split, n % 2, sources[n % 4], "kind", str(n)) for n in range(count)]
    for n in range(count):
        pixels[n, ..., 0 if n % 2 else 2] += 150
    return CropSet(pixels, items, np.full(count, 176), [])


def test_every_row_keeps_the_changes_before_it_and_the_number_of_pictures():
    rows = list(ablation.recipes(1200, 128, ["ciplab"]).values())
    assert [sum(phase.images for phase in row.phases) for row in rows] == [1200] * 8
    paper, all_stages, robust, pseudo, staged, attentive, without, plain = rows
    assert paper.augmentation.paper_only and "conv4" in paper.frozen and "conv5" not in paper.frozen
    assert replace(all_stages, frozen=paper.frozen, rates={}) == paper
    assert replace(robust, augmentation=paper.augmentation) == all_stages
    assert replace(pseudo, pseudo_fakes=0.0) == robust
    assert [phase.size for phase in staged.phases] == [96, 128] and replace(staged, phases=pseudo.phases) == pseudo
    assert replace(attentive, augmentation=staged.augmentation, attention=0.0) == staged
    assert without.sources["ciplab"] == 0 and replace(without, sources=staged.sources) == attentive
    assert plain == replace(without, pseudo_fakes=0.0)


def test_a_row_has_a_folder_of_its_own_for_every_recipe_engine_and_start():
    one, other = list(ablation.recipes(1200, 128, []).values())[:2]
    asked = [(one, "keras", "a"), (other, "keras", "a"), (one, "torch", "a"), (one, "keras", "b")]
    assert len({ablation.key("+ a row", *parts) for parts in asked}) == 4
    assert ablation.key("+ a row", one, "keras", "a").startswith("a-row-")


def test_pooled_leaves_the_cross_data_set_source_out():
    test = crops("Test")
    right = np.where(test.labels > 0.5, 1.0, -1.0)
    found = ablation.score(np.where(test.sources == "ffpp", -right, right), test)
    assert found["dfdc"] == found["pooled"] == (1.0, 1.0, 1.0) and found["ffpp"] == (0.0, 0.0, 0.0)
    printed = ablation.table({"a row": found})
    assert "ffpp (cross-data-set)" in printed and "| a row | 1.000 (1.000–1.000) |" in printed


def test_a_row_runs_from_end_to_end(tmp_path):
    pytest.importorskip("keras", reason="Keras is not installed")
    recipe = replace(ablation.recipes(160, 64, [])["+ robust augmentation"], rate=1e-2, warm_up=2, validate_on=8)
    sets = {split: crops(split) for split in ("Train", "Validation", "Test")}
    forger = Forger(sets["Train"], np.zeros((16, 468, 2), np.float32), 0.0)
    small = {"head_units": 8, "width": 1 / 16, "blocks": (0, 0, 0, 1), "average": 0.0}
    found = ablation.run(recipe, "keras", None, sets, forger, tmp_path, **small)
    assert set(found) == {"dfdc", "ffpp", "pooled"} and (tmp_path / "final.npz").is_file()
    assert all(0 <= low <= value <= high <= 1 for value, low, high in found.values())
