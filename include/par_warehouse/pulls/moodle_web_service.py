"""Pull ``moodle_web_service``: asks Moodle 4.x over its REST web service.

Courses with an idnumber first, then who is enrolled in them, the accounts of those, the activities of the courses, and
for each learner of each course the completion of the course and of its materials (activities with an idnumber). Moodle
answers the last two for one learner and one course at a time, so a pull takes about two calls per enrolment.

An answer carries names, pictures and much else; a page keeps only the fields declared here. The token travels in the
body of the request and is in no message. Moodle reports errors with status 200 and a code; no other text of an error is
shown, since Moodle puts names of accounts into it.
"""

import json
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import from_json
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from par_warehouse.dialects.moodle_web_service import COMPLETE, KINDS, PAGE_BYTES, Complete, Kind, Options, page_name
from par_warehouse.pulls import Access, Pages, PullFailed, PullRefused, Window
from par_warehouse.text import clean

RIGHTS = {
    "core_webservice_get_site_info": "webservice/rest:use",
    "core_course_get_courses": "moodle/course:view, moodle/course:viewhiddencourses, moodle/course:update",
    "core_enrol_get_enrolled_users": "moodle/course:viewparticipants, moodle/user:viewdetails,"
    " moodle/site:accessallgroups",
    "core_user_get_users_by_field": "moodle/user:viewdetails, moodle/user:viewalldetails",
    "core_course_get_contents": "moodle/course:viewhiddenactivities",
    "core_course_get_course_module": "moodle/course:manageactivities",
    "core_completion_get_course_completion_status": "report/completion:view, moodle/site:accessallgroups",
    "core_completion_get_activities_completion_status": "report/progress:view, moodle/site:accessallgroups",
}
"""The functions that are asked, and the rights that the account of the token needs for each.

Without ``update``, ``manageactivities`` or ``viewalldetails`` Moodle answers, but leaves the idnumber out.
"""

Row = dict[str, Any]
T = TypeVar("T")

_ENROLLED_PER_CALL = 500
_USERS_PER_CALL = 100  # PHP takes at most 1,000 form fields (max_input_vars)
_LEARNERS_PER_PAGE = 200  # what an interruption loses at most: 200 calls
_ATTEMPTS = 5
_LONGEST_PAUSE = 60.0

# The learner has no completion in the course; everything else that goes wrong is an error.
_NOT_TRACKED = ("usernotenroled", "notenroled")
_NO_CRITERIA = "nocriteriaset"
_NOT_ACTIVE = ("userdeleted", "usernotconfirmed", "invaliduser", "guestsarenotallowed")

_TOKEN_REFUSED = ("invalidtoken", "invalidtimedtoken", "accessexception", "usernotfullysetup", "sitepolicynotagreed",
                  "forcepasswordchangenotice")  # fmt: skip
_NO_RIGHT = ("nopermissions", "accessdenied", "cannotviewreport", "errorcoursecontextnotvalid", "requireloginerror")


