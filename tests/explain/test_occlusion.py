"""Verification on a network whose answer to every hidden region is known: it adds up the brightness of places."""

from __future__ import annotations

import json

import numpy as np
import pytest

from explain.occlusion import NoiseFloor, occlude, soften, verify
from explain.regions import REGIONS, RegionEvidence

SIZE = 64
NOSE, MOUTH, OUTSIDE = (REGIONS.index(name) for name in ("nose", "mouth", "outside_face"))
FLOOR = NoiseFloor("ab" * 32, "pyramid", 0.9, (0.01, 0.1), (0.2, 0.4))


def face() -> tuple[np.ndarray, np.ndarray]:
    """A black crop with a bright nose (10 % of it) and a bright mouth (10 %), and its labels."""
    labels = np.full((SIZE, SIZE), OUTSIDE, np.uint8)
    labels[8:28, 22:42] = NOSE
    labels[36:56, 22:42] = MOUTH
    crop = np.zeros((SIZE, SIZE, 3), np.uint8)
    crop[labels != OUTSIDE] = 250
    return crop, labels


def brightness(nose: float, mouth: float):
    """A score of `nose` logits for a bright middle of the nose, `mouth` for that of the mouth; counts its batches."""
    batches = []

    def score(crops: np.ndarray) -> np.ndarray:
        batches.append(len(crops))
        lit = [crops[:, rows, 28:36].mean(axis=(1, 2, 3)) / 250 for rows in (slice(14, 22), slice(42, 50))]
        return nose * lit[0] + mouth * lit[1]

    return score, batches


def claims(**evidence: float) -> list[RegionEvidence]:
    return [RegionEvidence(name, evidence.get(name, 0.0), 0.1) for name in REGIONS]


def test_a_true_claim_is_verified_and_a_false_one_is_not() -> None:
    crop, labels = face()
    score, batches = brightness(nose=2.0, mouth=-2.0)
    found = verify(claims(nose=1.5, mouth=1.5, outside_face=0.5), crop, labels, 0.0, score, FLOOR)
    by_name = {region.name: region for region in found}
    assert [region.name for region in found] == list(REGIONS)
    assert by_name["nose"].drop == pytest.approx(2.0, abs=0.5) and by_name["nose"].verified is True
    assert by_name["mouth"].drop == pytest.approx(-2.0, abs=0.5) and by_name["mouth"].verified is False
    assert by_name["outside_face"].drop == pytest.approx(0, abs=1e-6) and by_name["outside_face"].verified is False
    assert by_name["nose"].evidence == 1.5 and by_name["nose"].share == 0.1
    assert batches == [3]  # all regions that have pixels, as one batch


def test_evidence_for_real_is_verified_where_the_logit_rises() -> None:
    crop, labels = face()
    score, _ = brightness(nose=-2.0, mouth=0.0)
    found = verify(claims(nose=-1.0), crop, labels, -2.0, score, FLOOR)[NOSE]
    assert found.drop is not None and found.drop < -1 and found.verified is True


def test_what_stays_below_the_floor_is_not_verified() -> None:
    crop, labels = face()
    score, _ = brightness(nose=0.3, mouth=0.0)  # both regions are about a tenth of the crop: their floor is 0.4
    found = verify(claims(nose=1.0), crop, labels, 0.3, score, FLOOR)[NOSE]
    assert found.drop is not None and 0 < found.drop < 0.4 and found.verified is False


def test_without_a_floor_nothing_is_claimed() -> None:
    crop, labels = face()
    score, _ = brightness(nose=2.0, mouth=0.0)
    found = verify(claims(nose=1.0), crop, labels, 2.0, score, None)[NOSE]
    assert found.drop is not None and found.verified is None


def test_a_region_without_pixels_has_nothing_to_hide() -> None:
    crop, labels = face()
    score, _ = brightness(1.0, 1.0)
    jaw = verify(claims(jaw=1.0), crop, labels, 2.0, score, FLOOR)[REGIONS.index("jaw")]
    assert (jaw.drop, jaw.verified) == (None, None)
    everywhere = np.full_like(labels, OUTSIDE)
    assert verify(claims(), crop, everywhere, 2.0, score, FLOOR) == claims()


