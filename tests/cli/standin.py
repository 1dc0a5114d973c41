"""A local stand-in for GlitchTip, Bugsink and Sentry: it answers as running servers were seen to.

``python tests/cli/standin.py --kind glitchtip --port 8000`` serves one until it is ended.
"""

from __future__ import annotations

import argparse
import dataclasses
import gzip
import json
import re
import sys
import threading
import time
import uuid
import zlib
from collections.abc import Callable
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

JSON, HTML = "application/json; charset=utf-8", "text/html; charset=utf-8"
PAGE = "<!doctype html><html><head><title>GlitchTip</title></head><body></body></html>"
KEY = "0123456789abcdef0123456789abcdef"
TOKENS = {"glitchtip": "5afe" * 16, "bugsink": "5afe" * 10, "sentry": "sntryu_" + "5afe" * 16}
SCOPES = {
    "glitchtip": {"event:read", "project:read"},
    "bugsink": {"issues:read", "events:read", "projects:read"},
    "sentry": {"event:read", "project:read", "org:read"},
}
GONE = "The requested resource does not exist"


@dataclasses.dataclass
class Project:
    """A project of the stand-in, with its knobs."""

    number: int = 1
    slug: str = "shop"
    org: str = "acme"
    key: str = KEY
    org_number: int = 3
    throttle: int = 0  # percent
    quota: bool = True  # Bugsink: there is some left
    accepting: bool = True
    first_event: str | None = None
    blocked_until: float = 0.0


@dataclasses.dataclass
class Event:
    """A stored event."""

    event: dict[str, Any]
    project: int
    readable_at: float
    received: str
    own_id: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))


class Reply(Exception):
    """An answer: status, body, content type, headers."""

    def __init__(
        self, status: int, body: Any = b"", kind: str = JSON, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status)
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        self.status, self.kind, self.headers = status, kind, headers or {}
        self.body = text.encode() if isinstance(text, str) else text


