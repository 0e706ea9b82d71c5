"""Questions to a class: what can be asked, what can be an answer, and what classes say together."""

import pytest

from scheduler.questions import Answer, Marked, Question, QuestionKind, fit, mark, together

SINGLE = Question(QuestionKind.SINGLE, "Which key is it in?", ("C", "G", "F"))
MULTIPLE = Question(QuestionKind.MULTIPLE, "Which instruments did you hear?", ("violin", "flute"))
TEXT = Question(QuestionKind.TEXT, "What was hard?")
MARKED = Question(QuestionKind.SINGLE, "Which key is it in?", ("C", "G", "F"), (1,))
BOTH = Question(
    QuestionKind.MULTIPLE, "Which of them are strings?", ("violin", "flute", "cello"), (0, 2)
)


@pytest.mark.parametrize("question", [SINGLE, MULTIPLE, TEXT, MARKED, BOTH])
def test_a_question_with_a_text_and_options_where_its_kind_has_some_can_be_asked(
    question: Question,
) -> None:
    assert question.is_whole


@pytest.mark.parametrize(
    "wrong",
    [
        Question(QuestionKind.SINGLE, "", ("a", "b")),
        Question(QuestionKind.SINGLE, "?" * 301, ("a", "b")),
        Question(QuestionKind.SINGLE, "?", ()),
        Question(QuestionKind.SINGLE, "?", ("a",)),
        Question(QuestionKind.MULTIPLE, "?", ("a", "a")),
        Question(QuestionKind.MULTIPLE, "?", ("a", "")),
        Question(QuestionKind.MULTIPLE, "?", tuple("abcdefghi")),
        Question(QuestionKind.SINGLE, "?", ("a", "b" * 301)),
        Question(QuestionKind.TEXT, "?", ("a", "b")),
        Question(QuestionKind.TEXT, "?", (), (0,)),
        Question(QuestionKind.SINGLE, "?", ("a", "b"), (0, 1)),
        Question(QuestionKind.SINGLE, "?", ("a", "b"), (2,)),
        Question(QuestionKind.MULTIPLE, "?", ("a", "b"), (0, 0)),
        Question(QuestionKind.MULTIPLE, "?", ("a", "b"), (-1,)),
    ],
)
def test_what_says_nothing_or_too_much_can_not(wrong: Question) -> None:
    assert not wrong.is_whole


def test_answers_fit_their_questions_one_by_one() -> None:
    asked = (SINGLE, MULTIPLE, TEXT)
    right = (Answer((1, 20, 3)), Answer((24, 0)), Answer(text="the rhythm"))
    assert fit(asked, right)
    assert fit(asked, (right[0], right[1], Answer()))  # nothing was hard
    assert not fit(asked, right[:2])
    assert not fit(asked, (right[1], right[0], right[2]))
    for wrong in (Answer((1, 2)), Answer((1, 2, -3)), Answer((1, 2, 501)), Answer((1, 2, 3), "x")):
        assert not fit((SINGLE,), (wrong,))
    assert not fit((TEXT,), (Answer((1,), "x"),))
    assert not fit((TEXT,), (Answer(text="x" * 1001),))


def test_classes_are_added_up_by_option() -> None:
    classes = [(Answer((1, 20, 3)), Answer(text="a")), (Answer((5, 0, 7)), Answer(text="b"))]
    assert together((SINGLE, TEXT), classes) == [Answer((6, 20, 10)), Answer()]
    assert together((SINGLE,), []) == [Answer((0, 0, 0))]


def test_hands_for_what_is_right_are_counted_and_a_survey_has_none() -> None:
    assert mark(MARKED, Answer((1, 20, 3))) == Marked(20, 24)
    assert mark(BOTH, Answer((9, 2, 7))) == Marked(16, 18)
    assert mark(MARKED, Answer((0, 0, 0))) == Marked(0, 0)
    assert [mark(SINGLE, Answer((1, 2, 3))), mark(TEXT, Answer(text="x"))] == [None, None]
