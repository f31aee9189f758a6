"""From the figures of the runs to `docs/performance.md`: the table is made here, the words around it are in performance.md."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

from bench.figures import Figure, Figures
from bench.goals import GOALS, Goal

HERE = Path(__file__).parent
TEMPLATE = HERE / "performance.md"
PAGE = HERE.parent / "docs" / "performance.md"
HEAD = "| what | must | aim | figure | bare | ratio (runs) | reached |\n|---|---|---|---|---|---|---|"


def table(runs: Sequence[Figures], failures: dict[str, str]) -> str:
    """One line a goal; what could not be measured says so."""
    return "\n".join(
        [HEAD, *(line(goal, [run[goal.figure] for run in runs if goal.figure in run], failures) for goal in GOALS)]
    )


def line(goal: Goal, figures: list[Figure], failures: dict[str, str]) -> str:
    begin = f"| {goal.what} | {goal.written(goal.must)} | {goal.written(goal.aim)} |"
    if not figures:
        return f"{begin} | | | **failed**{': ' + failures[goal.figure] if goal.figure in failures else ''} |"
    ours = statistics.median(one.ours for one in figures)
    judged = statistics.median(one.judged for one in figures)
    bare = [one.bare for one in figures if one.bare is not None]
    twin = f"{short(statistics.median(bare))} {goal.unit}" if bare else ""
    ratio = f"**{judged:.2f}×** ({', '.join(f'{one.judged:.2f}' for one in figures)})" if bare else ""
    several = "" if bare else f" ({', '.join(short(one.ours) for one in figures)})"
    return f"{begin} {short(ours)} {goal.unit}{several} | {twin} | {ratio} | {reached(goal, judged)} |"


def reached(goal: Goal, judged: float) -> str:
    if goal.must is None:
        return ""
    if not goal.is_met(judged, goal.must):
        return "**no**"
    return (
        "aim" if goal.aim is not None and goal.is_met(judged, goal.aim) else "must" if goal.aim is not None else "yes"
    )


def short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def notes(runs: Sequence[Figures]) -> str:
    """What the rows counted besides, of the last run."""
    last = runs[-1] if runs else {}
    return "\n".join(
        f"- {goal.what}: {last[goal.figure].note}" for goal in GOALS if goal.figure in last and last[goal.figure].note
    )


def write(session: dict[str, Any], runs: Sequence[Figures], failures: dict[str, str]) -> None:
    """Put a session's table into the page."""
    failed = "\n".join(f"- failed: {name}: {why}" for name, why in failures.items())
    words = {**session, "table": table(runs, failures), "notes": notes(runs) + ("\n" + failed if failed else "")}
    PAGE.write_text(Template(TEMPLATE.read_text()).substitute(words))
