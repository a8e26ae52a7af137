"""Colours: how well one is read on another, and the shades that are made of one accent.

Contrast is WCAG 2.2's ratio (1.4.3: 4.5 for text). The product's greys stand in
static/css/tokens.css; those that an accent must be read on are repeated here, and a test
holds the two against each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

READABLE = 4.5
DEFAULT_ACCENT = "#0c6765"
# As in tokens.css, which were chosen by eye.
_DEFAULT_SHADES = {
    "accent": ("#0c6765", "#5bc2bb"),
    "accent-hover": ("#084f4e", "#7bd3cd"),
    "accent-soft": ("#e1f0ef", "#12302f"),
    "accent-soft-hover": ("#cfe6e4", "#183f3d"),
    "accent-ink": ("#0a5755", "#83d6d0"),
    "on-accent": ("#ffffff", "#04201f"),
}

_HEX = re.compile("#[0-9a-f]{6}")
# What text in the accent stands on, and what stands on the accent.
LIGHT = {"canvas": "#f5f7f9", "surface": "#ffffff", "sunken": "#eef1f5"}
DARK = {"canvas": "#0e1318", "surface": "#161c23", "sunken": "#1f2730"}
_WHITE, _BLACK = "#ffffff", "#000000"
_STEPS = 40


def is_colour(text: str) -> bool:
    """Whether it is written as `#0c6765`, in small letters."""
    return bool(_HEX.fullmatch(text))


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def weakest(accent: str) -> float:
    """The lowest contrast that text in this colour has on a light page, or on it in white."""
    return min(contrast(accent, each) for each in (*LIGHT.values(), _WHITE))


def shades(accent: str) -> dict[str, tuple[str, str]]:
    """The tokens made of an accent, light and dark. `accent` is readable on light pages.

    In the dark it is lightened until it can be read there; text on a soft ground is
    darkened, or lightened, until it can be read on that.
    """
    if accent == DEFAULT_ACCENT:
        return _DEFAULT_SHADES
    dark = _until(accent, _WHITE, lambda tone: min(contrast(tone, each) for each in DARK.values()))
    soft, soft_hover = _mix(_WHITE, accent, 0.12), _mix(_WHITE, accent, 0.2)
    dark_soft, dark_hover = _mix(DARK["surface"], dark, 0.18), _mix(DARK["surface"], dark, 0.26)
    on_dark = _until(_mix(dark, _BLACK, 0.8), _BLACK, lambda tone: contrast(tone, dark))
    return {
        "accent": (accent, dark),
        "accent-hover": (_mix(accent, _BLACK, 0.22), _mix(dark, _WHITE, 0.22)),
        "accent-soft": (soft, dark_soft),
        "accent-soft-hover": (soft_hover, dark_hover),
        "accent-ink": (
            _until(accent, _BLACK, lambda tone: contrast(tone, soft_hover)),
            _until(dark, _WHITE, lambda tone: contrast(tone, dark_hover)),
        ),
        "on-accent": (_WHITE, on_dark),
    }


def stylesheet(tokens: Mapping[str, tuple[str, str]]) -> str:
    """The tokens as CSS, in place of those in tokens.css."""
    lines = [f"  --{name}: light-dark({light}, {dark});" for name, (light, dark) in tokens.items()]
    return ":root {\n" + "\n".join(lines) + "\n}\n"


def _until(colour: str, towards: str, measured: Callable[[str], float]) -> str:
    """`colour`, mixed with `towards` until what is measured of it is readable."""
    for step in range(_STEPS + 1):
        tone = _mix(colour, towards, step / _STEPS)
        if measured(tone) >= READABLE:
            return tone
    return towards


def _mix(one: str, other: str, part: float) -> str:
    """`one` with so much of `other` in it, from 0 to 1."""
    mixed = (
        round(a + (b - a) * part) for a, b in zip(_channels(one), _channels(other), strict=True)
    )
    return "#" + "".join(f"{each:02x}" for each in mixed)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    """WCAG's relative luminance."""
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (each / 255 for each in _channels(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
