"""Opens report pages in headless Chromium, checks how they come out, and takes pictures of them.

usage: look.py CHROMIUM DIRECTORY NAME=PAGE...

For each page: DIRECTORY/NAME-{wide,narrow,dark}.png and NAME.pdf, and on standard error what is wrong. Talks to
Chromium over a pipe (Chrome DevTools Protocol), with the standard library alone.
"""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path


class Browser:
    """A Chromium of its own, with one tab."""

    def __init__(self, program, scratch):
        commands, self.writer = os.pipe()
        self.reader, events = os.pipe()
        arguments = [
            program, "--headless", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu",
            "--disable-dev-shm-usage", "--hide-scrollbars", f"--user-data-dir={scratch}",
            "--disable-background-networking", "--disable-extensions",
        ]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")  # its sandbox refuses root; the pages are our own
        # It reads descriptor 3 and writes 4. Both go by way of the shell, whose own these are.
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f'exec "$@" 3<&{commands} 4>&{events}', "sh", *arguments],
            pass_fds=[commands, events], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.close(commands)
        os.close(events)
        self.rest, self.last, self.events, self.session = b"", 0, [], None
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self.session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self(f"{domain}.enable")

    def receive(self):
        while b"\0" not in self.rest:
            read = os.read(self.reader, 1 << 20)
            if not read:
                sys.exit("chromium ended before it answered")
            self.rest += read
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def __call__(self, method, **parameters):
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writer, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.last:
                if "error" in answer:
                    sys.exit(f"chromium: {method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def open(self, url):
        """Everything that happened until the page was there, as (name, parameters)."""
        self.events = []
        self("Page.navigate", url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.receive())

    def evaluate(self, script):
        answer = self("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in answer:
            sys.exit(f"chromium: {answer['exceptionDetails']}")
        return answer["result"]["value"]

    def show(self, width, scheme):
        self("Emulation.setDeviceMetricsOverride", width=width, height=800,
             deviceScaleFactor=2 if width < 600 else 1, mobile=width < 600)
        self("Emulation.setEmulatedMedia",
             features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, file):
        image = self("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(image["data"]))

    def end(self):
        self("Browser.close")
        self.process.wait(30)


# What is wrong with how the page comes out, as a list of sentences.
LAYOUT = r"""(() => {
    const wrong = [];
    const page = document.scrollingElement;
    if (page.scrollWidth > innerWidth)
        wrong.push(`the page is ${page.scrollWidth} px wide in a window of ${innerWidth}`);
    const say = (node) => `"${node.textContent.trim().slice(0, 40)}"`;
    for (const chart of document.querySelectorAll("svg")) {
        const frame = chart.getBoundingClientRect();
        const texts = [...chart.querySelectorAll("text")].map((node) => [node, node.getBoundingClientRect()]);
        texts.forEach(([node, box], index) => {
            if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1
                || box.bottom > frame.bottom + 1)
                wrong.push(`${say(node)} is cut off in the chart "${chart.ariaLabel}"`);
            for (const [other, edge] of texts.slice(index + 1))
                if (box.left < edge.right - 1 && edge.left < box.right - 1 && box.top < edge.bottom - 3
                    && edge.top < box.bottom - 3)
                    wrong.push(`${say(node)} lies over ${say(other)} in the chart "${chart.ariaLabel}"`);
        });
    }
    // Contrast as in WCAG 2.2: 4.5 for text, 3 for what is drawn.
    const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
    const light = (colour) => parts(colour).slice(0, 3).map((part) => part / 255)
        .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
    const behind = (node) => {
        for (; node; node = node.parentElement) {
            const colour = getComputedStyle(node).backgroundColor;
            if (parts(colour)[3] !== 0) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    const judge = (node, colour, least) => {
        if (!colour.startsWith("rgb")) return;
        const [low, high] = [light(colour), light(behind(node))].sort((a, b) => a - b);
        const ratio = (high + 0.05) / (low + 0.05);
        if (ratio < least) wrong.push(
            `${node.tagName} ${node.getAttribute("class") ?? ""} ${say(node)}: contrast ${ratio.toFixed(2)}`);
    };
    for (const node of document.body.querySelectorAll("*")) {
        const style = getComputedStyle(node);
        if (node.matches("svg text")) judge(node, style.fill, 4.5);
        // A ring is seen by its line.
        else if (node.matches("polyline, circle.marked")) judge(node, style.stroke, 3);
        else if (node.matches("rect, circle")) judge(node, style.fill, 3);
        else if ([...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim()))
            judge(node, style.color, 4.5);
    }
    return wrong;
})()"""

NUMBERS = """[...document.querySelectorAll("data")].map((node) => [node.value, node.textContent])"""


def numbers(node):
    """All numbers of a JSON document."""
    if isinstance(node, (int, float)) and not isinstance(node, bool):
        return {float(node)}
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    return set().union(*map(numbers, children))


def says(text, value):
    """Whether a number written for people is this one, in one of the page's units."""
    match = re.fullmatch(r"([+-]?[\d,]+(?:\.(\d+))?(?:e(-?\d+))?)( %| [KMGT]iB| bytes| million| billion| s)?", text)
    if not match:
        return False
    written = float(match[1].replace(",", ""))
    # Half of the last digit, and what comes of scaling.
    error = 0.5000001 * 10 ** (int(match[3] or 0) - len(match[2] or ""))
    factors = {
        " KiB": [2 ** -10], " MiB": [2 ** -20], " GiB": [2 ** -30], " TiB": [2 ** -40],
        " million": [1e-6], " billion": [1e-9], " %": [100],
    }.get(match[4], [1, 100])  # the sign of percent may stand after an error
    return any(abs(written - value * factor) <= error for factor in factors)


def check(browser, name, page, directory):
    url = page.resolve().as_uri()
    wrong = []
    for view, width, scheme in [
        ("wide", 1280, "light"), ("narrow", 390, "light"), ("dark", 1280, "dark"),
        ("narrow, dark", 390, "dark"),
    ]:
        browser.show(width, scheme)
        browser.open(url)
        browser.evaluate("document.fonts.ready.then(() => 0); 0")
        if view in ["wide", "narrow", "dark"]:
            browser.picture(directory / f"{name}-{view}.png")
        # Closed details are checked open.
        browser.evaluate("document.querySelectorAll('details').forEach((d) => d.open = true); 0")
        wrong += [f"{view}: {sentence}" for sentence in browser.evaluate(LAYOUT)]
        for event in browser.events:
            said = event.get("params", {})
            match event.get("method"):
                case "Network.requestWillBeSent" if said["request"]["url"] != url:
                    wrong.append(f"{view}: asks for {said['request']['url']}")
                case "Log.entryAdded" if said["entry"]["level"] in ["warning", "error"]:
                    wrong.append(f"{view}: {said['entry']['text']}")
                case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
                    wrong.append(f"{view}: {json.dumps(said)}")

    shown = browser.evaluate(NUMBERS)
    stored = numbers(json.loads(page.with_name("stade-report.json").read_text()))
    for value, text in shown:
        if float(value) not in stored:
            wrong.append(f"{value} is not in stade-report.json")
        elif not says(text, float(value)):
            wrong.append(f"{value} is shown as {text}")
    if len(shown) < 10:
        wrong.append(f"only {len(shown)} numbers")

    browser.show(1280, "light")
    browser.open(url)
    printed = browser("Page.printToPDF", preferCSSPageSize=True, paperWidth=8.27, paperHeight=11.69)
    (directory / f"{name}.pdf").write_bytes(base64.b64decode(printed["data"]))
    for sentence in wrong:
        print(f"{name}: {sentence}", file=sys.stderr)
    print(f"{name}: {len(shown)} numbers, {len(wrong) or 'nothing'} wrong")
    return not wrong


def main():
    program, directory, *pages = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="stade-browser.", ignore_cleanup_errors=True) as scratch:
        browser = Browser(program, scratch)
        try:
            named = [page.split("=", 1) for page in pages]
            right = [check(browser, name, Path(page), Path(directory)) for name, page in named]
        finally:
            browser.end()
    sys.exit(0 if all(right) else 1)


main()
