"""From the rows of a queue to what the doctor, the front desk and a patient see of it: no database in here."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.appointments.policy import CHECK_IN_OPENS
from portal.queues import policy
from portal.queues.estimates import Day, Practice, Range, Turn, pace_of, predict, usual
from portal.queues.schemas import Board, Place, PredictionError, QueueLine, QueueVisit, Standing
from portal.slots.calendar import instant

SHARED_SECONDS = 15  # everybody who asks within so many seconds is told the same
WORTH_TELLING = timedelta(minutes=3)  # a prediction that has moved by less is not stored again
TO_COME = (Standing.CALLED, Standing.WAITING, Standing.COMING, Standing.LATE)
SHOWN = {"expected_start": "expected", "expected_from": "earliest", "expected_to": "latest"}


class Queue:
    """One queue: what was read of it, and what follows from that. `rows` begin with at least one, without a visit if need be."""

    def __init__(self, rows: Sequence[Any], practice: Any) -> None:
        self.head = rows[0]
        self.rows = [row for row in rows if row["appointment_id"]]
        self.zone = ZoneInfo(self.head["time_zone"])
        self.practice = practice_of(practice, self.head["estimated_consultation_minutes"])
        self.error = error_of(*practice["error"])

    @property
    def takes_place(self) -> bool:
        return bool(self.rows or self.head["places"])

    @property
    def is_today(self) -> bool:
        return bool(self.head["now"].astimezone(self.zone).date() == self.head["date"])

    @cached_property
    def day(self) -> Day:
        """The facts without the people. The present is shared by all who ask in the same seconds, and the work with it."""
        seconds = int(self.head["now"].timestamp())
        return Day(
            now=datetime.fromtimestamp(seconds - seconds % SHARED_SECONDS, UTC),
            opens=wall(self.head, "opens"),
            turns=tuple(turn_of(row) for row in self.rows if row["status"] != "NO_SHOW"),
            delay_minutes=self.head["announced"],
        )

    @cached_property
    def ranges(self) -> dict[Any, Range]:
        """When each visit will probably begin; on other days the plan is all there is."""
        return predict(self.day, self.practice) if self.is_today else {}

    def news(self, only: UUID | None = None) -> Iterable[tuple[UUID, Range]]:
        """The predictions that are not what was shown before."""
        for row in self.rows:
            shown = self.ranges.get(row["appointment_id"])
            if shown and only in (None, row["appointment_id"]) and is_news(row, shown):
                yield row["appointment_id"], shown

    @property
    def now_serving(self) -> int | None:
        """The number that was called last, or is with the doctor."""
        present = [row for row in self.rows if standing_of(row) in (Standing.CALLED, Standing.SERVING)]
        latest = max(present, key=lambda row: row["called_at"] or row["actual_start_time"] or row["now"], default=None)
        return latest["queue_position"] if latest else None

    @property
    def delay_minutes(self) -> int:
        """How far behind the plan the next one will begin, or what was announced where that is more."""
        announced = int(self.head["announced"])
        for row in self.rows:
            if row["status"] == "CHECKED_IN" and not row["walk_in"] and row["appointment_id"] in self.ranges:
                behind = self.ranges[row["appointment_id"]].expected - row["start_time"]
                return max(announced, round(behind.total_seconds() / 60))
        return announced

    def ahead_of(self, mine: Any) -> int:
        """How many will be called before: those who are there, and those who may still come in time."""
        if standing_of(mine) not in (Standing.WAITING, Standing.COMING, Standing.LATE):
            return 0
        before = [row for row in self.rows if standing_of(row) in (Standing.WAITING, Standing.COMING)]
        return sum(order_of(row) < order_of(mine) for row in before)


def queues_of(rows: Sequence[Any]) -> list[Queue]:
    """The queues that were read together; how their doctors' other days were stands in the first row."""
    practices: dict[str, Any] = next((row["practices"] for row in rows if row["practices"]), {})
    queues = defaultdict(list)
    for row in rows:
        queues[row["session_id"], row["date"]].append(row)
    return [Queue(found, practices[str(found[0]["doctor_id"])]) for found in queues.values()]


def practice_of(row: Any, planned_minutes: int) -> Practice:
    """How a doctor's other days were."""
    expected, missed, walk_ins = row["people"]
    return Practice(
        planned_minutes=float(planned_minutes),
        lengths=tuple((kind, float(minutes)) for kind, minutes in row["lengths"] or ()),
        turnovers=tuple(map(float, row["turnovers"] or ())),
        lateness=tuple(map(float, row["lateness"] or ())),
        expected=expected,
        missed=missed,
        walk_ins=walk_ins,
    )


def error_of(predictions: int, mean_minutes: float | None, share_inside: float | None) -> PredictionError:
    rounded = [None if one is None else round(float(one), 2) for one in (mean_minutes, share_inside)]
    return PredictionError(predictions=predictions, mean_minutes=rounded[0], share_inside=rounded[1])


def turn_of(row: Any) -> Turn:
    return Turn(
        key=row["appointment_id"],
        rank=order_of(row)[0],
        planned=row["start_time"],
        kind=row["appointment_type"],
        is_there=row["status"] == "CHECKED_IN",
        called=row["called_at"] is not None,
        began=row["actual_start_time"] or (row["now"] if row["status"] in ("IN_PROGRESS", "COMPLETED") else None),
        ended=row["actual_end_time"] or (row["now"] if row["status"] == "COMPLETED" else None),
    )


