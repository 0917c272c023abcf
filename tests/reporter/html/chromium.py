"""A headless Chromium over its debugging pipe: what it logs, asks for and measures of a page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync",
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]  # fmt: skip
COMPLAINTS = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening")
WATCHED = ("Page", "Runtime", "Log", "Network", "Security")


class Chromium:
    """One browser; `open` gives a Tab."""

    def __init__(self, profile: Path) -> None:
        assert BROWSER is not None
        to_browser, self.writer = os.pipe()
        self.reader, from_browser = os.pipe()

        def as_3_and_4() -> None:
            copies = os.dup(to_browser), os.dup(from_browser)  # either may be 3 or 4 itself
            os.dup2(copies[0], 3)
            os.dup2(copies[1], 4)

        command = [BROWSER, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(
            command, preexec_fn=as_3_and_4, close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        self.rest, self.n_sent = b"", 0
        self.events: list[dict[str, Any]] = []

    def receive(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            part = os.read(self.reader, 1 << 16)
            assert part, "the browser has ended"
            self.rest += part
        message, _, self.rest = self.rest.partition(b"\0")
        return dict(json.loads(message))

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """The result of a command; events that come before it are kept."""
        self.n_sent += 1
        message = {"id": self.n_sent, "method": method, "params": parameters}
        os.write(self.writer, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.n_sent:
                assert "error" not in answer, answer
                return dict(answer["result"])
            self.events.append(answer)

    def wait_for(self, event: str) -> None:
        while not any(e.get("method") == event for e in self.events):
            self.events.append(self.receive())

    @contextmanager
    def open(self, path: Path, width: int, scheme: str = "light") -> Iterator[Tab]:
        """The page of a file in a window so many pixels wide."""
        self.events.clear()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, session, path.as_uri())
        for domain in WATCHED:
            tab.call(f"{domain}.enable")
        tab.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
        tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        tab.call("Page.navigate", url=tab.url)
        self.wait_for("Page.loadEventFired")
        yield tab
        self.call("Target.closeTarget", targetId=target)

    def close(self) -> None:
        os.close(self.writer)
        os.close(self.reader)
        self.process.terminate()
        self.process.wait(timeout=30)


class Tab:
    def __init__(self, browser: Chromium, session: str, url: str) -> None:
        self.browser, self.session, self.url = browser, session, url

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self.browser.call(method, self.session, **parameters)

    def value(self, expression: str) -> Any:
        """What the page's own window answers; a policy against scripts does not hold for it."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def complaints(self) -> list[str]:
        """What was logged or thrown, and dialogs that were opened."""
        return [json.dumps(e) for e in self.browser.events if e.get("method") in COMPLAINTS]

    def requests(self) -> list[str]:
        """What was asked for beside the page itself."""
        sent = [e["params"] for e in self.browser.events if e.get("method") == "Network.requestWillBeSent"]
        return [url for url in (s["request"]["url"] for s in sent) if url != self.url]
