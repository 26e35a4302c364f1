"""Reasons by hand: who is named, who is not, and what the sentence says."""

from __future__ import annotations

import math

import pytest

from explain.reasons import ENGLISH, OUTSTANDING, Reason, find, percent, sentence
from explain.regions import REGIONS, RegionEvidence

LOGIT = math.log(0.9 / 0.1)  # a fake probability of 90 %


def region(name: str, evidence: float, share: float, drop: float | None = None, verified: bool | None = None):
    return RegionEvidence(name, evidence, share, drop, verified)


MOUTH = region("mouth", 2.0, 0.4, LOGIT, True)  # hiding it leaves 50 %
NOSE = region("nose", 1.0, 0.2, 0.5, True)
JAW = region("jaw", 1.2, 0.25, -0.3, False)
FOREHEAD = region("forehead", -0.9, 0.18, -0.8, True)


def test_verified_regions_that_argue_for_the_verdict_are_named() -> None:
    reason = find("deepfake", LOGIT, [FOREHEAD, NOSE, JAW, MOUTH])
    assert (reason.kind, reason.verdict) == ("decided", "deepfake")
    assert [named.name for named in reason.regions] == ["mouth", "nose"]
    assert reason.probability == pytest.approx(0.9)
    assert reason.regions[0].hidden == pytest.approx(0.5)
    assert reason.share == pytest.approx(0.6)
    assert reason.refuted == ("jaw",)


def test_evidence_for_real_is_named_only_for_real() -> None:
    reason = find("real", -LOGIT, [FOREHEAD, NOSE, JAW, MOUTH])
    assert [named.name for named in reason.regions] == ["forehead"]
    assert reason.regions[0].hidden == pytest.approx(1 / (1 + math.exp(LOGIT - 0.8)))


def test_an_undecided_face_is_accused_of_nothing() -> None:
    reason = find("inconclusive", 0.3, [MOUTH, NOSE, FOREHEAD])
    assert (reason.kind, reason.regions, reason.share) == ("undecided", (), 0.0)
    assert sentence(reason) == ENGLISH["undecided"]


def test_what_was_refuted_is_no_reason() -> None:
    reason = find("deepfake", LOGIT, [JAW])
    assert (reason.kind, reason.regions, reason.refuted) == ("refuted", (), ("jaw",))
    assert "jaw" not in sentence(reason)


def test_a_weak_region_does_not_stand_out() -> None:
    reason = find("deepfake", LOGIT, [region(name, 0.2, 0.1, 0.2, True) for name in REGIONS])
    assert reason.kind == "nothing" and not reason.regions and not reason.refuted
    assert find("deepfake", LOGIT, []).kind == "nothing"


def test_at_most_three_are_named_strongest_first() -> None:
    shares = {"jaw": 0.16, "nose": 0.3, "mouth": 0.2, "forehead": 0.18}
    reason = find("deepfake", LOGIT, [region(name, share, share, 1.0, True) for name, share in shares.items()])
    assert [named.name for named in reason.regions] == ["nose", "mouth", "forehead"]


def test_unchecked_regions_are_named_as_unchecked() -> None:
    reason = find("deepfake", LOGIT, [region("mouth", 2.0, 0.4)])
    assert (reason.regions[0].hidden, reason.regions[0].verified) == (None, None)
    assert sentence(reason) == "The mouth argues for deepfake, with 40 % of the evidence, not checked by hiding."
    dropped = find("deepfake", LOGIT, [region("mouth", 2.0, 0.4, 1.0)])  # hidden, but there was no noise floor
    assert sentence(dropped) == sentence(reason)


def test_sentences() -> None:
    assert sentence(find("deepfake", LOGIT, [MOUTH])) == (
        "The mouth argues for deepfake, with 40 % of the evidence, and hiding it confirms that. "
        "With the mouth hidden, the fake probability goes from 90 % to 50 %."
    )
    three = find("deepfake", LOGIT, [MOUTH, NOSE, region("left_eye", 0.8, 0.16, 0.4, True)])
    assert sentence(three).startswith(
        "The mouth, the nose and the left eye argue for deepfake, with 76 % of the evidence, "
        "and hiding each of them confirms that."
    )
    real = find("real", -LOGIT, [FOREHEAD, region("nose", -0.8, 0.16, -0.2, True)])
    assert sentence(real).startswith("The forehead and the nose argue for real, with 34 % of the evidence")


def test_a_change_too_small_to_be_written_is_not_written() -> None:
    assert "goes from" not in sentence(find("deepfake", 9.0, [region("mouth", 2.0, 0.4, 1.0, True)]))


def test_other_languages_bring_their_own_words() -> None:
    german = dict(ENGLISH) | {
        "deepfake.one": "{regions} spricht für Deepfake ({share} der Hinweise){checked}.",
        "verified": "; die Probe bestätigt es",
        "hidden": "Ohne {region}: {before} -> {after}.",
        "mouth": "der Mund",
    }
    words = sentence(find("deepfake", LOGIT, [MOUTH]), german, lambda value: f"{100 * value:.0f}%")
    assert (
        words == "Der Mund spricht für Deepfake (40% der Hinweise); die Probe bestätigt es. Ohne der Mund: 90% -> 50%."
    )
    japanese = dict(ENGLISH) | {"sentences": "{first}{rest}", "hidden": "{region}: {before} -> {after}."}
    assert sentence(find("deepfake", LOGIT, [MOUTH]), japanese).endswith("confirms that.the mouth: 90 % -> 50 %.")
    with pytest.raises(KeyError):
        sentence(Reason("undecided", "inconclusive", 0.5), {})


def test_shares_that_rounding_adds_up_to_more_than_all_are_all() -> None:
    shares = (0.3000001, 0.4, 0.3)
    named = [region(name, 1.0, share) for name, share in zip(("nose", "mouth", "jaw"), shares, strict=True)]
    assert find("deepfake", LOGIT, named).share == 1.0


def test_every_region_has_a_name_and_no_number_is_certain() -> None:
    assert set(REGIONS) <= set(ENGLISH)
    assert [percent(value) for value in (0.0, 0.004, 0.5, 0.9951, 1.0)] == ["<1 %", "<1 %", "50 %", ">99 %", ">99 %"]


def test_an_unknown_verdict_is_refused() -> None:
    with pytest.raises(ValueError, match="maybe"):
        find("maybe", 0.0, [])


def test_partly_checked_is_unchecked():
    both = [RegionEvidence("mouth", 2.0, 0.4, 1.0, True), RegionEvidence("nose", 1.0, 0.3)]
    words = sentence(find("deepfake", 2.2, both))
    assert words.endswith("not checked by hiding.") and "confirms" not in words


def test_a_region_that_just_stands_out_is_named():
    assert find("deepfake", 2.2, [RegionEvidence("mouth", 2.0, OUTSTANDING, 1.0, True)]).kind == "decided"
