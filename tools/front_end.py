"""Fill app/static/vendor/ from node_modules/: the files that browsers get, and a typeface for paper."""

from __future__ import annotations

import difflib
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "node_modules"
STATIC = ROOT / "app" / "static"
VENDOR = STATIC / "vendor"
ICONS = STATIC / "icons.txt"

INTER = PACKAGES / "@fontsource-variable" / "inter"
LUCIDE = PACKAGES / "lucide-static"
INTER_SUBSETS = ("latin", "latin-ext")
ASSISTANT = PACKAGES / "@fontsource" / "assistant"
ASSISTANT_WEIGHTS = (400, 600)
MODULES = {
    "socket.io.js": PACKAGES / "socket.io-client" / "dist" / "socket.io.esm.min.js",
}
LICENSES = (
    "socket.io-client",
    "@fontsource-variable/inter",
    "@fontsource/assistant",
    "lucide-static",
)


def install() -> None:
    """Build the directory anew beside the old one, then swap them."""
    fresh = STATIC / ".vendor"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, source in MODULES.items():
        (fresh / name).write_text(module(source), "utf-8")
    (fresh / "icons.svg").write_text(sprite(icon_names()), "utf-8")
    (fresh / "inter.css").write_text(inter_css(), "utf-8")
    for subset in INTER_SUBSETS:
        name = f"inter-{subset}-wght-normal.woff2"
        shutil.copyfile(INTER / "files" / name, fresh / name)
    for weight in ASSISTANT_WEIGHTS:  # for app/services/qr_codes.py
        name = f"assistant-hebrew-{weight}-normal.woff"
        shutil.copyfile(ASSISTANT / "files" / name, fresh / name)
    (fresh / "LICENSES.txt").write_text(licenses(), "utf-8")
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.rename(VENDOR)


def module(source: Path) -> str:
    """An ES module as published, without the reference to a source map that is not served."""
    text = re.sub(r"^//# sourceMappingURL=.*\n?", "", source.read_text("utf-8"), flags=re.MULTILINE)
    bare_import = re.search(
        r"""\b(?:from|import)\s*["'](?![./])""", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    )
    if bare_import:
        sys.exit(f"{source} imports another package: browsers cannot resolve that.")
    return text


def inter_css() -> str:
    """The package's own @font-face rules of the subsets that we serve."""
    faces = re.findall(
        r"/\* inter-(\S+)-wght-normal \*/\n(@font-face \{.*?\n\})",
        (INTER / "wght.css").read_text(),
        re.DOTALL,
    )
    chosen = [
        face.replace("url(./files/", "url(") for subset, face in faces if subset in INTER_SUBSETS
    ]
    if len(chosen) != len(INTER_SUBSETS):
        sys.exit(f"{INTER / 'wght.css'} is not written as this script expects.")
    return "\n".join(chosen) + "\n"


def icon_names() -> list[str]:
    """The names in app/static/icons.txt, sorted."""
    lines = (line.partition("#")[0].strip() for line in ICONS.read_text().splitlines())
    return sorted({line for line in lines if line})


def sprite(names: list[str]) -> str:
    """One SVG with a <symbol> per icon, for `<use href="…/icons.svg#name">`."""
    symbols = [symbol(name) for name in names]
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def symbol(name: str) -> str:
    """A Lucide icon, its colour taken from the text around it. Size and stroke width are the page's to set."""
    source = LUCIDE / "icons" / f"{name}.svg"
    if not source.is_file():
        known = (icon.stem for icon in source.parent.glob("*.svg"))
        near = ", ".join(difflib.get_close_matches(name, known)) or "nothing like it"
        sys.exit(f"{ICONS.name}: Lucide has no icon {name!r}; it has {near}.")
    drawing = re.search(r"<svg[^>]*>(.*)</svg>", source.read_text("utf-8"), re.DOTALL)
    if not drawing:
        sys.exit(f"{source} is not an SVG picture.")
    shapes = " ".join(drawing[1].split())
    look = 'fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round"'
    return f'<symbol id="{name}" viewBox="0 0 24 24" {look}>{shapes}</symbol>'


def licenses() -> str:
    """What the licences of the served files ask to be passed on."""
    texts = [(package, next((PACKAGES / package).glob("LICEN[CS]E*"))) for package in LICENSES]
    parts = [f"{package}\n\n{text.read_text('utf-8')}" for package, text in texts]
    return ("\n" + "=" * 72 + "\n\n").join(parts)
