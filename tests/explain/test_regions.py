"""The partition on a drawn face, on the astronaut's real mesh and on poses that fold it; evidence that adds up."""

from functools import cache

import cv2
import numpy as np
import pytest
import skimage.data

from deepdect import faces
from explain.regions import BAND, LANDMARKS, REGIONS, RegionEvidence, attribute, partition

# Around the drawn face's oval, clockwise as seen from the top of the forehead, ten degrees apart.
OVAL = [
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
]
# Around the brow, the temple, under the lower lid and up the nose: counter-clockwise as seen, from 12 o'clock on.
RIGHT_EYE = [105, 63, 70, 124, 35, 31, 228, 229, 230, 231, 232, 233, 245, 193, 107, 66]
LEFT_EYE = [334, 293, 300, 353, 265, 261, 448, 449, 450, 451, 452, 453, 465, 417, 336, 296]
# Around the lips, clockwise as seen from the base of the nose.
MOUTH = [2, 326, 391, 322, 410, 287, 273, 335, 406, 313, 18, 83, 182, 106, 43, 57, 186, 92, 165, 97]
LIP_CORNERS, CHIN, NOSE_TIP = (61, 291), 152, 1
EYE_CORNERS = {"right_eye": (33, 133), "left_eye": (362, 263)}

CENTRE = np.array([128.0, 128.0])
RADIUS = 100.0
BAND_PIXELS = BAND * np.sqrt(np.pi) * RADIUS  # to either side of the drawn face's edge


def ellipse(
    indices: list[int], centre: tuple[float, float], radii: tuple[float, float], turn: int
) -> dict[int, tuple[float, float]]:
    """Landmarks spread evenly from 12 o'clock on; turn 1 is clockwise as seen, -1 the other way."""
    angles = turn * np.linspace(0, 2 * np.pi, len(indices), endpoint=False)
    points = np.array(centre) + np.stack([np.sin(angles), -np.cos(angles)], axis=1) * radii
    return {index: (x, y) for index, (x, y) in zip(indices, points.tolist(), strict=True)}


def drawn_face() -> np.ndarray:
    """A round face of radius 100 in the middle of 256 pixels; landmarks that have no part in it lie on the nose."""
    points = np.tile([128.0, 140.0], (LANDMARKS, 1))
    places = ellipse(OVAL, (128, 128), (RADIUS, RADIUS), 1)
    places |= ellipse(MOUTH, (128, 180), (35, 15), 1) | {17: (128, 190), 61: (100, 180), 291: (156, 180)}
    places |= {168: (128, 105), 2: (128, 165), 129: (112, 155), 358: (144, 155), 1: (128, 150), 4: (128, 145)}
    places |= ellipse(RIGHT_EYE, (88, 100), (28, 18), -1) | {33: (72, 100), 133: (104, 100)}
    places |= ellipse(LEFT_EYE, (168, 100), (28, 18), 1) | {362: (152, 100), 263: (184, 100)}
    for index, place in places.items():
        points[index] = place
    return points


def turned(landmarks: np.ndarray, degrees: float) -> np.ndarray:
    """The drawn face on a ball (eyes, nose and mouth in front of it), turned to the viewer's right."""
    x, y = (landmarks - CENTRE).T
    depth = np.sqrt(np.maximum(RADIUS**2 - x**2 - y**2, 0))
    depth[[1, 4]] += 25
    angle = np.deg2rad(degrees)
    return np.stack([x * np.cos(angle) + depth * np.sin(angle), y], axis=1) + CENTRE


