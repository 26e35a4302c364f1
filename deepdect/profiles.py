"""ICC profiles: a picture's own colours to sRGB."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

# 512 colours spread over the RGB cube: a profile that leaves these alone is sRGB, whatever it is called.
_PROBE = Image.fromarray((np.indices((8, 8, 8)).reshape(3, 1, 512).T * 36).astype(np.uint8))


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """An RGB, L, CMYK or LAB image converted by its profile; as it was where it is sRGB or that fails."""
    try:
        given = ImageCms.ImageCmsProfile(BytesIO(profile))
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        if image.mode in {"RGB", "L"}:  # most profiles are sRGB, and converting costs ten times what decoding does
            before, quick = _PROBE.convert(image.mode), ImageCms.Flags.NOOPTIMIZE
            after = ImageCms.ImageCmsTransform(given, srgb, image.mode, "RGB", flags=quick).apply(before)
            if np.abs(np.asarray(before.convert("RGB"), int) - np.asarray(after, int)).max() <= 2:
                return image
        return ImageCms.ImageCmsTransform(given, srgb, image.mode, "RGB").apply(image)
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):  # damaged, or meant for another kind of picture
        return image
