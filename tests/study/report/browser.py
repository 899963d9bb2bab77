"""A page as Chromium shows it, where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
QUIET = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--enable-logging=stderr", "--v=0", "--virtual-time-budget=5000",
]  # fmt: skip
# Measured in a copy of the page, which itself has no script.
PROBE = """<script>addEventListener("load", () => {
  const images = [...document.images].filter(image => image.complete && image.naturalWidth > 0).length;
  const root = document.documentElement;
  document.title = `images=${images} overflow=${root.scrollWidth - root.clientWidth}`;
});</script></body>"""


def opened(path: Path, width: int, profile: Path) -> tuple[str, list[str]]:
    """The title that the page has in the end, and what it wrote to the console."""
    assert CHROMIUM is not None
    profile.mkdir()
    command = [
        CHROMIUM,
        *QUIET,
        f"--user-data-dir={profile}",
        f"--window-size={width},2000",
        "--dump-dom",
        path.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    return title[1] if title else "", [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
