"""A Moodle 4.x site as its REST web service shows it: a real HTTP server on the loopback interface.

It answers as Moodle's own code does (``webservice/rest``, ``core_course``, ``core_enrol``, ``core_user``,
``core_completion``): names, pictures and phone numbers are in the answers, fields that the account may not see are left
out, errors come with status 200, and a page of enrolled users is cut before the hidden ones are left out.
"""

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

FUNCTIONS = (
    "core_webservice_get_site_info",
    "core_course_get_courses",
    "core_enrol_get_enrolled_users",
    "core_user_get_users_by_field",
    "core_course_get_contents",
    "core_course_get_course_module",
    "core_completion_get_course_completion_status",
    "core_completion_get_activities_completion_status",
)
_USER_FIELDS = ("id", "username", "fullname", "firstname", "lastname", "email", "idnumber", "suspended", "phone1")


@dataclass
class Course:
    """``criteria`` is None for a course without completion criteria."""

    id: int
    idnumber: str = ""
    enablecompletion: int = 1
    enrolled: tuple[int, ...] = ()
    tracked: tuple[int, ...] = ()
    aggregation: int = 1
    completed: Mapping[int, tuple[bool, list[tuple[bool, int | None]]]] | None = None
    startdate: int = 0
    enddate: int = 0
    timemodified: int = 0


@dataclass
class User:
    id: int
    idnumber: str = ""
    suspended: bool = False
    deleted: bool = False
    confirmed: bool = True
    hidden: bool = False


@dataclass
class Module:
    """``rules`` are the completion rules; ``states`` are state, time, teacher, met rules by user."""

    id: int
    course: int
    idnumber: str = ""
    completion: int = 2
    rules: tuple[str, ...] = ("completionview",)
    states: Mapping[int, tuple[int, int | None, int | None, tuple[str, ...]]] = field(default_factory=dict)


@dataclass
class Site:
    """What there is on the site. ``lacking`` are the rights that the account of the token does not have."""

    courses: list[Course]
    users: list[User]
    modules: list[Module]
    token: str = "f0e1d2c3b4a5968778695a4b3c2d1e0f"
    functions: tuple[str, ...] = FUNCTIONS
    lacking: tuple[str, ...] = ()
    warnings: list[dict[str, object]] = field(default_factory=list)


