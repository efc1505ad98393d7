"""Pictures that are the same are found, others are not; and which of them goes with which text."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from building import make_pictures
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dctn

from sier_gui.core.construct.pipeline import pictures
from sier_gui.core.construct.pipeline.pairing import Pairing, finder
from sier_gui.core.construct.pipeline.pictures import (
    HASH_BITS,
    SAME_BITS,
    Seen,
    list_pictures,
    listing_hash,
    look_at,
    perceptual_hash,
    same_pictures,
)
from sier_gui.core.construct.pipeline.texts import Text
from sier_gui.core.errors import SierError
from sier_gui.core.images.files import read_image
from sier_gui.core.paths import resources

DEMO = sorted((resources() / "demo" / "images").glob("*.webp"))


def seen(image: Image.Image, folder: Path, name: str = "copy.png") -> Seen:
    image.save(folder / name)
    return look_at(folder / name)


# ---------------------------------------------------------------- the hash


def test_the_hash_is_that_of_the_cosine_transform() -> None:
    picture = read_image(DEMO[0])
    small = Image.fromarray(picture).resize((64, 64), Image.Resampling.BILINEAR, reducing_gap=3.0)
    grey = np.asarray(small).astype(float) @ (0.299, 0.587, 0.114)
    low = dctn(grey, type=2)[:17, :17]
    values = [*low[:16, :16].ravel()[1:], low[16, 0]]
    bits, flat = perceptual_hash(picture)
    assert (bits == (np.array(values) > np.median(values))).all()
    assert (len(bits), flat) == (HASH_BITS, False)
    assert perceptual_hash(np.full((30, 40, 3), 7, np.uint8))[1]


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.resize((p.width // 2, p.height // 2), Image.Resampling.LANCZOS),
        lambda p: p.resize((p.width * 3, p.height * 3), Image.Resampling.BICUBIC),
        lambda p: Image.open(jpeg(p, 50)),
        lambda p: Image.open(jpeg(p, 20)),
    ],
    ids=["half", "treble", "jpeg50", "jpeg20"],
)
def test_copies_are_the_same_picture(change: object, tmp_path: Path) -> None:
    for file in DEMO[::18]:
        original, copy = look_at(file), seen(change(Image.fromarray(read_image(file))), tmp_path)  # type: ignore[operator]
        assert (original.bits != copy.bits).sum() <= SAME_BITS
        assert same_pictures([original, copy]).tolist() == [0, 0]


def jpeg(picture: Image.Image, quality: int) -> io.BytesIO:
    picture.save(target := io.BytesIO(), "JPEG", quality=quality)
    return target


def test_pictures_of_the_demo_are_all_different() -> None:
    found = same_pictures([look_at(file) for file in DEMO[::2]])
    assert found.tolist() == list(range(len(found)))


def test_other_colours_and_mirrored_pictures_are_other_pictures(tmp_path: Path) -> None:
    picture = Image.fromarray(read_image(DEMO[0]))
    red, green, blue = picture.split()
    swapped = Image.merge("RGB", (blue, red, green))
    mirrored = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    found = [seen(p, tmp_path, f"{i}.png") for i, p in enumerate((picture, swapped, mirrored))]
    assert same_pictures(found).tolist() == [0, 1, 2]


def test_plain_colours_are_the_same_only_where_every_pixel_is(tmp_path: Path) -> None:
    colours = [("red", 9), ("#fe0000", 9), ("red", 9), ("red", 8)]
    found = [
        seen(Image.new("RGB", (size, size), colour), tmp_path, f"{i}.bmp")
        for i, (colour, size) in enumerate(colours)
    ]
    assert same_pictures(found).tolist() == [0, 1, 0, 3]


@st.composite
def sightings(draw: st.DrawFn) -> list[Seen]:
    """Pictures of three families, some flat, some near each other, some of the same pixels."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    families = random.integers(0, 2, (3, HASH_BITS)).astype(bool)
    different = []
    for number in range(6):
        bits = families[random.integers(3)].copy()
        bits[random.choice(HASH_BITS, random.integers(0, 20), replace=False)] ^= True
        look = np.full((8, 8, 3), random.choice([90, 96, 140]), np.uint8)
        different.append(Seen("", f"pixels {number}", bits, look, bool(random.integers(4) == 0)))
    return [different[i] for i in random.integers(0, 6, draw(st.integers(0, 9)))]


