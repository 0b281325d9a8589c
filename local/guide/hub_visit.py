"""A person at the hub: signs in on Cognito's pages, starts a server, reads and writes a file in it, stops it, as a browser does.

The hub is reached at its node port. The sign-in page is the emulator's own: nothing but its host differs from Cognito's.
"""

from __future__ import annotations

import html
import http.cookiejar
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.guide.processes import EmbeddedCloud

LONGEST_WAIT_SECONDS = 120
CALL_SECONDS = 30


class VisitFailed(Exception):
    """The hub or the sign-in page answered something else than it should; the message says what."""


@dataclass(frozen=True)
class Page:
    """An answer: where it came from after redirects, its status and its text."""

    url: str
    status: int
    text: str

    @property
    def words(self) -> str:
        """The text without tags, as it is read."""
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", self.text, flags=re.DOTALL)))


class HubVisit:
    """One person's browser at the hub of one cluster. Each method may be repeated."""

    def __init__(self, cloud: EmbeddedCloud, cluster_name: str, node_port: int, username: str, password: str) -> None:
        self.cloud, self._typed, self._password = cloud, username, password
        self.username = username.lower()  # as the hub keeps it (jupyterhub/auth.py, ``normalize_username``)
        self._cookies = http.cookiejar.CookieJar()
        handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self._cookies), _StayHere())
        self._opener = urllib.request.build_opener(*handlers)
        where = f"{cloud.kubernetes_control_url}/clusters/{cluster_name}/nodeports/{node_port}"
        with self._opener.open(where, timeout=CALL_SECONDS) as answer:
            found = json.load(answer)
        self.hub = f"http://{found['host']}:{found['port']}"

    def sign_in(self) -> None:
        """From the hub to the sign-in page and back with its code. Raises ``VisitFailed`` where no session comes of it."""
        away = self._hop(f"{self.hub}/hub/oauth_login")
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(away).query))
        form = {**asked, "username": self._typed, "password": self._password}
        back = self._hop(f"{self.cloud.endpoint_url}/login", form)
        # The hub would send the browser on to its spawn page, which starts the server: that is left to ``start``.
        self._hop(f"{self.hub}/hub/oauth_callback?{urllib.parse.urlsplit(back).query}")

    def get(self, path: str) -> Page:
        """A page of the hub, redirects followed within it."""
        return self._ask("GET", path)

    def start(self, server_name: str = "") -> Page:
        """Ask for a server as the button of the hub's page does; the answer is at once, the start goes on."""
        return self._ask("POST", self._server(server_name), b"{}")

    def stop(self, server_name: str = "") -> None:
        """Stop the server and wait until the hub has nothing of it. Raises ``VisitFailed``."""
        page = self._ask("DELETE", self._server(server_name))
        if page.status not in (202, 204):
            raise VisitFailed(f"stopping {self.username}'s server was answered with {page.status}: {page.words[:300]}")
        self._until(lambda: not self.servers().get(server_name), "the server to be gone")

    def events(self, server_name: str = "") -> Iterator[dict[str, Any]]:
        """What the spawn page is told until the start has ended one way or the other."""
        request = self._request("GET", f"{self._server(server_name)}/progress")
        with self._opener.open(request, timeout=LONGEST_WAIT_SECONDS) as stream:
            for line in stream:
                if line.startswith(b"data: "):
                    event: dict[str, Any] = json.loads(line[6:])
                    yield event
                    if event.get("ready") or event.get("failed"):
                        return

    def spawn_page(self, server_name: str = "") -> Page:
        """The page that a person looks at while a start is under way, and after it failed."""
        return self.get(f"/hub/spawn-pending/{self._quoted()}" + (f"/{server_name}" if server_name else ""))

    def servers(self) -> dict[str, Any]:
        """The person's servers by name, as the hub's API tells."""
        page = self._ask("GET", f"/hub/api/users/{self._quoted()}?include_stopped_servers=0")
        if page.status != 200:
            raise VisitFailed(f"the hub's API answered {page.status}: {page.words[:300]}")
        found: dict[str, Any] = json.loads(page.text)["servers"]
        return found

    def write_marker(self, content: str, server_name: str = "") -> None:
        """Write the file in the running server. Raises ``VisitFailed``."""
        page = self._ask("PUT", self._marker(server_name), content.encode())
        if page.status != 201:
            raise VisitFailed(f"the server did not take the file: {page.status} {page.words[:300]}")

    def read_marker(self, server_name: str = "") -> str | None:
        """What the file in the running server holds; None where there is none. Raises ``VisitFailed``."""
        page = self._ask("GET", self._marker(server_name))
        if page.status not in (200, 404):
            raise VisitFailed(f"the server did not give the file: {page.status} {page.words[:300]}")
        return page.text if page.status == 200 else None

    def _server(self, server_name: str) -> str:
        user = f"/hub/api/users/{self._quoted()}"
        return f"{user}/servers/{server_name}" if server_name else f"{user}/server"

    def _marker(self, server_name: str) -> str:
        return f"/user/{self._quoted()}/" + (f"{server_name}/" if server_name else "") + "files/marker.txt"

    def _quoted(self) -> str:
        return urllib.parse.quote(self.username, safe="@~")

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Page:
        try:
            with self._opener.open(self._request(method, path, body), timeout=CALL_SECONDS) as answer:
                page = Page(answer.url, answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            target = error.headers.get("location")
            if error.code in (301, 302, 303, 307) and target:
                parts = urllib.parse.urlsplit(target)
                return self.get(parts._replace(scheme="", netloc="").geturl())
            page = Page(path, error.code, error.read().decode())
        return page

    def _request(self, method: str, path: str, body: bytes | None = None) -> urllib.request.Request:
        # As the hub's own pages do: the cookie's value once more in a header (jupyterhub/_xsrf_utils.py).
        xsrf = next((cookie.value for cookie in self._cookies if cookie.name == "_xsrf"), None)
        headers = {"X-XSRFToken": xsrf or "", "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}
        return urllib.request.Request(self.hub + path, data=body, method=method, headers=headers)

    def _hop(self, url: str, form: dict[str, str] | None = None) -> str:
        """Where a request is redirected to. Raises ``VisitFailed`` where it is not."""
        data = None if form is None else urllib.parse.urlencode(form).encode()
        try:
            with self._opener.open(url, data, timeout=CALL_SECONDS) as answer:
                raise VisitFailed(f"{url} answered {answer.status} and sends nobody on: {answer.read()[:300]!r}")
        except urllib.error.HTTPError as error:
            location = error.headers.get("location")
            if error.code not in (302, 303) or not location or "error=" in location:
                raise VisitFailed(f"{url} answered {error.code} {location or error.read()[:300]!r}") from error
            return str(location)

    def _until(self, done: Any, what: str) -> None:
        until = time.monotonic() + LONGEST_WAIT_SECONDS
        while not done():
            if time.monotonic() > until:
                raise VisitFailed(f"waited {LONGEST_WAIT_SECONDS} s for {what}")
            time.sleep(0.3)


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Redirects are answers here: they name the hub's public host, which only a cluster's DNS knows."""

    def redirect_request(self, *_: Any) -> None:
        return None
