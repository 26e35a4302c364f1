"""Properties of the forgeries, on the astronaut's portrait and a mirrored copy of it as the donor."""

from __future__ import annotations

import numpy as np
import pytest

from deepdect import faces
from explain.regions import REGIONS, partition
from training import blending, hiding, pseudo_fakes
from training.augment import Augmentation
from training.batches import make_batch
from training.data import CropSet
from training.forger import Forger
from training.items import Item
from training.landmarks import fit_landmarks, load_landmarks
from training.pseudo_fakes import Forgery, differing, transplant


@pytest.fixture(scope="module")
def face(astronaut) -> tuple[np.ndarray, np.ndarray]:
    """Crop uint8 [256, 256, 3] and landmarks [468, 2] in its pixels."""
    found = faces.find(astronaut)[0]
    cut = faces.crop(astronaut, found)
    return cut.pixels, cut.to_crop(found.landmarks).astype(np.float32)


@pytest.fixture(scope="module")
def donor(face) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.ascontiguousarray(face[0][:, ::-1])
    return pixels, fit_landmarks(pixels)


def make(kind: str, face, donor, seed: int) -> pseudo_fakes.Forgery:
    random = np.random.default_rng(seed)
    if kind == "self_blended":
        return pseudo_fakes.self_blended(*face, random)
    if kind == "resynthesised":
        return pseudo_fakes.resynthesised(*face, random)
    if kind == "face_swap":
        return pseudo_fakes.face_swap(*face, *donor, random)
    return pseudo_fakes.region_swap(*face, *donor, kind, random)


KINDS = ["self_blended", "resynthesised", "face_swap", "mouth", "left_eye", "nose"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "self_blended"])
@pytest.mark.parametrize("seed", range(4))
def test_outside_the_mask_nothing_changes_and_inside_something_does(kind, seed, face, donor):
    forgery = make(kind, face, donor, seed)
    assert forgery.pixels.shape == (256, 256, 3) and forgery.pixels.dtype == np.uint8
    assert forgery.mask.dtype == np.float32 and forgery.mask.min() == 0 and 0.99 <= forgery.mask.max() <= 1
    changed = np.abs(forgery.pixels.astype(int) - face[0]).max(axis=2)
    assert changed[forgery.mask == 0].max() == 0
    assert changed[forgery.mask > 0.5].mean() > 1


def test_self_blending_changes_the_source_within_the_mask_or_the_target_all_over(face, donor):
    untouched = 0
    for seed in range(12):
        forgery = make("self_blended", face, donor, seed)
        assert 0.2 < forgery.mask.max() <= 1 and (forgery.mask == 0).any()
        changed = np.abs(forgery.pixels.astype(int) - face[0]).max(axis=2)
        assert changed.max() > pseudo_fakes.LEAST_CHANGE
        outside = changed[forgery.mask == 0]
        untouched += int(outside.max() == 0)
        # a changed target is so everywhere, not in some leak of the mask
        assert outside.max() == 0 or (outside > 0).mean() > 0.5
    assert 2 <= untouched <= 10


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_fixes_the_forgery(kind, face, donor):
    one, two = make(kind, face, donor, 3), make(kind, face, donor, 3)
    np.testing.assert_array_equal(one.pixels, two.pixels)
    np.testing.assert_array_equal(one.mask, two.mask)
    assert (make(kind, face, donor, 4).pixels != one.pixels).any()


@pytest.mark.parametrize("region", pseudo_fakes.SWAPPED_REGIONS)
def test_a_region_swap_stays_at_its_region(region, face, donor):
    mask = make(region, face, donor, 1).mask
    where = partition(face[1]) == REGIONS.index(region)
    assert mask[where].mean() > 0.7
    y, x = np.nonzero(mask)
    region_y, region_x = np.nonzero(where)
    assert abs(y.mean() - region_y.mean()) < 6 and abs(x.mean() - region_x.mean()) < 6


def test_swapping_a_face_with_itself_gives_it_back(face):
    """The mesh warp from a face's landmarks to themselves moves nothing by more than interpolation does."""
    forgery = pseudo_fakes.region_swap(*face, *face, "mouth", np.random.default_rng(0))
    assert np.abs(forgery.pixels.astype(int) - face[0]).mean() < 1


def test_the_boundary_is_where_both_contents_weigh_the_same():
    mask = np.array([[0.0, 0.5, 1.0, 0.25]], np.float32)
    forgery = pseudo_fakes.Forgery(np.zeros((1, 4, 3), np.uint8), mask)
    np.testing.assert_allclose(forgery.boundary, [[0, 1, 0, 0.75]])


def test_a_similar_face_is_the_nearest_other_one(face):
    pool = np.stack([face[1], face[1] + 50, face[1] + 2, face[1] - 20])
    assert pseudo_fakes.similar(face[1], pool, np.random.default_rng(0)) == 2


