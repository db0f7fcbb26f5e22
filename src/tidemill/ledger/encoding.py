"""JSON as the ledger keeps it: sorted keys, no spaces, the same bytes for the same value."""

import msgspec

_ENCODER = msgspec.json.Encoder(order="sorted")


def encode_json(value: object) -> bytes:
    """Return the bytes of a value; keys are sorted at every depth."""
    return _ENCODER.encode(value)


def decode_json(text: str | bytes) -> object:
    """Return the value of some JSON."""
    return msgspec.json.decode(text)
