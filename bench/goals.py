"""The goals of the portal's speed: what each figure must be, what it should be, and how it is written."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """One row of the table. `must` and `aim` are ratios to the twin where there is one, else in `unit`."""

    figure: str
    what: str
    unit: str  # of the figures themselves
    must: float | None = None
    aim: float | None = None
    ratio: bool = True  # judged against a twin
    at_least: bool = False  # the more the better

    def is_met(self, judged: float, wanted: float | None) -> bool:
        if wanted is None:
            return True
        return judged >= wanted if self.at_least else judged <= wanted

    def written(self, wanted: float | None) -> str:
        if wanted is None:
            return ""
        return f"{'≥' if self.at_least else '≤'} {wanted:g}{'×' if self.ratio else ' ' + self.unit}"


GOALS = (
    Goal("one_winner_hold", "one winner, 100 callers hold one slot, 2 workers", "%", 100, None, False, True),
    Goal("one_winner_book", "one winner, 100 callers book one slot, 2 workers", "%", 100, None, False, True),
    Goal("none_refused", "100 patients hold and book 100 slots of one doctor at once: none refused", "%", 100, None, False, True),
    Goal("race_hold", "the race to hold answered, against bare", "ms", 3, 1.5),
    Goal("race_book", "the race to book answered, against bare", "ms", 3, 1.5),
    Goal("slot_page", "doctor's week of 140 times, signed in, 16 clients; bare asyncpg + Jinja", "/s", 0.6, 1.2, True, True),
    Goal("hold_book", "hold + book as two requests, against bare hold + book in one request", "/s", 0.3, 0.5, True, True),
    Goal("hold_book_two", "… against bare hold + book in two requests", "/s", None, None, True, True),
    Goal("fan_out_p50", "1,000 live readers, one process: publish → last delivery, p50, against the raw floor", "ms", 1.7, 1.3),
    Goal("fan_out_p99", "… p99", "ms", 3, 2),
    Goal("commit_to_last", "commit → last of 1,000 browsers, 2 workers over Redis, against bare, p50", "ms", 3, 1.5),
    Goal("memory_reader", "memory per live reader", "KiB", 20, 14, False),
    Goal("memory_idle", "memory of an idle portal, 2 workers", "MB", 200, 160, False),
    Goal("cheap_p99", "p99 of a cheap request while 1,000 readers get 20 changes a second", "ms", 15, 8, False),
    Goal("burst_frames", "frames to each reader in a burst of 100 bookings a second on one day", "/s", 5, None, False),
    Goal("burst_late", "… the last booking shown", "ms", 300, None, False),
    Goal("sign_ins", "sign-ins against the bare argon2 rate", "/s", 0.8, None, True, True),
    Goal("page_meanwhile", "page p50 meanwhile, against a quiet server", "ms", 2, None),
    Goal("search_p99", "search among all doctors with next free slots, p99 at 16 clients", "ms", 60, 30, False),
    Goal("wait_error", "mean error of the times shown to who waits, against those ahead × the usual length", "min", 1, 0.9),
    Goal("wait_inside", "visits that began inside the range shown", "%", 80, None, False, True),
    Goal("call_p50", "40 boards, 800 waiting patients, one process: call → its 21 pages right, p50", "ms", 1000, None, False),
    Goal("call_p99", "… p99", "ms", 1000, None, False),
    Goal("call_cpu", "… processor time of the process for a call and its 21 pages, p50", "ms", None, None, False),
    Goal("boards_cpu", "… of one processor, while nobody is called", "%", None, None, False),
    Goal("memory_page", "… memory per open page", "KiB", None, None, False),
    Goal("join_p50", "joining a video visit, 8 at once, one process: the portal's part, p50", "ms", 100, 50, False),
    Goal("join_p99", "… p99", "ms", 250, None, False),
    Goal("chat_p50", "500 conversations, one process: POST of a message → on the other's page, p50", "ms", 1000, 100, False),
    Goal("chat_p99", "… p99", "ms", 1000, None, False),
    Goal("stock_balance", "balance of an item with 1,000,000 movements, against the sum of its ledger", "ms", 1, 0.1),
    Goal("stock_moves", "… its latest 50 movements", "ms", 50, None, False),
    Goal("stock_low", "what is low of 20,000 items at 50 places, against the sum of the batches", "ms", 1, 0.3),
    Goal("stock_search", "search among 20,000 medicines", "ms", 100, 20, False),
    Goal("stock_sale", "sale over the counter with ledger and audit, against a bare update and insert", "ms", 8, 4),
    Goal("dispense", "dispense over the API, 16 counters, against two bare updates and an insert", "/s", None, None, True, True),
    Goal("growth_page", "a doctor's week at 50,000 doctors against 100 (p50, one client)", "ms", 1.2, None),
    Goal("growth_visit", "hold + book at 50,000 doctors against 100 (p50, one client)", "ms", 1.2, None),
)  # fmt: skip