def order_of(row: Any) -> tuple[float, int]:
    """Where a visit comes in the order of calling; before the check-in, where it would come in time."""
    number = row["queue_position"] or 0
    return float(number if row["queue_rank"] is None else row["queue_rank"]), number


def wall(head: Any, name: str) -> datetime:
    """The moment of a wall time of the session on its date."""
    return instant(datetime.combine(head["date"], head[name]), ZoneInfo(head["time_zone"]))


def is_news(row: Any, shown: Range) -> bool:
    if row["told_start"] is None:
        return True
    before = (row["told_start"], row["told_from"], row["told_to"])
    now = (shown.expected, shown.earliest, shown.latest)
    return any(abs(one - other) > WORTH_TELLING for one, other in zip(now, before, strict=True))


def standing_of(row: Any) -> Standing:
    """Where a visit stands at this moment."""
    if row["status"] == "IN_PROGRESS":
        return Standing.SERVING
    if row["status"] == "CHECKED_IN":
        return Standing.CALLED if row["called_at"] else Standing.WAITING
    if row["status"] == "BOOKED":
        return Standing.LATE if row["start_time"] < row["now"] else Standing.COMING
    return Standing.DONE


def board_of(queue: Queue) -> Board:
    """Everything, for the doctor and the front desk."""
    head = queue.head
    by: dict[Standing, list[QueueVisit]] = {one: [] for one in Standing}
    for row in queue.rows:
        by[standing_of(row)].append(visit_of(queue, row))
    names = ("session_id", "date", "doctor_id", "doctor_name", "clinic_id", "clinic_name", "time_zone", "now",
             "estimated_consultation_minutes", "capacity", "free")  # fmt: skip
    return Board(
        **{name: head[name] for name in names},
        start_time=wall(head, "opens"),
        end_time=wall(head, "closes"),
        is_today=queue.is_today,
        now_serving=queue.now_serving,
        serving=next(iter(by[Standing.SERVING]), None),
        called=next(iter(by[Standing.CALLED]), None),
        waiting=by[Standing.WAITING],
        late=by[Standing.LATE],
        coming=by[Standing.COMING],
        done=sorted(by[Standing.DONE], key=lambda one: one.actual_end_time or one.start_time, reverse=True),
        delay_minutes=queue.delay_minutes,
        announced_delay_minutes=head["announced"],
        pace=pace_today(queue),
        usual_minutes=round(usual(queue.practice).minutes(0.0), 1),
        overflow=sum((row["queue_position"] or 0) > head["capacity"] for row in queue.rows),
        error=queue.error,
    )


def pace_today(queue: Queue) -> float | None:
    if not any(turn.ended for turn in queue.day.turns):
        return None
    return round(math.exp(pace_of(queue.day, queue.practice)[0]), 2)


def visit_of(queue: Queue, row: Any) -> QueueVisit:
    names = set(QueueVisit.__struct_fields__) - {"standing", *SHOWN}
    times = times_of(queue.ranges.get(row["appointment_id"]))
    return QueueVisit(**{name: row[name] for name in names}, standing=standing_of(row), **times)


def times_of(shown: Range | None) -> dict[str, Any]:
    return {name: getattr(shown, part) for name, part in SHOWN.items()} if shown else dict.fromkeys(SHOWN)


def place_of(own: Any, queue: Queue | None, travel_minutes: int | None) -> Place:
    """What a patient is told: numbers and times. A time by itself belongs to no queue and begins when it was booked for."""
    mine = queue and next((row for row in queue.rows if row["appointment_id"] == own["appointment_id"]), None)
    standing = standing_of(mine or {**own, "called_at": None})
    shown = queue.ranges.get(own["appointment_id"]) if queue and standing in TO_COME else None
    is_away = standing in (Standing.COMING, Standing.LATE) and own["appointment_type"] != "VIRTUAL"
    travel = policy.USUAL_TRAVEL_MINUTES if travel_minutes is None else travel_minutes
    opens = own["start_time"] - CHECK_IN_OPENS
    names = (
        "appointment_id",
        "session_id",
        "date",
        "status",
        "queue_position",
        "missed_calls",
        "start_time",
        "time_zone",
    )
    return Place(
        **{name: own[name] for name in names},
        **times_of(shown),
        standing=standing,
        called=standing is Standing.CALLED,
        late=standing is Standing.LATE,
        ahead=queue.ahead_of(mine) if queue and mine else 0,
        now_serving=queue.now_serving if queue else None,
        delay_minutes=queue.delay_minutes if queue else 0,
        travel_minutes=travel if is_away else None,
        leave_home_by=shown.earliest - timedelta(minutes=travel) if shown and is_away else None,
        check_in_opens=opens,
        may_check_in=own["status"] == "BOOKED" and opens <= own["now"],
        rules=policy.rules(),
    )


def line_of(row: Any) -> QueueLine:
    """One of the sessions to choose from."""
    names = set(QueueLine.__struct_fields__) - {"start_time", "end_time"}
    return QueueLine(**{name: row[name] for name in names}, start_time=wall(row, "opens"), end_time=wall(row, "closes"))
