"""The life of a visit, written down once more by hand, so that a slip in the portal's own table is seen."""

STAFF = frozenset({"DOCTOR", "CLINIC_ADMIN"})
PARTIES = STAFF | {"PATIENT"}

# Action: which roles ever may, from which states, and where it leads.
DECLARED: dict[str, tuple[frozenset[str], frozenset[str], str]] = {
    "confirm": (PARTIES, frozenset({"BOOKED"}), "BOOKED"),
    "check-in": (PARTIES, frozenset({"BOOKED"}), "CHECKED_IN"),
    "start": (frozenset({"DOCTOR"}), frozenset({"BOOKED", "CHECKED_IN"}), "IN_PROGRESS"),
    "complete": (frozenset({"DOCTOR"}), frozenset({"IN_PROGRESS"}), "COMPLETED"),
    "cancel": (PARTIES, frozenset({"BOOKED", "CHECKED_IN", "IN_PROGRESS"}), "CANCELLED"),
    "no-show": (STAFF, frozenset({"BOOKED", "CHECKED_IN"}), "NO_SHOW"),
    "reschedule": (PARTIES, frozenset({"BOOKED", "CHECKED_IN"}), "CANCELLED"),
}
ENDS = frozenset({"COMPLETED", "CANCELLED", "NO_SHOW"})


def may_lead(role: str, action: str, status: str) -> bool:
    """Whether a party of this role may take a visit on from this state."""
    roles, sources, _target = DECLARED[action]
    too_late = role == "PATIENT" and action == "cancel" and status == "IN_PROGRESS"
    return role in roles and status in sources and not too_late
