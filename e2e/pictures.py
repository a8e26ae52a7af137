"""What a camera would see."""

from __future__ import annotations

import io

import zxingcpp
from PIL import Image
from playwright.sync_api import Locator


def scanned(picture: Locator) -> str:
    """What the QR code of an image on a page says."""
    picture.evaluate("image => image.decode()")  # it is there before it is drawn
    with Image.open(io.BytesIO(picture.screenshot())) as image:
        [found] = zxingcpp.read_barcodes(image.convert("L"))
    return str(found.text)
