"""The whole path with the real model on a real face."""

from __future__ import annotations

import io
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from deepdect import images
from explain.occlusion import occlude
from explain.regions import REGIONS

FACE_KEYS = [
    "box",
    "detection_score",
    "verdict",
    "fake_probability",
    "logit",
    "bias",
    "crop",
    "evidence",
    "regions",
    "warnings",
]
KEYS = [
    "path",
    "status",
    "message",
    "width",
    "height",
    "verdict",
    "fake_probability",
    "faces",
    "model",
    "runtime",
    "elapsed_ms",
]


def png(rgb: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "PNG")
    return stream.getvalue()


def test_json_follows_the_contract(detector, portrait):
    result = json.loads(json.dumps(detector.analyze(portrait).to_json()))
    assert list(result) == KEYS
    assert (result["path"], result["status"], result["message"]) == (str(portrait), "ok", "")
    assert (result["width"], result["height"]) == (512, 512)
    assert result["verdict"] in {"real", "deepfake", "inconclusive"}
    [face] = result["faces"]
    assert list(face) == FACE_KEYS
    assert face["fake_probability"] == result["fake_probability"]
    assert 1 / (1 + np.exp(-face["logit"])) == pytest.approx(face["fake_probability"], abs=1e-5)
    assert np.array(face["evidence"]).shape == (8, 8)
    assert list(result["model"]) == ["name", "version", "sha256"]
    assert len(result["model"]["sha256"]) == 64


def test_evidence_and_regions_add_up_to_the_logit(detector, portrait):
    [face] = detector.analyze(portrait).to_json()["faces"]
    assert np.sum(face["evidence"]) + face["bias"] == pytest.approx(face["logit"], abs=1e-2)
    assert sum(region["evidence"] for region in face["regions"]) + face["bias"] == pytest.approx(
        face["logit"], abs=1e-2
    )
    assert sum(region["share"] for region in face["regions"]) == pytest.approx(1, abs=1e-2)
    assert len({region["name"] for region in face["regions"]}) == 10


def test_path_bytes_picture_and_array_give_the_same_answer(detector, portrait, astronaut):
    results = [
        detector.analyze(source).to_json()
        for source in (portrait, portrait.read_bytes(), Image.open(portrait), astronaut)
    ]
    for result in results[1:]:
        assert result["faces"] == results[0]["faces"]
    assert [result["path"] for result in results] == [str(portrait), "image", "image", "image"]
    assert detector.analyze(portrait.read_bytes(), name="upload.png").path == "upload.png"


def test_a_picture_without_a_path_is_called_the_same_everywhere(detector):
    for source in (b"", np.full((300, 400, 3), 127, np.uint8)):
        result = detector.analyze(source)
        assert result.path == "image" and re.search(r"^image: |in image \(", result.message)


def test_no_face_is_no_score(detector):
    result = detector.analyze(np.full((300, 400, 3), 127, np.uint8)).to_json()
    assert (result["status"], result["verdict"], result["fake_probability"], result["faces"]) == (
        "no_face",
        None,
        None,
        [],
    )
    assert (result["width"], result["height"]) == (400, 300)
    assert "No face was found" in result["message"] and "400 x 300" in result["message"]