def test_donors_are_not_of_sources_that_are_left_out(face, donor, monkeypatch):
    items = [Item(str(n), "Train", 0, source, "k", str(n)) for n, source in enumerate("abb")]
    crops = CropSet(np.stack([face[0], donor[0], face[0]]), items, np.full(3, 176), [])
    forger = Forger(crops, np.stack([face[1], donor[1], face[1] + 1]), 1.0)
    seen = []
    monkeypatch.setattr("training.forger.forge", lambda crop, points, other, marks, random: seen.append(other))
    forger.forge(2, np.random.default_rng(0))
    np.testing.assert_array_equal(seen[-1], crops.pixels[0])  # the nearest
    forger.leave_out({"a"})
    forger.forge(2, np.random.default_rng(0))
    np.testing.assert_array_equal(seen[-1], crops.pixels[1])


def test_unknown_and_invisible_regions_are_refused(face, donor):
    with pytest.raises(ValueError, match="'ear'"):
        make("ear", face, donor, 0)
    with pytest.raises(ValueError, match="not visible"):
        pseudo_fakes.region_swap(face[0], face[1] + 1000, *donor, "mouth", np.random.default_rng(0))


def test_forgeries_take_the_place_of_fakes_and_share_their_originals_changes(face, donor):
    pixels = np.stack([face[0], donor[0], face[0], donor[0]])
    items = [Item(f"{n}.jpg", "Train", int(n >= 2), "portraits", "kind", str(n)) for n in range(4)]
    crops = CropSet(pixels, items, np.full(4, 176), [])
    landmarks = np.stack([face[1], donor[1], face[1], donor[1]])
    indices = np.array([2, 3, 0, 1])
    labels = crops.labels[indices]
    forger = Forger(crops, landmarks, share=1.0)
    victims = forger.victims(labels, np.random.default_rng(0))
    assert set(victims) == {0, 1} and set(victims.values()) == {2, 3}
    assert Forger(crops, landmarks, share=0.0).victims(labels, np.random.default_rng(0)) == {}
    settings = Augmentation(erase=1.0)
    batch, batch_labels, places = make_batch(crops, indices, 256, settings, np.random.default_rng(1), forger)
    assert (places[:2].max(axis=(1, 2)) > 0).all() and not places[2:].any()
    assert batch.shape == (4, 256, 256, 3) and batch_labels.tolist() == [1, 1, 0, 0]
    random = np.random.default_rng(1)
    random.integers(2**63, size=4)
    for fake, real in forger.victims(labels, random).items():
        away = np.abs(batch[fake].astype(int) - batch[real])
        # the same flip, light, compression and erased rectangle: far closer than the two people are to one another
        assert 0 < away.mean() < np.abs(batch[2].astype(int) - batch[3]).mean() / 2


def test_landmarks_are_fitted_once_and_checked(face, donor, tmp_path):
    pixels = np.stack([face[0], donor[0]])
    items = [Item(f"{n}.jpg", "Train", n, "portraits", "kind", str(n)) for n in range(2)]
    crops = CropSet(pixels, items, np.full(2, 176), [])
    fitted = load_landmarks(crops, tmp_path, "Train")
    assert fitted.shape == (2, 468, 2) and fitted.dtype == np.float32
    # a crop alone tells the mesh about the same as the photo around it did
    assert np.linalg.norm(fitted[0] - face[1], axis=1).mean() < 5
    np.testing.assert_array_equal(load_landmarks(crops, tmp_path, "Train"), fitted)
    with pytest.raises(ValueError, match="holds 2 faces, Train has 1"):
        load_landmarks(crops.take(np.array([0])), tmp_path, "Train")


def test_a_difference_is_where_a_swap_changed_the_frame(face, donor):
    swapped = pseudo_fakes.region_swap(*face, *donor, "mouth", np.random.default_rng(0))
    marked = face[0].copy()
    marked[100:140, 100:140] = 255 - marked[100:140, 100:140]
    found = pseudo_fakes.differing(marked, face[0])
    assert found[110:130, 110:130].min() == 1 and found[:70].max() == found[170:].max() == 0
    assert not pseudo_fakes.differing(face[0], face[0]).any()
    # two frames of a video differ everywhere: that says nothing of a forgery
    assert not pseudo_fakes.differing(np.roll(face[0], 40, axis=1), face[0]).any()
    assert not swapped.own and swapped.evident is swapped.mask


@pytest.mark.parametrize("seed", range(8))
def test_a_transplant_shows_the_deepfake_inside_its_mask_and_the_original_outside(face, seed):
    fake = np.clip(face[0].astype(int) + 40, 0, 255).astype(np.uint8)
    fake[:32], fake[-32:], fake[:, :32], fake[:, -32:] = (
        face[0][:32],
        face[0][-32:],
        face[0][:, :32],
        face[0][:, -32:],
    )
    made = pseudo_fakes.transplant(face[0], fake, face[1], np.random.default_rng(seed))
    assert made is not None
    np.testing.assert_array_equal(made.pixels[made.mask == 0], face[0][made.mask == 0])
    np.testing.assert_array_equal(made.pixels[made.mask == 1], fake[made.mask == 1])
    np.testing.assert_array_equal(made.evident, made.mask * pseudo_fakes.differing(fake, face[0]))
    assert not made.evident[:16].any()  # the frame is the same there, whatever part was taken
    assert pseudo_fakes.transplant(face[0], face[0], face[1], np.random.default_rng(seed)) is None


