"""What a measurement gives: one number of ours, and that of the bare twin where there is one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    ours: float
    bare: float | None = None
    note: str = ""

    @property
    def judged(self) -> float:
        """What is held against the goal: the ratio to the twin, or the number itself."""
        return self.ours if self.bare is None else self.ours / self.bare


Figures = dict[str, Figure]