def test_unreadable_has_no_size(detector, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 and then nothing")
    result = detector.analyze(broken).to_json()
    assert (result["status"], result["width"], result["height"]) == ("unreadable", None, None)
    assert "broken.jpg" in result["message"]


def test_many_keeps_order_and_goes_on_past_bad_files(detector, portrait, astronaut, tmp_path):
    empty, missing = tmp_path / "empty.png", tmp_path / "missing.png"
    empty.touch()
    sources = [portrait, empty, astronaut[::-1, ::-1].copy(), missing, portrait] * 4  # 20: more than a chunk
    results = list(detector.analyze_many(sources))
    assert len(results) == 20
    assert [r.status for r in results[:2]] == ["ok", "unreadable"]
    assert [r.status for r in results[3:5]] == ["unreadable", "ok"]
    assert results[19].fake_probability == pytest.approx(results[0].fake_probability, abs=1e-3)


def test_the_next_batch_is_prepared_while_the_network_judges_one(detector, portrait, monkeypatch):
    monkeypatch.setattr(f"{type(detector).__module__}.CHUNK", 1)
    taken, second = [], threading.Event()

    def sources():
        for number in range(2):
            taken.append(number)
            if number:
                second.set()
            yield portrait

    judge = detector._finish

    def wait_and_judge(jobs):
        assert second.wait(30), "the second picture was not touched before the first was judged"
        return judge(jobs)

    monkeypatch.setattr(detector, "_finish", wait_and_judge)
    assert [result.status for result in detector.analyze_many(sources())] == ["ok", "ok"]
    assert taken == [0, 1]


def test_a_single_batch_is_prepared_without_a_thread(detector, portrait):
    threads = []
    results = list(detector.analyze_many(threads.append(threading.current_thread()) or portrait for _ in range(2)))
    assert [result.status for result in results] == ["ok", "ok"]
    assert set(threads) == {threading.current_thread()}


def test_a_batch_of_large_pictures_ends_at_their_pixels(detector, portrait, monkeypatch):
    module = type(detector).__module__
    height, width = images.load(portrait).shape[:2]
    monkeypatch.setattr(f"{module}.CHUNK_PIXELS", 2 * height * width)
    sizes, judge = [], detector._finish
    monkeypatch.setattr(detector, "_finish", lambda jobs: sizes.append(len(jobs)) or judge(jobs))
    assert [result.status for result in detector.analyze_many([portrait, b"", portrait, portrait])] == [
        "ok",
        "unreadable",
        "ok",
        "ok",
    ]
    assert sizes == [3, 1]


@pytest.mark.parametrize("chunk", [1, 2, 16])
def test_what_came_before_broken_sources_is_judged_first(detector, monkeypatch, chunk):
    monkeypatch.setattr(f"{type(detector).__module__}.CHUNK", chunk)

    def sources():
        yield from (b"", b"", b"")
        raise OSError("the list broke off")

    results = detector.analyze_many(sources())
    assert [next(results).status for _ in range(3)] == ["unreadable"] * 3
    with pytest.raises(OSError, match="the list broke off"):
        next(results)


def test_many_stops_where_its_reader_does(detector, portrait, monkeypatch):
    monkeypatch.setattr(f"{type(detector).__module__}.CHUNK", 1)
    taken = []
    results = detector.analyze_many(taken.append(number) or portrait for number in range(9))
    assert next(results).status == "ok"
    results.close()
    assert len(taken) <= 3  # the one read, the one ahead of it, and the one after that


def test_a_picture_is_as_fake_as_its_most_suspicious_face(detector, astronaut):
    face = astronaut[20:220, 120:320]
    canvas = np.full((260, 700, 3), 90, np.uint8)
    canvas[30:230, 40:240] = face
    canvas[30:230, 440:640] = np.clip(face.astype(int) // 3 + 20, 0, 255)
    result = detector.analyze(canvas)
    assert len(result.faces) == 2
    assert result.fake_probability == max(face.fake_probability for face in result.faces)
    assert result.verdict == detector.calibration.verdict(result.fake_probability)


def test_an_unfamiliar_face_carries_a_warning_and_the_portrait_none(detector, astronaut):
    """Noise that no camera makes, over the whole picture."""
    from deepdect.texts import language

    noisy = astronaut + np.random.default_rng(0).normal(0, 40, astronaut.shape)
    [face] = detector.analyze(np.clip(noisy, 0, 255).astype(np.uint8)).faces[:1]
    [warning] = [warning for warning in face.warnings if "unlike those" in warning]
    assert "verdeckt" in language("de").say(warning)
    assert not detector.analyze(astronaut).faces[0].warnings


def test_a_head_turned_to_the_side_carries_a_warning(detector, astronaut, monkeypatch):
    monkeypatch.setattr("deepdect.detector.mesh.turn", lambda landmarks: 0.7)
    assert "head turned far to the side" in detector.analyze(astronaut).faces[0].warnings


def test_a_face_that_the_picture_cuts_off_carries_a_warning(detector, astronaut):
    from deepdect.texts import language

    cut = detector.analyze(np.ascontiguousarray(astronaut[:, :225]))  # through the middle of her face
    [warning] = [warning for warning in cut.faces[0].warnings if "edge" in warning]
    assert warning == "a face cut off by the picture's edge"
    assert language("de").say(warning) == "ein vom Bildrand abgeschnittenes Gesicht"
    touching = detector.analyze(np.ascontiguousarray(astronaut[60:190, 165:285]))  # as tight as training's crops
    assert not any("edge" in warning for face in touching.faces for warning in face.warnings) and touching.faces


def test_small_and_tilted_faces_carry_a_warning(detector, astronaut):
    small = Image.fromarray(astronaut).resize((150, 150), Image.Resampling.BOX)
    canvas = Image.new("RGB", (300, 300), (90, 90, 90))
    canvas.paste(small, (70, 70))
    [face] = detector.analyze(canvas).faces
    assert any(warning.startswith("small face: ") and warning.endswith(" px") for warning in face.warnings)
    tilted = Image.fromarray(astronaut).rotate(40, resample=Image.Resampling.BILINEAR, fillcolor=(90, 90, 90))
    faces = detector.analyze(tilted).faces
    assert any("tilted" in warning for warning in faces[0].warnings)


def test_overlay_changes_only_the_crop_and_keeps_the_size(detector, portrait, astronaut):
    drawn = detector.analyze(portrait).overlay()
    assert drawn.shape == astronaut.shape and drawn.dtype == np.uint8
    np.testing.assert_array_equal(drawn[400:], astronaut[400:])
    assert (drawn != astronaut).any()
    with pytest.raises(ValueError, match="no picture"):
        detector.analyze(b"").overlay()


def test_threads_share_one_detector(detector, portrait):
    expected = detector.analyze(portrait).to_json()["faces"]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: detector.analyze(portrait).to_json()["faces"], range(8)))
    assert all(result == expected for result in results)


