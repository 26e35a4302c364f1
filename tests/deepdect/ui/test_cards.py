"""Words and bars of a result, from hand-made analyses."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from deepdect import Analysis, FaceAnalysis
from deepdect.faces import Crop, Face
from deepdect.messages import Message
from deepdect.texts import CODES, ENGLISH, language
from deepdect.ui import cards
from deepdect.verdict import Calibration
from explain.regions import REGIONS, RegionEvidence

CALIBRATION = Calibration(temperature=1, offset=0, low=0.35, high=0.65, version="1")


def face(probability: float, regions: dict[str, float] | None = None, warnings: tuple[str, ...] = ()) -> FaceAnalysis:
    """A face with that fake probability; regions: evidence by name."""
    logit = float(np.log(probability / (1 - probability)))
    return FaceAnalysis(
        Face((10, 20, 30, 40), np.zeros((468, 2)), 0.9, 0.9),
        Crop(np.zeros((256, 256, 3), np.uint8), 5, 15, 50, 0, 50),
        CALIBRATION.verdict(probability),
        probability,
        logit,
        logit,
        np.zeros((8, 8), np.float32),
        [RegionEvidence(name, value, 0.1, None, None) for name, value in (regions or {}).items()],
        list(warnings),
    )


def analysis(*faces: FaceAnalysis, status="ok", message="") -> Analysis:
    worst = max((one.fake_probability for one in faces), default=None)
    verdict = None if worst is None else CALIBRATION.verdict(worst)
    model = {"name": "net", "version": "7", "sha256": "0123456789abcdef"}
    return Analysis("a.jpg", status, message, 100, 80, verdict, worst, list(faces), model, "some-runtime", 12.3)


def words(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html))).strip()


@pytest.mark.parametrize(
    ("value", "argues"),
    [
        (1.204, "argues for deepfake"),
        (-0.4, "argues for real"),
        (0.004, "neither"),
        (-0.004, "neither"),
    ],
)
def test_what_an_evidence_argues_for(value, argues):
    assert cards.argument(value, ENGLISH) == argues


@pytest.mark.parametrize(("probability", "verdict"), [(0.1, "Real"), (0.5, "Inconclusive"), (0.9, "Deepfake")])
def test_a_verdict_comes_with_its_probability_and_meaning(probability, verdict):
    shown = words(cards.picture(analysis(face(probability)), CALIBRATION, ENGLISH))
    assert shown.startswith(f"{verdict} {probability:.0%}".replace("%", " %"))
    assert ENGLISH.meanings[verdict.lower()] in shown
    assert ENGLISH.one_face in shown
    assert "net 7 · some-runtime · 12 ms · weights 0123456789ab" in shown


def test_a_picture_is_as_fake_as_its_most_suspicious_face():
    shown = words(cards.picture(analysis(face(0.1), face(0.9), face(0.5)), CALIBRATION, ENGLISH))
    assert shown.startswith("Deepfake 90 %")
    assert "3 faces were found" in shown and "here that is face 2" in shown


def test_the_scale_says_its_bounds_to_who_sees_it_and_to_who_does_not():
    html = cards.scale(0.5, CALIBRATION, ENGLISH)
    bounds = ENGLISH.scale.format(low="35.0\xa0%", high="65.0\xa0%")
    assert f'role="img" aria-label="{bounds}"' in html and "title=" not in html
    assert f'aria-hidden="true">{bounds}</p>' in html and 'class="dd-zones" aria-hidden="true"' in html


@pytest.mark.parametrize("status", ["no_face", "unreadable", "unsupported", "too_large"])
def test_a_refusal_shows_its_message_and_no_score(status):
    shown = words(cards.picture(analysis(status=status, message="a.jpg: do this"), CALIBRATION, ENGLISH))
    assert shown == f"{ENGLISH.statuses[status]} a.jpg: do this {ENGLISH.no_score}"
    assert not re.search(r"\d+\s%", shown)


def test_names_of_files_cannot_become_markup():
    html = cards.picture(analysis(status="unreadable", message="<img src=x onerror=alert(1)>"), CALIBRATION, ENGLISH)
    assert "<img" not in html and "&lt;img" in html


@pytest.mark.parametrize("code", CODES)
def test_verdicts_refusals_and_warnings_are_in_the_page_s_language(code):
    text = language(code)
    warned = face(0.9, {"nose": 0.5}, (Message("small_face", pixels=40),))
    shown = words(cards.picture(analysis(warned), CALIBRATION, text))
    assert shown.startswith(text.verdicts["deepfake"])
    assert words(text.meanings["deepfake"]) in shown and text.probability in shown
    assert words(text.say(Message("small_face", pixels=40))) in shown
    assert text.region_names["nose"] in words(cards.regions(warned, text))
    refused = analysis(status="unreadable", message=Message("empty", name="a.jpg"))
    shown = words(cards.picture(refused, CALIBRATION, text))
    assert shown == words(f"{text.statuses['unreadable']} {text.say(refused.message)} {text.no_score}")


def test_figures_and_marks_are_those_of_the_language():
    german, french = language("de"), language("fr")
    two = (Message("small_face", pixels=40), Message("turned_head"))
    warned = face(0.9, {"nose": 0.5}, two)
    assert "+0,50" in words(cards.regions(warned, german)) and "+0.50" in words(cards.regions(warned, ENGLISH))
    assert "±0,25" in words(cards.legend(german)) and german.caption(2, 1.25) == "Person 2 bei 1,2 s"
    assert "35,0\xa0%" in cards.picture(analysis(warned), CALIBRATION, german)
    said = unescape(cards.picture(analysis(warned), CALIBRATION, french))
    assert "\xa0: " + "\u202f; ".join(map(french.say, two)) + ".<" in said


def test_progress_is_a_share_of_the_whole():
    html = cards.progress("2 of 8", 2, 8, "so far")
    assert "width: 25.00%" in html and words(html) == "2 of 8 so far"


def test_warnings_are_shown():
    html = cards.picture(analysis(face(0.9, warnings=("small face: 40 px",))), CALIBRATION, ENGLISH)
    assert "Harder to judge: small face: 40 px." in words(html)


def test_an_undecided_face_says_that_its_colours_accuse_nobody():
    assert ENGLISH.undecided in words(cards.face(analysis(face(0.5)), 0, ENGLISH))
    assert ENGLISH.undecided not in words(cards.face(analysis(face(0.9)), 0, ENGLISH))


def test_one_of_several_faces_is_named_with_its_own_verdict():
    several = analysis(face(0.1), face(0.9))
    assert words(cards.face(several, 0, ENGLISH)).startswith("Face 1: Real fake probability 10 %")
    assert cards.choice(1, several.faces[1], ENGLISH).replace("\N{NO-BREAK SPACE}", " ") == "2 · Deepfake · 90 %"


def test_regions_are_ordered_by_strength_on_a_scale_that_does_not_stretch():
    html = cards.regions(face(0.9, {"nose": 0.5, "mouth": -1.0, "jaw": 5.0}), ENGLISH)
    rows = re.findall(
        r'<th scope="row">([^<]+)</th><td class="dd-bar"><i class="dd-for-(\w+)" style="width: ([\d.]+)%', html
    )
    half = 50 / cards.BAR_LOGITS  # a bar's side is half the cell
    assert rows[:3] == [
        ("Jaw", "fake", "50.00"),  # beyond the scale's end
        ("Mouth", "real", f"{1.0 * half:.2f}"),
        ("Nose", "fake", f"{0.5 * half:.2f}"),
    ]
    assert "+2.20" in words(html).split("Total")[1]  # the logit of 90 %


def checked(probability: float, *regions: RegionEvidence) -> FaceAnalysis:
    return replace(face(probability), regions=list(regions))


MOUTH = RegionEvidence("mouth", 2.0, 0.5, 2.2, True)
JAW = RegionEvidence("jaw", 1.0, 0.3, -0.25, False)
NOSE = RegionEvidence("nose", 0.5, 0.2, None, None)


def test_the_reason_names_what_hiding_confirmed_and_not_what_it_refuted():
    shown = words(cards.reason(analysis(checked(0.9, MOUTH, JAW)), 0, ENGLISH))
    assert shown.startswith("The mouth argues for deepfake, with 50 % of the evidence, and hiding it confirms that.")
    assert "from 90 % to 50 %" in shown and "jaw" not in shown
    assert words(cards.reason(analysis(checked(0.9, JAW)), 0, ENGLISH)) == ENGLISH.reasons["refuted"]


def test_an_undecided_face_is_accused_of_nothing():
    html = cards.reason(analysis(checked(0.5, MOUTH)), 0, ENGLISH)
    assert words(html) == ENGLISH.reasons["undecided"] and "dd-decided" not in html


def test_the_reason_of_one_of_several_faces_names_it():
    shown = words(cards.reason(analysis(face(0.1), checked(0.9, NOSE)), 1, ENGLISH))
    assert shown == "Face 2 · Deepfake The nose argues for deepfake, with 20 % of the evidence, not checked by hiding."


def test_each_region_shows_what_hiding_it_found():
    rows = re.findall(r"<tr.*?</tr>", cards.regions(checked(0.9, MOUTH, JAW, NOSE), ENGLISH))
    assert [words(row) for row in rows[1:4]] == [
        "Mouth argues for deepfake +2.00 +2.20 ✓ confirmed",
        "Jaw argues for deepfake +1.00 −0.25 ✗ not confirmed",
        "Nose argues for deepfake +0.50 – not checked",
    ]
    assert ENGLISH.drop in words(rows[0]) and ENGLISH.checks in words(cards.regions(face(0.9, {"nose": 1}), ENGLISH))


def test_every_region_has_a_name_on_the_page():
    assert set(ENGLISH.region_names) == set(REGIONS)


def test_the_legend_uses_the_overlay_s_own_colours():
    from explain import overlay

    html = cards.legend(ENGLISH)
    for end in (-overlay.SCALE_LOGITS, overlay.SCALE_LOGITS):
        red, green, blue = overlay.colorize([[end]])[0][0, 0]
        assert f"rgb({red} {green} {blue})" in html
    assert f"±{overlay.SCALE_LOGITS:g} logits" in words(html)


@pytest.mark.parametrize("code", CODES)
def test_what_the_file_says_stands_apart_from_the_verdict(code):
    text = language(code)
    shown = unescape(cards.origin([Message("origin_camera", value="<b>N</b>")], text))
    assert text.origin_title in shown and text.origin_note in shown
    assert text.messages["origin_camera"].format(value="<b>N</b>") in shown
    assert "<b>" not in cards.origin([Message("origin_camera", value="<b>N</b>")], text)
    assert text.messages["origin_nothing"] in unescape(cards.origin([], text))
