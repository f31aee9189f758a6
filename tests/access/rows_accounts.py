"""Policy rows: health, signing in, one's own account, the back office."""

from tests.access.policy import Row

NEW_PASSWORD = "three other words here"
REGISTRATION = {"email": "new@test.example", "first_name": "New", "last_name": "Person", "password": NEW_PASSWORD}
OWN = "one's own account: no patient's data"
CHANGE = {"current_password": "$password", "new_password": NEW_PASSWORD}
AUDIT_FILTERS = "patient_id=$patient"

OPEN_TO_ALL = [
    Row("GET /health", "public"),
    Row("GET /health/ready", "public"),
    Row("GET /metrics", "nobody"),  # there is none without its token
    Row("GET /.well-known/jwks.json", "public"),
    Row("GET /schema", "public"),
    Row("GET /schema/openapi.json", "public"),
    Row("GET /schema/{path}", "nobody", {"path": "=swagger"}),
    Row("GET /static/{path}", "public", {"path": "=css/base.css"}),
    Row("GET /demo/outbox", "nobody"),
    Row("GET /sw.js", "public"),
    Row("GET /offline", "public"),
    *(
        Row(f"GET {path}", "public", query="topics=slots:$doctor:$day", refusal=(200,), is_vague="no doctor, no slots")
        for path in ("/live", "/api/live")
    ),
    *(
        Row(
            f"GET {path}",
            who,
            query=f"topics={topic}",
            refusal=(401, 403),
            is_vague="visitors 401, others 403",
            unaudited="a stream carries no data of its own, only names of events",
        )
        for path in ("/live", "/api/live")
        for topic, who in (
            ("appointment:$booked", "patient doctor"),
            ("user:$patient", "patient"),
            ("user:$doctor", "doctor"),
            ("clinic:$clinic", "admin"),
        )
    ),
]

SIGNING_IN = [
    Row("GET /login", "public", ok=(200, 303)),
    Row("POST /login", "public", body={"email": "$known_email", "password": "$password"}, ok=(303,)),
    Row("POST /logout", "public", body={"everywhere": "true"}, unaudited="a visitor has no login to end"),
    Row("GET /register", "public", ok=(200, 303)),
    Row("GET /register/{role}", "public", {"role": "=patient"}, ok=(200, 303)),
    Row("GET /register/{role}", "nobody", {"role": "=system"}, refusal=(404, 303)),
    Row("POST /register/{role}", "public", {"role": "=patient"}, body=REGISTRATION | {"role": "PATIENT"}, ok=(303,)),
    *(
        Row("POST /register/{role}", "public", {"role": f"={word}"}, body=REGISTRATION | more, ok=(303,))
        for word, more in (
            ("doctor", {"role": "DOCTOR", "licence_number": "L-1"}),
            ("clinic", {"role": "CLINIC_ADMIN", "clinic_name": "A new clinic"}),
            ("pharmacy", {"role": "PHARMACY", "pharmacy_name": "A new pharmacy"}),
        )
    ),
    Row("GET /forgotten-password", "public"),
    Row("POST /forgotten-password", "public", body={"email": "$known_email"}),
    Row("GET /reset-password/{token}", "public", {"token": "reset_token"}, refusal=(409,)),
    Row("POST /reset-password/{token}", "public", {"token": "reset_token"}, {"password": NEW_PASSWORD},
        ok=(303,), refusal=(409,)),
    Row("POST /preferences", "public", body={"theme": "dark", "next": "/login"}, unaudited=OWN),
    Row("GET /waiting", "everyone", ok=(200, 303)),
    Row("POST /api/auth/login", "public", body={"email": "$known_email", "password": "$password"}),
    Row("POST /api/auth/register", "public", body=REGISTRATION | {"role": "PATIENT"}),
    Row("POST /api/auth/register", "nobody", body=REGISTRATION | {"role": "SYSTEM_ADMIN"}, refusal=(422,)),
    Row("POST /api/auth/refresh", "public", body={"refresh_token": "x" * 43}, ok=(401,), unaudited="no such token"),
    Row("POST /api/auth/verify", "public", body={"token": "x.y.z"}, ok=(401,), unaudited="no such token"),
    Row("POST /api/auth/forgotten-password", "public", body={"email": "$known_email"}),
    Row("POST /api/auth/reset-password", "public", body={"token": "$reset_token", "password": NEW_PASSWORD}, refusal=(409,)),
]  # fmt: skip