@dataclass
class Reply:
    """An answer in place of Moodle's; ``wait`` holds it back, ``hang_up`` breaks the connection instead."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: threading.Event | None = None
    hang_up: bool = False


class MoodleException(Exception):
    """An exception of Moodle, as the web service reports it."""

    def __init__(self, errorcode: str, message: str = "", kind: str = "moodle_exception") -> None:
        super().__init__(message)
        self.content = {"exception": kind, "errorcode": errorcode, "message": message}


class MoodleServer:
    """Serves a site while it is entered.

    ``calls`` are the functions asked for, with their parameters; ``targets`` the request lines. ``instead`` may answer
    a call in place of the site: it gets the number of the call, from 1, and the function.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.targets: list[str] = []
        self.instead: Callable[[int, str], Reply | None] = lambda number, function: None
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/hoc"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, form: dict[str, str]) -> object:
        """The answer to one call, or what Moodle says instead."""
        site = self.site
        try:
            if form.pop("wstoken", None) != site.token:
                raise MoodleException("invalidtoken", "Invalid token - token not found")
            function = form.pop("wsfunction", "")
            if function not in site.functions:
                message = f"Access control exception (Access to the function {function}() is not allowed)"
                raise MoodleException("accessexception", message, "webservice_access_exception")
            return getattr(self, f"_{function}")(form)
        except MoodleException as exception:
            return exception.content

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body of an answer leave together

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                form = dict(parse_qsl(urlsplit(self.path).query) + parse_qsl(body.decode(), keep_blank_values=True))
                function = form.get("wsfunction", "")
                server.targets.append(self.path)
                server.calls.append((function, {k: v for k, v in form.items() if not k.startswith("ws")}))
                reply = server.instead(len(server.calls), function)
                if reply is None and urlsplit(self.path).path != "/hoc/webservice/rest/server.php":
                    reply = Reply(404, b"<html>Not Found</html>")
                if reply is None:
                    assert form.pop("moodlewsrestformat", "xml") == "json"
                    reply = Reply(body=json.dumps(server.answer(form)).encode())
                if reply.hang_up:
                    self.close_connection = True
                    return
                if reply.wait is not None:
                    reply.wait.wait(10)
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

            def handle(self) -> None:
                with suppress(ConnectionError):  # the client did not wait
                    super().handle()

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _core_webservice_get_site_info(self, form: dict[str, str]) -> object:
        return {
            "sitename": "Học trực tuyến",
            "username": "kho_du_lieu",
            "firstname": "Kho",
            "lastname": "Dữ liệu",
            "fullname": "Kho Dữ liệu",
            "lang": "vi",
            "userid": 3,
            "siteurl": self.url,
            "userpictureurl": f"{self.url}/theme/image.php",
            "functions": [{"name": name, "version": "2023100904"} for name in self.site.functions],
            "release": "4.3.4 (Build: 20240422)",
            "version": "2023100904",
        }

    def _core_course_get_courses(self, form: dict[str, str]) -> object:
        front_page = Course(1, enablecompletion=0)
        courses = []
        for course in [front_page, *reversed(self.site.courses)]:
            if course.id != 1:
                self._require("moodle/course:view")
            told: dict[str, object] = {
                "id": course.id,
                "shortname": f"Khóa {course.id}",
                "categoryid": 0 if course.id == 1 else 7,
                "fullname": f"Khóa học {course.id}",
                "displayname": f"Khóa học {course.id}",
                "summary": "<p>Giảng viên: Nguyễn Văn Thử</p>",
                "summaryformat": 1,
                "format": "topics",
                "startdate": course.startdate,
                "enddate": course.enddate,
                "showactivitydates": True,
                "showcompletionconditions": None,
            }
            if "moodle/course:update" not in self.site.lacking:
                told |= {
                    "idnumber": course.idnumber,
                    "timecreated": 1,
                    "timemodified": course.timemodified,
                    "enablecompletion": course.enablecompletion,
                }
            courses.append(told)
        return courses

    def _core_enrol_get_enrolled_users(self, form: dict[str, str]) -> object:
        self._require("moodle/course:viewparticipants")
        options = {form[f"options[{i}][name]"]: form[f"options[{i}][value]"] for i in range(len(form) // 2)}
        fields = options["userfields"].split(",")
        if unknown := [name for name in fields if name not in _USER_FIELDS]:
            raise MoodleException("invaliduserfield", f"Invalid user field: {unknown[0]}")
        course = self._course(int(form["courseid"]))
        enrolled = [user for user in self.site.users if user.id in course.enrolled and not user.deleted]
        start, count = int(options["limitfrom"]), int(options["limitnumber"])
        cut = sorted(enrolled, key=lambda user: user.id)[start : start + count]
        details = [self._details(user) for user in cut if not user.hidden]
        return [{name: user[name] for name in (*fields, "fullname") if name in user} for user in details]

    def _core_user_get_users_by_field(self, form: dict[str, str]) -> object:
        self._require("moodle/user:viewdetails")
        assert form.pop("field") == "id"
        wanted = {int(form[f"values[{i}]"]) for i in range(len(form))}
        users = [user for user in self.site.users if user.id in wanted and not user.deleted and not user.hidden]
        return [self._details(user) for user in users]

    def _core_course_get_contents(self, form: dict[str, str]) -> object:
        assert (form["options[0][name]"], form["options[0][value]"]) == ("excludecontents", "1")
        course = self._course(int(form["courseid"]))
        modules = [
            {
                "id": module.id,
                "name": f"Hoạt động {module.id}",
                "instance": module.id + 1000,
                "modname": "page",
                "modplural": "Trang",
                "modicon": f"{self.url}/theme/icon.svg",
                "indent": 0,
                "completion": module.completion,
                "contents": [],
            }
            for module in self.site.modules
            if module.course == course.id
        ]
        sections = [
            {"id": 1, "name": "Chung", "summary": "", "summaryformat": 1, "section": 0, "modules": modules[::2]}
        ]
        return [*sections, {**sections[0], "id": 2, "section": 1, "modules": modules[1::2]}]

    def _core_course_get_course_module(self, form: dict[str, str]) -> object:
        (module,) = [module for module in self.site.modules if module.id == int(form["cmid"])]
        cm: dict[str, object] = {
            "id": module.id,
            "course": module.course,
            "module": 15,
            "name": f"Hoạt động {module.id}",
            "modname": "page",
            "instance": module.id + 1000,
            "section": 1,
            "sectionnum": 0,
            "groupmode": 0,
            "groupingid": 0,
            "completion": module.completion,
        }
        if "moodle/course:manageactivities" not in self.site.lacking:
            cm |= {"idnumber": module.idnumber, "added": 1, "visible": 1, "availability": None}
        return {"cm": cm, "warnings": self.site.warnings}

    def _core_completion_get_course_completion_status(self, form: dict[str, str]) -> object:
        course, user = self._course(int(form["courseid"])), self._active_user(int(form["userid"]))
        if not course.enablecompletion or "report/completion:view" in self.site.lacking:
            raise MoodleException("cannotviewreport", "You cannot view this report")
        if user.id not in course.tracked:
            raise MoodleException("usernotenroled", "This user is not enrolled as a learner")
        if course.completed is None:
            raise MoodleException("nocriteriaset", "No completion criteria set for this course")
        completed, criteria = course.completed.get(user.id, (False, []))
        details = {"type": "Activity completion", "criteria": "Trang", "requirement": "", "status": ""}
        return {
            "completionstatus": {
                "completed": completed,
                "aggregation": course.aggregation,
                "completions": [
                    {
                        "type": 4,
                        "title": "Hoàn thành hoạt động",
                        "status": "Có" if met else "Không",
                        "complete": met,
                        "timecompleted": time,
                        "details": details,
                    }
                    for met, time in criteria
                ],
            },
            "warnings": self.site.warnings,
        }

    def _core_completion_get_activities_completion_status(self, form: dict[str, str]) -> object:
        course, user = self._course(int(form["courseid"])), self._active_user(int(form["userid"]))
        self._require("report/progress:view")
        if "moodle/site:accessallgroups" in self.site.lacking:
            raise MoodleException("accessdenied", "Access denied")
        statuses = []
        for module in self.site.modules:
            if module.course == course.id and module.completion:
                state, time, teacher, met = module.states.get(user.id, (0, 0, None, ()))
                rules = module.rules if module.completion == 2 else ()
                statuses.append(
                    {
                        "cmid": module.id,
                        "modname": "page",
                        "instance": module.id + 1000,
                        "state": state,
                        "timecompleted": time,
                        "tracking": module.completion,
                        "overrideby": teacher,
                        "valueused": False,
                        "hascompletion": True,
                        "isautomatic": module.completion == 2,
                        "istrackeduser": user.id in course.tracked,
                        "uservisible": True,
                        "details": [
                            {
                                "rulename": rule,
                                "rulevalue": {
                                    "status": int(rule in met) if teacher is None else state,
                                    "description": "Xem",
                                },
                            }
                            for rule in rules
                        ],
                    }
                )
        return {"statuses": statuses, "warnings": self.site.warnings}

    def _require(self, right: str) -> None:
        if right in self.site.lacking:
            message = f"Sorry, but you do not currently have permissions to do that ({right})."
            raise MoodleException("nopermissions", message, "required_capability_exception")

    def _course(self, course_id: int) -> Course:
        (course,) = [course for course in self.site.courses if course.id == course_id]
        return course

    def _active_user(self, user_id: int) -> User:
        (user,) = [user for user in self.site.users if user.id == user_id]
        if user.deleted:
            raise MoodleException("userdeleted", "The user account has been deleted")
        if not user.confirmed:
            raise MoodleException("usernotconfirmed", f"Could not confirm {username(user.id)}")
        return user

    def _details(self, user: User) -> dict[str, Any]:
        details = {
            "id": user.id,
            "username": username(user.id),
            "firstname": "Thử",
            "lastname": "Nguyễn Văn",
            "fullname": "Nguyễn Văn Thử",
            "email": f"hoc.vien.{user.id}@hoc.example.vn",
            "address": "1 Đường Thử",
            "phone1": "0280000000",
            "department": "Phòng Thử",
            "idnumber": user.idnumber,
            "suspended": user.suspended,
            "profileimageurlsmall": f"{self.url}/pluginfile.php/{user.id}/icon",
            "profileimageurl": f"{self.url}/pluginfile.php/{user.id}/icon",
            "customfields": [{"type": "text", "value": "013", "name": "CCCD", "shortname": "cccd"}],
        }
        if not user.idnumber or "moodle/user:viewalldetails" in self.site.lacking:
            del details["idnumber"]
        return details


def username(user_id: int) -> str:
    """The user name of an account."""
    return f"taikhoan{user_id}"


def page_of_maintenance() -> Reply:
    """What a closed site or a proxy may send."""
    return Reply(body=b"<!DOCTYPE html>\n<html><body>Trang \xc4\x91ang b\xe1\xba\xa3o tr\xc3\xac</body></html>")


def exception(errorcode: str, message: str) -> Reply:
    """An exception of Moodle, with status 200 as always."""
    return Reply(body=json.dumps(MoodleException(errorcode, message).content).encode())