@given(sightings(), st.sampled_from([1, 2, 2048]))
@settings(deadline=None)
def test_repeats_are_those_of_a_plain_search(found: list[Seen], block: int) -> None:
    def same(a: Seen, b: Seen) -> bool:
        if a.pixels == b.pixels:
            return True
        near = sum(x != y for x, y in zip(a.bits, b.bits, strict=True)) <= SAME_BITS
        colours = abs(float(a.look.mean()) - float(b.look.mean())) <= pictures.SAME_COLOUR
        return near and colours and not a.flat and not b.flat

    expected: list[int] = []
    for i, one in enumerate(found):
        firsts = [j for j in range(i) if expected[j] == j and same(one, found[j])]
        expected.append(min(firsts, default=i))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "_BLOCK", block)
        assert same_pictures(found).tolist() == expected


def test_what_is_near_a_repeat_only_is_a_picture_of_its_own() -> None:
    look, bits = np.full((8, 8, 3), 90, np.uint8), np.zeros((3, HASH_BITS), bool)
    bits[1, :20] = bits[2, :40] = True  # the third differs by 20 bits from the second, by 40 from the first
    found = [Seen("", str(i), bits[i], look, False) for i in range(3)]
    assert same_pictures(found).tolist() == [0, 0, 2]


def test_files_are_listed_by_their_names_and_hashed_by_their_sizes(tmp_path: Path) -> None:
    make_pictures(tmp_path, 2)
    make_pictures(tmp_path / "below" / "deep", 1)
    make_pictures(tmp_path / "out", 1)
    for name in (".hidden.png", "notes.txt", "._02.png"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "UPPER.JPG").write_bytes(b"broken")
    broken_name = b"caf\xe9.png"
    (Path(str(tmp_path)) / broken_name.decode("utf-8", "surrogateescape")).write_bytes(b"x")
    files, nameless = list_pictures(tmp_path, tmp_path / "out")
    assert files == ["01.png", "02.png", "UPPER.JPG", "below/deep/01.png"]
    assert nameless == ["caf\\udce9.png"]
    before = listing_hash(tmp_path, files)
    assert before == listing_hash(tmp_path, files)
    (tmp_path / "UPPER.JPG").write_bytes(b"longer now")
    assert before != listing_hash(tmp_path, files)
    with pytest.raises(SierError, match=r"UPPER\.JPG"):
        look_at(tmp_path / "UPPER.JPG")


# ---------------------------------------------------------------- pairing


def texts(count: int, *, images: list[str] | None = None, labels: list[str] | None = None) -> list[Text]:
    return [
        Text(
            i + 1,
            i + 2,
            f"{i + 1:06d}",
            f"text {i}",
            images[i] if images else "",
            labels[i] if labels else "",
        )
        for i in range(count)
    ]


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 3), st.booleans())
def test_a_shuffle_uses_every_picture_once_before_any_twice(n: int, m: int, seed: int, keep: bool) -> None:
    same_as: dict[str, str | None] = {f"{i:02d}.png": f"{i:02d}.png" for i in range(m)}
    same_as |= {"copy.png": "00.png"} if m else {}
    same_as["broken.png"] = None
    pairing = Pairing(same_as, keep_repeats=keep, seed=seed)
    pairing.shuffled(texts(n))
    used = list(pairing.pairs.values())
    assert set(used) <= {f"{i:02d}.png" for i in range(m)}
    counts = [used.count(f"{i:02d}.png") for i in range(m)]
    assert max(counts, default=0) - min(counts, default=0) <= 1
    assert len(used) == (n if keep and m else min(n, m))
    assert [(f.line, f.kind) for f in pairing.findings] == [
        (row + 1, "no-picture") for row in range(len(used) + 1, n + 1)
    ]
    again = Pairing(same_as, keep_repeats=keep, seed=seed)
    again.shuffled(texts(n))
    assert again.pairs == pairing.pairs


