"""Which keys of a bucket an address names."""

import re
from dataclasses import dataclass

_SIGNS = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key, a folder or a pattern.

    Args:
        text: What stands behind the bucket.
    """

    text: str

    @property
    def is_key(self) -> bool:
        """Whether it is one key."""
        return bool(self.text) and not self.text.endswith("/") and not _SIGNS.search(self.text)

    @property
    def prefix(self) -> str:
        """The folder in which all that it names is."""
        return _SIGNS.split(self.text, maxsplit=1)[0].rpartition("/")[0]

    def fits(self, key: str) -> bool:
        """Return whether a key is named: `*` and `?` stay within a folder, `**` does not; a folder names all in it."""
        if not self.text or self.text.endswith("/"):
            return key.startswith(self.text) and not key.endswith("/")
        return re.fullmatch(_expression(self.text), key) is not None


def _expression(pattern: str) -> str:
    found = []
    place = 0
    while place < len(pattern):
        if pattern.startswith("**/", place):
            found.append("(?:[^/]+/)*")
            place += 3
        elif pattern.startswith("**", place):
            found.append(".*")
            place += 2
        elif pattern[place] in "*?":
            found.append("[^/]*" if pattern[place] == "*" else "[^/]")
            place += 1
        elif pattern[place] == "[" and (end := pattern.find("]", place + 2)) > 0:
            inner = pattern[place + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            found.append(f"[^{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]")
            place = end + 1
        else:
            found.append(re.escape(pattern[place]))
            place += 1
    return "".join(found)