def pull(
    access: Access,
    options: Options,
    window: Window,
    pages: Pages,
    *,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Ask Moodle at ``access.url`` until the last page is there. ``access.secret`` is the token.

    Moodle tells its present state only, so ``window`` asks for nothing: what happened after its end is in the pages
    with its time, and counts on its own day.
    Raises PullRefused when a person has to change something (token, rights, address), else PullFailed.
    """
    if COMPLETE in pages:
        return
    kept = _Kept(pages)
    with _Moodle(access, options, sleep, monotonic) as moodle:
        moodle.check_functions()
        courses = [course for course in kept.rows("courses", 1, partial(_courses, moodle)) if course["idnumber"]]
        enrolled = {
            course["id"]: [row["userid"] for row in kept.rows("enrolments", number, partial(_enrolled, moodle, course))]
            for number, course in enumerate(courses, 1)
        }
        users = sorted({user for learners in enrolled.values() for user in learners})
        for number, some in enumerate(_chunks(users, _USERS_PER_CALL), 1):
            kept.rows("users", number, partial(_users, moodle, some))

        tracking = [course for course in courses if course["enablecompletion"]]
        materials = {}
        for number, course in enumerate(courses, 1):
            modules = kept.rows("modules", number, partial(_modules, moodle, course))
            materials[course["id"]] = {module["id"] for module in modules if _is_tracked_material(module)}

        without_criteria: set[int] = set()
        learners = ((course["id"], user) for course in tracking for user in enrolled[course["id"]])
        for number, pairs in enumerate(_chunks(learners, _LEARNERS_PER_PAGE), 1):
            rows = kept.rows("completions", number, partial(_completions, moodle, pairs, without_criteria))
            without_criteria |= {row["courseid"] for row in rows if row["errorcode"] == _NO_CRITERIA}

        learners = ((course["id"], user) for course in tracking if materials[course["id"]]
                    for user in enrolled[course["id"]])  # fmt: skip
        for number, pairs in enumerate(_chunks(learners, _LEARNERS_PER_PAGE), 1):
            kept.rows("views", number, partial(_views, moodle, pairs, materials))
    kept.finish(len(users))


class _Kept:
    """The pages there are: one that is missing is asked for, each is counted."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._page_counts = dict.fromkeys(KINDS, 0)
        self._row_counts = dict.fromkeys(KINDS, 0)

    def rows(self, kind: Kind, number: int, ask: Callable[[], list[Row]]) -> list[Row]:
        """The rows of a page."""
        name = page_name(kind, number)
        if name in self._pages:
            rows: list[Row] = from_json(self._pages.read(name))
        else:
            rows = ask()
            content = _to_json(rows)
            if len(content) > PAGE_BYTES:
                raise PullFailed(f"Moodle: {name} would be larger than {PAGE_BYTES >> 20} MiB.")
            self._pages.write(name, content)
        self._page_counts[kind] += 1
        self._row_counts[kind] += len(rows)
        return rows

    def finish(self, users_enrolled: int) -> None:
        """Write the last page."""
        complete = Complete(pages=self._page_counts, rows=self._row_counts, users_enrolled=users_enrolled)
        self._pages.write(COMPLETE, complete.model_dump_json().encode())


# What a page keeps of an answer. None: Moodle left the field out.


class _Course(BaseModel):
    id: int
    categoryid: int = Field(exclude=True)
    idnumber: str | None = None
    startdate: int | None = None
    enddate: int | None = None
    timemodified: int | None = None
    enablecompletion: bool | None = None


class _Enrolled(BaseModel):
    id: int


class _User(BaseModel):
    id: int
    username: str | None = None
    idnumber: str | None = None
    email: str | None = None
    suspended: bool | None = None


class _ModuleOfSection(BaseModel):
    id: int


class _Section(BaseModel):
    modules: list[_ModuleOfSection]


class _Module(BaseModel):
    id: int
    course: int
    idnumber: str | None = None
    completion: int


class _Answer(BaseModel):
    warnings: list[object] = Field(default_factory=list)


class _ModuleAnswer(_Answer):
    cm: _Module


class _Criterion(BaseModel):
    complete: bool
    timecompleted: int | None


class _CompletionStatus(BaseModel):
    completed: bool
    aggregation: int
    completions: list[_Criterion]


class _CompletionAnswer(_Answer):
    completionstatus: _CompletionStatus


class _RuleValue(BaseModel):
    status: int


class _Rule(BaseModel):
    rulename: str
    rulevalue: _RuleValue


class _Status(BaseModel):
    cmid: int
    state: int
    timecompleted: int | None
    overrideby: int | None = None
    details: list[_Rule] = Field(default_factory=list)


class _StatusAnswer(_Answer):
    statuses: list[_Status]


class _Function(BaseModel):
    name: str


class _SiteInfo(BaseModel):
    functions: list[_Function]


_COURSES = TypeAdapter(list[_Course])
_ENROLLED = TypeAdapter(list[_Enrolled])
_USERS = TypeAdapter(list[_User])
_SECTIONS = TypeAdapter(list[_Section])
_MODULE = TypeAdapter(_ModuleAnswer)
_COMPLETION = TypeAdapter(_CompletionAnswer)
_STATUSES = TypeAdapter(_StatusAnswer)
_SITE_INFO = TypeAdapter(_SiteInfo)


def _courses(moodle: "_Moodle") -> list[Row]:
    """Every course; the front page, which Moodle keeps as a course outside all categories, is none.

    One without an idnumber is not asked about any further.
    """
    function = "core_course_get_courses"
    courses = moodle.ask(function, _COURSES)
    rows = []
    for course in sorted((one for one in courses if one.categoryid), key=lambda one: one.id):
        if course.idnumber is None:
            raise _refused_right(function)
        rows.append(course.model_dump() | {"idnumber": course.idnumber if clean(course.idnumber) else ""})
    return rows


def _enrolled(moodle: "_Moodle", course: Row) -> list[Row]:
    """Everybody enrolled in the course, suspended enrolments too."""
    users: set[int] = set()
    # Moodle cuts a page before it leaves out those whom the account may not see: a short page need not be the last.
    for start in range(0, 1 << 31, _ENROLLED_PER_CALL):
        options = {"userfields": "id", "sortby": "id", "limitfrom": start, "limitnumber": _ENROLLED_PER_CALL}
        parameters: dict[str, object] = {"courseid": course["id"]}
        for index, (name, value) in enumerate(options.items()):
            parameters |= {f"options[{index}][name]": name, f"options[{index}][value]": value}
        new = {user.id for user in moodle.ask("core_enrol_get_enrolled_users", _ENROLLED, parameters)} - users
        if not new:
            break
        users |= new
    return [{"courseid": course["id"], "userid": user} for user in sorted(users)]


def _users(moodle: "_Moodle", ids: list[int]) -> list[Row]:
    parameters = {"field": "id"} | {f"values[{index}]": user for index, user in enumerate(ids)}
    users = moodle.ask("core_user_get_users_by_field", _USERS, parameters)
    return [user.model_dump() for user in sorted(users, key=lambda one: one.id)]


def _modules(moodle: "_Moodle", course: Row) -> list[Row]:
    """The activities of a course; their idnumber is told one by one only."""
    parameters = {"courseid": course["id"], "options[0][name]": "excludecontents", "options[0][value]": 1}
    sections = moodle.ask("core_course_get_contents", _SECTIONS, parameters)
    function = "core_course_get_course_module"
    rows = []
    for module_id in sorted({module.id for section in sections for module in section.modules}):
        answer = moodle.ask(function, _MODULE, {"cmid": module_id})
        if answer.cm.idnumber is None:
            raise _refused_right(function)
        rows.append(answer.cm.model_dump() | {"warnings": len(answer.warnings)})
    return rows


def _is_tracked_material(module: Row) -> bool:
    return module["completion"] == 2 and clean(module["idnumber"]) != ""


def _completions(moodle: "_Moodle", pairs: list[tuple[int, int]], without_criteria: set[int]) -> list[Row]:
    """One row per learner and course; ``criteria`` are the times at which its criteria were met."""
    rows = []
    for course, user in pairs:
        row: Row = {"courseid": course, "userid": user, "errorcode": None, "completed": None, "aggregation": None,
                    "criteria": [], "warnings": 0}  # fmt: skip
        if course in without_criteria:
            rows.append(row | {"errorcode": _NO_CRITERIA})
            continue
        parameters = {"courseid": course, "userid": user}
        try:
            answer = moodle.ask("core_completion_get_course_completion_status", _COMPLETION, parameters)
        except _MoodleError as error:
            if error.errorcode not in (*_NOT_TRACKED, _NO_CRITERIA, *_NOT_ACTIVE):
                raise
            if error.errorcode == _NO_CRITERIA:
                without_criteria.add(course)
            rows.append(row | {"errorcode": error.errorcode})
            continue
        status = answer.completionstatus
        rows.append(
            row
            | {
                "completed": status.completed,
                "aggregation": status.aggregation,
                "criteria": [one.timecompleted for one in status.completions if one.complete and one.timecompleted],
                "warnings": len(answer.warnings),
            }
        )
    return rows


def _views(moodle: "_Moodle", pairs: list[tuple[int, int]], materials: Mapping[int, set[int]]) -> list[Row]:
    """One row per learner and course, with the completion of each material; ``viewed`` is None if not required."""
    rows = []
    for course, user in pairs:
        row: Row = {"courseid": course, "userid": user, "errorcode": None, "statuses": [], "warnings": 0}
        parameters = {"courseid": course, "userid": user}
        try:
            answer = moodle.ask("core_completion_get_activities_completion_status", _STATUSES, parameters)
        except _MoodleError as error:
            if error.errorcode not in _NOT_ACTIVE:
                raise
            rows.append(row | {"errorcode": error.errorcode})
            continue
        statuses = []
        for status in answer.statuses:
            if status.cmid in materials[course]:
                views = [rule.rulevalue.status for rule in status.details if rule.rulename == "completionview"]
                statuses.append(
                    {
                        "cmid": status.cmid,
                        "state": status.state,
                        "timecompleted": status.timecompleted or 0,
                        "overridden": status.overrideby is not None,
                        "viewed": views[0] == 1 if views else None,
                    }
                )
        rows.append(row | {"statuses": statuses, "warnings": len(answer.warnings)})
    return rows


class _MoodleError(PullFailed):
    """Moodle answered with an exception that is neither about the token nor about rights."""

    def __init__(self, function: str, errorcode: str) -> None:
        super().__init__(f"Moodle: {function} answered with the error {errorcode}; see the log of Moodle.")
        self.errorcode = errorcode


class _NotNow(PullFailed):
    """Asking again may help; ``pause`` is how long Moodle asks to wait (seconds)."""

    def __init__(self, text: str, pause: float = 0) -> None:
        super().__init__(text)
        self.pause = pause


class _Moodle:
    """One site: a call at a time, not too many per second, again after a passing failure."""

    def __init__(
        self, access: Access, options: Options, sleep: Callable[[float], None], monotonic: Callable[[], float]
    ) -> None:
        if not access.secret:
            raise PullRefused("Moodle: the connection has no token; put the token of the web service into it.")
        self._token = access.secret
        self._endpoint = f"{access.url.rstrip('/')}/webservice/rest/server.php"
        self._timeout = options.timeout_seconds
        self._between_calls = 1 / options.calls_per_second
        self._next_call = -math.inf
        self._sleep = sleep
        self._monotonic = monotonic
        self._http = httpx.Client(timeout=options.timeout_seconds, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def check_functions(self) -> None:
        """Raise PullRefused when the token is refused, or its service lacks a function that the pull needs."""
        info = self.ask("core_webservice_get_site_info", _SITE_INFO)
        if missing := sorted(RIGHTS.keys() - {function.name for function in info.functions}):
            raise PullRefused(
                f"Moodle: the service of the token lacks {', '.join(missing)}; add them"
                " (Site administration > Server > Web services > External services > Functions)."
            )

    def ask(self, function: str, shape: TypeAdapter[T], parameters: Mapping[str, object] | None = None) -> T:
        """The answer of a function, cut down to ``shape``."""
        retrying = Retrying(
            retry=retry_if_exception_type(_NotNow),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=_pause,
            sleep=self._sleep,
            reraise=True,
        )
        body = retrying(self._post, function, parameters or {})
        try:
            answer = from_json(body)
        except ValueError:
            raise PullFailed(
                f"Moodle: {function} answered with something other than JSON, such as a page for maintenance or for"
                " signing in; see whether the site is open, and whether a proxy stands before it."
            ) from None
        if isinstance(answer, dict) and ("exception" in answer or "errorcode" in answer):
            raise _error(function, str(answer.get("errorcode") or ""))
        try:
            return shape.validate_python(answer)
        except ValidationError:
            raise PullFailed(f"Moodle: the answer of {function} is not that of Moodle 4.x.") from None

    def _post(self, function: str, parameters: Mapping[str, object]) -> bytes:
        self._wait_for_turn()
        form = {"wstoken": self._token, "wsfunction": function, "moodlewsrestformat": "json"}
        form |= {name: str(value) for name, value in parameters.items()}
        until = self._monotonic() + self._timeout
        content = bytearray()
        try:
            with self._http.stream("POST", self._endpoint, data=form) as response:
                _check_status(function, response)
                for piece in response.iter_bytes():
                    content += piece
                    if len(content) > PAGE_BYTES:
                        raise PullFailed(f"Moodle: the answer of {function} is larger than {PAGE_BYTES >> 20} MiB.")
                    if self._monotonic() > until:
                        raise _NotNow(f"Moodle: {function} took longer than {self._timeout:g} seconds.")
        except httpx.TimeoutException:
            raise _NotNow(f"Moodle: {function} took longer than {self._timeout:g} seconds.") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise PullRefused("Moodle: the address in the connection is not a web address.") from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _NotNow(f"Moodle cannot be reached ({type(error).__name__}).") from None
        return bytes(content)

    def _wait_for_turn(self) -> None:
        now = self._monotonic()
        if now < self._next_call:
            self._sleep(self._next_call - now)
        self._next_call = max(now, self._next_call) + self._between_calls


def _check_status(function: str, response: httpx.Response) -> None:
    status = response.status_code
    if status == 200:
        return
    if response.is_redirect:
        raise PullRefused(
            f"Moodle: the address leads to another one (HTTP {status}), where the token is not sent; put the final"
            " address of the site into the connection."
        )
    if status in (401, 403, 404):
        raise PullRefused(
            f"Moodle: HTTP {status}; the address may be wrong, the REST protocol turned off"
            " (Site administration > Server > Web services > Manage protocols), or this machine not let in."
        )
    if status == 429 or status >= 500:
        asked = response.headers.get("retry-after", "")
        raise _NotNow(f"Moodle: {function} answered with HTTP {status}.", float(asked) if asked.isdecimal() else 0)
    raise PullFailed(f"Moodle: {function} answered with HTTP {status}.")


def _pause(state: RetryCallState) -> float:
    """1, 2, 4, 8 seconds, or what Moodle asks for if that is longer; never more than a minute."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.pause if isinstance(error, _NotNow) else 0
    return min(max(2.0 ** (state.attempt_number - 1), asked), _LONGEST_PAUSE)


def _error(function: str, errorcode: str) -> PullFailed | PullRefused:
    code = errorcode if re.fullmatch(r"[A-Za-z0-9_/]{1,60}", errorcode) else "unknown"
    if code in _TOKEN_REFUSED or code.startswith("wsaccessuser"):
        return PullRefused(
            f"Moodle refuses the token for {function} ({code}): it may be wrong, expired, not for this machine, its"
            " account suspended, or the function not in its service; see Site administration > Server > Web services."
        )
    if code in _NO_RIGHT:
        return _refused_right(function, code)
    return _MoodleError(function, code)


def _refused_right(function: str, code: str = "no idnumber in the answer") -> PullRefused:
    return PullRefused(
        f"Moodle: the account of the token has no right to all that {function} is asked for ({code}); give its role,"
        f" for the whole site: {RIGHTS[function]}."
    )


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _to_json(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
