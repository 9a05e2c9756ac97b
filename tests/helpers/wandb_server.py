"""A local stand-in of the server of Weights & Biases: the part of its GraphQL API by which the client reads runs and their history."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = 40 * "a"
FIELDS: Mapping[str, object] = {
    **dict.fromkeys(("sweepName", "group", "jobType", "commit")),
    **dict.fromkeys(("description", "notes"), ""),
    **dict.fromkeys(("systemMetrics", "summaryMetrics"), "{}"),
    **dict.fromkeys(("createdAt", "heartbeatAt"), "2026-01-01T00:00:00Z"),
    "projectId": "1",
    "tags": [],
    "state": "finished",
    "readOnly": False,
    "user": {"name": "me", "username": "me"},
}


class Server(ThreadingHTTPServer):
    """The server; add runs to `held`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.held: dict[str, dict[str, Any]] = {}
        self.rows: dict[str, Sequence[Mapping[str, object]]] = {}
        self.asked: list[str] = []
        """The names of the queries."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def add(
        self,
        name: str,
        rows: Sequence[Mapping[str, object]],
        *,
        shown: str,
        metrics: Sequence[Mapping[str, object]] = (),
        types: Mapping[str, str] = {},
    ) -> None:
        """Add a run of the project e/p: its history, and what `define_metric` has written."""
        self.rows[name] = [{"_step": i, "_timestamp": 1.7e9 + i, "_runtime": i, **row} for i, row in enumerate(rows)]
        keys = dict.fromkeys(key for row in self.rows[name] for key in row)
        counts = {key: {"typeCounts": [{"type": types.get(key, "number"), "count": len(rows)}]} for key in keys}
        self.held[name] = {
            **FIELDS,
            "id": f"id-{name}",
            "name": name,
            "displayName": shown,
            "historyLineCount": len(rows),
            "config": json.dumps({"lr": {"value": 0.1}, "_wandb": {"value": {"m": list(metrics)}}}),
            "historyKeys": {"keys": counts, "lastStep": len(rows) - 1, "sets": []},
        }

    def answer(self, query: str, given: Mapping[str, Any]) -> Mapping[str, object]:
        """The data for a query of the client."""
        words = query.replace("#graphql", "").split()
        self.asked.append(words[1].partition("(")[0])
        if "project(" not in query:
            return {"viewer": {"id": "1", "entity": "e", "username": "me", "email": "", "flags": "{}", "teams": {"edges": []}}}
        if "runs(" in query:
            edges = [{"node": run, "cursor": name} for name, run in self.held.items()]
            pages = {"endCursor": None, "hasNextPage": False}
            return {
                "project": {
                    "internalId": "1",
                    "runCount": len(edges),
                    "readOnly": False,
                    "runs": {"edges": edges, "pageInfo": pages},
                }
            }
        name = given.get("name") or given.get("runName") or given.get("run")
        if name not in self.held:
            return {"project": {"run": None}}
        return {"project": {"internalId": "1", "run": self._of_run(str(name), query, given)}}

    def _of_run(self, name: str, query: str, given: Mapping[str, Any]) -> Mapping[str, object]:
        if "parquetHistory" in query:
            return {"parquetHistory": {"parquetUrls": [], "liveData": []}}
        if "sampledHistory" in query:
            asked = json.loads(given["spec"])
            keys = dict.fromkeys(asked["keys"])
            inside = [row for row in self.rows[name] if asked["minStep"] <= row["_step"] <= asked["maxStep"]]
            return {"sampledHistory": [[{key: row[key] for key in keys} for row in inside if set(keys) <= set(row)]]}
        if "history(" in query:
            inside = [row for row in self.rows[name] if given["minStep"] <= row["_step"] < given["maxStep"]]
            return {"history": [json.dumps(row) for row in inside]}
        return self.held[name]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer a query; what the client reports of itself is taken."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data: object = {}
        if self.path == "/graphql":
            asked = json.loads(body)
            data = {"data": self.server.answer(asked["query"], asked.get("variables") or {})}
        said = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


@contextmanager
def serving() -> Iterator[Server]:
    """A server on a free port of this machine."""
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
