"""Who may do what: one table of role x action. Code asks it, tests walk it.

Which *object* an action may touch (a teacher's own session, a room's own session, an admin's own
school) is decided where the object is at hand, by `classroom_sync.access`.
"""

from enum import StrEnum


class Role(StrEnum):
    BUREAU = "bureau"
    ADMIN = "admin"
    TEACHER = "teacher"
    OBSERVER = "observer"
    ROOM = "room"  # a paired room device


class Action(StrEnum):
    TEACH = "teach"  # see own lessons, start, end, give the floor
    TAKE_PART = "take_part"  # media and hands of a participant
    TAKE_PART_OR_SEE = "take_part_or_see"
    COUNT_HEADS = "count_heads"
    SEE_CITY = "see_city"  # schools, rooms, sessions, timetable
    PAIR_ROOMS = "pair_rooms"
    SEE_COVERAGE = "see_coverage"
    MAKE_FEEDS = "make_feeds"  # calendar addresses: one's own, or those of the schools one sees
    IMPORT = "import"  # timetables and registers from files
    EDIT_TIMETABLE = "edit_timetable"  # drafts, their publication, solver runs
    CHANGE_LESSONS = "change_lessons"  # single dated lessons: substitute, cancel, make up, ad hoc
    EDIT_CALENDAR = "edit_calendar"  # terms, holidays and make-up workdays, exam weeks
    KEEP_TIMES = "keep_times"  # a school's bells and busy times: its own, or any school's
    KEEP_REGISTERS = "keep_registers"  # schools (of the city), teachers and classes (of one's own)
    ANSWER_SHIFTS = "answer_shifts"  # a receiving school's word on what a lesson displaces
    MANAGE_ROOMS = "manage_rooms"  # plan, install, accept for a reason, retire
    ASK_FOR_TEST = "ask_for_test"  # start a room's acceptance test
    RUN_TEST = "run_test"  # measure in the room itself
    SEE_TEST = "see_test"  # results and certificates
    KEEP_RECORDINGS = "keep_recordings"  # see, publish, cut and delete them
    UPLOAD = "upload"  # lessons, slides and worksheets to be sent to classes
    SEND = "send"  # to classes, and see what came of it
    RECEIVE = "receive"  # what was sent to the classes of a room, and tell what became of it
    RULE_PUSHES = "rule_pushes"  # what is sent by rule
    DECLARE_NEEDS = "declare_needs"  # what a receiving school can't give in full
    OBSERVE = "observe"  # watch unseen, evaluate and comment (teachers: where they are invited)
    REVIEW = "review"  # what came of observations of a lesson: its lead teacher, and observers
    INVITE_OBSERVERS = "invite_observers"  # teachers of other schools to a lesson
    KEEP_RUBRIC = "keep_rubric"  # of the whole city
    WATCH_RECORDINGS = "watch_recordings"  # those kept, and those of lessons one may observe
    KEEP_OWN_ACCOUNT = "keep_own_account"  # password, second factor, where one is signed in
    KEEP_PEOPLE = "keep_people"  # accounts: of the city, or of one's own school
    KEEP_ACCESS = "keep_access"  # paired screens, calendar addresses, media tokens: to revoke them
    CALL_MEETINGS = "call_meetings"  # teaching research: call, change and cancel them
    SEE_MEETINGS = "see_meetings"  # and their plans and minutes
    MEET = "meet"  # write in a meeting: agenda, notes, decisions, the shared lesson plan


_R, _A = Role, Action

TABLE: dict[Action, frozenset[Role]] = {
    _A.TEACH: frozenset({_R.TEACHER}),
    _A.TAKE_PART: frozenset({_R.TEACHER, _R.ROOM}),
    _A.TAKE_PART_OR_SEE: frozenset({_R.TEACHER, _R.ROOM, _R.ADMIN, _R.BUREAU}),
    _A.COUNT_HEADS: frozenset({_R.TEACHER, _R.ROOM, _R.ADMIN}),
    _A.SEE_CITY: frozenset({_R.ADMIN, _R.BUREAU}),
    _A.PAIR_ROOMS: frozenset({_R.ADMIN}),
    _A.SEE_COVERAGE: frozenset({_R.BUREAU, _R.ADMIN}),
    _A.MAKE_FEEDS: frozenset({_R.TEACHER, _R.ADMIN, _R.BUREAU}),
    _A.IMPORT: frozenset({_R.ADMIN}),
    _A.EDIT_TIMETABLE: frozenset({_R.ADMIN}),
    _A.CHANGE_LESSONS: frozenset({_R.ADMIN}),
    _A.EDIT_CALENDAR: frozenset({_R.ADMIN}),
    _A.KEEP_TIMES: frozenset({_R.ADMIN}),
    _A.KEEP_REGISTERS: frozenset({_R.ADMIN}),
    _A.ANSWER_SHIFTS: frozenset({_R.ADMIN}),
    _A.MANAGE_ROOMS: frozenset({_R.ADMIN}),
    _A.ASK_FOR_TEST: frozenset({_R.ADMIN, _R.ROOM}),
    _A.RUN_TEST: frozenset({_R.ROOM}),
    _A.SEE_TEST: frozenset({_R.ADMIN, _R.BUREAU, _R.ROOM}),
    _A.KEEP_RECORDINGS: frozenset({_R.TEACHER, _R.ADMIN}),
    _A.UPLOAD: frozenset({_R.TEACHER}),
    _A.SEND: frozenset({_R.TEACHER, _R.ADMIN}),
    _A.RECEIVE: frozenset({_R.ROOM}),
    _A.RULE_PUSHES: frozenset({_R.ADMIN}),
    _A.DECLARE_NEEDS: frozenset({_R.ADMIN}),
    _A.OBSERVE: frozenset({_R.BUREAU, _R.ADMIN, _R.TEACHER, _R.OBSERVER}),
    _A.REVIEW: frozenset({_R.BUREAU, _R.ADMIN, _R.TEACHER, _R.OBSERVER}),
    _A.INVITE_OBSERVERS: frozenset({_R.BUREAU, _R.ADMIN, _R.TEACHER}),
    _A.KEEP_RUBRIC: frozenset({_R.BUREAU, _R.ADMIN}),
    _A.WATCH_RECORDINGS: frozenset({_R.BUREAU, _R.ADMIN, _R.TEACHER, _R.OBSERVER}),
    _A.KEEP_OWN_ACCOUNT: frozenset({_R.BUREAU, _R.ADMIN, _R.TEACHER, _R.OBSERVER}),
    _A.KEEP_PEOPLE: frozenset({_R.ADMIN}),
    _A.KEEP_ACCESS: frozenset({_R.ADMIN}),
    _A.CALL_MEETINGS: frozenset({_R.TEACHER, _R.ADMIN}),
    _A.SEE_MEETINGS: frozenset({_R.TEACHER, _R.ADMIN, _R.BUREAU}),
    _A.MEET: frozenset({_R.TEACHER}),
}


def allowed(role: Role, action: Action) -> bool:
    """Whether the table lets a role do an action."""
    return role in TABLE[action]
