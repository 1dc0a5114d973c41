"""The stand-in of the command's tests, with what an operator does: keys, throttle, lists."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import standin

SCOPES = {"event:read", "project:read", "project:write", "project:admin"}
PROJECT = re.compile(r"/api/0/projects/acme/shop/(?:(keys|issues)/(?:([0-9a-f-]+)/)?)?")
UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


class Backend(standin.StandIn):
    """GlitchTip with several keys, or Sentry, whose keys can be inactive.

    *keys*: of project 1, each with whether it is active. *throttled*: the rates that were set.
    """

    def __init__(self, kind: str = "glitchtip") -> None:
        super().__init__(kind)
        # An own key: other tests on this machine have processes too.
        self.keys = {uuid.uuid4().hex: True}
        self.first_key = self.projects[0].key = next(iter(self.keys))
        self.throttled: list[int] = []
        if kind != "bugsink":
            self.scopes |= SCOPES

    @property
    def refused(self) -> int:
        """How many events were refused."""
        return sum(status != 200 for _, _, status in self.posts)

    def reply(self, request: Any) -> Any:
        """Answer what the stand-in does not know."""
        found = PROJECT.fullmatch(request.path)
        if found is None or (found[1] is None and request.method == "GET"):
            return super().reply(request)
        if request.token != f"Bearer {self.token}":
            return standin.Reply(401, {"detail": "Unauthorized"})
        body = json.loads(request.body) if request.body else {}
        if found[1] == "issues":
            return self._issues()
        if found[1] == "keys":
            return self._keys(request.method, found[2], body)
        return self._update(request.method, body)

    def _issues(self) -> Any:
        counts: dict[str, int] = {}
        for each in self.events.values():
            title = standin.title_of(each.event)
            counts[title] = counts.get(title, 0) + 1
        rows = [{"title": title, "count": str(count)} for title, count in counts.items()]
        return standin.Reply(200, sorted(rows, key=lambda row: -int(row["count"])))

    def _row(self, key: str) -> dict[str, Any]:
        key_id = key if self.kind == "sentry" else str(uuid.UUID(key))
        dsn = {"public": self.dsn(1, key)}
        return {"id": key_id, "public": key_id, "dsn": dsn, "label": None, "projectID": 1}

    def _keys(self, method: str, key_id: str | None, body: dict[str, Any]) -> Any:
        if key_id is None:
            if method == "POST":
                self.keys[key := uuid.uuid4().hex] = True
                return standin.Reply(201, self._row(key))
            return standin.Reply(200, [self._row(key) for key in self.keys])
        # GlitchTip's ids have dashes; another path is its page (200, in HTML).
        if self.kind == "glitchtip" and not UUID.fullmatch(key_id):
            return standin.Reply(200, standin.PAGE, standin.HTML)
        key = key_id.replace("-", "")
        if key not in self.keys:
            return standin.Reply(404, {"detail": "Not Found"})
        if method == "DELETE":
            del self.keys[key]
            return standin.Reply(204)
        if method == "PUT" and self.kind == "sentry":
            self.keys[key] = body.get("isActive", True)
        return standin.Reply(200, self._row(key))

    def _update(self, method: str, body: dict[str, Any]) -> Any:
        if method != "PUT" or "name" not in body:
            return standin.Reply(422, {"detail": "name: Field required"})
        self.projects[0].throttle = body.get("eventThrottleRate", 0)
        self.throttled.append(self.projects[0].throttle)
        return standin.Reply(200, {"id": "1", "slug": "shop"})

    def _ingest(self, request: Any, number: int, slash: str) -> Any:
        # The stand-in knows one key of a project: each active one is that one.
        auth = request.headers.get("x-sentry-auth", "")
        project, is_active = self.project(number), False
        for key, active in self.keys.items():
            if key in auth:
                is_active = active
        if project is not None:
            sent = re.search(r"sentry_key=([0-9a-f]+)", auth)
            project.key = sent[1] if sent and is_active else "0" * 32
        return super()._ingest(request, number, slash)