OWN_ACCOUNT = [
    Row("GET /api/auth/me", "everyone", unaudited=OWN),
    Row("PATCH /api/auth/me", "everyone", body={"locale": "es"}, unaudited=OWN),
    Row("POST /api/auth/logout", "everyone", body={"everywhere": True}),
    Row("POST /api/auth/change-password", "everyone", body=CHANGE),
    Row("GET /api/auth/logins", "everyone", unaudited=OWN),
    Row("DELETE /api/auth/logins", "everyone"),
    *(
        Row("DELETE /api/auth/logins/{login_id}", token, {"login_id": f"{token}_login"})
        for token in ("patient", "doctor", "admin", "pharmacist")
    ),
    Row("GET /api/me/notifications", "everyone", unaudited=OWN),
    Row("POST /api/me/notifications/read", "everyone", unaudited="a list without anything new stays as it is"),
    Row("GET /notifications", "everyone", unaudited=OWN),
    Row("POST /notifications/read", "everyone", unaudited="a list without anything new stays as it is"),
    Row("GET /settings", "everyone", unaudited=OWN),
    Row("GET /settings/details", "everyone", unaudited=OWN),
    Row(
        "POST /settings/details",
        "everyone",
        body={"first_name": "Ada", "last_name": "New", "time_zone": "UTC"},
        unaudited=OWN,
    ),
    Row("GET /settings/password", "everyone"),
    Row("POST /settings/password", "everyone", body=CHANGE, ok=(303,)),
    Row("GET /settings/logins", "everyone", unaudited=OWN),
    Row("POST /settings/logins/end-others", "everyone"),
    Row("POST /settings/logins/{login_id}/end", "patient", {"login_id": "patient_login"}),
    Row("POST /settings/logins/{login_id}/end", "doctor", {"login_id": "doctor_login"}),
]

DESK = "names and addresses of accounts, for the one who verifies them; nothing of a record"
BACK_OFFICE = [
    Row("GET /admin", "system", unaudited=DESK),
    Row("GET /admin/verification", "system", unaudited=DESK),
    Row("GET /admin/users", "system", query="q=zq-&role=PATIENT", unaudited=DESK),
    Row("GET /api/admin/users", "system", query="q=zq-&limit=100", unaudited=DESK),
    Row("GET /admin/users/{user_id}/suspend", "system", {"user_id": "patient"}, unaudited=DESK),
    *(
        Row(f"POST {prefix}/admin/users/{{user_id}}/{verb}", "system", {"user_id": thing}, body)
        for prefix in ("", "/api")
        for verb, thing, body in (
            ("verify", "waiting_account", None),
            ("suspend", "patient", {"reason": "A reason"}),
            ("reinstate", "suspended_account", None),
        )
    ),
    *(
        Row(
            f"POST {prefix}/admin/users/{{user_id}}/suspend",
            "nobody",
            {"user_id": "system"},
            {"reason": "A reason"},
            refusal=(403, 404),
            is_vague="one's own account exists",
        )
        for prefix in ("", "/api")
    ),
    Row("GET /admin/audit", "system", query=AUDIT_FILTERS, refusal=(200,)),
    Row("GET /admin/audit/verify", "system", unaudited="only whether the chain is whole"),
    Row("GET /api/admin/audit", "system", query=AUDIT_FILTERS, refusal=(200,)),
    Row("GET /api/admin/audit/verify", "system", unaudited="only whether the chain is whole"),
]

RUNNING = "how the portal runs; nothing of a person"
OPERATION = [
    Row(f"GET {prefix}/admin/health", "system", unaudited=RUNNING) for prefix in ("", "/api")
] + [
    row
    for prefix in ("", "/api")
    for row in (
        Row(f"POST {prefix}/admin/health/events/{{event_id}}/send-again", "system", {"event_id": "parked_event"}),
        Row(f"POST {prefix}/admin/health/events/send-again", "system"),
        Row(f"POST {prefix}/admin/health/jobs/run-again", "system"),
    )
]  # fmt: skip

ROWS = [*OPEN_TO_ALL, *SIGNING_IN, *OWN_ACCOUNT, *BACK_OFFICE, *OPERATION]
