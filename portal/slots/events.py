"""The live topic of a doctor's day, `slots:{doctor_id}:{date}`: public, so nothing in it differs between watchers."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from markupsafe import Markup

from portal import live
from portal.accounts.schemas import Actor
from portal.slots import queries, weeks
from portal.slots.schemas import DaySeen, LiveSlot, Slot, SlotState
from portal.web import i18n, render

EVENTS = {
    SlotState.OPEN: "slot.released",
    SlotState.HELD: "slot.held",
    SlotState.BOOKED: "slot.booked",
    SlotState.DISABLED: "slot.disabled",
}

FREED = "slot.freed"  # open again because its visit was called off; `slot.released` because nobody keeps it any more
NO_EVENTS: Mapping[str, str] = {}


class Shown(live.Element, frozen=True, kw_only=True):
    """An element with what its fragment is drawn from: one slot, or a day with all of them."""

    slots: list[Slot]
    day: dict[str, Any] | None = None


def slots_topic(doctor_id: UUID, day: date) -> str:
    """The topic of a doctor's day."""
    return f"slots:{doctor_id}:{day}"


def tell_slot(doctor_id: UUID, day: date, event: str, slot_id: UUID) -> None:
    """After the commit, show one slot anew to all who look at that day."""
    live.publish(slots_topic(doctor_id, day), event, slot_id=slot_id)


def tell_closed(doctor_id: UUID, slot_ids: Sequence[UUID] | None, days: Sequence[date] | None) -> None:
    """The same for times that a visit has closed, each on its own date, which may be another than the visit's."""
    for slot_id, day in zip(slot_ids or (), days or (), strict=True):
        tell_slot(doctor_id, day, "slot.disabled", slot_id)


def tell_day(doctor_id: UUID, day: date, event: str) -> None:
    """After the commit, show a whole day anew: slots were added to it or removed from it."""
    live.publish(slots_topic(doctor_id, day), event, date=day)


async def may_listen(_actor: Actor | None, _topic: str) -> bool:
    """Anybody may watch the times of a doctor."""
    return True


async def snapshot(topic: str, since: datetime | None) -> Sequence[live.Element]:
    """What a page that shows the state of `since` still has to learn."""
    doctor_id, day = live.topic_parts(topic)
    changed = None if since is None else await queries.live_since(doctor_id, day, since)
    return [await day_element(doctor_id, day)] if changed is None else elements_of(doctor_id, day, changed)


async def read(topic: str, ids: Mapping[str, str]) -> Sequence[live.Element]:
    """The slots, or the day, that something happened to."""
    doctor_id, day = live.topic_parts(topic)
    if str(day) in ids:
        return [await day_element(doctor_id, day, ids[str(day)])]
    found = await queries.live_slots(doctor_id, day, map(UUID, ids))
    gone = ids.keys() - {str(one.slot.id) for one in found}
    return [*elements_of(doctor_id, day, found, ids), *(gone_element(doctor_id, day, slot_id) for slot_id in gone)]


async def day_element(doctor_id: UUID, day: date, event: str = "") -> live.Element:
    found = await queries.live_day(doctor_id, day)
    about = {"doctor_id": doctor_id, "date": day}
    return Shown(
        id=str(day),
        event=event or "slot.added",
        data={**about, "slots": [seen(one.slot) for one in found]},
        target=f"#day-{doctor_id}-{day}",
        expires_in=min((one.expires_in for one in found if one.expires_in is not None), default=None),
        slots=[one.slot for one in found],
        day=about,
    )


def elements_of(
    doctor_id: UUID, day: date, found: Sequence[LiveSlot], events: Mapping[str, str] = NO_EVENTS
) -> list[live.Element]:
    return [
        gone_element(doctor_id, day, str(one.slot.id))
        if one.gone
        else slot_element(one, events.get(str(one.slot.id), ""))
        for one in found
    ]


def slot_element(one: LiveSlot, event: str = "") -> live.Element:
    freed = event == FREED and one.slot.state is SlotState.OPEN
    return Shown(
        id=str(one.slot.id),
        event=FREED if freed else EVENTS[one.slot.state],
        data=seen(one.slot),
        target=f"#slot-{one.slot.id}",
        expires_in=one.expires_in,
        slots=[one.slot],
    )


def gone_element(doctor_id: UUID, day: date, slot_id: str) -> live.Element:
    return live.Element(
        id=slot_id,
        event="slot.removed",
        data={"slot_id": slot_id, "doctor_id": doctor_id, "date": day},
        target=f"#slot-{slot_id}",
        swap="delete",
    )


def seen(slot: Slot) -> dict[str, Any]:
    """A slot as the JSON face tells of it."""
    return {
        "slot_id": slot.id,
        "doctor_id": slot.doctor_id,
        "date": slot.date,
        "position": slot.position,
        "start": slot.start,
        "end": slot.end,
        "local_start": slot.local_start,
        "state": slot.state,
        "overflow": slot.overflow,
        "service_type": slot.service_type,
        "session_id": slot.session_id,
        "seconds_until_release": slot.seconds_until_release,
    }


def markup(element: live.Element, locale: str) -> str:
    """One slot or one day as its fragment, in one language."""
    if not isinstance(element, Shown):
        return ""
    i18n.use_language(locale)
    if element.day is None:
        return slot_markup(element.slots[0])
    return _drawn_day(element.day["doctor_id"], element.day["date"], element.slots)


# Each version of a day is drawn once in each language, and joined into the pages of all who look at it.
_days: dict[tuple[UUID, date, int, str], Markup] = {}
DAYS_KEPT = 2048


async def days_markup(doctor_id: UUID, days: Sequence[DaySeen]) -> list[Markup]:
    """The columns of some days in their present versions; the slots of those not drawn yet are read in one statement."""
    keys = [(doctor_id, day.date, day.version, i18n.language()) for day in days]
    drawn = {key: _days[key] for key in keys if key in _days}
    missing = [key[1] for key in keys if key not in drawn]
    if missing:
        slots = await weeks.read_slots(doctor_id, missing)
        new = [key for key in keys if key not in drawn]
        drawn |= {key: _drawn_day(doctor_id, key[1], [one for one in slots if one.date == key[1]]) for key in new}
        if len(_days) > DAYS_KEPT:
            _days.clear()
        _days.update(drawn)
    return [drawn[key] for key in keys]


def _drawn_day(doctor_id: UUID, day: date, slots: Sequence[Slot]) -> Markup:
    context = {"doctor_id": doctor_id, "date": day, "slots": slots}
    text = render.render("slots/_day.html", day=context, slot_markup=slot_markup)
    return Markup(text)  # noqa: S704  # the template escapes what it shows


def slot_markup(slot: Slot) -> Markup:
    """One slot as its fragment, drawn once for each state and language."""
    return _drawn(slot, i18n.language())


@lru_cache(maxsize=16_384)
def _drawn(slot: Slot, _locale: str) -> Markup:
    return Markup(render.render("slots/_slot.html", slot=slot))  # noqa: S704  # the template escapes what it shows


live.register(
    live.TopicKind(
        prefix="slots",
        parts=(UUID, date),
        public=True,
        may_listen=may_listen,
        snapshot=snapshot,
        read=read,
        render=markup,
    )
)
