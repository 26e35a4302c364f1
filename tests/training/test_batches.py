from __future__ import annotations

import cv2
import numpy as np
import pytest

from training import batches
from training.augment import Augmentation, augment, vary
from training.batches import Batch, Sampler, make_batch, mixed, prefetched
from training.data import CropSet
from training.forger import Forger
from training.inputs import InputError
from training.items import Item


def item(source: str, label: int, group: str) -> Item:
    return Item(f"{group}_{label}.jpg", "Train", label, source, "kind", group)


ITEMS = [item("video", label, f"video{n}") for n in range(20) for label in (0, 1)]
ITEMS += [item("portraits", 0, f"portrait{n}") for n in range(30)]
ITEMS += [item("generator", 1, f"generated{n}") for n in range(10)]


def test_half_of_a_batch_is_fake_and_originals_come_along():
    sampler = Sampler(ITEMS, {"video": 1.0, "generator": 1.0})
    random = np.random.default_rng(0)
    for _ in range(20):
        drawn = [ITEMS[i] for i in sampler.draw(16, random)]
        fakes, reals = [i for i in drawn if i.label], [i for i in drawn if not i.label]
        assert len(fakes) == len(reals) == 8
        # every swapped video frame is met by its original
        assert {f.group for f in fakes if f.source == "video"} <= {r.group for r in reals}


def test_source_weights_set_the_shares():
    sampler = Sampler(ITEMS, {"video": 3.0, "generator": 1.0})
    random = np.random.default_rng(1)
    drawn = [ITEMS[i] for _ in range(200) for i in sampler.draw(16, random)]
    share = np.mean([i.source == "video" for i in drawn if i.label])
    assert share == pytest.approx(0.75, abs=0.04)


def test_one_label_alone_is_refused():
    with pytest.raises(ValueError, match="both Real and Fake"):
        Sampler([item("video", 0, "a")], {})


def test_a_source_without_weight_fills_no_gap():
    """Of the paired source the reals have been had, and the others must not come: there is nothing to fill up from."""
    items = [Item("r", "Train", 0, "video", "k", "g"), Item("f", "Train", 1, "video", "k", "g")]
    items += [Item("p", "Train", 0, "portraits", "k", "p"), Item("x", "Train", 1, "generated", "k", "x")]
    sampler = Sampler(items, {"portraits": 0.0})
    drawn = {int(i) for seed in range(20) for i in sampler.draw(8, np.random.default_rng(seed))}
    assert drawn == {0, 1, 3}
    with pytest.raises(InputError, match="sources leave no Real one"):
        Sampler(items, {"portraits": 0.0, "video": 0.0})


def test_augment_is_fixed_by_the_seed_and_has_the_size():
    crop = np.random.default_rng(2).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    for size in (96, 160, 256):
        one = augment(crop, 170, size, Augmentation(), np.random.default_rng(5))
        two = augment(crop, 170, size, Augmentation(), np.random.default_rng(5))
        assert one.shape == (size, size, 3) and one.dtype == np.uint8
        np.testing.assert_array_equal(one, two)
    other = augment(crop, 170, 96, Augmentation(), np.random.default_rng(6))
    assert np.abs(other.astype(int) - augment(crop, 170, 96, Augmentation(), np.random.default_rng(5))).mean() > 1


def test_augment_without_any_strength_only_scales():
    still = Augmentation(
        rotation=0, zoom=0, shift=0, resample=0, colour=0, grey=0, blur=0, noise=0, compress=0, erase=0
    )
    crop = np.full((256, 256, 3), (10, 120, 240), np.uint8)
    np.testing.assert_array_equal(augment(crop, 176, 256, still, np.random.default_rng(0)), crop)


