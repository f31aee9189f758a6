"""Pages and fragments: one Jinja environment, autoescaped, with the helpers every template has."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError, dates, numbers, units
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar.response import Response
from markupsafe import Markup

from portal import live
from portal.web import i18n
from portal.web.scalars import exact

ROOT = Path(__file__).parent.parent.parent
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
LEFT_TO_RIGHT_MARK = "\u200e"


@cache
def environment() -> Environment:
    """The environment, built once a process."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    env.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
    env.globals.update(
        _=translated, static=static, icon=icon, languages=i18n.LANGUAGES, direction=i18n.direction, live_cursor=live.cursor
    )  # fmt: skip
    env.filters.update(
        date=format_date, time=format_time, datetime=format_datetime, money=format_money, number=format_number,
        language_name=format_language, other_zone=other_zone, initials=initials,
        ago=format_ago, seconds=format_seconds, bytes=format_bytes, size=format_size, exact=exact,
    )  # fmt: skip
    return env


def translated(message: str, /, **values: Any) -> Markup:
    """A template's `_()`: what Jinja's own does, with the text looked up once instead of on every page."""
    text = _ready(message, i18n.language(), bool(values))
    return text % values if values else text


@lru_cache(maxsize=8192)
def _ready(message: str, language: str, to_be_filled: bool) -> Markup:
    text = Markup(i18n.translations(language).ugettext(message))  # noqa: S704  # ours, as the catalogues are
    return text if to_be_filled else text % {}


def _gettext(message: str) -> str:
    return i18n.translations(i18n.language()).ugettext(message)


def _ngettext(singular: str, plural: str, number: int) -> str:
    return i18n.translations(i18n.language()).ungettext(singular, plural, number)


def render(template: str, **context: Any) -> str:
    """One template as text, with nothing but what is given."""
    return (
        environment()
        .get_template(template)
        .render(locale=i18n.language(), dir=i18n.direction(i18n.language()), **context)
    )


def page(template: str, *, status: int = 200, headers: dict[str, str] | None = None, **context: Any) -> Response[str]:
    """A whole page; the request's own context (who is signed in, CSRF token, nonce) is added by `web/context.py`."""
    from portal.web.context import page_context

    body = render(template, **{**page_context(), "status": status, **context})
    # Of the same address htmx gets a part: a browser that goes back must not show that as the page.
    return Response(body, status_code=status, media_type="text/html", headers={"Vary": "HX-Request", **(headers or {})})


fragment = page  # the same context, the same answer: a template whose name begins with _ is a fragment


def redirect(path: str, flash: str = "") -> Response[str]:
    """See another page after a POST (303), where `flash` is shown once.

    `path` is one of ours; what comes from a request goes through `hosts.safe_next` first.
    """
    if flash:
        from portal.web.context import flash_next

        flash_next(flash)
    return Response("", status_code=303, headers={"Location": path}, media_type="text/plain")


@cache
def static(path: str) -> str:
    """The address of a static file with its content's digest, so that it may be cached for ever."""
    digest = sha256((STATIC / path).read_bytes()).hexdigest()[:12]
    return f"/static/{path}?v={digest}"


@cache
def icon(name: str, label: str = "") -> Markup:
    """An icon of the sprite; decorative unless it has a label."""
    hidden = Markup('aria-hidden="true"') if not label else Markup('role="img" aria-label="{}"').format(label)
    return Markup('<svg class="icon" {}><use href="{}#{}"/></svg>').format(hidden, static("icons/sprite.svg"), name)


def zoned(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(ZoneInfo(zone))


def other_zone(moment: datetime, zone: str, own: str) -> str:
    """The name of a time's zone when the viewer's own clock shows another time; of a time that comes twice, as the clocks
    go back, which of the two is meant. Else nothing."""
    here = zoned(moment, zone)
    named = [zone.replace("_", " ")] if here.utcoffset() != zoned(moment, own).utcoffset() else []
    if here.utcoffset() != here.replace(fold=1 - here.fold).utcoffset():
        named.append(f"UTC{here.isoformat(timespec='minutes')[-6:]}")
    return " ".join(named)


def formats() -> str:
    """Whose way of writing dates and numbers the present language follows: English is spoken in clinics everywhere, so
    the day comes before the month and amounts say which dollar they mean."""
    return {"en": "en_GB"}.get(i18n.language(), i18n.language())


def format_date(value: date | datetime, zone: str = "UTC", style: str = "full") -> str:
    """A date in words; an instant is first put on the clock of `zone`. `style`: full, long, medium, short or a pattern."""
    day = zoned(value, zone).date() if isinstance(value, datetime) else value
    return _written_date(day, style, formats())


@lru_cache(maxsize=4096)
def _written_date(day: date, style: str, locale: str) -> str:
    return dates.format_date(day, format=style, locale=locale)


def format_time(value: datetime | time, zone: str = "UTC") -> str:
    """A time of day, on 24 hours in every language, as the grid of times and the API write it."""
    return (zoned(value, zone) if isinstance(value, datetime) else value).strftime("%H:%M")


def format_datetime(value: datetime, zone: str = "UTC", style: str = "medium") -> str:
    """Date and time on the clock of `zone`."""
    joined = str(dates.get_datetime_format("medium", locale=formats()))
    return joined.replace("{1}", format_date(value, zone, style)).replace("{0}", format_time(value, zone))


def initials(name: str) -> str:
    """The first letters of the first and the last name, without titles and particles: "Dr. med. Eva von Berg" is EB."""
    words = [word for word in name.split() if word[0].isupper() and not word.endswith(".")] or name.split() or [""]
    return words[0][:1] + (words[-1][:1] if len(words) > 1 else "")


def format_money(amount: Decimal | float, currency: str) -> str:
    text = numbers.format_currency(amount, currency, locale=formats())
    return text + LEFT_TO_RIGHT_MARK if i18n.language() in i18n.RIGHT_TO_LEFT else text  # the $ stays beside its US


def format_number(value: float) -> str:
    return numbers.format_decimal(value, locale=formats())


def format_ago(moment: datetime, now: datetime) -> str:
    """How far a moment is from now, in words: "2 minutes ago", "in 3 hours"."""
    return dates.format_timedelta(moment - now, add_direction=True, threshold=1.5, locale=formats())


def format_seconds(seconds: float) -> str:
    """A stretch of time in words, roughly: "14 seconds", "2 hours"."""
    return dates.format_timedelta(timedelta(seconds=seconds), threshold=1.5, locale=formats())


def format_bytes(count: float) -> str:
    """A size in megabytes, or gigabytes where it is large."""
    large = count >= 1e9
    size, unit = (count / 1e9, "digital-gigabyte") if large else (count / 1e6, "digital-megabyte")
    return units.format_unit(size, unit, length="short", format="#,##0.#" if large else "#,##0", locale=formats())


def format_size(count: int) -> str:
    """The size of a file, in kilobytes where it has less than a megabyte."""
    large = count >= 1e6
    unit, size = ("digital-megabyte", count / 1e6) if large else ("digital-kilobyte", max(1, count / 1e3))
    return units.format_unit(size, unit, length="short", format="#,##0.#" if large else "#,##0", locale=formats())


def format_language(code: str) -> str:
    """The name of a language in the present one; what is no code stays as it is."""
    try:
        return Locale.parse(code.replace("-", "_")).get_display_name(i18n.language()) or code
    except (ValueError, UnknownLocaleError):
        return code