def test_score_is_the_calibrated_logit(detector, portrait):
    analysis = detector.analyze(portrait)
    assert detector.score(analysis.faces[0].crop.pixels[None])[0] == pytest.approx(analysis.faces[0].logit, abs=1e-3)


def test_verification_hides_every_region_once(detector, portrait, astronaut):
    plain = detector.analyze(portrait)
    assert all(region.drop is None and region.verified is None for region in plain.faces[0].regions)
    [face] = detector.verify(plain).faces
    assert [region.evidence for region in face.regions] == [region.evidence for region in plain.faces[0].regions]
    visible = set(np.unique(face.labels()).tolist())
    for index, region in enumerate(face.regions):
        assert (region.drop is not None) == (index in visible)
    nose = face.labels() == REGIONS.index("nose")
    hidden = occlude(face.crop.pixels, nose)
    drop = face.logit - float(detector.score(hidden[None])[0])
    assert face.regions[REGIONS.index("nose")].drop == pytest.approx(drop, abs=0.02)
    assert json.loads(json.dumps(detector.analyze(astronaut, verify=True).to_json()))["faces"][0]["regions"][0]["drop"]


def test_verification_without_a_noise_floor_says_why(detector, portrait, tmp_path):
    from deepdect import Detector, weights
    from deepdect.texts import language

    for file in weights.FOLDER.iterdir():
        if file.name != weights.NOISE_FLOOR_FILE:
            (tmp_path / file.name).symlink_to(file)
    other = {"sha256": "0" * 64, "fill": "pyramid", "quantile": 0.9, "areas": [0.1], "drops": [0.1]}
    for content, reason in (
        (None, "is missing"),
        ("{", "cannot be read"),
        (json.dumps({"areas": [0.1]}), "cannot be read"),
        (json.dumps(other), "other weights"),
    ):
        if content is not None:
            (tmp_path / weights.NOISE_FLOOR_FILE).write_text(content)
        floor, why = weights.noise_floor(tmp_path, detector.model["sha256"])
        assert floor is None and reason in why
    bare = Detector(models=tmp_path)
    checked = bare.verify(bare.verify(bare.analyze(portrait)))
    [face] = checked.faces
    assert all(region.drop is not None and region.verified is None for region in face.regions)
    assert [warning for warning in face.warnings if "could not be verified" in warning] == [
        f"regions could not be verified: {why}"
    ]
    german = language("de").say(face.warnings[-1])
    assert german.startswith("die Bereiche konnten nicht geprüft werden: noise_floor.json wurde mit anderen Gewichten")


def test_another_models_analysis_is_not_verified(detector, portrait):
    stranger = replace(detector.analyze(portrait), model=detector.model | {"sha256": "f" * 64})
    with pytest.raises(ValueError, match="analyse it again"):
        detector.verify(stranger)


def test_the_reason_follows_the_verdict(detector, portrait):
    [face] = detector.analyze(portrait).faces
    assert face.reason.verdict == face.verdict
    assert (face.reason.kind == "undecided") == (face.verdict == "inconclusive")


def test_the_sheet_holds_the_overlay_and_charts(detector, portrait):
    analysis = detector.analyze(portrait)
    sheet, overlay = analysis.evidence_sheet(), analysis.overlay()
    top = (sheet.shape[0] - 512) // 2
    shown = sheet[top : top + 512, :512]
    assert sheet.shape[1] > 512 and (shown != overlay).any()  # the outlines
    np.testing.assert_array_equal(shown[400:], overlay[400:])
    empty = detector.analyze(np.full((300, 400, 3), 127, np.uint8)).evidence_sheet()
    np.testing.assert_array_equal(empty, 127)
    with pytest.raises(ValueError, match="no picture"):
        detector.analyze(b"").evidence_sheet()
