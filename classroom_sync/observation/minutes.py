"""The minutes of a lesson's observations: the lesson, who observed, scores, comments, remarks."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from classroom_sync.i18n import counting
from classroom_sync.minutes.document import Document, Grid, Paragraph, Section
from classroom_sync.observation.record import Remark, Reviewed
from classroom_sync.pages.names import Names
from scheduler import words
from scheduler.model import DEFAULT_ZONE, ParticipantRole, Session
from scheduler.observation import Observation, Observer, Spread, Summary

Translate = Callable[[str], str]


def of(
    session: Session, found: Reviewed, names: Names, translate: Translate, locale: str
) -> Document:
    """The minutes of a session as far as a visitor sees its record, in their language."""
    zone = ZoneInfo(DEFAULT_ZONE)
    lead = next((p for p in session.participants if p.role is ParticipantRole.LEAD), None)
    subject = names.subject(session.subject, locale)
    starts, ends = (at.astimezone(zone) for at in (session.starts_at, session.ends_at))
    time = f"{starts:%Y-%m-%d %H:%M}–{ends:%H:%M} ({DEFAULT_ZONE})"
    classes = [
        f"{names.room(p.room_id)} {names.group(p.class_id)}"
        for p in session.participants
        if p.role is ParticipantRole.RECEIVING
    ]
    facts = [(translate("Lesson"), subject), (translate("Time"), time)]
    if lead is not None:
        where = f"{names.room(lead.room_id)} · {names.teacher(lead.teacher_id)}"
        facts.append((translate("Lead teacher"), where))
    facts.append((translate("Receiving classes"), words.listed(classes, locale) or "—"))
    who = [_who(o.observer, translate) for o in found.shown] if found.sees_each else []
    facts.append((translate("Observers"), words.listed(who, locale) or str(found.count)))
    written = [o.submitted_at for o in found.shown if o.submitted_at is not None]
    written += [each.made_at for r in found.remarks for each in (r.comment, *r.answers)]
    sections = [_scores(summary, translate, locale) for summary in found.summaries]
    sections += [_observation(o, found, translate, locale) for o in found.shown]
    if found.remarks:
        sections.append(_comments(found.remarks, zone, translate))
    return Document(
        locale=locale,
        title=translate("Minutes of observation"),
        subtitle=f"{subject} · {starts:%Y-%m-%d}",
        facts=tuple(facts),
        sections=tuple(sections),
        footer=f"{subject} · {time}",
        dated=max([session.ends_at, *written]),
    )


def _who(observer: Observer, translate: Translate) -> str:
    roles = {
        "bureau": translate("the education bureau"),
        "admin": translate("an administrator"),
        "teacher": translate("a teacher"),
        "observer": translate("an observer"),
    }
    of_school = observer.school or roles[observer.role]
    return f"{observer.name} ({of_school})"


def _cells(of: Spread) -> tuple[str, str, str, str]:
    deviation = "—" if of.deviation is None else f"{of.deviation:.2f}"
    return f"{of.mean:.2f}", deviation, f"{of.lowest:g}–{of.highest:g}", str(of.count)


def _scores(of: Summary, translate: Translate, locale: str) -> Section:
    heads = (
        translate("Criterion"),
        translate("Weight"),
        translate("Mean"),
        translate("Deviation"),
        translate("Lowest to highest"),
        translate("Number of marks"),
    )
    rows = [(c.name(locale), f"{c.weight} %", *_cells(spread)) for c, spread in of.criteria]
    rows.append((translate("Score of 100"), "100 %", *_cells(of.score)))
    counted = counting(locale)
    count = counted(
        "version {number}, {count} observation",
        "version {number}, {count} observations",
        of.score.count,
    )
    version = count.format(number=of.rubric.number, count=of.score.count)
    return Section(
        translate("Scores by criterion"),
        (
            Paragraph(f"{of.rubric.title(locale)} ({version})"),
            Grid(heads, tuple(rows), frozenset(range(1, 6))),
        ),
    )


def _observation(of: Observation, found: Reviewed, translate: Translate, locale: str) -> Section:
    rubric = found.rubrics[of.rubric]
    rows = []
    for criterion in rubric.criteria:
        given = of.mark(criterion.position)
        rows.append((criterion.name(locale), str(given.mark), given.note))
    heads = (translate("Criterion"), translate("Mark"), translate("Note"))
    score = translate("{score} of 100").format(score=f"{of.score:.1f}")
    return Section(
        f"{_who(of.observer, translate)}: {score}",
        (
            *((Paragraph(of.remark),) if of.remark else ()),
            Grid(heads, tuple(rows), frozenset({1}), wide=2),
        ),
    )


def _comments(remarks: tuple[Remark, ...], zone: ZoneInfo, translate: Translate) -> Section:
    rows = []
    for remark in remarks:
        at = f"{remark.comment.at.astimezone(zone):%H:%M:%S}"
        if remark.at_ms is not None:
            at += f" ({remark.at_ms // 60000}:{remark.at_ms // 1000 % 60:02d})"
        said = [remark.comment.text]
        said += [f"→ {answer.observer.name}: {answer.text}" for answer in remark.answers]
        rows.append((at, remark.comment.observer.name, "\n".join(said)))
    heads = (translate("Time"), translate("Observer"), translate("Comment"))
    return Section(
        translate("Comments on moments of the lesson"),
        (
            Paragraph(translate("In brackets: the place on the recording.")),
            Grid(heads, tuple(rows), wide=2),
        ),
    )
