"""axe-core in a page: WCAG 2.2 A and AA, with what is wrong told in one line each."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WHOLE = {"runOnly": {"type": "tag", "values": TAGS}, "rules": {"target-size": {"enabled": True}}}
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
RUN = """options => "axe" in window
  ? axe.run(document, {...options, resultTypes: ["violations"]}).then(found => found.violations) : null"""


def violations(page: Page, options: dict[str, Any] = WHOLE) -> list[str]:
    """What axe finds wrong with the page as it stands."""
    found = page.evaluate(RUN, options)
    if found is None:  # the first look at this page
        page.evaluate(AXE_SCRIPT)
        found = page.evaluate(RUN, options)
    return [
        f"{rule['id']}: {node['html'][:160]} {' '.join(node['failureSummary'].split())[:240]}"
        for rule in found
        for node in rule["nodes"]
    ]