def test_bad_scores_and_shapes_are_refused() -> None:
    crop, labels = face()
    with pytest.raises(ValueError, match="finite logits"):
        verify(claims(), crop, labels, 0.0, lambda crops: np.full(len(crops), np.nan), FLOOR)
    with pytest.raises(ValueError, match="finite logits"):
        verify(claims(), crop, labels, 0.0, lambda crops: np.zeros(1), FLOOR)
    with pytest.raises(ValueError, match="labels"):
        verify(claims(), crop, labels[:8], 0.0, lambda crops: np.zeros(len(crops)), FLOOR)
    with pytest.raises(ValueError, match="uint8 RGB"):
        verify(claims(), crop.astype(float), labels, 0.0, lambda crops: np.zeros(len(crops)), FLOOR)
    with pytest.raises(ValueError, match="a mask"):
        occlude(crop, np.zeros((8, 8)))
    with pytest.raises(ValueError, match="a fill of"):
        occlude(crop, labels == NOSE, "concrete")
    with pytest.raises(ValueError, match="whole crop"):
        occlude(crop, np.ones(labels.shape))


def test_hiding_has_a_soft_edge_and_keeps_the_rest() -> None:
    crop, labels = face()
    hidden = occlude(crop, labels == NOSE)
    assert hidden.dtype == np.uint8
    assert hidden[14:22, 28:36].max() < 60  # the nose is gone
    np.testing.assert_array_equal(hidden[labels == MOUTH], crop[labels == MOUTH])
    soft = soften(labels == NOSE)
    assert soft.min() >= 0 and soft.max() <= 1 and soft[7, 32] + soft[8, 32] == pytest.approx(1)
    np.testing.assert_array_equal(soften(labels == NOSE, 0), labels == NOSE)


def test_the_floor_grows_with_the_logarithm_of_the_area() -> None:
    assert FLOOR.at(0.01) == pytest.approx(0.2) and FLOOR.at(0.1) == pytest.approx(0.4)
    assert FLOOR.at(np.sqrt(0.001)) == pytest.approx(0.3)  # half way between 1 % and 10 % in the logarithm
    assert FLOOR.at(1e-12) == FLOOR.at(0) == pytest.approx(0.2) and FLOOR.at(0.9) == pytest.approx(0.4)


def test_the_floor_goes_through_json() -> None:
    assert NoiseFloor.from_json(json.loads(json.dumps(FLOOR.to_json()))) == FLOOR


@pytest.mark.parametrize(
    "change",
    [{"areas": []}, {"areas": [0.1, 0.01]}, {"drops": [0.1]}, {"drops": [0.1, -1]}, {"quantile": 1}, {"fill": "lead"}],
)
def test_a_floor_that_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        NoiseFloor.from_json(FLOOR.to_json() | change)
    with pytest.raises(TypeError):
        NoiseFloor.from_json({"areas": [0.1], "drops": [0.1]})


def test_the_rim_does_not_colour_the_fill():
    crop = np.zeros((64, 64, 3), np.uint8)
    crop[20:44, 20:44] = 250
    mask = np.zeros((64, 64), bool)
    mask[21:43, 21:43] = True  # the labels miss the bright part by a pixel
    assert occlude(crop, mask)[28:36, 28:36].max() < 20


def test_each_area_has_its_floor():
    labels = np.full((64, 64), 9, np.uint8)
    labels[8:16, 8:16] = 3  # 64 of 4096: 1.6 %
    crop = np.zeros((64, 64, 3), np.uint8)
    floor = NoiseFloor("ab", "pyramid", 0.9, (0.01, 0.1), (0.0, 1.0))  # log: .19 at 1.6 %
    claims = [RegionEvidence(n, 1.0, 0.1) for n in REGIONS]
    found = verify(claims, crop, labels, 0.5, lambda c: np.zeros(len(c)), floor)  # all drops are .5
    assert found[3].verified is True and found[9].verified is False


def test_the_floors_own_fill():
    labels = np.full((64, 64), 9, np.uint8)
    labels[20:44, 20:44] = 3
    crop = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    seen = []

    def score(c):
        seen.append(c)
        return np.zeros(len(c))

    verify([RegionEvidence("nose", 1.0, 1.0)], crop, labels, 0.0, score, NoiseFloor("ab", "blur", 0.9, (0.1,), (0.1,)))
    np.testing.assert_array_equal(seen[0][0], occlude(crop, labels == 3, "blur"))


def test_a_region_that_leaves_nothing_to_fill_from_is_not_checked():
    labels = np.full((64, 64), 9, np.uint8)
    labels[0, 0] = 3
    claims = [RegionEvidence(name, 1.0, 0.1) for name in REGIONS]
    found = verify(claims, np.zeros((64, 64, 3), np.uint8), labels, 0.5, lambda crops: np.zeros(len(crops)), None)
    assert found[9].drop is None and found[3].drop == 0.5
