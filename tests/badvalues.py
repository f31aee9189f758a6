"""The bad values of each kind of field, and whole bodies, with the answer that they must get."""

from datetime import timedelta

from portal.clock import now

SOON = (now() + timedelta(days=2)).date().isoformat()  # of the future even if midnight comes before it is sent
UUID = "01890000-0000-7000-8000-000000000000"
NOBODY = "00000000-0000-0000-0000-000000000000"

HIDDEN = [
    "a\u202eb",
    "a\u2066b",
    "a\u200bb",
    "a\u2028b",
    "a\ue000b",
    "a\ufeffb",
    "e" + "\u0301" * 100,
    "e" + "\u0301" * 10_000,
    "a\x1b[31mb",
    "a\x7fb",
]
BAD_TEXTS = {
    "line": ["a\0b", "a\rb", "a\nb", "a\r\nBcc: x", "   ", "\u3164", *HIDDEN],
    "text": ["a\0b", "  \n ", *HIDDEN],
    "secret": ["a\0bcdefghijk", "a\nbcdefghijk"],
    "email": [
        "a",
        "a@b",
        "a@b.",
        "a@example.org.",
        "a@example.org\r\nBcc: b@example.org",
        '"a b"@example.org',
        "a@b@c.org",
        "\u0430na@example.org",
        "a" * 250 + "@example.org",
        "a@exa\0mple.org",
        "<a@example.org>",
        "a@[127.0.0.1]",
    ],
    "phone": [
        "123",
        "+0",
        "4155550123",
        "+1 415 555 0123 ext 5",
        "+1415CALLNOW",
        "+1" * 25,
        "+" + "1" * 50,
        "+\u0661\u0664\u0661\u0665\u0665\u0665\u0665\u0660\u0661\u0662\u0663",
        "+1415555\n0123",
    ],
    "date": [
        "2026-02-30",
        "0000-00-00",
        "9999-01-01",
        "1/2/03",
        "2026-11-20T00:00:00Z",
        "20261120",
        "2026-W01-1",
        "2026-11-20 ",
        "x",
        "\u0662\u0660\u0662\u0666-01-01",
    ],
    "birth": [SOON, "1876-11-20", "2026-02-30", "0000-00-00", "9999-01-01", "1/2/03", "1990-02-28T00:00:00Z"],
    "instant": [
        "2026-11-20T09:30:00",
        "2026-11-20",
        "1700000000",
        "2026-11-20T23:59:60Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "2026-11-20 09:30:00Z",
        "2026-02-30T00:00:00Z",
        "2026-11-20T09:30:00+99:00",
    ],
    "time": ["24:00", "9:30", "09:60", "09:30:15", "0930", "x", "\u0660\u0669:30"],
    "zone": ["Europe/Nowhere", "EST", "+03:00", "../../etc/passwd", "europe/berlin", "Europe/Berlin\0"],
    "language": ["english", "xx", "en_US", "e", "en-", "../en"],
    "url": [
        "http://example.org",
        "javascript:alert(1)",
        "//example.org",
        "https://",
        "https://a:b@example.org/",
        "https://exa mple.org",
        "https://example.org/\r\nx",
        "https:\\\\example.org",
    ],
    "id": [
        "01890000-0000-7000-8000-00000000000A",
        "{" + UUID + "}",
        "urn:uuid:" + UUID,
        UUID.replace("-", ""),
        UUID + "0",
        "..%2f",
        "x",
    ],
    "choice": ["nothing of the kind", "a\0b"],
}
BAD_NUMBERS = [
    "1e3",
    "1_000",
    "+5",
    "\u0665",
    "0x10",
    "1,5",
    ".5",
    "1.",
    "5mg",
    "NaN",
    "Infinity",
    "1e400",
    "1E+200000",
    "9" * 5000,
    "a\0b",
    "id;drop",
]
DURATIONS = ["PT5M", "-PT5M", "P1Y", "25h"]  # ours are whole minutes
BAD_INTS = [*BAD_NUMBERS, *DURATIONS, "1.0", "2147483648", "9223372036854775808", "1e9", "--1"]
WRONG_KINDS = {
    "text": [b"1", b"true", b"[]", b"{}"],
    "int": [b'"1"', b"true", b"1.0", b"2147483648", b"9223372036854775808", b"1e3", b"1e400", b"9" * 5000, b"-0", b'"-PT5M"',
            b"[]"],
    "number": [b'"1"', b"true", b"-0", b"0." + b"1" * 30, b"1e400", b"1E+200000", b"9" * 5000, b"[]"],
    "bool": [b'"true"', b"1", b"0", b"[]"],
    "list": [b'"x"', b"1", b"{}"],
    "object": [b'"x"', b"1", b"[]"],
}  # fmt: skip
UNREADABLE_JSON = [b'"\xff"', b'"\xc0\xaf"', rb'"\ud800"', b"NaN", b"-Infinity", b"01", b"+1", b".5", b"1.", b"'x'"]
BODIES: list[tuple[bytes, str, int]] = [
    (b"", "application/json", 400),
    (b"null", "application/json", 400),
    (b"[]", "application/json", 400),
    (b"\xef\xbb\xbf{}", "application/json", 400),
    (b"{} x", "application/json", 400),
    (b'{"a":1,"a":1}', "application/json", 400),
    (b"[" * 100_000 + b"]" * 100_000, "application/json", 400),
    (b'{"a":' * 100_000, "application/json", 400),
    (b'{"a":"' + b"x" * (10 * 1024 * 1024) + b'"}', "application/json", 413),
    (b"[" + b"0," * 3_000_000 + b"0]", "application/json", 413),
    (b"\x1f\x8b\x08\x00" + b"\0" * 50, "application/json", 400),
    (b"{}", "text/plain", 415),
    (b"{}", "application/json; charset=utf-7", 415),
    (b"{}", "multipart/form-data; boundary=x", 415),
    (b"a=1", "application/x-www-form-urlencoded", 415),
    (b'{"no_such_field_at_all": 1}', "application/json", 422),
]