def test_a_forger_knows_the_places_of_its_deepfakes_and_transplants_them(face):
    fake = face[0].copy()
    fake[90:200, 60:200] = 255 - fake[90:200, 60:200]
    items = [Item(f"{n}.jpg", "Train", n % 2, "swaps", "kind", "one") for n in range(2)]
    crops = CropSet(np.stack([face[0], fake]), items, np.full(2, 176), [])
    forger = Forger(crops, np.stack([face[1], face[1]]), 1.0, {1: face[0]})
    part = forger.forged_part(1)
    assert part is not None and part[100:190, 70:190].min() == 1 and not part[:60].any()
    made = [forger.forge(0, np.random.default_rng(seed)) for seed in range(20)]
    transplanted = [f for f in made if np.array_equal(f.pixels[f.mask == 1], fake[f.mask == 1]) and (f.mask == 1).any()]
    assert transplanted
    assert Forger(crops, np.stack([face[1], face[1]]), 1.0).forged_part(1) is None


@pytest.mark.parametrize("seed", range(6))
def test_a_forgery_and_its_original_have_the_same_region_hidden(face, seed, monkeypatch):
    hidden = []

    def spied(*arguments):
        hidden.append(hiding.hide(*arguments)[1])
        return arguments[0], hidden[-1]

    monkeypatch.setattr("training.batches.hide", spied)
    items = [Item(f"{n}.jpg", "Train", n % 2, "swaps", "kind", "one") for n in range(2)]
    crops = CropSet(np.stack([face[0], 255 - face[0]]), items, np.full(2, 176), [])
    forger = Forger(crops, np.stack([face[1], face[1]]), 1.0)
    settings = Augmentation(hide=1.0, erase=0)
    make_batch(crops, np.array([1, 0]), 64, settings, np.random.default_rng(seed), forger)
    assert hidden[0].any()
    np.testing.assert_array_equal(*hidden)


def test_evident_of_its_own_content_is_the_seam():
    mask = np.array([[0.0, 0.5, 1.0]], np.float32)
    own = Forgery(np.zeros((1, 3, 3), np.uint8), mask, own=True)
    np.testing.assert_allclose(own.evident, [[0, 1, 0]])


def test_matched_colours_have_the_targets_spread():
    random = np.random.default_rng(0)
    inside = np.zeros((256, 256), bool)
    inside[64:192, 64:192] = True

    def grey(s):
        return np.repeat(np.clip(random.normal(120, s, (256, 256, 1)), 0, 255).astype(np.uint8), 3, axis=2)

    matched = blending.match_colours(grey(20), grey(12), inside)
    assert matched[inside].std() == pytest.approx(12, abs=1.5)


def test_poisson_leaves_the_source_in_its_place():
    x = np.arange(256)
    wave = np.repeat(((np.sin(x / 5) * 60 + 120)[None, :, None] * np.ones((256, 1, 3))).astype(np.uint8), 1, axis=0)
    mask = np.zeros((256, 256), np.float32)
    mask[64:192, 64:192] = 1
    assert np.abs(blending.poisson(wave, wave, mask).astype(int) - wave).max() <= 2


def test_self_blended_is_its_own(face):
    forgery = pseudo_fakes.self_blended(*face, np.random.default_rng(0))
    assert forgery.own and forgery.evident.max() <= 1 and not forgery.evident[forgery.mask == 1].any()


def test_colours_are_matched_under_the_mask(face, monkeypatch):
    seen = []
    monkeypatch.setattr(pseudo_fakes, "match_colours", lambda source, target, inside: seen.append(inside) or source)
    for seed in range(8):
        mask = pseudo_fakes.region_swap(*face, *face, "nose", np.random.default_rng(seed)).mask
        if seen:
            np.testing.assert_array_equal(seen.pop(), mask > 0.5)


def test_what_differs_all_around_is_taken_off():
    frame = np.full((256, 256, 3), 100, np.uint8)
    fake = frame + np.uint8(8)
    fake[100:150, 100:150] += 40
    found = differing(fake, frame)
    assert found[120:130, 120:130].min() == 1 and not found[:60].any()


def test_a_part_that_is_nearly_all_the_original_is_no_transplant(face):
    pixels, points = face
    fake = pixels.copy()
    y, x = points[1, ::-1].astype(int)
    fake[y : y + 10, x : x + 10] ^= 16
    assert differing(fake, pixels).any()
    assert all(transplant(pixels, fake, points, np.random.default_rng(seed)) is None for seed in range(12))
