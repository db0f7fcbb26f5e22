"""Which colour a state has, everywhere the same."""

_TONES = {
    "good": {
        "finished", "done", "cached", "open gate", "promoted", "deployed", "pass", "helped", "closed", "active", "sent",
        "approved", "current",
    },
    "info": {"running", "scheduled", "started", "pending", "canary", "stable"},
    "warn": {"waiting", "warn", "inconclusive", "suppressed", "no_help", "superseded", "refused"},
    "bad": {"failed", "killed", "fail", "shut", "rolled_back", "rejected", "damaged"},
}  # fmt: skip
_BY_STATE = {state: tone for tone, states in _TONES.items() for state in states}

SERIES = ("1", "2", "3", "4", "5", "6")
"""Tones of series, in the order in which they are given out."""


def tone_of(state: str) -> str:
    """Return the tone of a state: good, info, warn, bad or idle."""
    return _BY_STATE.get(state.lower(), "idle")


def series_tone(at: int) -> str:
    """Return the tone of a series by its place."""
    return SERIES[at % len(SERIES)]


def strand_tone(at: int) -> str:
    """Return the tone of one of many series: after the last colour they begin again with another dash."""
    dash = at // len(SERIES) % 4
    return f"{series_tone(at)} dash-{dash}" if dash else series_tone(at)
