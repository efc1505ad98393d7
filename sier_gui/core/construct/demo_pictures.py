"""Pictures of the demo set: a crop of a photograph, and on it an emoji whose place is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sier_gui.core.construct.demo_parts import Emoji, Parts, Photo

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

SIZE = 256
SIDES = (0.31, 0.4)  # of the emoji, as shares of the picture's side
_BORDER = 3  # white rim, as of a sticker
# Backgrounds are toned down, so that what is bright and sharp is the emoji: a network from scratch finds it.
_SATURATION, _BLUR = 0.4, 1.0
Box = tuple[int, int, int, int]

# Signs of the training part, and those that only the held-out part shows. Colour goes with the class (red,
# yellow, green, blue): a hundred pictures do not teach a network from scratch the shape of eyebrows.
EMOJI: dict[str, tuple[Emoji, ...]] = {
    "anger": (
        Emoji("noto", "1F621", "pouting face"),
        Emoji("noto", "1F92C", "swearing face"),
        Emoji("twemoji", "1F92C", "swearing face"),
    ),
    "happy": (
        Emoji("noto", "1F600", "grinning face"),
        Emoji("noto", "1F604", "laughing face"),
        Emoji("twemoji", "1F600", "grinning face"),
    ),
    "hate": (
        Emoji("noto", "1F922", "nauseated face"),
        Emoji("twemoji", "1F922", "nauseated face"),
        Emoji("noto", "1F9A0", "microbe"),
    ),
    "sad": (
        Emoji("noto", "1F62D", "loudly crying face"),
        Emoji("twemoji", "1F62D", "loudly crying face"),
        Emoji("noto", "1F4A7", "drop"),
    ),
}
HELD_OUT: dict[str, Emoji] = {
    "anger": Emoji("twemoji", "1F621", "pouting face"),
    "happy": Emoji("twemoji", "1F604", "laughing face"),
    "hate": Emoji("twemoji", "1F9A0", "microbe"),
    "sad": Emoji("twemoji", "1F4A7", "drop"),
}
# Things that feel nothing; a neutral face would look too much like the smiling ones.
NEUTRAL = (
    Emoji("noto", "1F552", "clock"),
    Emoji("noto", "2601", "cloud"),
    Emoji("twemoji", "1F4CE", "paper clip"),
)


def background(parts: Parts, photo: Photo, random: np.random.Generator) -> PilImage:
    """A random square crop, 256×256, of 60 to 100 % of the photograph's shorter side; mirrored at random.

    Paler and a little softer than the photograph.
    """
    from PIL import Image, ImageEnhance, ImageFilter, ImageOps

    whole = parts.photo(photo)
    side = min(whole.size) * random.uniform(0.6, 1.0)
    left, top = random.uniform(0, whole.width - side), random.uniform(0, whole.height - side)
    crop = whole.resize((SIZE, SIZE), Image.Resampling.LANCZOS, (left, top, left + side, top + side))
    pale = ImageEnhance.Color(crop.filter(ImageFilter.GaussianBlur(_BLUR))).enhance(_SATURATION)
    return ImageOps.mirror(pale) if random.random() < 0.5 else pale


def with_emoji(
    picture: PilImage, parts: Parts, emoji: Emoji, random: np.random.Generator
) -> tuple[PilImage, Box]:
    """Lay an emoji with a white rim and a soft shadow somewhere on the picture.

    Returns
    -------
    the picture, and the box of emoji and rim: left, top, right, bottom in pixels, the last two exclusive.
    """
    from PIL import Image, ImageFilter

    side = round(SIZE * random.uniform(*SIDES))
    sticker = _sticker(parts.emoji(emoji, 4 * side), side, random.uniform(-10, 10))
    left = int(random.integers(4, SIZE - sticker.width - 4))
    top = int(random.integers(4, SIZE - sticker.height - 8))
    layer = Image.new("L", picture.size)
    layer.paste(sticker.getchannel("A"), (left, top + 4))
    shadow = layer.filter(ImageFilter.GaussianBlur(5)).point(lambda value: int(value * 0.55))
    done = picture.copy()
    done.paste((0, 0, 0), mask=shadow)
    done.paste(sticker, (left, top), sticker)
    return done, (left, top, left + sticker.width, top + sticker.height)


def _sticker(drawing: PilImage, side: int, degrees: float) -> PilImage:
    """The drawing, turned, with its rim, cut to its visible box, the longer side shrunk to ``side``."""
    from PIL import Image, ImageChops, ImageFilter

    scale = drawing.width / side
    rim = round(_BORDER * scale)
    turned = Image.new("RGBA", (drawing.width + 4 * rim, drawing.height + 4 * rim))
    turned.paste(drawing, (2 * rim, 2 * rim))
    turned = turned.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    alpha = turned.getchannel("A")
    # a blur that is cut low widens the outline evenly, corners rounded
    wide = alpha.filter(ImageFilter.GaussianBlur(rim)).point(lambda value: 255 if value > 12 else 0)
    wide = wide.filter(ImageFilter.GaussianBlur(scale / 2))
    white = Image.new("RGBA", turned.size, "white")
    white.putalpha(ImageChops.lighter(wide, alpha))
    white.alpha_composite(turned)
    cut = white.crop(white.getchannel("A").point(lambda value: 255 if value > 40 else 0).getbbox())
    cut.thumbnail((side, side), Image.Resampling.LANCZOS)
    return cut
