"""Painted pixels come out where the map says, and patches tile what the network saw."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sier_gui.core.domain import FrontEnd, PixelMap
from sier_gui.core.errors import SierError
from sier_gui.core.images.patches import patch_at, patch_rectangles
from sier_gui.core.images.tensors import image_tensor

FITS = ["crop", "stretch", "pad"]
SIZES = [(128, 128), (3000, 400), (400, 3000), (7, 5), (1, 1), (1000, 1), (331, 227), (640, 480)]


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_shape_range_and_extent(fit, width, height):
    white = np.full((height, width, 3), 255, np.uint8)
    tensor, pixels = image_tensor(white, FrontEnd(image_fit=fit))
    assert tensor.shape == (3, 128, 128)
    assert tensor.dtype == np.float32
    assert (pixels.width, pixels.height) == (width, height)
    left, top = pixels.to_picture(0, 0)
    right, bottom = pixels.to_picture(128, 128)
    if fit == "stretch":
        assert (left, top, right, bottom) == pytest.approx((0, 0, width, height))
    elif fit == "crop":
        side = min(width, height)
        assert (right - left, bottom - top) == pytest.approx((side, side))
        assert (left + right, top + bottom) == pytest.approx((width, height))
        assert tensor.min() == 1.0
    else:  # exactly the network's pixels inside the picture are white
        x, y = np.meshgrid(np.arange(128) + 0.5, np.arange(128) + 0.5)
        px, py = pixels.to_picture(x, y)
        inside = (px > 0) & (px < width) & (py > 0) & (py < height)
        np.testing.assert_array_equal(tensor[0], inside.astype(np.float32))
        assert right - left >= width * 0.99


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize(("width", "height"), [(640, 480), (3000, 400), (400, 900), (331, 227), (60, 40)])
@pytest.mark.parametrize(("u", "v"), [(0.5, 0.5), (0.1, 0.2), (0.9, 0.75)])
def test_a_painted_block_lands_where_the_map_says(fit, width, height, u, v):
    block = max(2, min(width, height) // 20)
    side = min(width, height) - 2 * block  # inside what every fit keeps
    x, y = (width - side) // 2 + int(u * side), (height - side) // 2 + int(v * side)
    picture = np.zeros((height, width, 3), np.uint8)
    picture[y : y + block, x : x + block] = (255, 0, 0)
    tensor, pixels = image_tensor(picture, FrontEnd(image_fit=fit))
    weights = tensor[0].astype(float)
    assert weights.sum() > 0
    centre = np.arange(128) + 0.5
    found = (weights.sum(0) @ centre / weights.sum(), weights.sum(1) @ centre / weights.sum())
    says = pixels.to_network(x + block / 2, y + block / 2)
    assert found == pytest.approx(says, abs=0.35)
    assert pixels.to_picture(*says) == pytest.approx((x + block / 2, y + block / 2))


@pytest.mark.parametrize("fit", FITS)
def test_same_size_is_not_resampled(fit):
    picture = np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
    tensor, _ = image_tensor(picture, FrontEnd(image_fit=fit))
    np.testing.assert_array_equal(np.rint(tensor * 255).transpose(1, 2, 0), picture)


def test_unknown_fit():
    with pytest.raises(SierError, match="squeeze"):
        image_tensor(np.zeros((2, 2, 3), np.uint8), FrontEnd(image_fit="squeeze"))


def test_patches_tile_the_networks_square():
    pixels = PixelMap(128, 640, 480, 80.0, 0.0, 3.75, 3.75)
    rectangles = patch_rectangles(8, 4, pixels)
    assert rectangles.shape == (8, 4, 4)
    assert rectangles[0, 0].tolist() == [80, 0, 200, 60]
    assert rectangles[7, 3].tolist() == [440, 420, 560, 480]
    np.testing.assert_allclose(rectangles[:, 1:, 0], rectangles[:, :-1, 2])
    np.testing.assert_allclose(rectangles[1:, :, 1], rectangles[:-1, :, 3])


@given(
    st.integers(1, 16),
    st.integers(1, 16),
    st.floats(0, 1, exclude_max=True),
    st.floats(0, 1, exclude_max=True),
)
def test_the_patch_at_a_point_contains_it(rows, columns, u, v):
    pixels = PixelMap(128, 640, 480, 80.0, 0.0, 3.75, 3.75)
    px, py = pixels.to_picture(u * 127.99, v * 127.99)
    row, column = patch_at(px, py, rows, columns, pixels)
    left, top, right, bottom = patch_rectangles(rows, columns, pixels)[row, column]
    assert left - 1e-9 <= px <= right + 1e-9
    assert top - 1e-9 <= py <= bottom + 1e-9


def test_outside_what_the_network_saw_there_is_no_patch():
    pixels = PixelMap(128, 640, 480, 80.0, 0.0, 3.75, 3.75)
    assert patch_at(79.9, 100, 8, 8, pixels) is None
    assert patch_at(560.1, 100, 8, 8, pixels) is None
    assert patch_at(300, 480, 8, 8, pixels) is None