@cache
def astronaut(turn: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Landmarks in the crop, and the photo's affine map [2, 3] to the crop, of skimage's (altered) astronaut."""
    photo = skimage.data.astronaut()
    if turn == "mirrored":
        photo = np.ascontiguousarray(photo[:, ::-1])
    elif turn == "squeezed":
        photo = cv2.resize(photo, (220, 512), interpolation=cv2.INTER_AREA)
    elif turn:
        about = cv2.getRotationMatrix2D((224, 120), float(turn), 1)
        photo = cv2.warpAffine(photo, about, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    face = faces.find(photo)[0]
    crop = faces.crop(photo, face)
    corners = np.array([[0, 0], [1, 0], [0, 1]], float)
    origin, right, down = crop.to_crop(corners)
    return crop.to_crop(face.landmarks), np.column_stack([right - origin, down - origin, origin])


def rotated(landmarks: np.ndarray, degrees: float) -> np.ndarray:
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return (landmarks - CENTRE) @ np.array([[cos, sin], [-sin, cos]]) + CENTRE


def region_at(labels: np.ndarray, point: np.ndarray | tuple[float, float]) -> str:
    x, y = np.rint(point).astype(int)
    return REGIONS[labels[y, x]]


def region_pixels(labels: np.ndarray) -> dict[str, int]:
    return {name: int((labels == index).sum()) for index, name in enumerate(REGIONS)}


def middle(labels: np.ndarray, name: str) -> np.ndarray:
    """(x, y) of a region's centre of mass."""
    return np.argwhere(labels == REGIONS.index(name)).mean(axis=0)[::-1]


def poses() -> dict[str, np.ndarray]:
    """What a mesh may look like, in the best and in the worst case."""
    real, rng = astronaut()[0], np.random.default_rng(0)
    found = {"real": real, "drawn": drawn_face()}
    found |= {turn: astronaut(turn)[0] for turn in ("mirrored", "squeezed", "45", "-45")}
    found |= {f"rotated {angle}": rotated(real, angle) for angle in (-45, 45, 90, 180)}
    found |= {f"scaled {scale}": (real - CENTRE) * scale + CENTRE for scale in (1e-3, 0.05, 3, 300)}
    found |= {f"narrow {width}": (real - CENTRE) * [width, 1] + CENTRE for width in (0.0, 0.1, 0.5)}
    found |= {f"yaw {angle}": turned(drawn_face(), angle) for angle in (-120, -90, -60, -30, 30, 60, 90, 120)}
    found |= {f"shifted {shift}": real + shift for shift in ((200, 0), (-230, -230), (0, 1e4), (-9e4, 9e4))}
    found["mirrored mesh"] = real * [-1, 1] + [255, 0]
    found["noise"] = rng.uniform(-100, 350, (LANDMARKS, 2))
    found["one point"] = np.full((LANDMARKS, 2), 100.0)
    return found


# --- The partition


def test_the_order_of_the_names_is_the_contract() -> None:
    assert (
        *("forehead", "left_eye", "right_eye", "nose", "mouth"),
        *("left_cheek", "right_cheek", "jaw", "face_boundary", "outside_face"),
    ) == REGIONS


@pytest.mark.parametrize(
    ("x", "y", "name"),
    [
        (128, 60, "forehead"),
        (128, 85, "forehead"),  # between the brows
        (88, 100, "right_eye"),  # the subject's right is on the viewer's left
        (168, 100, "left_eye"),
        (128, 145, "nose"),
        (128, 180, "mouth"),
        (70, 135, "right_cheek"),
        (186, 135, "left_cheek"),
        (128, 210, "jaw"),
        (75, 192, "jaw"),
        (28, 128, "face_boundary"),
        (128, 228, "face_boundary"),
        (5, 5, "outside_face"),
        (128, 250, "outside_face"),
    ],
)
def test_drawn_face_by_hand(x: int, y: int, name: str) -> None:
    assert region_at(partition(drawn_face()), (x, y)) == name


def test_the_band_lies_on_both_sides_of_the_oval() -> None:
    labels = partition(drawn_face())
    y, x = np.indices(labels.shape)
    from_edge = np.hypot(x - 128, y - 128) - RADIUS  # the oval's polygon lies up to 0.4 pixels inside the circle
    assert (labels[from_edge > BAND_PIXELS + 1.5] == REGIONS.index("outside_face")).all()
    assert (labels[np.abs(from_edge) < BAND_PIXELS - 1.5] == REGIONS.index("face_boundary")).all()
    inside = labels[from_edge < -BAND_PIXELS - 1.5]
    assert set(np.unique(inside)) == set(range(REGIONS.index("face_boundary")))


def test_every_pixel_of_every_pose_is_in_exactly_one_region() -> None:
    for pose, landmarks in poses().items():
        labels = partition(landmarks)
        assert (labels.shape, labels.dtype) == ((256, 256), np.uint8), pose
        assert sum(region_pixels(labels).values()) == 256 * 256, pose


def test_frontal_faces_have_every_region() -> None:
    for turn in ("", "mirrored", "squeezed", "45", "-45"):
        labels = partition(astronaut(turn)[0])
        pixels = region_pixels(labels)
        assert min(pixels.values()) > 0.02 * labels.size, (turn, pixels)
        # Each is one piece, but for the corners of the crop.
        for name, index in ((name, REGIONS.index(name)) for name in REGIONS if name != "outside_face"):
            count, _, stats, _ = cv2.connectedComponentsWithStats((labels == index).astype(np.uint8))
            assert count >= 2
            assert stats[1:, cv2.CC_STAT_AREA].max() > 0.9 * pixels[name], (turn, name)


@pytest.mark.parametrize("turn", ["", "mirrored", "squeezed", "45", "-45"])
def test_landmarks_lie_in_the_region_that_they_are_named_for(turn: str) -> None:
    landmarks, _ = astronaut(turn)
    labels = partition(landmarks)
    expected = dict.fromkeys((1, 4), "nose") | dict.fromkeys((*LIP_CORNERS, 0, 13, 14, 17), "mouth")
    expected |= {index: eye for eye, corners in EYE_CORNERS.items() for index in corners}
    expected |= {52: "right_eye", 282: "left_eye", 151: "forehead", 50: "right_cheek", 280: "left_cheek"}
    expected |= {199: "jaw", CHIN: "face_boundary", 10: "face_boundary", 234: "face_boundary", 454: "face_boundary"}
    assert {index: region_at(labels, landmarks[index]) for index in expected} == expected


def test_left_is_the_subjects_left_and_mirroring_the_photo_swaps_them() -> None:
    photo_width = skimage.data.astronaut().shape[1]
    (original, to_crop), (mirrored, to_mirrored) = astronaut(), astronaut("mirrored")
    labels, mirrored_labels = partition(original), partition(mirrored)
    for side, other in (("left", "right"), ("right", "left")):
        for part in ("eye", "cheek"):
            in_photo = np.linalg.solve(to_crop[:, :2], middle(labels, f"{side}_{part}") - to_crop[:, 2])
            in_mirror = to_mirrored @ [photo_width - 1 - in_photo[0], in_photo[1], 1]
            assert np.linalg.norm(middle(mirrored_labels, f"{other}_{part}") - in_mirror) < 8
    for eyes in (labels, mirrored_labels):  # whoever is seen from the front has the left eye on the viewer's right
        assert middle(eyes, "left_eye")[0] > middle(eyes, "right_eye")[0] + 60


@pytest.mark.parametrize("degrees", [-45, 45, 90, 180])
def test_a_tilted_head_has_the_same_regions_tilted(degrees: float) -> None:
    landmarks = (astronaut()[0] - CENTRE) * 0.6 + CENTRE  # all of it stays within the crop
    upright, tilted = partition(landmarks), partition(rotated(landmarks, degrees))
    matrix = cv2.getRotationMatrix2D((128, 128), -degrees, 1)
    outside = REGIONS.index("outside_face")
    expected = cv2.warpAffine(upright, matrix, (256, 256), flags=cv2.INTER_NEAREST, borderValue=outside)
    assert (tilted == expected).mean() > 0.97
    assert region_at(tilted, rotated(landmarks, degrees)[NOSE_TIP]) == "nose"


def test_shifting_shifts_also_where_the_face_leaves_the_crop() -> None:
    landmarks, _ = astronaut()
    whole = partition(landmarks + 256, size=768)
    for x, y in ((0, 0), (150, 40), (-90, -200), (250, 250)):
        part = partition(landmarks + [x, y])
        moved = whole[256 - y : 512 - y, 256 - x : 512 - x]
        assert (part != moved).sum() <= 10, (x, y)  # lines are clipped at the crop's border, to a rounded pixel
    away = partition(landmarks + [0, 5000])
    assert (away == REGIONS.index("outside_face")).all()


@pytest.mark.parametrize("size", [64, 100, 512])
def test_other_sizes(size: int) -> None:
    """Landmarks are in the pixels of the size that is asked for."""
    scaled = (drawn_face() + 0.5) * size / 256 - 0.5
    labels = partition(scaled, size)
    assert labels.shape == (size, size)
    fractions = {name: count / labels.size for name, count in region_pixels(labels).items()}
    outer, inner = (RADIUS / 256 * (1 + sign * BAND * np.sqrt(np.pi)) for sign in (1, -1))
    pixel = 2 * np.pi * RADIUS / 256 / size  # the band's share of the picture grows by this with every pixel of width
    assert fractions["face_boundary"] == pytest.approx(np.pi * (outer**2 - inner**2), abs=1.5 * pixel)
    assert fractions["outside_face"] == pytest.approx(1 - np.pi * outer**2, abs=pixel)
    for name, (x, y) in {
        "right_eye": (88, 100),
        "left_eye": (168, 100),
        "mouth": (128, 178),
        "jaw": (128, 210),
    }.items():
        assert region_at(labels, np.array([x, y]) * size / 256) == name
    for name in ("right_eye", "left_eye"):
        assert fractions[name] == pytest.approx(np.pi * 28 * 18 / 256**2, rel=0.25)


@pytest.mark.parametrize(("degrees", "near", "far"), [(60, "right", "left"), (-60, "left", "right")])
def test_a_profile_shows_the_near_side(degrees: float, near: str, far: str) -> None:
    """At 60 degrees to the viewer's right, the far eye and cheek are behind the head."""
    landmarks = turned(drawn_face(), degrees)
    labels = partition(landmarks)
    pixels = region_pixels(labels)
    for part in ("eye", "cheek"):
        assert pixels[f"{near}_{part}"] > 3 * pixels[f"{far}_{part}"]
    assert region_at(labels, landmarks[NOSE_TIP]) == "nose"
    for index in EYE_CORNERS[f"{near}_eye"]:
        assert region_at(labels, landmarks[index]) == f"{near}_eye"
    for further in (75 / 60, 90 / 60):  # the far eye is behind the head's edge, then exactly behind the near one
        pixels = region_pixels(partition(turned(drawn_face(), further * degrees)))
        assert pixels[f"{far}_eye"] == 0
        assert pixels[f"{near}_eye"] > 500


def test_the_nose_of_a_bent_head_covers_the_lip() -> None:
    landmarks = drawn_face()
    assert region_at(partition(landmarks), (128, 172)) == "mouth"
    landmarks[[1, 4]] = 128, 175
    assert region_at(partition(landmarks), (128, 172)) == "nose"


def test_the_regions_of_a_mirrored_mesh_stay_with_their_landmarks() -> None:
    landmarks, _ = astronaut()
    mirrored = partition(landmarks * [-1, 1] + [255, 0])
    assert (mirrored[:, ::-1] == partition(landmarks)).mean() > 0.99


def test_no_pixel_of_a_folded_mesh_is_left_a_boundary_in_the_middle() -> None:
    """Inside the oval everything is face, and away from its edge everything has a proper region."""
    outside = REGIONS.index("outside_face")
    for pose, landmarks in poses().items():
        hull = np.zeros((256, 256), np.uint8)
        cv2.fillConvexPoly(hull, cv2.convexHull(np.rint(landmarks[OVAL]).astype(np.int32)), 1)
        inside = cv2.erode(hull, np.ones((5, 5)), borderValue=1) == 1
        assert (partition(landmarks)[inside] != outside).all(), pose
    for pose in ("real", "squeezed", "narrow 0.5", "yaw -30", "yaw 30"):
        landmarks = poses()[pose]
        labels = partition(landmarks)
        oval = np.zeros((256, 256), np.uint8)
        cv2.fillPoly(oval, [np.rint(landmarks[OVAL]).astype(np.int32)], 1)
        depth = cv2.distanceTransform(np.pad(oval, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
        deep = labels[depth > BAND * np.sqrt(oval.sum()) + 4]
        assert deep.size > 1000
        assert deep.max() < REGIONS.index("face_boundary"), pose


@pytest.mark.parametrize(
    ("landmarks", "size", "message"),
    [
        (np.zeros((467, 2)), 256, r"expected landmarks \[468, 2\], received shape \(467, 2\)"),
        (np.zeros((468, 3)), 256, r"received shape \(468, 3\)"),
        (np.full((468, 2), np.nan), 256, r"received \[nan, nan\] as number 0 \(468 of 468"),
        (np.r_[np.zeros((467, 2)), [[0, np.inf]]], 256, r"received \[0.0, inf\] as number 467 \(1 of 468"),
        (np.full((468, 2), 1e6), 256, "within 100000 pixels"),
        (np.zeros((468, 2)), 0, "size of at least 1 pixel, received 0"),
    ],
)
def test_bad_landmarks(landmarks: np.ndarray, size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        partition(landmarks, size)


# --- The evidence


def test_evidence_by_hand() -> None:
    """On 8x8 pixels, every pixel is a cell."""
    labels = np.full((8, 8), REGIONS.index("outside_face"), np.uint8)
    labels[6, 3:5], labels[2, 5], labels[0] = (REGIONS.index(name) for name in ("mouth", "left_eye", "forehead"))
    cells = np.zeros((8, 8), np.float32)
    cells[6, 3:5], cells[2, 5], cells[0, 0], cells[0, 7] = (3, 2), -4, 1, -1
    expected = dict.fromkeys(REGIONS, (0.0, 0.0)) | {"mouth": (5.0, 5 / 9), "left_eye": (-4.0, 4 / 9)}
    found = attribute(cells, labels)
    assert [region.name for region in found] == list(REGIONS)
    for region in found:
        assert (region.evidence, region.share) == pytest.approx(expected[region.name]), region
        assert (region.drop, region.verified) == (None, None)


def test_no_evidence_has_no_shares() -> None:
    found = attribute(np.zeros((8, 8)), partition(drawn_face()))
    assert found == [RegionEvidence(name, 0.0, 0.0) for name in REGIONS]


def test_evidence_adds_up_in_every_pose() -> None:
    rng = np.random.default_rng(4)
    for pose, landmarks in poses().items():
        cells = rng.normal(0, 1, (8, 8)).astype(np.float32)
        found = attribute(cells, partition(landmarks))
        assert sum(region.evidence for region in found) == pytest.approx(cells.sum(dtype=float), abs=1e-4), pose
        assert sum(region.share for region in found) == pytest.approx(1), pose
        assert all(0 <= region.share <= 1 for region in found), pose


@pytest.mark.parametrize("size", [8, 100, 256])
def test_evidence_adds_up_at_every_size(size: int) -> None:
    cells = np.random.default_rng(5).normal(0, 1, (8, 8)).astype(np.float32)
    found = attribute(cells, partition(drawn_face() * size / 256, size))
    assert sum(region.evidence for region in found) == pytest.approx(cells.sum(dtype=float), abs=1e-4)


@pytest.mark.parametrize(
    ("landmark", "name"), [(13, "mouth"), (4, "nose"), (386, "left_eye"), (159, "right_eye"), (50, "right_cheek")]
)
def test_evidence_in_one_cell_goes_to_the_region_there(landmark: int, name: str) -> None:
    landmarks, _ = astronaut()
    column, row = (landmarks[landmark] // 32).astype(int)
    cells = np.zeros((8, 8), np.float32)
    cells[row, column] = -2.5
    best = max(attribute(cells, partition(landmarks)), key=lambda region: region.share)
    assert best.name == name
    assert best.evidence < -1.25
    assert best.share > 0.5


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((256, 256), int), r"expected labels as uint8 \[size, size\], received int64 \(256, 256\)"),
        (np.zeros((256, 128), np.uint8), r"received uint8 \(256, 128\)"),
        (np.full((256, 256), 10, np.uint8), "expected labels below 10, received 10"),
    ],
)
def test_bad_labels(labels: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attribute(np.zeros((8, 8)), labels)


def test_bad_evidence() -> None:
    with pytest.raises(ValueError, match="expected a finite evidence map"):
        attribute(np.full((8, 8), np.nan), partition(drawn_face()))