def test_a_lower_native_resolution_costs_the_detail_beyond_it():
    """Stripes of 4 of 256 pixels survive 170 pixels a side, and cannot survive 64 (one pixel each)."""
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, (np.arange(256) // 2) % 2 == 0] = 255
    still = dict(rotation=0, zoom=0, shift=0, colour=0, grey=0, blur=0, noise=0, compress=0, erase=0)
    whole = augment(stripes, 65, 256, Augmentation(**still, resample=0), np.random.default_rng(0))
    assert whole[20:-20, 20:-20].std() > 100
    reduced = augment(stripes, 65, 256, Augmentation(**still, resample=1), np.random.default_rng(0))
    assert reduced[20:-20, 20:-20].std() < 10


def test_a_picture_to_which_nothing_happens_is_only_scaled():
    crop = np.random.default_rng(3).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    nothing = Augmentation(move=0, colour=0, grey=0, resample=0, blur=0, noise=0, compress=0, erase=0)
    scaled = cv2.resize(crop, (160, 160), interpolation=cv2.INTER_AREA)
    seen = {augment(crop, 100, 160, nothing, np.random.default_rng(seed)).tobytes() for seed in range(8)}
    assert seen <= {scaled.tobytes(), cv2.resize(crop[:, ::-1], (160, 160), interpolation=cv2.INTER_AREA).tobytes()}


def test_planes_move_with_the_picture():
    """A white square's mask and label follow it through flip, window, rotation, zoom and shift."""
    crop, where = np.zeros((256, 256, 3), np.uint8), np.zeros((256, 256), bool)
    where[60:140, 90:180] = True
    crop[where] = 255
    settings = Augmentation(window=0.7, colour=0, grey=0, resample=0, blur=0, noise=0, compress=0, erase=0)
    for seed in range(6):
        planes = [where.astype(np.float32), where.astype(np.uint8) * 7]
        moved, (mask, labels) = vary(crop, 176, settings, np.random.default_rng(seed), planes)
        assert moved.shape[:2] == mask.shape == labels.shape
        assert np.mean((moved[..., 0] > 127) != (mask > 0.5)) < 0.01
        assert set(np.unique(labels)) == {0, 7} and np.mean((labels == 7) != (mask > 0.5)) < 0.01


def test_hidden_regions_need_landmarks():
    items = [item("video", n % 2, str(n)) for n in range(2)]
    crops = CropSet(np.zeros((2, 256, 256, 3), np.uint8), items, np.full(2, 176), [])
    with pytest.raises(ValueError, match="hiding regions in 50% of the pictures needs a forger"):
        make_batch(crops, np.array([0, 1]), 64, Augmentation(hide=0.5), np.random.default_rng(0))


def test_processes_make_the_same_batches_in_the_same_order():
    loader = pytest.importorskip("training.torch_loader", reason="PyTorch is not installed")

    def make(start: int) -> Batch:
        if start == 99:
            raise OSError("disk gone")
        return Batch(
            np.full((1, 2, 2, 3), start, np.uint8), np.array([1.0], np.float32), np.zeros((1, 1, 1), np.float32)
        )

    batches = loader.loaded(make, [5, 3, 8, 1], workers=2)
    assert [int(batch.pixels[0, 0, 0, 0]) for batch in batches] == [5, 3, 8, 1]
    with pytest.raises(OSError, match="disk gone"):
        list(loader.loaded(make, [5, 99], workers=1))


def test_make_batch_keeps_pixels_and_labels_together():
    pixels = np.zeros((4, 256, 256, 3), np.uint8)
    pixels[[1, 3]] = 200
    items = [item("video", n % 2, str(n)) for n in range(4)]
    crops = CropSet(pixels, items, np.full(4, 176), [])
    settings = Augmentation(colour=0, erase=0)
    batch, labels, places = make_batch(crops, np.array([3, 0, 1]), 64, settings, np.random.default_rng(0))
    assert places.shape == (3, 2, 2) and not places.any()
    assert labels.tolist() == [1, 0, 1]
    assert [bool(picture.mean() > 100) for picture in batch] == [True, False, True]


def test_prefetched_keeps_the_order_and_raises_the_workers_error():
    def source():
        for n in range(5):
            yield np.array([n]), np.array([n])
        raise OSError("disk gone")

    seen = []
    with pytest.raises(OSError, match="disk gone"):
        for pixels, _ in prefetched(source(), depth=2):
            seen.append(int(pixels[0]))
    assert seen == [0, 1, 2, 3, 4]


def test_a_mixed_picture_carries_the_label_and_the_places_of_both():
    count = 400
    labels = np.arange(count, dtype=np.float32) % 2
    pixels = np.repeat((labels * 200).astype(np.uint8), 4 * 4 * 3).reshape(count, 4, 4, 3)
    batch = Batch(pixels, labels, np.repeat(labels, 4).reshape(count, 2, 2))
    made = mixed(batch, 0.5, np.random.default_rng(0))
    # a picture is as bright as it is fake, and so are its places
    np.testing.assert_allclose(made.pixels[:, 0, 0, 0], made.labels * 200, atol=0.51)
    np.testing.assert_allclose(made.places, np.broadcast_to(made.labels[:, None, None], (count, 2, 2)), rtol=1e-6)
    assert np.abs(made.labels - labels).max() <= 0.5  # its own picture has the larger part
    changed = (made.labels != labels).mean()
    assert 0.15 < changed < 0.3  # half are mixed, half of those with one of the same kind
    np.testing.assert_array_equal(batch.labels, np.arange(count) % 2)


def _forged_batch(monkeypatch, share=1.0, hidden=None, twins=None):
    """Two reals (0, 1), two fakes (2, 3), of different native sides and landmarks; what `vary` and `partition` saw."""
    items = [Item(f"{n}.jpg", "Train", int(n >= 2), "s", "k", str(n % 2)) for n in range(4)]
    pixels = np.zeros((4, 256, 256, 3), np.uint8)
    pixels[2:, 64:192, 64:192] = 255
    crops = CropSet(pixels, items, np.array([100, 110, 120, 130]), [])
    points = np.random.default_rng(0).uniform(80, 160, (468, 2))
    forger = Forger(crops, np.stack([points + n for n in range(4)]).astype(np.float32), share, twins)
    natives, parted = [], []

    def vary(crop, native, settings, random, planes):
        natives.append(native)
        return crop, list(planes)

    def partition(landmarks):
        parted.append(int(np.rint((landmarks - points)[0, 0])))
        return np.full((256, 256), 3, np.uint8)

    monkeypatch.setattr(batches, "vary", vary)
    monkeypatch.setattr(batches, "partition", partition)
    if hidden is not None:
        monkeypatch.setattr(batches, "hide", lambda crop, *rest: (crop, hidden))
    batch = batches.make_batch(
        crops,
        np.array([3, 2, 1, 0]),
        256,
        Augmentation(hide=0.0 if hidden is None else 1.0),
        np.random.default_rng(0),
        forger,
    )
    return batch, natives, parted


def test_a_forgery_has_its_originals_side_and_landmarks(monkeypatch):
    _, natives, parted = _forged_batch(monkeypatch, hidden=np.zeros((256, 256), bool))
    assert natives[2:] == [110, 100] and sorted(natives[:2]) == [100, 110]
    assert parted[2:] == [1, 0] and sorted(parted[:2]) == [0, 1]


def test_half_a_forgery_is_half_a_fake(monkeypatch):
    half = np.zeros((256, 256), bool)
    half[:, :128] = True
    twins = {2: np.zeros((256, 256, 3), np.uint8), 3: np.zeros((256, 256, 3), np.uint8)}
    batch, *_ = _forged_batch(monkeypatch, share=0.0, hidden=half, twins=twins)
    assert batch.labels.tolist() == [pytest.approx(0.5, abs=0.01)] * 2 + [0, 0]
    assert batch.places[:2, 3:5, 5].min() == 1 and not batch.places[:, :, :4].any() and not batch.places[2:].any()


def test_sources_with_partners_have_had_their_reals():
    def make(source, label, group):
        return Item("x", "Train", label, source, "k", group)

    items = (
        [make("video", label, f"v{n}") for n in range(20) for label in (0, 1)]
        + [make("portraits", 0, f"p{n}") for n in range(30)]
        + [make("gen", 1, f"g{n}") for n in range(10)]
    )
    random, sampler = np.random.default_rng(0), Sampler(items, {})
    for _ in range(20):
        drawn = [items[i] for i in sampler.draw(16, random)]
        swapped = sum(i.label and i.source == "video" for i in drawn)
        assert sum(not i.label and i.source == "video" for i in drawn) == (
            swapped if swapped else pytest.approx(4, abs=4)
        )
