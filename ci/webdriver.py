"""Drives a headless Chromium through chromedriver: WebDriver is HTTP and JSON, so the standard library is enough."""

import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request


# The driver is on this machine, whatever proxy the network has.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Failure(Exception):
    """The browser refused a command."""


class Driver:
    """A chromedriver, which opens browsers. Use it in a `with`."""

    def __enter__(self):
        program = shutil.which("chromedriver") or "/usr/bin/chromedriver"
        self.process = subprocess.Popen([program, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if found := re.search(r"successfully on port (\d+)", line):
                self.url = f"http://127.0.0.1:{found[1]}"
                return self
        raise Failure("chromedriver ended before it listened")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Browser:
    """A browser with a profile of its own. Use it in a `with`."""

    def __init__(self, driver, script=True, size=(1280, 900)):
        self.driver, self.script_on, self.size = driver, script, size

    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory(prefix="taprig-html-")
        arguments = ["--headless=new", f"--window-size={self.size[0]},{self.size[1]}", f"--user-data-dir={self.profile.name}",
                     "--hide-scrollbars", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--lang=en"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        options = {"args": arguments}
        if chromium := shutil.which("chromium"):
            options["binary"] = chromium
        if not self.script_on:
            options["prefs"] = {"profile.managed_default_content_settings.javascript": 2}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}, "unhandledPromptBehavior": "dismiss and notify"}
        answer = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}}, session=False)
        self.session = answer["sessionId"]
        self.call("POST", "/timeouts", {"script": 120_000})
        self.metrics(*self.size)
        return self

    def __exit__(self, *_):
        try:
            self.call("DELETE", "")
        finally:
            # The browser may write a last file while it ends.
            for _ in range(20):
                try:
                    self.profile.cleanup()
                    break
                except OSError:
                    time.sleep(0.1)

    def call(self, method, path, body=None, session=True):
        url = self.driver.url + (f"/session/{self.session}" if session else "") + path
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
        try:
            with OPENER.open(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise Failure(f"{value['error']}: {value['message'].splitlines()[0]}") from None

    def cdp(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def metrics(self, width, height, scale=1):
        """The size of the window's inside. The window of a headless browser can't be narrower than 500 pixels, this can."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)

    def media(self, **features):
        """What the style sheet is told: `media(scheme="dark")`, `media(kind="print")`."""
        self.cdp("Emulation.setEmulatedMedia", media=features.get("kind", ""),
                 features=[{"name": "prefers-color-scheme", "value": features.get("scheme", "light")}])

    def open(self, path, fragment=""):
        # A file that differs only behind # would not be loaded anew.
        self.call("POST", "/url", {"url": "about:blank"})
        self.call("POST", "/url", {"url": pathlib.Path(path).resolve().as_uri() + fragment})

    def run(self, script, *arguments):
        """The value that this script returns."""
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, script, *arguments):
        """The value that this script passes to the function `done`."""
        body = "const done = arguments[arguments.length - 1];\n" + script
        return self.call("POST", "/execute/async", {"script": body, "args": list(arguments)})

    def until(self, condition, what, seconds=10):
        """Waits until the expression is true."""
        end = time.monotonic() + seconds
        while not (value := self.run(f"return {condition}")):
            if time.monotonic() > end:
                raise Failure(f"waited {seconds} s for {what}")
            time.sleep(0.02)
        return value

    def keys(self, *keys):
        """Presses keys, one after the other."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def errors(self):
        """What the console has had since the last question, from warnings on."""
        log = self.call("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in log if entry["level"] in ("SEVERE", "WARNING")]

    def picture(self, path):
        """A PNG of the window."""
        pathlib.Path(path).write_bytes(base64.b64decode(self.call("GET", "/screenshot")))


def pdf(path, fragment=""):
    """The page in print. A browser of its own makes it: chromedriver gives up after ten seconds."""
    with tempfile.TemporaryDirectory(prefix="taprig-html-") as folder:
        to = pathlib.Path(folder) / "page.pdf"
        command = [shutil.which("chromium") or "chromium", "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder}/profile",
                   "--virtual-time-budget=10000", "--no-pdf-header-footer", f"--print-to-pdf={to}", pathlib.Path(path).resolve().as_uri() + fragment]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")
        subprocess.run(command, timeout=300, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not to.exists():
            raise Failure("the browser did not print")
        return to.read_bytes()
