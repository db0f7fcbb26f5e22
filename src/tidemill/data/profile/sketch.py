"""How many different values there are, estimated in four kilobytes that merge."""

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy, load

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Hashes = npt.NDArray[np.uint64]
    Registers = npt.NDArray[np.uint8]
else:
    np = lazy("numpy")

_BITS = 12
_SIZE = 1 << _BITS
_FEW = "~"  # no letter of base64
_CHUNK = 1 << 14  # a chunk and what is made of it stay in a second-level cache


def hash_numbers(values: "npt.NDArray[np.float64]") -> "Hashes":
    """Return a 64-bit hash of each number, shape (rows,), the same on every machine."""
    return hash_bits((np.asarray(values, dtype=np.float64) + 0.0).view(np.uint64))  # + 0.0: -0.0 and 0.0 are one value


def hash_bits(bits: "Hashes") -> "Hashes":
    """Return a 64-bit hash of each 64-bit word, shape (rows,).

    Source:
        Steele, Lea and Flood, Fast splittable pseudorandom number generators (2014): the finalizer of SplitMix64.
    """
    with np.errstate(over="ignore"):
        bits = bits + np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def hash_texts(values: "pl.Series") -> "Hashes":
    """Return a 64-bit hash of each text, shape (rows,), the same for one version of Polars."""
    return values.hash().to_numpy()


def registers(values: "npt.NDArray[np.generic]", hashed: "Callable[..., Hashes] | None" = None) -> "Registers":
    """Return the registers of the sketch, shape (4096,).

    Args:
        values: The rows, shape (rows,).
        hashed: Gives their hashes; left out where they are hashes.

    Source:
        Flajolet, Fusy, Gandouet and Meunier, HyperLogLog (2007).
    """
    seen = np.zeros(_SIZE << 6, dtype=bool)
    for start in range(0, len(values), _CHUNK):
        chunk = values[start : start + _CHUNK]
        hashes = hashed(chunk) if hashed else chunk.view(np.uint64)
        rest = (hashes << np.uint64(_BITS)) | np.uint64(1 << (_BITS - 1))
        # 53 bits are a float64 without loss, whose exponent is the place of the highest bit.
        exponents = (rest >> np.uint64(11)).astype(np.float64).view(np.int64) >> 52
        places = ((hashes >> np.uint64(64 - _BITS)) << np.uint64(6)).view(np.int64)
        seen[places + (1023 + 53 - exponents)] = True
    by_register = seen.reshape(_SIZE, 64)
    highest: npt.NDArray[np.int64] = 63 - np.argmax(by_register[:, ::-1], axis=1)
    return np.where(by_register.any(axis=1), highest, 0).astype(np.uint8)


def estimate(held: "Registers") -> int:
    """Return about how many different values were counted, within about 2 percent."""
    alpha = 0.7213 / (1 + 1.079 / _SIZE)
    raw = alpha * _SIZE * _SIZE / float(np.sum(np.exp2(-held.astype(np.float64))))
    empty = int(np.count_nonzero(held == 0))
    if raw <= 2.5 * _SIZE and empty:
        return round(_SIZE * float(np.log(_SIZE / empty)))
    return round(raw)


def pack(held: "Registers", kind: str) -> str:
    """Return registers as text, with the hash that made them; few of them as pairs of place and value."""
    places = np.flatnonzero(held)
    if len(places) * 3 < _SIZE:
        body = _FEW + base64.b64encode(places.astype("<u2").tobytes() + held[places].tobytes()).decode()
    else:
        body = base64.b64encode(held.tobytes()).decode()
    return f"{kind}:{body}"


def unpack(text: str) -> "tuple[str, Registers] | None":
    """Return the hash and the registers that a text holds, None when it holds none."""
    kind, colon, body = text.rpartition(":")
    if not colon:
        return None
    content = np.frombuffer(base64.b64decode(body.removeprefix(_FEW)), dtype=np.uint8)
    if not body.startswith(_FEW):
        return kind, content
    few = len(content) // 3
    held = np.zeros(_SIZE, dtype=np.uint8)
    held[content[: 2 * few].view("<u2")] = content[2 * few :]
    return kind, held


def text_kind() -> str:
    """Return the name of the hash of texts."""
    return f"polars-{load('polars').__version__}"


NUMBER_KIND = "splitmix64"
WHOLE_KIND = "splitmix64-whole"
