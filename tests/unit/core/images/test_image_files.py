"""Decoding pictures: the right colours from every mode, one clear error from everything else."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from sier_gui.core.errors import SierError
from sier_gui.core.images.files import read_image, thumbnail

TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}  # fmt: skip


def picture(width=40, height=24):
    """Smooth, without symmetry."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], -1).astype(np.uint8)


@pytest.mark.parametrize(
    ("suffix", "tolerance"),
    [
        (".png", 0),
        (".bmp", 0),
        (".tif", 0),
        (".ppm", 0),
        (".tga", 0),
        (".pcx", 0),
        (".jpg", 40),
        (".webp", 40),
        (".jp2", 20),
    ],
)
def test_formats(tmp_path, suffix, tolerance):
    path = tmp_path / f"ein Bild ä{suffix}"
    Image.fromarray(picture()).save(path)
    decoded = read_image(path)
    assert decoded.dtype == np.uint8
    assert decoded.shape == (24, 40, 3)
    assert np.abs(decoded.astype(int) - picture()).max() <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, orientation):
    upright = Image.fromarray(picture())
    # a camera stores the upright scene turned the other way
    inverse = {5: 5, 6: 6, 7: 7, 8: 8}.get(orientation, orientation)
    stored = upright.transpose(TRANSPOSES[inverse]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.png"
    stored.save(path, exif=exif)
    np.testing.assert_array_equal(read_image(path), picture())
    small = thumbnail(path, 20)
    assert small.shape == (12, 20, 3)


def test_damaged_exif_does_not_cost_the_picture(tmp_path):
    path = tmp_path / "exif.jpg"
    Image.fromarray(picture()).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(30), quality=95)
    assert read_image(path).shape == (24, 40, 3)


def test_sixteen_bits_are_scaled(tmp_path):
    ramp = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    for name in ("deep.png", "deep.tif", "deep.pgm"):
        Image.fromarray(ramp).save(tmp_path / name)
        decoded = read_image(tmp_path / name)
        np.testing.assert_allclose(decoded[..., 0], ramp / 257, atol=0.51)
        assert (decoded[..., 0] == decoded[..., 2]).all()


def test_floats_are_scaled_and_must_be_numbers(tmp_path):
    values = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)
    path = tmp_path / "float.tif"
    Image.fromarray(values).save(path)
    np.testing.assert_allclose(read_image(path)[..., 1], values * 255, atol=0.51)
    values[0, 0] = np.nan
    Image.fromarray(values).save(path)
    with pytest.raises(SierError, match="finite"):
        read_image(path)


def test_transparency_is_laid_on_white(tmp_path):
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0] = (255, 0, 0, 255)
    rgba[0, 1] = (255, 0, 0, 128)
    Image.fromarray(rgba).save(tmp_path / "alpha.png")
    decoded = read_image(tmp_path / "alpha.png")
    assert decoded[0, 0].tolist() == [255, 0, 0]
    np.testing.assert_allclose(decoded[0, 1], [255, 127, 127], atol=1)
    assert decoded[1, 1].tolist() == [255, 255, 255]
    palette = Image.new("P", (2, 1))
    palette.putpalette([0, 0, 0, 0, 0, 255])
    palette.putdata([0, 1])
    palette.save(tmp_path / "palette.png", transparency=0)
    assert read_image(tmp_path / "palette.png").tolist() == [[[255, 255, 255], [0, 0, 255]]]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "YCbCr"])
def test_modes(tmp_path, mode):
    path = tmp_path / ("mode.jpg" if mode in ("CMYK", "YCbCr") else "mode.png")
    Image.new("RGB", (16, 16), "white").convert(mode).save(path)
    assert read_image(path).min() >= 250
    Image.new("RGB", (16, 16), "black").convert(mode).save(path)
    assert read_image(path).max() <= 5


def test_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for name in ("moving.gif", "moving.png", "moving.webp"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        assert read_image(tmp_path / name)[4, 4, 0] > 200


def png(width, height, data=b""):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("side", [8_000, 30_000, 2_000_000_000])
def test_decompression_bombs_are_refused_by_their_header(tmp_path, side):
    path = tmp_path / "bomb.png"
    path.write_bytes(png(side, side))
    with pytest.raises(SierError, match="too large"):
        read_image(path)


def test_the_limit_can_be_set_both_ways(tmp_path):
    path = tmp_path / "limit.png"
    path.write_bytes(png(8_000, 5_000))
    with pytest.raises(SierError, match=r"8000 × 5000 pixels \(limit 32,000,000\)"):
        read_image(path)
    path.write_bytes(png(20_000, 10_000))  # more than Pillow's own limit
    with pytest.raises(SierError, match=r"Cannot read .* truncated"):
        read_image(path, max_pixels=200_000_000)
    path.write_bytes(png(20, 10, bytes(10 * 61)))
    with pytest.raises(SierError, match="too large"):
        read_image(path, max_pixels=199)
    assert read_image(path, max_pixels=200).shape == (10, 20, 3)


@pytest.mark.parametrize("name", ["cut.jpg", "cut.png", "cut.gif", "cut.bmp", "cut.tif", "cut.webp"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_truncated_pictures_are_refused(tmp_path, name, share):
    path = tmp_path / name
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(SierError, match="cut") as caught:
        read_image(path)
    assert caught.value.hint


def test_a_stream_that_breaks_off_is_refused(tmp_path):
    """Pillow decodes a PNG on asking for its EXIF: that failure must not be lost."""
    path = tmp_path / "broken.png"
    whole = png(64, 64, np.random.default_rng(0).bytes(64 * 193))
    at = len(whole) // 2
    path.write_bytes(whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :])
    with pytest.raises(SierError, match="broken"):
        read_image(path)


def test_what_is_no_picture_says_what_it_is(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "figure.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    os.mkfifo(tmp_path / "pipe.png")
    for name, reason in [
        ("empty.png", "empty"), ("text.png", "known format"), ("figure.eps", "known format"),
        ("pipe.png", "no picture"),
        ("gone.png", "no picture file"), ("", "folder"),
    ]:  # fmt: skip
        with pytest.raises(SierError, match=reason) as caught:
            read_image(tmp_path / name)
        assert str(tmp_path / name) in caught.value.message


def test_without_permission(tmp_path):
    path = tmp_path / "secret.png"
    path.write_bytes(png(1, 1, bytes(4)))
    path.chmod(0)
    root = os.geteuid() == 0
    if root:  # root may read everything: become nobody for a moment
        os.seteuid(65534)
    try:
        with pytest.raises(SierError, match=r"Permission denied|permissions"):
            read_image(path)
    finally:
        if root:
            os.seteuid(0)
