"""DOMAIN's sixteen indicators in words, Chinese and English: names, definitions, formulas."""

from classroom_sync.reports.words import (
    IndicatorDefinition,
    Text,
    define,
    share,
    total,
)
from scheduler.indicators.values import Unit

ROOMS = Text("间", "rooms")
SCHOOLS = Text("所", "schools")
HOURS = Text("课时", "class hours")
LINKS = Text("条链路", "links")
PEOPLE = Text("人", "people")
TIMES = Text("人次", "attendances")
SESSIONS = Text("节", "sessions")
CLASSES = Text("班次", "classes")


INDICATORS: tuple[IndicatorDefinition, ...] = (
    define(
        1,
        "build_completion",
        Text("建设完成率", "Build completion"),
        Text(
            "到期限为止通过验收的直播课堂与分期建设目标之比，超额完成不封顶。",
            "Livestream rooms accepted by the deadline against the target of the phase; "
            "never capped.",
        ),  # one measure for each target, or of the rooms of a cut: `definitions.measure`
    ),
    define(
        2,
        "school_coverage",
        Text("学校覆盖率", "School coverage"),
        Text(
            "有有效课时的受援校占全部受援校的比例。",
            "Receiving schools that a valid lesson reached, of all receiving schools.",
        ),
        share(
            "school_coverage",
            "学校覆盖率",
            "Schools reached",
            ("有至少一条有效链路的受援校", "receiving schools with a valid link"),
            ("全部受援校", "receiving schools"),
            SCHOOLS,
        ),
    ),
    define(
        3,
        "room_use",
        Text("教室使用率", "Room use"),
        Text(
            "期间内真正用过的直播课堂占已验收课堂的比例：建成而空置的课堂不算覆盖。",
            "Accepted rooms that were really used: a room that stands empty covers nobody.",
        ),
        share(
            "room_use",
            "教室使用率",
            "Rooms in use",
            ("听过有效课或主讲过有效课的课堂", "rooms with a valid link or a led session"),
            ("已验收课堂", "accepted rooms"),
            ROOMS,
        ),
    ),
    define(
        4,
        "delivery",
        Text("开课率", "Delivery"),
        Text(
            "应开的听讲链路中按时有效开出或补课开出的比例；只有校历停课和教育局批准的取消不计入应开。",
            "Links held validly, as planned or made up, of those due. Only cancellations by the "
            "calendar or the bureau are not due; a school's own are.",
        ),
        share(
            "delivery",
            "开课率",
            "Links delivered",
            ("有效开出的应开链路（含补课）", "due links held validly, made-up ones included"),
            ("应开链路", "due links"),
            LINKS,
        ),
    ),
    define(
        5,
        "class_hours",
        Text("课时", "Class hours"),
        Text(
            "主讲课时按课次计，听讲课时按链路计，两者不相加。",
            "Led hours are counted by session, received hours by link; the two are never added.",
        ),
        total("led", "主讲课时", "Hours led", ("有效课次", "valid sessions"), HOURS, Unit.HOURS),
        total(
            "received",
            "听讲课时",
            "Hours received",
            ("有效链路", "valid links"),
            HOURS,
            Unit.HOURS,
        ),
    ),
    define(
        6,
        "teachers",
        Text("参与教师", "Teachers"),
        Text(
            "参与的教师，同一角色内不重复计；合计按人去重。",
            "Distinct teachers in each part, and distinct people over all of them.",
        ),
        total(
            "lead",
            "主讲教师",
            "Lead teachers",
            ("主讲过有效课的教师", "teachers who led a valid session"),
            PEOPLE,
        ),
        total(
            "assistant",
            "辅助教师",
            "Assistant teachers",
            ("辅助过有效课的教师", "teachers who assisted in a valid link"),
            PEOPLE,
        ),
        total(
            "researcher",
            "教研教师",
            "Teachers in research",
            ("参加过在线教研的教师", "teachers who took part in online research"),
            PEOPLE,
        ),
        total(
            "union",
            "参与教师（去重）",
            "Teachers in all",
            ("以上教师去重合计", "distinct people of the three"),
            PEOPLE,
        ),
    ),
    define(
        7,
        "pupils",
        Text("受益学生", "Pupils"),
        Text(
            "受援班级的学生；每班取最大一次实到人数，主校学生不计。",
            "Pupils of receiving classes, each class by its largest head count; pupils of the "
            "hub are not counted.",
        ),
        total(
            "pupils",
            "受益学生",
            "Pupils reached",
            (
                "各受援班级最大实到人数之和",
                "sum over receiving classes of the largest head count",
            ),
            PEOPLE,
        ),
        total(
            "times",
            "受益人次",
            "Pupil attendances",
            ("各次实到人数之和", "sum of head counts"),
            TIMES,
        ),
        share(
            "reach",
            "受益面",
            "Share of pupils reached",
            ("受益学生", "pupils reached"),
            ("受援校在校学生", "enrolment of the receiving schools"),
            PEOPLE,
        ),
    ),
    define(
        8,
        "attendance",
        Text("出勤率", "Attendance"),
        Text(
            "清点过人数的链路中实到与应到之比；未清点的链路单列。",
            "Pupils present of those expected, where heads were counted; links without a head "
            "count are listed.",
        ),
        share(
            "attendance",
            "出勤率",
            "Pupils present",
            ("实到人次", "pupils present"),
            ("应到人次", "pupils expected"),
            TIMES,
        ),
    ),
    define(
        9,
        "normal_use",
        Text("常态化率", "Normal use"),
        Text(
            "每所受援校每个教学周（考试周除外）是否有有效课。",
            "Whether each receiving school had a valid lesson in each teaching week but exam "
            "weeks.",
        ),
        share(
            "weeks",
            "常态化率",
            "School-weeks in use",
            ("有有效链路的校周", "school-weeks with a valid link"),
            ("受援校 × 教学周（考试周除外）", "schools × teaching weeks without exam weeks"),
            Text("校周", "school-weeks"),
        ),
        share(
            "regular",
            "常态化学校",
            "Regular schools",
            (
                "常态化周占比达标的受援校",
                "receiving schools in use in enough of the weeks",
            ),
            ("全部受援校", "receiving schools"),
            SCHOOLS,
        ),
    ),
    define(
        10,
        "subject_coverage",
        Text("学科覆盖率", "Subject coverage"),
        Text(
            "受援校申报开不齐的学科年级中，已有有效课的比例。",
            "Of the subjects and grades that schools declared they cannot give in full, those "
            "that a valid lesson reached.",
        ),
        share(
            "subject_coverage",
            "学科覆盖率",
            "Subject-grades reached",
            ("有有效链路的学科年级", "subject-grades with a valid link"),
            ("申报开不齐的学科年级", "subject-grades declared short"),
            Text("个学科年级", "subject-grades"),
        ),
    ),
    define(
        11,
        "interaction",
        Text("互动率", "Interaction"),
        Text(
            "互动课堂中受援班级至少发言一次的比例；只听讲的不计。",
            "Interactive links in which the remote class had the floor at least once; broadcasts "
            "are left out.",
        ),
        share(
            "interaction",
            "互动率",
            "Links with a response",
            ("受援班级发过言的互动链路", "interactive links with a remote response"),
            ("已开出的互动链路", "interactive links held"),
            LINKS,
        ),
    ),
    define(
        12,
        "interruption",
        Text("中断与补课", "Interruption and make-up"),
        Text(
            "上课中断的比例，以及应补的课按期补上的比例。",
            "Links that were interrupted, and lessons made up in time of those that had to be.",
        ),
        share(
            "interrupted",
            "中断率",
            "Links interrupted",
            ("有中断的链路", "links interrupted"),
            ("已开始的链路", "links started"),
            LINKS,
        ),
        share(
            "made_up",
            "补课完成率",
            "Made up in time",
            ("按期补上的链路", "links made up in time"),
            ("应补且已到期的链路", "links to be made up and past their deadline"),
            LINKS,
        ),
    ),
    define(
        13,
        "quality",
        Text("质量达标率", "Quality"),
        Text(
            "时延和丢包的第 95 百分位都在限值以内的链路占比。",
            "Links whose 95th percentiles of delay and loss are within limits.",
        ),
        share(
            "quality",
            "质量达标率",
            "Links within limits",
            ("达标链路", "links within limits"),
            ("有测量值的链路", "links measured"),
            LINKS,
        ),
    ),
    define(
        14,
        "evaluation",
        Text("评课率", "Evaluation"),
        Text("有效课次中有人听课评课的比例。", "Valid sessions that were evaluated."),
        share(
            "evaluation",
            "评课率",
            "Sessions evaluated",
            ("评过的有效课次", "valid sessions evaluated"),
            ("有效课次", "valid sessions"),
            SESSIONS,
        ),
    ),
    define(
        15,
        "research",
        Text("在线教研", "Research"),
        Text(
            "在线帮扶教研的活动、时长、人次和受援校教师参与面。",
            "Joint lesson research: activities, hours, attendances, and how many teachers of the "
            "receiving schools it reached.",
        ),
        total(
            "activities",
            "教研活动",
            "Research activities",
            ("已举行的教研活动", "research activities held"),
            Text("次", "activities"),
        ),
        total(
            "hours",
            "教研时长",
            "Research hours",
            ("教研活动时长之和", "hours of the activities"),
            Text("小时", "hours"),
            Unit.HOURS,
        ),
        total(
            "attendances",
            "教研人次",
            "Research attendances",
            ("参加人次之和", "sum of those taking part"),
            TIMES,
        ),
        share(
            "teachers",
            "受援校教师参与面",
            "Receiving teachers reached",
            ("参加过教研的受援校教师", "teachers of receiving schools who took part"),
            ("受援校全部教师", "teachers of receiving schools"),
            PEOPLE,
        ),
    ),
    define(
        16,
        "push",
        Text("精准推送", "Push"),
        Text(
            "推送给班级的录像包，以及班级领取、打开和看完的比例。",
            "Recordings sent to classes, and how many of them fetched, opened and watched them.",
        ),
        total(
            "packages",
            "推送包",
            "Packages",
            ("推送包", "packages sent"),
            Text("个", "packages"),
        ),
        *(
            share(slug, zh, en, (counted_zh, counted_en), ("推送对象", "targets"), CLASSES)
            for slug, zh, en, counted_zh, counted_en in (
                ("fetched", "领取率", "Fetched", "已领取的推送对象", "targets that fetched it"),
                ("opened", "打开率", "Opened", "已打开的推送对象", "targets that opened it"),
                ("watched", "看完率", "Watched", "已看完的推送对象", "targets that watched it"),
            )
        ),
    ),
)
