"""Colours, placement and legend of the heat-map on small pictures with a known answer."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import ImageFont

from explain import overlay
from explain.overlay import SCALE_LOGITS, CropPlacement, colorize, legend, overlay_photo

GREY = 128


def grey(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def cell_map(row: int, column: int, value: float) -> np.ndarray:
    cells = np.zeros((8, 8), np.float32)
    cells[row, column] = value
    return cells


def over_all(picture: np.ndarray, evidence: np.ndarray) -> np.ndarray:
    """The evidence over the whole of a square picture, without the soft edge that it has in a photo."""
    return overlay._blend(picture, overlay._layer(overlay._per_cell(evidence, len(picture))))


def changed(after: np.ndarray) -> np.ndarray:
    return (after != GREY).any(axis=2)


def test_sign_is_colour() -> None:
    for strength in (0.3, 1.0):
        towards_fake = over_all(grey(64, 64), np.full((8, 8), strength * SCALE_LOGITS)).astype(int)
        towards_real = over_all(grey(64, 64), np.full((8, 8), -strength * SCALE_LOGITS)).astype(int)
        assert (towards_fake[..., 0] > GREY).all()
        assert (towards_fake[..., 2] < GREY).all()
        assert (towards_real[..., 2] > GREY).all()
        assert (towards_real[..., 0] < GREY).all()


def test_full_colour_by_hand() -> None:
    full = over_all(grey(64, 64), np.full((8, 8), SCALE_LOGITS))
    red, green, blue = overlay.ANCHORS[-1][1]
    expected = [GREY + overlay.MAX_ALPHA * (channel - GREY) for channel in (red, green, blue)]
    assert np.abs(full - np.array(expected)).max() <= 1
    beyond = over_all(grey(64, 64), np.full((8, 8), 7 * SCALE_LOGITS))
    assert np.array_equal(full, beyond)


def test_alpha_grows_with_the_size_of_the_evidence() -> None:
    values = np.linspace(0, SCALE_LOGITS, 50)
    rgb, alpha = colorize(np.stack([values, -values]))
    assert (rgb.dtype, alpha.dtype) == (np.uint8, np.float32)
    assert (np.diff(alpha) > 0).all()
    assert np.array_equal(alpha[0], alpha[1])
    assert alpha[0, 0] == 0
    assert alpha[0, -1] == pytest.approx(overlay.MAX_ALPHA)


def test_no_evidence_leaves_the_pictures_as_they_are() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    crop = photo[:80, :80].copy()
    assert np.array_equal(over_all(crop, np.zeros((8, 8))), crop)
    assert np.array_equal(overlay_photo(photo, [(np.zeros((8, 8)), CropPlacement(10, 5, 70, 12))]), photo)
    assert np.array_equal(overlay_photo(photo, []), photo)


def test_an_undecided_face_is_nearly_uncoloured() -> None:
    """Cells that pull both ways at a tenth of the scale change no channel by more than a tenth of its range."""
    cells = np.where(np.indices((8, 8)).sum(axis=0) % 2, 0.1, -0.1) * SCALE_LOGITS
    difference = np.abs(over_all(grey(64, 64), cells).astype(int) - GREY)
    assert 0 < difference.max() < 0.1 * 255


def test_the_same_evidence_has_the_same_colour_beside_any_other() -> None:
    mild = cell_map(1, 1, 0.4 * SCALE_LOGITS)
    beside_strong = mild + cell_map(6, 6, 20 * SCALE_LOGITS)
    alone, together = over_all(grey(128, 128), mild), over_all(grey(128, 128), beside_strong)
    around_cell = np.s_[0:40, 0:40]
    assert changed(alone)[around_cell].any()
    assert np.array_equal(alone[around_cell], together[around_cell])


def test_input_is_not_written_to() -> None:
    photo = grey(64, 64)
    overlay_photo(photo, [(np.full((8, 8), 1.0), CropPlacement(0, 0, 64, 0))], outline=True)
    assert (photo == GREY).all()


def test_unturned_placement_colours_the_square_alone() -> None:
    placed = changed(overlay_photo(grey(120, 160), [(np.full((8, 8), SCALE_LOGITS), CropPlacement(30, 20, 64, 0))]))
    inside = np.zeros((120, 160), bool)
    inside[20:85, 30:95] = True  # from (30, 20) to (94, 84)
    assert not placed[~inside].any()
    assert placed[22:83, 32:93].all()  # the outermost pixels fade out


def test_soft_edge() -> None:
    photo = overlay_photo(grey(120, 120), [(np.full((8, 8), SCALE_LOGITS), CropPlacement(10, 10, 100, 0))])
    edge = photo[60, 9:30, 0].astype(int) - GREY
    assert edge[0] == 0
    assert (np.diff(edge) >= 0).all()
    assert np.diff(edge).max() < 0.4 * edge[-1]  # no step: the full colour is reached over several pixels
    assert edge[-1] == edge[-5]


@pytest.mark.parametrize(
    ("angle", "x", "y"),
    [
        # Cell (row 1, column 2) of a 80-pixel square around (100, 60): its centre is (-15, -25) from the square's.
        (0, 85, 35),
        (90, 125, 45),  # clockwise: (u, v) -> (-v, u) = (25, -15)
        (180, 115, 85),
        (-90, 75, 75),  # (v, -u) = (-25, 15)
    ],
)
def test_turned_placement_by_hand(angle: float, x: int, y: int) -> None:
    placement = CropPlacement(60, 20, 80, angle)
    placed = overlay_photo(grey(120, 200), [(cell_map(1, 2, SCALE_LOGITS), placement)])
    weight = GREY - placed[..., 2].astype(float)  # orange takes blue away
    assert weight[y, x] == weight.max() > 0
    rows, columns = np.indices(weight.shape)
    assert (weight * columns).sum() / weight.sum() == pytest.approx(x, abs=0.5)
    assert (weight * rows).sum() / weight.sum() == pytest.approx(y, abs=0.5)


def test_the_affine_by_hand() -> None:
    affine = CropPlacement(60, 20, 80, 90).to_photo()
    for unit, photo in (((0.5, 0.5), (100, 60)), ((0, 0), (140, 20)), ((1, 0), (140, 100)), ((0, 1), (60, 20))):
        np.testing.assert_allclose(affine @ [*unit, 1], photo, atol=1e-9)


def test_whole_photo_placement_covers_all_of_it() -> None:
    """x = y = -0.5 puts the square's edges on the outer edges of the first and last pixels."""
    cells = np.random.default_rng(4).normal(0, 0.1, (8, 8))
    placed = overlay_photo(grey(256, 256), [(cells, CropPlacement(-0.5, -0.5, 256, 0))])
    within = np.s_[20:-20, 20:-20]
    assert np.abs(placed[within].astype(int) - over_all(grey(256, 256), cells)[within]).max() <= 1