def test_seeds_shuffle_differently() -> None:
    same_as = {f"{i:02d}.png": f"{i:02d}.png" for i in range(40)}
    found = set()
    for seed in range(4):
        pairing = Pairing(dict(same_as), keep_repeats=False, seed=seed)
        pairing.shuffled(texts(40))
        found.add(tuple(pairing.pairs.values()))
    assert len(found) == 4
    assert tuple(same_as) not in found


def test_pairs_by_name() -> None:
    files = ["a.jpg", "b.png", "sub/c.png", "sub/d.png", "twin/d.png", "e.copy.png", "broken.png"]
    same_as: dict[str, str | None] = {f: f for f in files} | {"e.copy.png": "a.jpg", "broken.png": None}
    cells = [
        "a.jpg",
        "b",
        "sub\\c.png",
        "d",
        "e.copy.png",
        "",
        "../x.png",
        "/etc/x.png",
        "gone.png",
        "broken",
    ]
    pairing = Pairing(same_as, keep_repeats=False, seed=0)
    pairing.by_name(texts(10, images=cells))
    assert pairing.pairs == {1: "a.jpg", 2: "b.png", 3: "sub/c.png"}
    assert [(f.line, f.kind) for f in pairing.findings] == [
        (5, "ambiguous"), (6, "duplicate"), (7, "missing"), (8, "outside"), (9, "outside"), (10, "missing"),
        (11, "unreadable"),
    ]  # fmt: skip
    assert "line 2 again" in pairing.findings[1].reason
    keeping = Pairing(same_as, keep_repeats=True, seed=0)
    keeping.by_name(texts(10, images=cells))
    assert keeping.pairs == {1: "a.jpg", 2: "b.png", 3: "sub/c.png", 5: "e.copy.png"}


def test_where_repeats_are_kept_the_same_pair_twice_is_still_one() -> None:
    twice = [
        Text(1, 2, "1", "Well!", "a.png"),
        Text(2, 3, "2", "well", "a.png"),
        Text(3, 4, "3", "well", "b.png"),
    ]
    pairing = Pairing({"a.png": "a.png", "b.png": "b.png"}, keep_repeats=True, seed=0)
    pairing.by_name(twice)
    assert pairing.pairs == {1: "a.png", 3: "b.png"}
    assert [(f.line, f.reason) for f in pairing.findings] == [(3, "text and picture of line 2 again")]


def test_pairs_by_label_stay_within_their_folder() -> None:
    files = [f"{c}/{i}.png" for c in ("Anger", "sad") for i in range(3)] + ["loose.png"]
    labels = ["anger", "SAD", "anger", "happy", "", "anger", "anger"]
    pairing = Pairing({f: f for f in files}, keep_repeats=False, seed=1)
    pairing.by_label(texts(7, labels=labels))
    assert {row: file.split("/")[0] for row, file in sorted(pairing.pairs.items())} == {
        1: "Anger", 2: "sad", 3: "Anger", 6: "Anger",
    }  # fmt: skip
    assert len(set(pairing.pairs.values())) == 4
    assert sorted(f.line for f in pairing.findings if f.line) == [5, 6, 8]


def test_a_path_wins_over_a_name() -> None:
    find = finder(["x.png", "below/x.png", "below/y.jpg"])
    assert find("x.png")[0] == "x.png"
    assert find("x")[0] == "x.png"
    assert find("y")[0] == "below/y.jpg"
    assert find("z")[1] == "missing"
