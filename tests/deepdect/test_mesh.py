from __future__ import annotations

import cv2
import numpy as np
import pytest

from deepdect import mesh


def map_points(affine: np.ndarray, points: list) -> np.ndarray:
    return np.array(points, float) @ affine[:, :2].T + affine[:, 2]


def test_square_to_pixels_unrotated():
    affine = mesh.square_to_pixels(np.array([10.0, 20.0]), 8.0, 0.0, 4)  # two photo pixels a patch pixel
    np.testing.assert_allclose(map_points(affine, [[1.5, 1.5], [0, 0], [3, 1]]), [[10, 20], [7, 17], [13, 19]])


def test_square_to_pixels_turns_clockwise_as_seen():
    affine = mesh.square_to_pixels(np.array([10.0, 20.0]), 4.0, np.pi / 2, 4)
    # the patch's right is the photo's down, its down the photo's left
    np.testing.assert_allclose(map_points(affine, [[1.5, 1.5], [3.5, 1.5], [1.5, 3.5]]), [[10, 20], [10, 22], [8, 20]])


@pytest.fixture
def gradient() -> np.ndarray:
    """Red rises by two a column, green by three a row; uint8 [60, 80, 3]."""
    y, x = np.mgrid[:60, :80]
    return np.stack([2 * x, 3 * y, np.full_like(x, 7)], axis=-1).astype(np.uint8)


def test_a_square_at_native_size_is_the_same_pixels(gradient):
    patch = mesh.extract_square(gradient, np.array([34.5, 24.5]), 20.0, 0.0, 20, cv2.BORDER_CONSTANT)
    np.testing.assert_array_equal(patch, gradient[15:35, 25:45])
    assert patch.dtype == np.uint8


def test_a_quarter_turn_moves_a_marked_pixel_where_computed():
    picture = np.zeros((41, 41, 3), np.uint8)
    picture[20, 25] = 255  # five right of the middle
    patch = mesh.extract_square(picture, np.array([20.0, 20.0]), 21.0, np.pi / 2, 21, cv2.BORDER_CONSTANT)
    # the patch is turned clockwise, so what is right in the photo is up in it
    assert np.argwhere(patch[..., 0] > 127).tolist() == [[5, 10]]


def test_a_turn_by_an_eye_angle_levels_the_eyes():
    picture = np.zeros((101, 101, 3), np.uint8)
    angle = np.arctan2(3, 4)
    picture[50 - 15, 50 - 20] = picture[50 + 15, 50 + 20] = 255  # 25 pixels from the middle, lower to the right
    patch = mesh.extract_square(picture, np.array([50.0, 50.0]), 81.0, angle, 81, cv2.BORDER_CONSTANT)
    assert np.argwhere(patch[..., 0] > 127).tolist() == [[40, 15], [40, 65]]


@pytest.mark.parametrize("angle", [0.0, np.pi / 2])
def test_outside_the_photo_the_border_is_repeated_or_black(gradient, angle):
    centre = np.array([0.0, 30.0])  # half of the square lies left of the photo
    repeated = mesh.extract_square(gradient, centre, 21.0, angle, 21, cv2.BORDER_REPLICATE)
    black = mesh.extract_square(gradient, centre, 21.0, angle, 21, cv2.BORDER_CONSTANT)
    if angle:  # the photo's left is the patch's bottom; stand both upright again
        repeated, black = np.rot90(repeated, -1), np.rot90(black, -1)
    np.testing.assert_array_equal(repeated[:, :10, 0], 0)
    np.testing.assert_array_equal(repeated[:, :10, 1], np.repeat(repeated[:, 10:11, 1], 10, axis=1))
    np.testing.assert_array_equal(repeated[:, 10, 1], 3 * np.arange(20, 41))
    assert (repeated[..., 2] == 7).all()
    assert (black[:, :10] == 0).all() and (black[:, 10:, 2] == 7).all()


def test_a_square_wholly_outside_repeats_the_corner(gradient):
    patch = mesh.extract_square(gradient, np.array([-500.0, -500.0]), 10.0, 0.3, 10, cv2.BORDER_REPLICATE)
    assert (patch == gradient[0, 0]).all()


def test_reducing_averages_instead_of_skipping():
    checks = (np.indices((256, 256)).sum(axis=0) % 2 * 255).astype(np.uint8)
    picture = np.repeat(checks[..., None], 3, axis=2)
    patch = mesh.extract_square(picture, np.array([127.5, 127.5]), 128.0, 0.0, 32, cv2.BORDER_REPLICATE)
    assert patch.min() >= 126 and patch.max() <= 129  # black and white in equal parts
    patch = mesh.extract_square(picture, np.array([120.3, 131.9]), 110.0, 0.4, 23, cv2.BORDER_REPLICATE)
    assert patch.min() >= 120 and patch.max() <= 135


def test_reducing_keeps_places(gradient):
    patch = mesh.extract_square(gradient, np.array([39.5, 29.5]), 40.0, 0.0, 20, cv2.BORDER_REPLICATE)
    columns = 20 + 2 * np.arange(20) + 0.5  # each patch pixel averages two columns
    assert np.abs(patch[..., 0] - 2 * columns).max() <= 1.5
    assert np.abs(patch[..., 1] - 3 * (columns - 10)[:, None]).max() <= 1.5


def test_the_quick_way_samples_what_is_less_than_twice_too_large():
    stripes = np.zeros((90, 90, 3), np.uint8)
    stripes[:, 1::2] = 240
    square = np.array([44.25, 44.25]), 30.0, 0.0, 20  # sampled at 30, 31.5, 33, ...
    sampled = mesh.extract_square(stripes, *square, cv2.BORDER_CONSTANT, quick=True)
    assert sampled[7, :, 0].tolist() == 5 * [0, 120, 240, 120]
    averaged = mesh.extract_square(stripes, *square, cv2.BORDER_CONSTANT)
    assert averaged.min() >= 60 and averaged.max() <= 180  # a third of a neighbour, at least, is in every average


