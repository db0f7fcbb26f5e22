"""Every classic route answers as the real server did when it was recorded, or better where that is said."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.mlflow.asking import Ask, Better, dig, play
from tests.mlflow.routes import RECORDING, SCENES, classic

MORE = frozenset({"user_id", "model_id", "file_size"})
"""Fields that the recorded server sometimes leaves empty, and ours fills: who did it, the logged model, an empty file's size."""
RECORDED: dict[str, Any] = json.loads(RECORDING.read_text())


def differences(seen: Any, expected: Any, at: str = "") -> Iterator[str]:
    """Tell where two values differ, place by place."""
    if isinstance(seen, dict) and isinstance(expected, dict):
        for key in sorted(seen.keys() | expected.keys()):
            if key not in seen:
                yield f"{at}.{key}: missing; the recording has {json.dumps(expected[key])[:200]}"
            elif key in MORE and not expected.get(key):
                continue
            elif key not in expected:
                yield f"{at}.{key}: not in the recording: {json.dumps(seen[key])[:200]}"
            else:
                yield from differences(seen[key], expected[key], f"{at}.{key}")
    elif isinstance(seen, list) and isinstance(expected, list) and len(seen) == len(expected):
        for place, (one, other) in enumerate(zip(seen, expected, strict=True)):
            yield from differences(one, other, f"{at}[{place}]")
    elif seen != expected or type(seen) is not type(expected):
        yield f"{at}: {json.dumps(seen)[:300]}; the recording has {json.dumps(expected)[:300]}"


def told(value: Any) -> Any:
    """Leave empty lists and objects out: no client can tell them from absent ones."""
    if isinstance(value, dict):
        return {key: kept for key, one in value.items() if (kept := told(one)) not in ({}, [])}
    return [told(one) for one in value] if isinstance(value, list) else value


def dug(value: Any, path: str) -> Any:
    """Follow a dotted path; None where it leads nowhere."""
    try:
        return dig(value, path)
    except (KeyError, IndexError, TypeError):
        return None


def faults(one: Ask, seen: dict[str, Any], expected: dict[str, Any], *, is_peer: bool) -> Iterator[str]:
    """Tell what is wrong with an answer; the peer's own is asked for as it was recorded."""
    said = seen.pop("says", "")
    if one.says and one.says not in said:
        yield f"the message lacks {one.says!r}: {said!r}"
    if is_peer:
        yield from differences(seen, expected)
        return
    if expected["status"] >= 500 and one.better is None:
        # A caller's mistake that the recorded server takes for its own makes clients try again for minutes.
        if not (400 <= seen["status"] < 500 and seen.get("error_code")):
            yield f"asked for an error of the caller's, not {seen['status']} {seen.get('error_code')}: {said[:200]}"
        return
    if one.better is None:
        yield from (f"{line} {said[:120]}" for line in differences(told(seen), told(expected)))
    else:
        yield from flaws(one.better, seen, said)


def flaws(better: Better, seen: dict[str, Any], said: str) -> Iterator[str]:
    """Tell where an answer is not the better one that is asked for."""
    if seen["status"] != better.status:
        yield f"status {seen['status']}, asked for {better.status}: {said[:200]}"
    if better.code and seen.get("error_code") != better.code:
        yield f"error code {seen.get('error_code')}, asked for {better.code}: {said[:200]}"
    if better.kind and seen.get("type") != better.kind:
        yield f"type {seen.get('type')}, asked for {better.kind}"
    for path, wanted in better.body.items():
        yield from differences(told(dug(seen, f"body.{path}")), told(wanted), path)
    if better.status >= 400 and not (said and seen.get("error_code")):
        yield f"no error in JSON: {seen}"


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_is_answered_as_recorded(name: str, server_url: str, against_peer: bool) -> None:
    answers = play(server_url, SCENES[name])
    found = []
    for one in SCENES[name]:
        wrong = faults(one, answers[one.name], RECORDED[name][one.name], is_peer=against_peer)
        found += [f"{one.name}: {line}" for line in wrong]
    assert not found, f"{len(found)} differences\n" + "\n".join(found)


def test_every_classic_route_is_asked() -> None:
    asked = [answer["asked"] for name, scene in RECORDED.items() if name in SCENES for answer in scene.values()]
    assert [words for words, pattern in classic() if not any(pattern.fullmatch(one) for one in asked)] == []


def test_no_question_of_a_scene_shadows_another() -> None:
    assert {name: len({one.name for one in scene}) for name, scene in SCENES.items()} == {
        name: len(scene) for name, scene in SCENES.items()
    }
