"""What a definition of an indicator is made of: words in Chinese and English."""

from dataclasses import dataclass

from scheduler.indicators.values import Unit


@dataclass(frozen=True, slots=True)
class Text:
    """The same in Chinese and English."""

    zh: str
    en: str

    def said(self, locale: str) -> str:
        return self.zh if locale.startswith("zh") else self.en


@dataclass(frozen=True, slots=True)
class MeasureDefinition:
    """One measure: what is counted, what it is divided by (None: nothing), in which unit."""

    slug: str
    name: Text
    unit: Unit
    counted: Text  # numerator
    of: Text | None  # denominator
    in_units_of: Text  # what one of the numerator is: 间, 节, 人 …

    def formula(self, locale: str) -> str:
        """ "counted ÷ of", or what is counted."""
        counted = self.counted.said(locale)
        return f"{counted} ÷ {self.of.said(locale)}" if self.of else counted


@dataclass(frozen=True, slots=True)
class IndicatorDefinition:
    """One of the sixteen."""

    number: int
    slug: str
    name: Text
    definition: Text
    measures: tuple[MeasureDefinition, ...]


def share(
    slug: str, zh: str, en: str, counted: tuple[str, str], of: tuple[str, str], units: Text
) -> MeasureDefinition:
    return MeasureDefinition(slug, Text(zh, en), Unit.SHARE, Text(*counted), Text(*of), units)


def total(
    slug: str, zh: str, en: str, counted: tuple[str, str], units: Text, unit: Unit = Unit.COUNT
) -> MeasureDefinition:
    return MeasureDefinition(slug, Text(zh, en), unit, Text(*counted), None, units)


def define(
    number: int, slug: str, name: Text, definition: Text, *measures: MeasureDefinition
) -> IndicatorDefinition:
    """One of the sixteen; build completion has no measures of its own (see definitions.measure)."""
    return IndicatorDefinition(number, slug, name, definition, measures)
