"""Rules behind the interface of extractors that have to be waited for."""

from tutordex_dagster.extraction.contract import Answer, Extractor


class AnsweringRules:
    """Answers at once, and always."""

    def __init__(self, extractor: Extractor) -> None:
        self._extractor = extractor

    async def answer(self, text: str) -> Answer:
        """Return what the rules read from the text; there is nothing to tell about how."""
        return Answer(outcome=self._extractor.extract(text))

    async def responds(self) -> bool:
        """Rules always answer."""
        return True