def test_the_quick_way_halves_what_is_twice_too_large(gradient):
    square = np.array([39.5, 29.5]), 40.0, 0.0, 20
    halved = mesh.extract_square(gradient, *square, cv2.BORDER_CONSTANT, quick=True)
    assert (halved[..., 0] == 2 * (20 + 2 * np.arange(20)) + 1).all()  # the mean of two columns


@pytest.mark.parametrize(
    ("shape", "side", "quick"),
    [
        ((100, mesh.LEARNED_FROM), 300.0, False),
        ((100, mesh.LEARNED_FROM + 1), 300.0, True),
        ((mesh.LEARNED_FROM + 1, 100), 300.0, True),
        ((100, mesh.LEARNED_FROM), 383.0, False),
        ((100, mesh.LEARNED_FROM), 384.0, True),
    ],
)
def test_only_large_photos_and_squares_are_fitted_the_quick_way(monkeypatch, shape, side, quick):
    asked = []
    original = mesh.extract_square
    monkeypatch.setattr(mesh, "extract_square", lambda *given, quick: asked.append(quick) or original(*given))
    mesh.face_mesh().fit(np.zeros((*shape, 3), np.uint8), np.array([50.0, 50.0]), side, 0.0)
    assert asked == [quick]


def face_with_eyes(right: list, left: list) -> np.ndarray:
    landmarks = np.zeros((mesh.LANDMARKS, 2))
    landmarks[list(mesh.RIGHT_EYE_CORNERS)] = np.array([[-1, 0], [1, 0]]) + right
    landmarks[list(mesh.LEFT_EYE_CORNERS)] = np.array([[-1, 0], [1, 0]]) + left
    return landmarks


@pytest.mark.parametrize(
    ("left", "degrees"),
    [([20, 10], 0), ([20, 20], 45), ([10, 30], 90), ([20, 0], -45), ([0, 10], 180)],
)
def test_eye_angle(left, degrees):
    assert np.rad2deg(mesh.eye_angle(face_with_eyes([10, 10], left))) == pytest.approx(degrees)


def test_the_share_of_landmarks_outside_a_picture():
    """Of a picture of 10 x 20 pixels: the edge of its pixels lies half a pixel beyond their centres."""
    points = np.array([[0, 0], [19.4, 9.4], [-0.4, 5], [-0.6, 5], [19.6, 5], [5, 9.6], [5, -0.6], [19, 9]])
    assert mesh.share_outside(points, 10, 20) == 0.5
    assert mesh.share_outside(points[:3], 10, 20) == 0


def test_upright_bounds():
    diamond = np.array([[0.0, 10.0], [10.0, 0.0], [20.0, 10.0], [10.0, 20.0]])
    centre, extent = mesh.upright_bounds(diamond, 0.0)
    np.testing.assert_allclose([centre, extent], [[10, 10], [20, 20]])
    centre, extent = mesh.upright_bounds(diamond, np.pi / 4)  # along the diamond's own sides
    np.testing.assert_allclose([centre, extent], [[10, 10], [np.sqrt(200), np.sqrt(200)]])
    centre, extent = mesh.upright_bounds(np.array([[0.0, 0.0], [6.0, 2.0]]), np.pi / 2)
    np.testing.assert_allclose([centre, extent], [[3, 1], [2, 6]])


def test_the_mesh_lies_on_the_astronauts_face(astronaut):
    landmarks, score = mesh.face_mesh().fit(astronaut, np.array([225.0, 120.0]), 170.0, 0.0)
    assert landmarks.shape == (mesh.LANDMARKS, 2) and landmarks.dtype == np.float64
    assert isinstance(score, float) and 0.95 < score <= 1
    eyes = [landmarks[list(corners)].mean(axis=0) for corners in (mesh.RIGHT_EYE_CORNERS, mesh.LEFT_EYE_CORNERS)]
    assert np.abs(np.array(eyes) - [[203.5, 101.3], [246.7, 103.8]]).max() < 4
    turned, score = mesh.face_mesh().fit(astronaut, np.array([225.0, 120.0]), 170.0, 0.3)
    assert score > 0.95 and np.abs(turned - landmarks).mean() < 4  # in photo pixels whatever the square's angle


def test_the_mesh_doubts_a_picture_without_a_face():
    assert mesh.face_mesh().fit(np.zeros((200, 200, 3), np.uint8), np.array([100.0, 100.0]), 150.0, 0.0)[1] < 0.1


def test_a_turn_is_how_far_the_nose_is_from_the_middle():
    points = np.zeros((mesh.LANDMARKS, 2))
    points[list(mesh.FACE_SIDES)] = [[10, 50], [110, 50]]
    for tip, expected in ((60, 0), (85, 0.5), (35, 0.5), (110, 1), (120, 1.2)):
        points[mesh.NOSE_TIP] = [tip, 80]
        assert mesh.turn(points) == pytest.approx(expected)
    angle = np.deg2rad(30)
    tilted = points @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    assert mesh.turn(tilted) == pytest.approx(1.2)


def test_the_corners_of_a_turned_square_are_read():
    photo = np.full((200, 200, 3), 90, np.uint8)
    patch = mesh.extract_square(photo, np.array([100.0, 100.0]), 100.0, np.pi / 4, 100, cv2.BORDER_CONSTANT)
    assert (patch == 90).all()
