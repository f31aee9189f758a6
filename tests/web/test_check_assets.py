"""What the browser gets: icons that exist, readable colours, files within budget, nothing that the CSP refuses."""

import re
from hashlib import sha256
from itertools import product
from pathlib import Path

import pytest

from portal.web.assets import asset

ROOT = Path(__file__).parent.parent.parent
STATIC = ROOT / "static"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))

ON_PAGE = ["ink", "muted", "pine", "pine-deep", "danger"]
PAIRS = [
    *product(ON_PAGE, ["paper", "surface", "sunken"]),
    *[(tone, f"{tone}-soft") for tone in ("pine", "live", "sky", "stone", "plum", "danger")],
    *product(["ink", "muted"], ["pine-soft", "live-soft", "sky-soft", "danger-soft", "stone-soft"]),
    *product(["live", "sky"], ["paper", "surface"]),
    ("pine", "live-soft"), ("on-pine", "pine"), ("on-pine", "pine-deep"), ("on-danger", "danger"),
]  # fmt: skip
SHAPES = [
    *product(["line-strong", "focus"], ["paper", "surface"]),
    ("live-mark", "surface"),
    ("live-mark", "live-soft"),
]


def themes() -> dict[str, dict[str, str]]:
    css = (STATIC / "css/tokens.css").read_text()
    starts = {"light": ":root {", "dark": '[data-theme="dark"]', "auto": '[data-theme="auto"]'}
    blocks = {name: css[css.index(start) :].split("}", 1)[0] for name, start in starts.items()}
    return {name: dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for name, block in blocks.items()}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(theme: str) -> None:
    colours = themes()[theme]
    weak = {(text, ground) for text, ground in PAIRS if contrast(colours[text], colours[ground]) < 4.5}
    weak |= {(shape, ground) for shape, ground in SHAPES if contrast(colours[shape], colours[ground]) < 3}
    assert not weak


def test_dark_by_switch_is_dark_by_device() -> None:
    assert themes()["dark"] == themes()["auto"]


def test_icons_exist() -> None:
    sprite = set(re.findall(r'<symbol id="([a-z0-9-]+)"', (STATIC / "icons/sprite.svg").read_text()))
    text = re.sub(r"\{#.*?#\}", "", "\n".join(path.read_text() for path in TEMPLATES), flags=re.DOTALL)
    calls = re.findall(r"\bicon\(([^()\n]*)\)", text)
    named = {name for call in calls for name in re.findall(r'(?<!== )"([a-z0-9-]+)"', call)}
    named |= set(re.findall(r'(?:icon_name=|"(?:primary|quiet|plain|danger|live)", )"([a-z0-9-]+)"', text))
    named |= set(re.findall(r'\), "([a-z0-9-]+)", "[a-z]+"\)', (ROOT / "templates/ui/status.html").read_text()))
    assert named
    missing = named - sprite
    assert not missing, "an icon is missing: run `make vendor`"


def test_templates_hold_nothing_the_policy_refuses() -> None:
    inline = re.compile(
        r"""<[^>]*\s(style|on[a-z]+|hx-on[:a-z-]*)=|<style(?! nonce="\{\{ nonce \}\}")|\bjavascript:""", re.IGNORECASE
    )
    assert not [path.name for path in TEMPLATES if inline.search(path.read_text())]


def test_vendored_files_are_the_published_ones() -> None:
    rows = re.findall(r"^\| `([^`]+)` .*`([0-9a-f]{64})` \|$", (STATIC / "vendor/README.md").read_text(), re.MULTILINE)
    assert rows
    assert [
        path for path, digest in rows if sha256((STATIC / "vendor" / path).read_bytes()).hexdigest() != digest
    ] == []


def test_own_scripts_are_small() -> None:
    size = sum(len(asset(f"js/{path.name}").zipped or b"") for path in (STATIC / "js").glob("*.js"))
    assert size <= 12 * 1024


def test_own_styles_of_each_page_are_small() -> None:
    """What every page loads, with what its own template adds."""
    common = {"tokens", "base", "frame", "controls", "forms", "content", "print"}
    for template in TEMPLATES:
        names = common | set(re.findall(r"static\('css/([a-z-]+)\.css'\)", template.read_text()))
        size = sum(len(asset(f"css/{name}.css").zipped or b"") for name in names)
        assert size <= 16 * 1024, f"{template.name}: {size} bytes of {sorted(names)}"
