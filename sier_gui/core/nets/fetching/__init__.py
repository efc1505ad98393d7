"""Published trunk weights: fetched, held to their sha256, converted once to safetensors, kept in the cache.

`fetch` is the way in; `published` says what can be fetched. Loading a release needs none of this: releases
have their own weights.
"""

from sier_gui.core.nets.fetching.published import PUBLISHED, Published
from sier_gui.core.nets.fetching.store import Kept, about, fetch, file_of, kept

__all__ = ["PUBLISHED", "Kept", "Published", "about", "fetch", "file_of", "kept"]
