"""Microsoft Presidio as a detector of personal data.

Its recognisers of patterns (passports, driving licences, bank accounts, health numbers) need nothing else. Names of
persons need a language model of spaCy, such as `en_core_web_lg`; where none is installed, names are not looked for.

Source:
    https://microsoft.github.io/presidio/analyzer/
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from tidemill.core.lazy import load

_MODELS = ("en_core_web_lg", "en_core_web_md", "en_core_web_sm", "en_core_web_trf")
_LEAST_SCORE = 0.5
_NOT_PERSONAL = {"DATE_TIME", "LOCATION", "NRP", "ORGANIZATION", "URL", "UUID"}
_OUR_OWN = {"CREDIT_CARD", "EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "PHONE_NUMBER", "US_SSN"}
_LONGEST = 1000


class Presidio:
    """Asks Presidio's recognisers for English texts; what Tidemill finds by itself is left to it."""

    name = "presidio"

    def __init__(self) -> None:
        self._analyse: Callable[[str], Sequence[Any]] | None = None

    def find(self, texts: Sequence[str]) -> list[set[str]]:
        """Return for each text the kinds of personal data in it."""
        analyse = self._analyse = self._analyse or _analyser()
        return [{str(each.entity_type).lower() for each in analyse(text[:_LONGEST]) if _counts(each)} for text in texts]


def _counts(found: Any) -> bool:  # noqa: ANN401 - the library has no types
    return found.score >= _LEAST_SCORE and found.entity_type not in _NOT_PERSONAL | _OUR_OWN


def _analyser() -> Callable[[str], Sequence[Any]]:
    presidio = load("presidio_analyzer")
    model = next((name for name in _MODELS if find_spec(name)), None)
    if model:
        provider = load("presidio_analyzer.nlp_engine").NlpEngineProvider(
            nlp_configuration={"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": model}]}
        )
        engine = presidio.AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=["en"])
        return lambda text: engine.analyze(text, language="en")
    registry = presidio.RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    wanted = [one for one in registry.recognizers if set(one.supported_entities) - _NOT_PERSONAL - _OUR_OWN]
    asked = [one for one in wanted if isinstance(one, presidio.PatternRecognizer)]

    def analyse(text: str) -> Sequence[Any]:
        return [found for one in asked for found in one.analyze(text, one.supported_entities) or []]

    return analyse
