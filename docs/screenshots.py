"""Make the README's pictures of a report with a headless Chromium: `python docs/screenshots.py breast_cancer`.

The browser runs with a new, empty profile and needs no network. Pictures are reduced to 256 colours, so that the
repository stays small.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MOST_BYTES = 300_000

# name: the only section to show (or the page from its top), width and height in pixels
SHOTS: dict[str, tuple[str | None, int, int]] = {
    "report": (None, 1200, 940),
    "report_overfit": ("overfit", 1200, 1180),
    "report_search": ("search", 1200, 1180),
    "report_errors": ("errors", 1200, 1240),
    "report_phone": (None, 390, 1100),
}


def take(browser: str, page: Path, section: str | None, width: int, height: int, picture: Path) -> None:
    """Open `page`, or one section of it, in a window of the given size and write what it shows to `picture`."""
    with tempfile.TemporaryDirectory() as folder:
        shot, copy = Path(folder) / "shot.png", Path(folder) / "page.html"
        alone = f"<style>header, nav, main > section:not(#{section}) {{ display: none }}</style>" if section else ""
        copy.write_text(page.read_text(encoding="utf-8").replace("</head>", alone + "</head>"), encoding="utf-8")
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            f"--user-data-dir={folder}/profile",
            f"--window-size={width},{height}",
            f"--screenshot={shot}",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            copy.as_uri(),
        ]
        subprocess.run(command, check=True, timeout=120, capture_output=True)
        with Image.open(shot) as image:
            image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(picture, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problem", help="whose results/<problem>/report.html to show")
    page = ROOT / "results" / parser.parse_args().problem / "report.html"
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"no browser found: install one of {', '.join(BROWSERS)}")
    if not page.exists():
        sys.exit(f"{page.relative_to(ROOT)} does not exist: run `dvc repro` first")
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, (section, width, height) in SHOTS.items():
        picture = IMAGES / f"{name}.png"
        take(browser, page, section, width, height, picture)
        size = picture.stat().st_size
        print(f"{picture.relative_to(ROOT)}: {size // 1000} kB")
        if size > MOST_BYTES:
            sys.exit(f"{picture.name} is larger than {MOST_BYTES // 1000} kB: show less of the page")


if __name__ == "__main__":
    main()