def test_tall_placement_has_no_seams() -> None:
    """A face larger than one strip of work: a constant map stays constant down the middle."""
    side = 3 * overlay._STRIP
    placed = overlay_photo(grey(side, side), [(np.full((8, 8), SCALE_LOGITS), CropPlacement(-0.5, -0.5, side, 0))])
    column = placed[side // 8 : -side // 8, side // 2]
    assert (column == column[0]).all()


def test_crops_reaching_outside_the_photo() -> None:
    full = np.full((8, 8), SCALE_LOGITS)
    corner = changed(overlay_photo(grey(50, 50), [(full, CropPlacement(-40, -40, 60, 0))]))
    assert corner[:18, :18].all()
    assert not corner[21:, :].any()
    assert not corner[:, 21:].any()
    beside = overlay_photo(grey(50, 50), [(full, CropPlacement(200, 10, 60, 30))])
    assert not changed(beside).any()


def test_several_faces_each_get_their_own() -> None:
    full = np.full((8, 8), SCALE_LOGITS)
    placed = overlay_photo(
        grey(60, 140), [(full, CropPlacement(5, 5, 50, 0)), (-full, CropPlacement(80, 5, 50, 0))]
    ).astype(int)
    assert placed[30, 30, 0] > GREY > placed[30, 30, 2]
    assert placed[30, 105, 2] > GREY > placed[30, 105, 0]
    assert (placed[:, 60:75] == GREY).all()


def test_outline_follows_the_square() -> None:
    drawn = changed(overlay_photo(grey(100, 100), [(np.zeros((8, 8)), CropPlacement(20, 30, 40, 0))], outline=True))
    assert drawn[30, 20:61].all()
    assert drawn[70, 20:61].all()
    assert drawn[30:71, 20].all()
    assert drawn[30:71, 60].all()
    assert not drawn[35:66, 25:56].any()


@pytest.mark.parametrize("dark", [False, True])
def test_legend_ends_in_the_extreme_colours(dark: bool) -> None:
    picture = legend(400, 60, dark=dark)
    assert picture.shape == (60, 400, 3)
    assert picture.dtype == np.uint8
    bar = picture[30]
    ground = picture[0, 0]
    inked = np.flatnonzero((bar != ground).any(axis=1))
    (extremes, _) = colorize([[-SCALE_LOGITS, SCALE_LOGITS]])
    assert np.array_equal(bar[inked[0]], extremes[0, 0])
    assert np.array_equal(bar[inked[-1]], extremes[0, 1])
    assert tuple(extremes[0, 0]) == overlay.ANCHORS[0][1]
    assert tuple(extremes[0, 1]) == overlay.ANCHORS[-1][1]
    middle = bar[(inked[0] + inked[-1]) // 2].astype(int)
    assert np.ptp(middle) < 12  # grey


def test_legend_draws_its_words() -> None:
    assert not np.array_equal(legend(400, 60), legend(400, 60, ("echt", "deepfake")))
    assert not np.array_equal(legend(400, 60), legend(400, 60, unit=""))
    long_words = legend(200, 60, ("argues for a real face", "argues for a deepfake"))
    assert (long_words[:, [0, -1]] == 255).all()  # nothing runs off the picture


def test_legend_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(ValueError, match="at least 160 x 40 pixels, received 100 x 60"):
        legend(100, 60)
    with pytest.raises(ValueError, match="ASCII only; pass font="):
        legend(400, 60, ("настоящее", "дипфейк"))
    font = ImageFont.load_default(10)
    assert isinstance(font, ImageFont.FreeTypeFont)
    assert legend(400, 60, ("настоящее", "дипфейк"), font=font).shape == (60, 400, 3)


def test_extremes_stay_apart_without_red_or_green_cones() -> None:
    """Machado et al. 2009 (severity 1, linear RGB): the two directions differ clearly in every simulated view."""
    views = {
        "normal": np.eye(3),
        "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    }
    for strength in (0.5, 1.0):
        picture = np.concatenate(
            [over_all(grey(16, 16), np.full((8, 8), sign * strength * SCALE_LOGITS))[8, 8] for sign in (-1.0, 1.0)]
        ).reshape(2, 3)
        linear = (picture / 255) ** 2.2
        for name, matrix in views.items():
            seen = np.clip(linear @ np.array(matrix).T, 0, 1) ** (1 / 2.2) * 255
            assert np.linalg.norm(seen[0] - seen[1]) > 60, name


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((8, 8, 3)), r"expected photo as uint8 RGB \[h, w, 3\], received float64"),
        (np.zeros((8, 8), np.uint8), r"received uint8 \(8, 8\)"),
    ],
)
def test_bad_photos(picture: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        overlay_photo(picture, [])


def test_bad_evidence_and_placement() -> None:
    with pytest.raises(ValueError, match="expected a finite evidence map"):
        overlay_photo(grey(20, 20), [(np.full((8, 8), np.nan), CropPlacement(0, 0, 20, 0))])
    with pytest.raises(ValueError, match="expected a finite evidence map"):
        colorize(np.zeros(8))
    with pytest.raises(ValueError, match="size above 0, received CropPlacement"):
        CropPlacement(0, 0, 0, 0)
    with pytest.raises(ValueError, match="expected a finite placement"):
        CropPlacement(0, 0, 10, float("nan"))


def test_pictures_need_no_matplotlib_and_no_tensorflow() -> None:
    code = (
        "import sys, explain.overlay as o; o.legend(200, 60);"
        "assert not {'matplotlib', 'tensorflow', 'gradio'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
