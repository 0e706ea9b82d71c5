"""What marks add up to, which observations stand, and where a recording shows an instant."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from scheduler.observation import (
    Criterion,
    Mark,
    Observation,
    Observer,
    Rubric,
    Scale,
    Spread,
    instant,
    place,
    score,
    spread,
    standing,
    summarize,
    unmarked,
)
from scheduler.recording import Recording, RecordingState

NOW = datetime(2026, 9, 7, 1, 0, tzinfo=UTC)
GOALS = Criterion(1, "目标", "Goals", "", "", 60)
EFFECT = Criterion(2, "效果", "Effect", "", "", 40)
FIVE = Rubric(1, "量表", "Rubric", Scale.FIVE, "system", NOW, (GOALS, EFFECT))
HUNDRED = replace(FIVE, number=2, scale=Scale.HUNDRED)


def _marks(*given: int | None) -> tuple[Mark, ...]:
    return tuple(Mark(n, mark, "") for n, mark in enumerate(given, start=1))


def _observation(
    *given: int, rubric: Rubric = FIVE, corrects: UUID | None = None, draft: bool = False
) -> Observation:
    observer = Observer(uuid4(), "o", "O", "observer", None)
    marks = _marks(*given)
    return Observation(
        uuid4(),
        UUID(int=1),
        observer,
        rubric.number,
        corrects,
        "",
        NOW,
        NOW,
        None if draft else NOW,
        None if draft else score(rubric, marks),
        marks,
    )


@pytest.mark.parametrize(
    ("rubric", "given", "worth"),
    [
        (FIVE, (5, 5), 100),
        (FIVE, (1, 1), 20),
        (FIVE, (4, 3), 72),
        (HUNDRED, (100, 0), 60),
        (HUNDRED, (0, 0), 0),
        (HUNDRED, (90, 75), 84),
    ],
)
def test_a_score_is_of_a_hundred_by_weight(
    rubric: Rubric, given: tuple[int, ...], worth: float
) -> None:
    assert score(rubric, _marks(*given)) == pytest.approx(worth)


def test_what_has_no_mark_is_named() -> None:
    assert unmarked(FIVE, _marks(3, None)) == (EFFECT,)
    assert unmarked(FIVE, ()) == (GOALS, EFFECT)
    assert unmarked(FIVE, _marks(3, 4)) == ()


def test_a_correction_counts_from_when_it_is_submitted() -> None:
    first, other = _observation(5, 5), _observation(3, 3)
    draft = _observation(1, 1, corrects=first.id, draft=True)
    assert standing([first, other, draft]) == [first, other]
    corrected = _observation(4, 4, corrects=first.id)
    again = _observation(2, 2, corrects=corrected.id)
    assert standing([first, other, corrected]) == [other, corrected]
    assert standing([first, other, corrected, again]) == [other, again]


def test_a_summary_tells_mean_spread_and_number_of_each_criterion() -> None:
    found = summarize(
        [FIVE], [_observation(5, 2), _observation(3, 2), _observation(1, 1, draft=True)]
    )
    assert found[0].criteria == (
        (GOALS, Spread(2, 4, pytest.approx(2**0.5), 3, 5)),  # type: ignore[arg-type]
        (EFFECT, Spread(2, 2, 0, 2, 2)),
    )
    assert found[0].score.count == 2
    assert found[0].score.mean == pytest.approx(64)


def test_marks_by_different_rubrics_are_never_put_together() -> None:
    found = summarize([FIVE, HUNDRED], [_observation(5, 5), _observation(80, 60, rubric=HUNDRED)])
    assert [(s.rubric.number, s.score.count) for s in found] == [(2, 1), (1, 1)]
    assert found[0].criteria[0][1] == Spread(1, 80, None, 80, 80)
    assert summarize([FIVE], []) == []


def test_one_value_has_no_deviation() -> None:
    assert spread([7.0]) == Spread(1, 7, None, 7, 7)


def _recording(zero_at: datetime | None, duration_ms: int | None = 60_000) -> Recording:
    return Recording(
        id=uuid4(),
        session_id=uuid4(),
        title="",
        made_by="system",
        state=RecordingState.READY,
        cause=None,
        started_at=NOW,
        ended_at=NOW,
        duration_ms=duration_ms,
        bytes=1,
        mime="video/webm",
        storage_key="k",
        poster_key=None,
        waveform=(),
        published=False,
        delete_after=None,
        created_at=NOW,
        with_rooms=False,
        zero_at=zero_at,
    )


def test_an_instant_has_its_place_on_the_recording_that_shows_it() -> None:
    whole = _recording(NOW)
    said = NOW + timedelta(seconds=20, milliseconds=400)
    assert place(whole, said) == 20_400
    assert instant(whole, 20_400) == said
    cut = _recording(NOW + timedelta(seconds=15), 30_000)  # its first fifteen seconds are gone
    assert place(cut, said) == 5_400
    assert place(cut, NOW + timedelta(seconds=14)) is None
    assert place(cut, NOW + timedelta(seconds=46)) is None


def test_a_recording_whose_beginning_is_not_known_shows_no_instant() -> None:
    assert place(_recording(None), NOW) is None
    assert place(_recording(NOW, None), NOW) is None
    assert instant(_recording(None), 0) is None