@dataclasses.dataclass
class Request:
    """What was asked: *path* without the sub-path of the stand-in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = dataclasses.field(default=b"", repr=False)

    @property
    def token(self) -> str:
        """The value of ``Authorization``."""
        return self.headers.get("authorization", "")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


class StandIn:
    """A server on 127.0.0.1. Each knob may be set at any time, or given by its name."""

    def __init__(
        self, kind: str = "glitchtip", *, port: int = 0, prefix: str = "", **knobs: Any
    ) -> None:
        self.kind, self.prefix, self.token = kind, prefix.rstrip("/"), TOKENS[kind]
        self.projects = [Project()]
        self.scopes = set(SCOPES[kind])
        self.delay = 0.0  # seconds from the POST until the event can be read
        self.drop = False  # accept events, and store none
        self.alter: Callable[[dict[str, Any]], object] | None = None  # of the stored event
        self.answer_post: Reply | int | None = None  # in place of any other answer to a POST
        self.answer_get: Callable[[Request], Reply | None] | None = None  # before any other answer
        self.html = False  # answer each GET with a page, status 200
        self.private = False  # only ingestion is reachable; the rest is 404
        self.block_seconds = 30.1  # GlitchTip, after a wrong key
        self.page_size = 50 if kind == "glitchtip" else 250
        self.bound_to: int | None = None  # Bugsink: the project of the token
        self.renamed: dict[str, str] = {}  # Sentry: old slug -> new slug
        self.org_token = False  # Sentry: a token of one organisation
        self.has_level = True  # GlitchTip: .../json/ works for a stored event
        self.events: dict[str, Event] = {}
        self.posts: list[tuple[int, str, int]] = []  # project, key, status
        self.requests: list[Request] = []
        self.lock = threading.RLock()
        for name, value in knobs.items():
            if not hasattr(self, name):
                raise TypeError(f"no knob {name}")
            setattr(self, name, value)
        self.server = _Server(("127.0.0.1", port), _handler(self))
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> StandIn:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self) -> str:
        """The address of pages and API."""
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    def dsn(self, project: int = 1, key: str | None = None) -> str:
        """Return a DSN: of a project, with its own key unless another one is given."""
        found = self.project(project)
        used = key or (found.key if found else KEY)
        return f"http://{used}@127.0.0.1:{self.port}{self.prefix}/{project}"

    def project(self, number: int) -> Project | None:
        """Return the project with this number."""
        return next((each for each in self.projects if each.number == number), None)

    def store(self, event: dict[str, Any], project: int = 1) -> None:
        """Store *event*, unless it is dropped; the first one with its id counts."""
        if self.drop:
            return
        stored = json.loads(json.dumps(event))
        if self.alter:
            self.alter(stored)
        now = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
        with self.lock:
            self.events.setdefault(
                uuid.UUID(event["event_id"]).hex,
                Event(stored, project, time.time() + self.delay, now),
            )

    def readable(self, text: str, project: int | None = None) -> Event | None:
        """Return the event with this id, dashed or not, if it can be read by now."""
        found = self.events.get(text.replace("-", "").lower())
        is_there = found and found.readable_at <= time.time()
        return found if found and is_there and project in {None, found.project} else None

    def reply(self, request: Request) -> Reply:
        """Return the answer to *request*."""
        with self.lock:
            self.requests.append(request)
        found = re.fullmatch(r"/api/(\d+)/(envelope|store)(/?)", request.path)
        try:
            if found:
                return self._ingest(request, int(found[1]), found[3])
            if self.private:
                return Reply(404, "<html><h1>404 Not Found</h1><hr>nginx</html>", "text/html")
            special = self.answer_get(request) if self.answer_get else None
            if special or self.html:
                return special or Reply(200, PAGE, HTML)
            return API[self.kind](self, request)
        except Reply as reply:
            return reply

    def _ingest(self, request: Request, number: int, slash: str) -> Reply:
        auth = request.headers.get("x-sentry-auth", "") + request.token
        named = re.search(r"sentry_key=([^,\s]+)", auth)
        key = named[1] if named else request.query.get("sentry_key", "")
        reply = self._ingested(request, number, key, slash)
        with self.lock:
            self.posts.append((number, key, reply.status))
        return reply

    def _ingested(self, request: Request, number: int, key: str, slash: str) -> Reply:
        if not slash:
            return Reply(301, "", HTML, {"Location": f"{self.prefix}{request.path}/"})
        if request.method != "POST":
            return Reply(405, {"detail": "Method not allowed"})
        if isinstance(self.answer_post, int):
            return Reply(self.answer_post, {"detail": "set by a test"})
        if self.answer_post:
            return self.answer_post
        project = self.project(number)
        try:
            INGEST[self.kind](self, project, number, key)
            event_id, event = envelope(request)
        except Reply as reply:
            return reply
        if self.kind == "bugsink" and event and len(json.dumps(event)) > 1 << 20:
            text = "Max length (MAX_EVENT_SIZE: 1048576) exceeded"
            return Reply(413, {"message": text}, "application/json")
        if event:
            self.store(event, number)
        limits = {"X-Sentry-Rate-Limits": "86400:transaction;span:organization"}
        headers = limits if self.kind == "bugsink" else {}
        return Reply(200, {"id": event_id}, "application/json", headers)


def _handler(standin: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet for each answer: small ones are delayed otherwise

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            url = urlsplit(self.path)
            path = url.path
            if standin.prefix and not path.startswith(f"{standin.prefix}/"):
                reply = Reply(404, "<h1>Not Found</h1>", HTML)
            else:
                query = {name: each[-1] for name, each in parse_qs(url.query).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                path = path[len(standin.prefix) :]
                reply = standin.reply(Request(self.command, path, query, headers, body))
            self.send_response(reply.status)
            headers = {"Content-Type": reply.kind, "Content-Length": str(len(reply.body))}
            for name, value in {**headers, **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 # http.server has these names

    return Handler


# --- ingestion -------------------------------------------------------------------------------


def envelope(request: Request) -> tuple[str, dict[str, Any] | None]:
    """Return the id and the event of an envelope; raise ``Reply`` as GlitchTip refuses it."""
    body, encoding = request.body, request.headers.get("content-encoding", "")
    if encoding == "gzip":
        body = gzip.decompress(body)
    elif encoding == "deflate":
        body = zlib.decompress(body)
    if not body:
        raise Reply(400, {"detail": "Empty request body"})
    first, _, rest = body.partition(b"\n")
    try:
        event_id = uuid.UUID(json.loads(first)["event_id"]).hex
    except (ValueError, KeyError, TypeError):
        raise Reply(400, {"detail": "Invalid envelope header"}) from None
    while rest.strip():
        line, _, rest = rest.lstrip(b"\n").partition(b"\n")
        item = json.loads(line)
        length = item.get("length")
        length = rest.find(b"\n") % (len(rest) + 1) if length is None else length
        payload, rest = rest[:length], rest[length:]
        if item.get("type") == "event":
            return event_id, {"event_id": event_id, **json.loads(payload)}
    return event_id, None


def _glitchtip_key(standin: StandIn, project: Project | None, number: int, key: str) -> None:
    if key and not re.fullmatch(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", key):
        raise Reply(403, {"detail": "Invalid DSN"}, "application/json")
    now = time.monotonic()
    is_blocked = project is not None and now < project.blocked_until
    if project is None or is_blocked or key.replace("-", "") != project.key:
        if project and key and not is_blocked:
            project.blocked_until = now + standin.block_seconds
        raise Reply(403, {"detail": "Denied"}, "application/json")
    if project.throttle or not project.accepting:
        wait = "600" if project.throttle in {0, 100} else "162"
        raise Reply(429, "Too Many Requests", "text/html", {"Retry-After": wait})


def _bugsink_key(standin: StandIn, project: Project | None, number: int, key: str) -> None:
    if not key:
        raise Reply(403, "Unable to find authentication information", "text/html")
    if not re.fullmatch(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", key):
        raise Reply(400, {"message": "invalid key"}, "application/json")
    if project is None or key != project.key:
        dsn = standin.dsn(number, key)
        raise Reply(403, f"Project not found or key incorrect: {dsn}", "text/html")
    if not project.quota:
        limits = "60::key, 86400:transaction;span:organization"
        raise Reply(429, "", "text/html", {"X-Sentry-Rate-Limits": limits})


def _sentry_key(standin: StandIn, project: Project | None, number: int, key: str) -> None:
    if project is None or key != project.key:
        text = "event submission rejected with_reason: ProjectId"
        raise Reply(403, {"detail": text}, "application/json")
    if project.throttle:
        headers = {"Retry-After": "60", "X-Sentry-Rate-Limits": "60:error:key"}
        raise Reply(429, {"detail": "rate limit"}, "application/json", headers)


# --- what a stored event looks like ----------------------------------------------------------


def title_of(event: dict[str, Any]) -> str:
    """Return the title that the backends make."""
    values = (event.get("exception") or {}).get("values")
    if values:
        return f"{values[-1].get('type')}: {values[-1].get('value')}"
    message = event.get("logentry") or {}
    return str(message.get("formatted") or message.get("message") or event.get("message") or "")


def tags_of(event: dict[str, Any], *more: str) -> list[dict[str, str]]:
    """Return the tags as the APIs list them, with environment, release and server name."""
    given = event.get("tags") or {}
    tags = dict(given if isinstance(given, dict) else map(tuple, given))
    names = ("environment", "release", "server_name", *more)
    tags.update({name: event[name] for name in names if event.get(name)})
    return [{"key": key, "value": str(value)} for key, value in tags.items()]


def detail_of(stored: Event, tags: list[dict[str, str]]) -> dict[str, Any]:
    """Return the event as the API of GlitchTip and Sentry shows it: no level."""
    event, event_id = stored.event, uuid.UUID(stored.event["event_id"]).hex
    kinds = {"exception": "exception", "logentry": "message", "request": "request"}
    kinds["breadcrumbs"] = "breadcrumbs"
    return {
        "id": event_id,
        "eventID": event_id,
        "projectID": stored.project,
        "groupID": "41",
        "title": title_of(event),
        "message": (event.get("logentry") or {}).get("formatted", ""),
        "culprit": event.get("transaction", ""),
        "transaction": event.get("transaction", ""),
        "type": "error" if event.get("exception") else "default",
        "platform": event.get("platform"),
        "dateCreated": stored.received,
        "dateReceived": stored.received,
        "tags": tags,
        "entries": [{"type": kinds[k], "data": event[k]} for k in kinds if event.get(k)],
        "contexts": event.get("contexts") or {},
        "context": event.get("extra") or {},
        "user": event.get("user"),
        "sdk": event.get("sdk") or {},
        "packages": event.get("modules"),
        "metadata": {},
        "errors": [],
        "dist": None,
        "previousEventID": None,
        "nextEventID": None,
        "userReport": None,
    }


def is_uuid(text: str) -> bool:
    """Return True if *text* is a UUID, with or without dashes."""
    return bool(re.fullmatch(r"[0-9a-f]{32}", text.replace("-", "").lower()))


def may(standin: StandIn, kind: str) -> bool:
    """Return True if the token has one of the scopes of *kind*."""
    return bool(standin.scopes & {f"{kind}:read", f"{kind}:write", f"{kind}:admin"})


# --- GlitchTip -------------------------------------------------------------------------------


def _glitchtip(standin: StandIn, request: Request) -> Reply:
    scheme, _, token = request.token.partition(" ")
    is_known = scheme.lower() == "bearer" and token.strip() == standin.token
    path = request.path
    if path == "/api/0/":
        auth = {"token": standin.token, "scopes": sorted(standin.scopes)} if is_known else None
        user = {"email": "ops@example.com"} if is_known else None
        return Reply(200, {"version": "0", "user": user, "auth": auth})
    if path == "/api/settings/":
        flags = {"version": "5.2.0", "enableUserRegistration": False, "serverTimeZone": "UTC"}
        return Reply(200, flags)
    row = next((row for row in _GLITCHTIP if re.fullmatch(row[0], path)), None)
    if row is None:
        is_page = any(f"/{word}" in path for word in ("projects", "issues", "releases", "settings"))
        return Reply(200, PAGE, HTML) if is_page else Reply(404, "<h1>Not Found</h1>", HTML)
    if not is_known:
        return Reply(401, {"detail": "Unauthorized"})
    pattern, scope, view = row
    if not may(standin, scope):
        return Reply(403, {"detail": "Permission denied"})
    found = re.fullmatch(pattern, path)
    return view(standin, request, *(found.groups() if found else ()))


def _glitchtip_projects(standin: StandIn, request: Request) -> Reply:
    # Without a limit 50; 200 is the most.
    limit = min(
        int(request.query.get("limit", 50)), standin.page_size if standin.page_size < 50 else 200
    )
    start = int(request.query.get("cursor", 0))
    rows = [
        {
            "id": str(each.number),
            "slug": each.slug,
            "name": each.slug,
            "firstEvent": each.first_event,
            "eventThrottleRate": each.throttle,
            "organization": {
                "id": str(each.org_number),
                "slug": each.org,
                "isAcceptingEvents": each.accepting,
                "eventThrottleRate": 0,
            },
        }
        for each in standin.projects[start : start + limit]
    ]
    # The Link header that was seen is the repr of a set of one text.
    address = f"{standin.url}/api/0/projects/?limit={limit}&cursor="
    links = []
    for name, at in ("previous", start - limit), ("next", start + limit):
        results = str(0 <= at < len(standin.projects)).lower()
        links.append(f'<{address}{at}>; rel="{name}"; results="{results}"; cursor="{at}"')
    headers = {"Link": repr({", ".join(links)}), "X-Hits": str(len(standin.projects))}
    return Reply(200, rows, headers=headers)


def _named(standin: StandIn, org: str, slug: str) -> Project:
    for each in standin.projects:
        if (each.org, each.slug) == (org, slug):
            return each
    raise Reply(404, {"detail": "Not Found"})


def _keys(standin: StandIn, request: Request, org: str, slug: str) -> Reply:
    project = _named(standin, org, slug)
    public = project.key if standin.kind == "sentry" else str(uuid.UUID(project.key))
    dsn = {"public": standin.dsn(project.number)}
    row = {"id": 1, "public": public, "dsn": dsn, "label": None, "projectID": project.number}
    return Reply(200, [row])


def _glitchtip_event(standin: StandIn, request: Request, org: str, slug: str, text: str) -> Reply:
    if not is_uuid(text):
        detail = {"type": "uuid_parsing", "loc": ["path", "event_id"], "msg": "no UUID"}
        return Reply(422, {"detail": [detail]})
    stored = standin.readable(text, _named(standin, org, slug).number)
    if stored is None:
        return Reply(404, {"detail": "Not Found"})
    return Reply(200, detail_of(stored, tags_of(stored.event)))


def _glitchtip_json(standin: StandIn, request: Request, _org: str, _group: str, text: str) -> Reply:
    stored = standin.readable(text)
    if stored is None or not standin.has_level:
        return Reply(500, "<h1>Server Error (500)</h1>", HTML)
    event = stored.event
    names = ("level", "environment", "hashes")
    return Reply(200, {"event_id": event["event_id"], **{n: event.get(n) for n in names}})


_GLITCHTIP: list[tuple[str, str, Callable[..., Reply]]] = [
    (r"/api/0/projects/", "project", _glitchtip_projects),
    (r"/api/0/projects/([^/]+)/([^/]+)/keys/", "project", _keys),
    (r"/api/0/projects/([^/]+)/([^/]+)/events/([^/]+)/", "event", _glitchtip_event),
    (r"/api/0/organizations/([^/]+)/issues/(\d+)/events/([^/]+)/json/", "event", _glitchtip_json),
]


# --- Bugsink ---------------------------------------------------------------------------------


def _bugsink(standin: StandIn, request: Request) -> Reply:
    path, canonical = request.path, "/api/canonical/0/"
    if path == "/api/0/" and not request.token:
        return Reply(401, {"error": "Authorization header not found"}, "application/json")
    if path == "/api/0/":
        return Reply(200, {"version": "0", "auth": {"scopes": ["org:ci"]}, "user": None})
    if path == canonical or any(re.fullmatch(row[0], path) for row in _BUGSINK):
        _bugsink_token(standin, request.token)
    for pattern, scope, view in _BUGSINK:
        found = re.fullmatch(pattern, path)
        if found and scope not in standin.scopes:
            text = f"This token does not have the required capability: {scope}."
            return Reply(403, {"detail": text}, "application/json")
        if found:
            return view(standin, request, *found.groups())
    return Reply(404, f"Unimplemented API endpoint: {path}", "text/html")


def _bugsink_token(standin: StandIn, given: str) -> None:
    scheme, _, token = given.partition(" ")
    fault = "Invalid Bearer token." if token != standin.token else ""
    if not re.fullmatch(r"[0-9a-f]{40}", token):
        fault = "Malformed Bearer token, must be 40 lowercase hex chars."
    if scheme != "Bearer":
        fault = "Authentication credentials were not provided."
    if fault:
        headers = {"WWW-Authenticate": "Bearer"}
        raise Reply(401, {"detail": fault}, "application/json", headers)


def _bugsink_number(standin: StandIn, number: str) -> Project:
    project = standin.project(int(number)) if number.isdigit() else None
    if project is None:
        raise Reply(404, {"detail": "No Project matches the given query."}, "application/json")
    if standin.bound_to not in {None, project.number}:
        text = "This token is not allowed to access this project."
        raise Reply(403, {"detail": text}, "application/json")
    return project


def _bugsink_project(standin: StandIn, request: Request, number: str) -> Reply:
    project = _bugsink_number(standin, number)
    return Reply(200, {"id": project.number, "name": project.slug, "dsn": standin.dsn()})


def _paged(standin: StandIn, request: Request, rows: list[dict[str, Any]]) -> Reply:
    start, size = int(request.query.get("cursor", 0)), standin.page_size
    following = None
    if start + size < len(rows):
        query = "&".join(f"{k}={v}" for k, v in request.query.items() if k != "cursor")
        following = f"{standin.url}{request.path}?{query}&cursor={start + size}"
    page = {"next": following, "previous": None, "results": rows[start : start + size]}
    return Reply(200, page, "application/json")


def _bugsink_projects(standin: StandIn, request: Request) -> Reply:
    rows = [{"id": each.number, "name": each.slug} for each in standin.projects]
    return _paged(standin, request, rows)


def _issue_id(stored: Event) -> str:
    name = f"{stored.project} {title_of(stored.event)}"
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def _bugsink_events(standin: StandIn) -> list[Event]:
    """Return the events that can be read, newest first."""
    with standin.lock:
        stored = [each for each in standin.events.values() if each.readable_at <= time.time()]
    return sorted(stored, key=lambda each: each.received, reverse=True)


def _bugsink_issues(standin: StandIn, request: Request) -> Reply:
    if "project" not in request.query:
        return Reply(400, {"project": ["This field is required."]}, "application/json")
    project = _bugsink_number(standin, request.query["project"])
    rows: dict[str, dict[str, Any]] = {}
    for stored in _bugsink_events(standin):
        if stored.project == project.number:
            kind, _, value = title_of(stored.event).partition(": ")
            row = {"calculated_type": kind, "calculated_value": value}
            row |= {"id": _issue_id(stored), "last_seen": stored.received}
            rows.setdefault(row["id"], row)
    return _paged(standin, request, list(rows.values()))


def _bugsink_list(standin: StandIn, request: Request) -> Reply:
    if "issue" not in request.query:
        return Reply(400, {"issue": ["This field is required."]}, "application/json")
    rows = [
        {"id": each.own_id, "event_id": str(uuid.UUID(each.event["event_id"])),
         "digested_at": each.received, "ingested_at": each.received, "timestamp": each.received}
        for each in _bugsink_events(standin)
        if _issue_id(each) == request.query["issue"]
    ]  # fmt: skip # one row of the answer a line
    if not rows:
        return Reply(404, {"detail": "No Issue matches the given query."}, "application/json")
    return _paged(standin, request, rows)


def _bugsink_event(standin: StandIn, request: Request, own_id: str) -> Reply:
    for each in _bugsink_events(standin):
        if each.own_id == own_id:
            dashed = str(uuid.UUID(each.event["event_id"]))
            row = {"id": own_id, "event_id": dashed, "data": each.event, "stacktrace_md": ""}
            return Reply(200, row, "application/json")
    return Reply(404, {"detail": "No Event matches the given query."}, "application/json")


_BUGSINK: list[tuple[str, str, Callable[..., Reply]]] = [
    (r"/api/canonical/0/projects/", "projects:read", _bugsink_projects),
    (r"/api/canonical/0/projects/([^/]+)/", "projects:read", _bugsink_project),
    (r"/api/canonical/0/issues/", "issues:read", _bugsink_issues),
    (r"/api/canonical/0/events/", "events:read", _bugsink_list),
    (r"/api/canonical/0/events/([^/]+)/", "events:read", _bugsink_event),
]


# --- Sentry ----------------------------------------------------------------------------------


def _sentry(standin: StandIn, request: Request) -> Reply:
    reset = str(int(time.time()) + 1)
    limits = {f"X-Sentry-Rate-Limit-{n}": "5" for n in ("Limit", "Remaining", "ConcurrentLimit")}
    limits["X-Sentry-Rate-Limit-Reset"] = reset
    try:
        reply = _sentry_view(standin, request)
    except Reply as raised:
        reply = raised
    reply.headers = {**limits, **reply.headers}
    return reply


def _sentry_view(standin: StandIn, request: Request) -> Reply:
    path = request.path
    if path == "/api/0/":
        return Reply(200, {"version": "0", "auth": None, "user": None})
    if not path.startswith("/api/0/"):
        return Reply(404, "<h1>Page Not Found</h1>", HTML)
    if not path.endswith("/"):
        text = "Route not found, did you forget a trailing slash?"
        return Reply(404, text, "text/plain")
    if request.token != f"Bearer {standin.token}":
        is_there = request.token.startswith("Bearer ")
        text = "Invalid token" if is_there else "Authentication credentials were not provided."
        return Reply(401, {"detail": text}, "application/json")
    projects = standin.projects
    if path == "/api/0/projects/":
        if standin.org_token or not may(standin, "project"):
            text = "You do not have permission to perform this action."
            return Reply(403, {"detail": text}, "application/json")
        names = ("id", "slug", "organization")
        rows = [(str(p.number), p.slug, {"id": str(p.org_number), "slug": p.org}) for p in projects]
        return Reply(200, [dict(zip(names, row, strict=True)) for row in rows], "application/json")
    found = re.fullmatch(r"/api/0/projects/([^/]+)/([^/]+)/(keys|events)/(?:([^/]+)/)?", path)
    if not found:
        return Reply(404, {"detail": GONE}, "application/json")
    return _sentry_project(standin, request, *found.groups())


def _sentry_project(
    standin: StandIn, request: Request, org: str, slug: str, kind: str, text: str | None
) -> Reply:
    if slug in standin.renamed:
        new = standin.renamed[slug]
        location = f"{standin.url}{request.path}".replace(f"/{org}/{slug}/", f"/{org}/{new}/")
        body = {"slug": new, "detail": {"extra": {"url": location, "slug": new}}}
        return Reply(302, body, "application/json", {"Location": location})
    if not may(standin, "project"):
        text = "You do not have permission to perform this action."
        return Reply(403, {"detail": text}, "application/json")
    for each in standin.projects:
        if org in {each.org, str(each.org_number)} and slug in {each.slug, str(each.number)}:
            break
    else:
        return Reply(404, {"detail": GONE}, "application/json")
    if kind == "keys":
        return _keys(standin, request, each.org, each.slug)
    stored = standin.readable(text or "", each.number)
    if stored is None:
        return Reply(404, {"detail": "Event not found"}, "application/json")
    detail = detail_of(stored, tags_of(stored.event, "level", "transaction"))
    return Reply(200, detail, "application/json")


API = {"glitchtip": _glitchtip, "bugsink": _bugsink, "sentry": _sentry}
INGEST = {"glitchtip": _glitchtip_key, "bugsink": _bugsink_key, "sentry": _sentry_key}


def main() -> None:
    """Serve one stand-in, until the process ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=sorted(API), default="glitchtip")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--prefix", default="", help="a sub-path, such as /errors")
    parser.add_argument("--drop", action="store_true", help="accept events, and store none")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds until an event is there")
    given = parser.parse_args()
    with StandIn(**vars(given)) as standin:
        lines = f"url {standin.url}", f"dsn {standin.dsn()}", f"token {standin.token}"
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
        standin.thread.join()


if __name__ == "__main__":
    main()
