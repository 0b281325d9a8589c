"""Headless Chromium driven over a pipe.

Chromium speaks its DevTools protocol (https://chromedevtools.github.io/devtools-protocol/) on two inherited file descriptors,
3 to read and 4 to write, as JSON that ends with a zero byte. That needs no port, no event loop and no driver package.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["CHROMIUM", "Browser", "BrowserFailed", "Page"]

CHROMIUM = Path(__file__).parents[2] / ".tools" / "chromium" / "chromium"
# No sandbox, because tests may run as root; pages of the tests are our own files. The rest keeps it from calling home.
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
PATIENCE_S = 60.0

Message = dict[str, Any]


class BrowserFailed(RuntimeError):
    """Chromium ended, said nothing in time, or refused a command; the message says which."""


class Browser:
    """One Chromium process with an empty profile. A context manager: it and its profile are gone afterwards."""

    def __init__(self, executable: Path = CHROMIUM) -> None:
        if not executable.exists():
            raise BrowserFailed(f"{executable} is missing: `make tools` sets it up")
        self._profile = tempfile.TemporaryDirectory(prefix="hubplane-chromium-", ignore_cleanup_errors=True)
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        # Above 9, so that moving one of them to 3 or 4 cannot overwrite the other.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (theirs_in, theirs_out)]
        script = f'exec "$@" 3<&{high[0]} 4>&{high[1]} {high[0]}<&- {high[1]}>&-'
        command = ["bash", "-c", script, "chromium", str(executable), *FLAGS, f"--user-data-dir={self._profile.name}"]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._process = subprocess.Popen(command, pass_fds=high, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        for fd in (theirs_in, theirs_out, *high):
            os.close(fd)
        self._out, self._in = ours_out, ours_in
        self._buffer = b""
        self._last_id = 0
        self._events: list[Message] = []

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process; may be called twice."""
        if self._process.poll() is None:
            try:
                self._send("Browser.close", {}, None)
                self._process.wait(timeout=10)
            except (BrowserFailed, subprocess.TimeoutExpired):
                self._process.kill()
                self._process.wait()
        for fd in (self._out, self._in):
            if fd >= 0:
                os.close(fd)
        self._out = self._in = -1
        self._log.close()
        self._profile.cleanup()

    def open_page(
        self, path: Path | str, width: int, height: int, *, dark: bool = False, media: str = "screen", javascript: bool = True
    ) -> Page:
        """The page of this file (or URL) in a window of this size, loaded; ``media`` is ``screen`` or ``print``.

        ``javascript`` False: the page's own scripts do not run; ``evaluate`` still works.
        """
        url = path if isinstance(path, str) and "://" in path else Path(path).resolve().as_uri()
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = Page(self, session, target, url)
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable", {}, session)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", {"media": media, "features": [scheme]}, session)
        self.call("Emulation.setScriptExecutionDisabled", {"value": not javascript}, session)
        page.resize(width, height)
        answer = self.call("Page.navigate", {"url": url}, session)
        if answer.get("errorText"):
            raise BrowserFailed(f"{url}: {answer['errorText']}")
        self.wait_for(lambda event: event["method"] == "Page.loadEventFired", session)
        return page

    def call(self, method: str, params: Message, session: str | None = None) -> Message:
        """The result of one protocol command. Raises BrowserFailed with Chromium's own words."""
        wanted = self._send(method, params, session)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            message = self._read(deadline, method)
            if message.get("id") == wanted:
                if "error" in message:
                    raise BrowserFailed(f"{method}: {message['error'].get('message')}")
                result: Message = message["result"]
                return result
            if "method" in message:
                self._events.append(message)

    def events(self, session: str) -> list[Message]:
        """What has happened in this page so far, in order."""
        return [event for event in self._events if event.get("sessionId") == session]

    def wait_for(self, wanted: Callable[[Message], bool], session: str) -> Message:
        """The first event of the page that is wanted, past or to come."""
        deadline = time.monotonic() + PATIENCE_S
        seen = 0
        while True:
            for event in self._events[seen:]:
                if event.get("sessionId") == session and wanted(event):
                    return event
            seen = len(self._events)
            message = self._read(deadline, "an event")
            if "method" in message:
                self._events.append(message)

    def _send(self, method: str, params: Message, session: str | None) -> int:
        self._last_id += 1
        message: Message = {"id": self._last_id, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        try:
            while data:
                data = data[os.write(self._out, data) :]
        except BrokenPipeError as error:
            raise BrowserFailed(f"Chromium ended before {method}: {self._words()}") from error
        return self._last_id

    def _words(self) -> str:
        self._log.seek(0)
        return self._log.read()[-2000:].decode(errors="replace")

    def _read(self, deadline: float, waiting_for: str) -> Message:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(self._in, 1 << 20) if ready else b""
            if not chunk:
                how = "ended" if ready else "said nothing"
                raise BrowserFailed(f"Chromium {how} while {waiting_for} was waited for: {self._words()}")
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\0", 1)
        message: Message = json.loads(line)
        return message


@dataclass
class Page:
    """One open page."""

    browser: Browser = field(repr=False)
    session: str
    target: str
    url: str

    def evaluate(self, expression: str) -> Any:
        """What this JavaScript expression is in the page, as JSON; a promise is awaited. Raises BrowserFailed when it throws."""
        params = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        answer = self.browser.call("Runtime.evaluate", params, self.session)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserFailed(f"{expression}: {details.get('exception', {}).get('description', details.get('text'))}")
        return answer["result"].get("value")

    def resize(self, width: int, height: int) -> None:
        """Give the window this size, in CSS pixels."""
        params = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.browser.call("Emulation.setDeviceMetricsOverride", params, self.session)

    def screenshot(self, path: Path, *, whole: bool = True) -> Path:
        """Write a PNG of the whole page, or of the window only."""
        answer = self.browser.call("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole}, self.session)
        path.write_bytes(base64.b64decode(answer["data"]))
        return path

    @property
    def overflow_px(self) -> int:
        """By how many pixels the page is wider than its window: 0 is a page that nobody has to push sideways."""
        return int(self.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    @property
    def requests(self) -> list[str]:
        """The URLs that the page asked for, itself not counted: scripts, styles, images, fonts, frames."""
        sent = [
            e["params"]["request"]["url"] for e in self.browser.events(self.session) if e["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in sent if url != self.url]

    @property
    def console_errors(self) -> list[str]:
        """Uncaught exceptions, ``console.error`` and what the browser itself complained of."""
        found = []
        for event in self.browser.events(self.session):
            params = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                found.append(details.get("exception", {}).get("description") or details["text"])
            elif event["method"] == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
                found.append(" ".join(str(arg.get("value", arg.get("description"))) for arg in params["args"]))
            elif event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
                found.append(params["entry"]["text"])
        return found

    def close(self) -> None:
        """Close the page; the browser goes on."""
        self.browser.call("Target.closeTarget", {"targetId": self.target})
