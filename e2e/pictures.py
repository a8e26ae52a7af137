"""What a camera would see."""

from __future__ import annotations

import io

import zxingcpp
from PIL import Image


def scanned(picture: bytes) -> str:
    """What a QR code in a picture says."""
    with Image.open(io.BytesIO(picture)) as image:
        [found] = zxingcpp.read_barcodes(image.convert("L"))
    return str(found.text)
