"""The checks of ci/html-check: what a page shows, how quickly, and to whom. Each raises Wrong."""

import json
import os
import pathlib
import random
import re
import tarfile
import time
import urllib.parse
from collections import Counter

from webdriver import Browser, pdf

CASES, BYTES, READY_MS, OPEN_MS = 2000, 3_000_000, 500, 100
KEYS = {"Escape": "\ue00c"}
LABELS = {"not-applicable": "na"}
# The row of a case, found by what it is called. An address has the same letters.
SHOWN = """const id = arguments[0];
document.addEventListener('case-shown', () => requestAnimationFrame(() => setTimeout(() => done(performance.now() - start))), { once: true });
const start = performance.now();
location.hash = id;"""


class Wrong(Exception):
    """A page does not do what it has to."""


def expect(condition, message):
    if not condition:
        raise Wrong(message)


def address(case):
    return urllib.parse.quote(case, safe="/-_.!~*'()")


class Record:
    """What a record says, read without taprig."""

    def __init__(self, folder, since=None, history=None):
        self.folder = pathlib.Path(folder)
        # The record of the run with which the page compares this one.
        self.since = since
        # The history whose nights the page shows.
        self.history = history and pathlib.Path(history)
        self.page = self.folder / "report.html"
        self.results = json.loads((self.folder / "results.json").read_text())
        self.cases = {case["id"]: case for case in self.results["cases"]}

    def planned(self):
        """The criteria of each sub-case, and the device file, from the inputs of the run."""
        with tarfile.open(self.folder / "inputs.tar.gz") as inputs:
            criteria = [json.loads(line) for line in inputs.extractfile("criteria.jsonl")]
            return criteria, json.load(inputs.extractfile("device.json"))

    def verdict(self, case):
        verdict = self.cases[case]["verdict"]
        # A failure that a quarantine excuses is counted apart.
        if verdict in ("fail", "changed") and (self.cases[case].get("quarantine") or {}).get("holds"):
            return "quarantined"
        return LABELS.get(verdict, verdict)

    def with_verdict(self, *verdicts):
        return [case for case in self.cases if self.verdict(case) in verdicts]

    def with_event(self, kind):
        """The first case with an event of this kind, if there is one."""
        mark = f'"kind":"{kind}"'
        with open(self.folder / "events.jsonl") as lines:
            cases = (json.loads(line).get("case") for line in lines if mark in line)
            first = next((case for case in cases if case in self.cases), None)
        return [first] if first else []

    def events(self, case):
        """The events of the last attempt at a case."""
        events = []
        mark = f'"case":{json.dumps(case)}'
        with open(self.folder / "events.jsonl") as lines:
            for line in lines:
                if mark in line:
                    event = json.loads(line)
                    if event["body"]["kind"] == "case-started":
                        events = []
                    events.append(event["body"])
        return events


# Checks. Each opens the page in the state that it needs and raises Wrong.

def opened(browser, record, fragment=""):
    browser.open(record.page, fragment)
    browser.until("document.documentElement.dataset.ready", "the script of the page")


def show(browser, case):
    return browser.wait(SHOWN, address(case))


def some_cases(record, number, seed=1):
    """Cases of every verdict that ran, most of them those that did not pass."""
    chosen = random.Random(seed)
    notable = record.with_verdict("fail", "changed", "error")
    passed = record.with_verdict("pass")
    return chosen.sample(notable, min(len(notable), number // 2)) + chosen.sample(passed, min(len(passed), number))


def console(browser, record):
    """The console has no error and no violation of the policy, and nothing is loaded."""
    browser.errors()
    opened(browser, record)
    for case in some_cases(record, 4):
        show(browser, case)
    errors = browser.errors()
    expect(not errors, f"the console has {errors[:3]}")
    loaded = browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    expect(not loaded, f"the page loads {loaded[:3]}")
    policy = browser.run("return document.querySelector('meta[http-equiv=Content-Security-Policy]')?.content || ''")
    expect(policy.startswith("default-src 'none'") and "unsafe" not in policy, f"the policy is {policy!r}")


def size(browser, record):
    """The file is small."""
    bytes_ = record.page.stat().st_size
    most = BYTES * max(1, len(record.cases) / CASES)
    expect(bytes_ <= most, f"{len(record.cases)} sub-cases take {bytes_ / 1e6:.2f} MB, and {most / 1e6:.2f} MB is the limit")
    return f"{bytes_ / 1e6:.2f} MB with {len(record.cases)} sub-cases"


def ready(browser, record):
    """The page is ready soon. Of three times the best counts, because the machine has other work too."""
    times = []
    for _ in range(3):
        opened(browser, record)
        times.append(float(browser.run("return document.documentElement.dataset.ready")))
    expect(min(times) <= READY_MS, f"ready after {min(times):.0f} ms, {READY_MS} ms is the limit")
    return f"ready after {min(times):.0f} ms"


def quick(browser, record):
    """A case opens soon, each from a chunk that is still packed. Of three times the best counts."""
    best = {}
    cases = some_cases(record, 6)
    for _ in range(3):
        for case in cases:
            opened(browser, record)
            best[case] = min(best.get(case, 1e9), show(browser, case))
    case, slowest = max(best.items(), key=lambda item: item[1])
    expect(slowest <= OPEN_MS, f"{case} opens in {slowest:.0f} ms, {OPEN_MS} ms is the limit")
    return f"{len(best)} cases open in {min(best.values()):.0f} to {slowest:.0f} ms"


def first_screen(browser, record):
    """The counts of verdicts, the identity of the device, and the firmware are those of the record."""
    opened(browser, record)
    counts = Counter(record.verdict(case) for case in record.cases)
    seen = browser.run("""return Object.fromEntries([...document.querySelectorAll('.tile')].map((tile) =>
        [new URLSearchParams(tile.hash.split('?')[1]).get('v'), Number(tile.querySelector('.n').textContent.replaceAll(',', ''))]))""")
    expect(seen == {key: counts.get(key, 0) for key in seen} and set(counts) <= set(seen), f"the counts are {seen}, and the record has {dict(counts)}")
    text = browser.run("return document.querySelector('#overview').textContent")
    wanted = [image["digest"] for image in record.results["firmware"]] + list(record.results["benches"]) + [record.results["run"]["started"]]
    wanted += [bench["serial_number"] for bench in record.results["benches"].values() if bench.get("serial_number")]
    for case in record.with_verdict("quarantined"):
        entry = record.cases[case]["quarantine"]
        listed = browser.run("""return [...document.querySelectorAll('#quarantine tbody tr')].filter((row) =>
            row.querySelector('th').textContent === arguments[0]).map((row) => row.textContent).join()""", case)
        untold = [value for value in (case, entry["reason"], entry["owner"], entry["until"]) if value not in listed]
        expect(not untold, f"the list of failures in quarantine does not say {untold[:3]}")
    missing = [value for value in wanted if value not in text]
    expect(not missing, f"the first screen does not say {missing[:3]}")
    unjudged = Counter(check["why"] for case in record.cases.values() for check in case["checks"] if check.get("why"))
    for why, number in unjudged.items():
        expect(why in text and str(number) in text, f"the first screen does not say that {number} expectations were not judged: {why}")


def tested(browser, record):
    """What was tested: the card sides, and whether times are modelled or measured, are those of the record's benches."""
    opened(browser, record)
    facts = dict(browser.run("""return [...document.querySelectorAll('[aria-labelledby=h-tested] .facts div')].map((fact) =>
        [fact.querySelector('dt').textContent, [...fact.querySelectorAll('dd')].map((value) => value.textContent)])"""))
    benches = record.results["benches"].values()
    for name, shown, wanted in [("card side", facts.get("Card side", []), {bench["card_side"] for bench in benches if bench.get("card_side")}),
                                ("basis of times", [re.match(r"\w*", value)[0] for value in facts.get("Times", [])], {bench["time"] for bench in benches if bench.get("time")})]:
        expect(set(shown) == wanted, f"the {name} is said to be {shown}, and the record has {sorted(wanted)}")


def changes(browser, record):
    """What changed since the run with which the page compares: each sub-case with another verdict, with both verdicts."""
    opened(browser, record)
    section = browser.run("return document.querySelector('#changes')?.textContent || ''")
    if record.since is None:
        return "compared with no run"
    before, now = ({case: result["verdict"].replace("-", " ") for case, result in one.cases.items()} for one in (record.since, record))
    wanted = {case: f"was {before[case]}, is {now[case]}" for case in now if case in before and before[case] != now[case]}
    both = len(set(before) & set(now))
    for words in (record.since.results["run"]["started"], f"{len(wanted):,} of {both:,} sub-cases"):
        expect(words in section, f"what changed does not say {words!r}: {section[:200]!r}")
    shown = browser.run("return [...document.querySelectorAll('#changes .changes li')].map((item) => [item.querySelector('a')?.textContent, item.querySelector('.dim').textContent])")
    wrong = [item for item in shown if wanted.get(item[0]) != item[1]]
    expect(not wrong, f"a change is wrong: {wrong[:3]}")
    more = sum(int(number.replace(",", "")) for number in re.findall(r"and ([\d,]+) more", section))
    expect(len(shown) + more == len(wanted), f"{len(shown)} changes are listed and {more} more are said to be there, and {len(wanted)} verdicts differ")
    return f"{len(wanted)} changes"


def nights(browser, record):
    """The last nights of the bench: a bar a night with its counts, and on the page of a case its verdict in each."""
    opened(browser, record)
    drawn = browser.run("return [...document.querySelectorAll('#nights .bench-nights title')].map((title) => title.textContent)")
    if record.history is None:
        return "compared with no history"
    own = record.results["run"]
    lines = [json.loads(line) for line in record.history.read_text().splitlines()]
    lines = sorted((line for line in lines if line["bench"] == own["environment"]["bench"] and line["started"] <= own["started"]), key=lambda line: line["started"])[-30:]
    for line, title in zip(lines, drawn, strict=True):
        counts = Counter(case["verdict"] for case in line["cases"])
        expect(title.startswith(f"{line['started']}: {counts['pass']} passed") and (f", {counts['fail']} failed" in title) == bool(counts["fail"]),
               f"the night of {line['started']} has {dict(counts)} and is drawn as {title!r}")
    word = {"pass": "pass", "fail": "fail", "changed": "changed", "error": "error of the rig", "not-applicable": "not run", "skipped": "not run"}
    for case in (record.with_verdict("fail")[:1] + record.with_verdict("pass")[:1]):
        show(browser, case)
        shown = browser.run("return [...document.querySelectorAll('#case .nights title')].map((title) => title.textContent)")
        verdicts = [next((row["verdict"] for row in line["cases"] if row["id"] == case), None) for line in lines]
        wanted = [f"{line['started']}: {word.get(verdict, 'not played')}" for line, verdict in zip(lines, verdicts)]
        expect(shown == wanted, f"{case}: the nights are {shown[-3:]}, and the history has {wanted[-3:]}")
    return f"{len(drawn)} nights"


NUMBERS = """return [...document.querySelectorAll(arguments[0] + ' .matrix tbody tr')].map((row) => ({
    name: row.querySelector('code').textContent, text: row.textContent, second: row.cells[1].textContent,
    part: row.closest('.wide').previousElementSibling?.textContent || row.closest('details')?.querySelector('summary').textContent || '',
    numbers: [...row.querySelectorAll('.num a')].map((link) => [link.hash, link.textContent]),
    cases: [...row.cells[row.cells.length - 1].querySelectorAll('a')].map((link) => link.textContent) }))"""


def numbered(rows, key, wanted):
    """The numbers of a table are those of the record, and each leads to its sub-cases."""
    for row in rows:
        shown = {}
        for link, number in row["numbers"]:
            asked = urllib.parse.parse_qs(link.split("?")[1])
            expect(asked.get(key) == [row["name"]], f"a number of {row['name']} leads to {link}")
            shown[asked["v"][0]] = int(number.replace(",", ""))
        expect(shown == dict(wanted[row["name"]]), f"{row['name']} has the numbers {shown}, and the record has {dict(wanted[row['name']])}")


def requirements(browser, record):
    """The requirement matrix: each requirement once, with its numbers and cases, and in the part that its verdicts put it in."""
    opened(browser, record)
    counts, cases, unjudged = {}, {}, Counter()
    for case, result in record.cases.items():
        for requirement in result.get("requires", []):
            counts.setdefault(requirement, Counter())[record.verdict(case)] += 1
            cases.setdefault(requirement, set()).add(case.split("/")[0])
            unjudged[requirement] += sum(check["result"] == "not-judged" for check in result["checks"])
    rows = browser.run(NUMBERS, "#requirements")
    expect(len({row["name"] for row in rows}) == len(rows) and {row["name"] for row in rows} >= set(counts), "the matrix has not each requirement once")
    tried = [row for row in rows if row["name"] in counts]
    numbered(tried, "r", counts)
    for row in tried:
        name, of = row["name"], counts[row["name"]]
        expect(set(row["cases"]) == cases[name], f"{name}: the matrix has other cases than the record")
        expect(row["part"].startswith("Failed:") == bool(of["fail"] + of["quarantined"]), f"{name} has {of['fail']} failures and is in the part {row['part']!r}")
        clean = of["pass"] and not (of["fail"] or of["quarantined"] or of["error"] or of["skipped"] or of["changed"] or unjudged[name])
        expect(not row["part"].startswith("Met:") or clean, f"{name} is said to be met, with {dict(of)} and {unjudged[name]} expectations not judged")
    return f"{len(rows)} requirements"


def conformance(browser, record):
    """The conformance statement: each claim of the device file, whether it is made, and the sub-cases that rest on it."""
    opened(browser, record)
    criteria, device = record.planned()
    counts = {claim: Counter() for claim in device["claims"]}
    for planned in criteria:
        for claim in planned.get("needs", {}).get("claims", []):
            if planned["id"] in record.cases:
                counts.setdefault(claim, Counter())[record.verdict(planned["id"])] += 1
    rows = browser.run(NUMBERS, "#conformance")
    made = {claim: value is not False for claim, value in device["claims"].items()}
    expect({row["name"]: "yes" in row["second"] for row in rows} == made, "the claims are not those of the device file")
    for row in rows:
        number = device["claims"][row["name"]]
        expect(isinstance(number, bool) or str(number) in row["second"], f"the number of the claim {row['name']} is not shown: {row['second']!r}")
    numbered(rows, "c", counts)
    for row in rows:
        failed = made[row["name"]] and counts[row["name"]]["fail"] + counts[row["name"]]["quarantined"]
        expect(("rests on it failed" in row["text"]) == bool(failed), f"{row['name']}: {counts[row['name']]['fail']} sub-cases that rest on this claim failed, and the page says {row['text'][-90:]!r}")
    return f"{len(rows)} claims"


def rows(browser, record):
    """Every sub-case has its row and its verdict."""
    opened(browser, record)
    seen = browser.run("""return [...document.querySelectorAll('.family tbody tr:not(.g)')].map((row) =>
        [decodeURIComponent(row.querySelector('a').id), row.className])""")
    expect(dict(seen) == {case: record.verdict(case) for case in record.cases}, "the rows are not the sub-cases of the record")
    expect(len(seen) == len(record.cases), "a sub-case has two rows")


def details(browser, record):
    """A case shows what the record has: bytes, displays, expectations with who saw them, requirements, the command."""
    opened(browser, record)
    for case in dict.fromkeys([*some_cases(record, 8, seed=2), *record.with_event("console-sent")]):
        show(browser, case)
        result, events = record.cases[case], record.events(case)
        words = browser.run("return document.querySelector('#case h1').textContent")
        expect(case in words and result["verdict"].replace("-", " ") in words, f"{case} has the title {words!r}")
        seen = browser.run("return [...document.querySelectorAll('#case .hex')].map((hex) => hex.textContent.replaceAll(' ', ''))")
        wanted = []
        for body in events:
            if body["kind"] == "exchange":
                wanted += [body["command"], body.get("response", "nobytes")]
        expect(seen == wanted, f"{case}: the bytes are not those of the record")
        timeline = browser.run("return [...document.querySelectorAll('#case .events tbody tr')].map((row) => [row.cells[1].textContent, row.cells[2].textContent])")
        for kind, word, lane in [("show", "message", "display"), ("gate", "gate", "sound and gate"), ("sound", "sound", "sound and gate")]:
            wanted = [signal[word]["known"] for body in events if body["kind"] == "signal" and (signal := body["signal"])["signal"] == kind and "known" in signal[word]]
            start = {"show": "shows ", "gate": "gate ", "sound": "sound "}[kind]
            shown = [text.split("\n")[0][len(start):] for name, text in timeline if name == lane and text.startswith(start)]
            expect(shown == wanted, f"{case}: {kind} is {shown}, and the record has {wanted}")
        lanes = Counter(name for name, _ in timeline)
        for lane, kinds in [("exchange", ["exchange"]), ("fault", ["injected", "acted"]), ("power", ["power", "ready", "flashed", "flashed-by-program", "firmware"]),
                            ("console", ["console-sent", "console-reply", "console-noise"]), ("journal", ["journal", "books", "journal-cleared"]), ("step", ["step-started"])]:
            number = sum(body["kind"] in kinds for body in events)
            expect(lanes[lane] == number, f"{case}: the timeline has {lanes[lane]} events of the lane {lane}, and the record has {number}")
        frames = sum(body["kind"] == "frame" for body in events)
        shown = sum(int(text.split()[0]) if text.endswith(" of polling") else 1 for name, text in timeline if name == "frame")
        expect(frames == shown, f"{case}: {shown} frames are shown, and the record has {frames}")
        text = browser.run("return document.querySelector('#case').textContent")
        checks = browser.run("return [...document.querySelectorAll('#case .checks tr[class]')].map((row) => [...row.cells].slice(0, 4).map((cell) => cell.textContent))")
        marks = {"holds": "✓ holds", "fails": "✗ fails", "not-judged": "– not judged"}
        wanted = sorted([marks[check["result"]], check["what"] + (f" (tap {check['tap']})" if check.get("tap") else ""), check["wanted"].replace("\t", " ")]
                        for check in result["checks"])
        expect(sorted(row[:3] for row in checks) == wanted, f"{case}: the expectations are not those of the record")
        who = {"person": "Seen by a person", "card": "Seen by the card", "device": "Told by the device", "acquirer": "Seen by the acquirer"}
        for check in result["checks"]:
            expect(who.get(check["seen_by"], "") in text, f"{case}: nobody is said to see {check['what']}")
        for requirement in result.get("requires", []):
            expect(requirement in text, f"{case}: {requirement} is missing")
        expect(f" {case}" in browser.run("return document.querySelector('#case .cmd code').textContent"), f"{case}: the command does not repeat it")


def deep_link(browser, record):
    """An address with the id of a case opens this case."""
    for case in some_cases(record, 2, seed=3):
        opened(browser, record, "#" + address(case))
        browser.until("!document.querySelector('#case').hidden", f"{case}, whose address was opened", 5)
        expect(browser.run("return document.querySelector('#case h1 code').textContent") == case, f"the address of {case} opens another case")
    opened(browser, record, "#no-such-case")
    expect(browser.run("return !document.querySelector('#overview').hidden"), "an address of no case hides the report")


VISIBLE = "return [...document.querySelectorAll('.family tbody tr:not(.g)')].filter((row) => !row.hidden && !row.parentNode.hidden && !row.closest('.family').hidden).map((row) => decodeURIComponent(row.querySelector('a').id))"


def filters(browser, record):
    """A filter in the address shows what it says, links of the page lead to such filters, and typing changes the address."""
    verdict = next(verdict for verdict in ("fail", "na", "pass") if record.with_verdict(verdict))
    opened(browser, record, f"#cases?v={verdict}")
    expect(sorted(browser.run(VISIBLE)) == sorted(record.with_verdict(verdict)), f"the filter v={verdict} shows other sub-cases")
    requirements = Counter(requirement for case in record.cases.values() for requirement in case.get("requires", []))
    requirement, number = requirements.most_common(1)[0]
    opened(browser, record, f"#cases?r={address(requirement)}")
    expect(len(browser.run(VISIBLE)) == number, f"the filter r={requirement} shows other sub-cases")
    opened(browser, record)
    links = browser.run("return [...document.querySelectorAll('.matrix td.num a, .tile:not(.none), [aria-labelledby=h-left] .num a')].map((link) => [link.hash, link.querySelector('.n')?.textContent || link.textContent])")
    expect(len(links) > 4, "the matrix has no links to its evidence")
    for link, count in random.Random(4).sample(links, 5):
        browser.run("location.hash = arguments[0]", link)
        browser.until("document.querySelector('[data-is=q]')", "the filter")
        time.sleep(0.05)
        seen = len(browser.run(VISIBLE))
        if "n=" not in link:
            expect(seen == int(count.replace(",", "")), f"{link} says {count} and leads to {seen}")
        else:
            expect(0 < seen, f"{link} leads to nothing")
    opened(browser, record)
    case = next(iter(record.cases))
    browser.run("const q = document.querySelector('[data-is=q]'); q.value = arguments[0]; q.dispatchEvent(new Event('input'))", case.lower())
    expect(case in browser.run(VISIBLE), f"the search for {case} does not find it")
    hash_ = browser.run("return location.hash")
    expect(hash_.startswith("#cases?q="), f"the search is not in the address {hash_}")
    browser.open(record.page, hash_)
    browser.until("document.documentElement.dataset.ready", "the script of the page")
    expect(case in browser.run(VISIBLE) and len(browser.run(VISIBLE)) < len(record.cases), "the address of a search does not repeat it")


def keyboard(browser, record):
    """The page can be used with keys alone: j and k go through the cases, Escape goes back, / searches."""
    opened(browser, record)
    order = browser.run(VISIBLE)
    for key, wanted in [("j", order[0]), ("j", order[1]), ("k", order[0])]:
        browser.keys(key)
        browser.until(f"document.querySelector('#case h1 code')?.textContent === {json.dumps(wanted)}", f"{wanted} after the key {key}", 5)
    expect(browser.run("return document.activeElement.tagName") == "H1", "the focus is not on the case that was opened")
    browser.keys(KEYS["Escape"])
    browser.until("document.querySelector('#case').hidden", "the report after Escape", 5)
    browser.keys("/")
    browser.until("document.activeElement.type === 'search'", "the search after the key /", 5)
    browser.keys("j")
    expect(browser.run("return document.querySelector('#case').hidden"), "the letter j in the search opens a case")


def narrow(browser, record):
    """Nothing runs out of a narrow screen."""
    browser.metrics(360, 740)
    try:
        for case in [None, *some_cases(record, 4, seed=5)]:
            opened(browser, record)
            if case:
                show(browser, case)
            wide = browser.run("return document.documentElement.scrollWidth")
            expect(wide <= 360, f"{case or 'the report'} is {wide} pixels wide on a screen of 360")
    finally:
        browser.metrics(*browser.size)


def accessible(browser, record):
    """axe-core finds nothing, in light and in dark."""
    axe = pathlib.Path(os.environ["AXE"]).read_text()
    for scheme in ("light", "dark"):
        browser.media(scheme=scheme)
        for case in [None, *some_cases(record, 2, seed=6)]:
            opened(browser, record)
            if case:
                show(browser, case)
            found = browser.wait(axe + """;
                axe.run(document, { resultTypes: ['violations'] }).then((all) => done(all.violations.map((one) => one.id + ': ' + one.nodes[0].html.slice(0, 160) + ' ' + (one.nodes[0].any[0]?.message || ''))), (error) => done([String(error)]));""")
            expect(not found, f"axe-core finds in {case or 'the report'} ({scheme}): {found[:3]}")
    browser.media()


def dark(browser, record):
    """Who wants it dark gets it dark."""
    opened(browser, record)

    def light():
        parts = re.findall(r"\d+", browser.run("return getComputedStyle(document.body).backgroundColor"))
        return sum(map(int, parts[:3])) / 3
    by_day = light()
    browser.media(scheme="dark")
    by_night = light()
    browser.media()
    expect(by_day > 200 and by_night < 60, f"the page is as light as {by_day:.0f} by day and {by_night:.0f} by night, of 255")


def pages(content):
    return len(re.findall(rb"/Type\s*/Page\b", content))


def printed(browser, record):
    """The report and a case can be printed. What only a screen needs is left out."""
    whole = pdf(record.page)
    number, least = pages(whole), 2 + len(record.cases) // 100
    expect(whole.startswith(b"%PDF-") and number >= least, f"the report prints {number} pages, at least {least} are needed")
    case = pages(pdf(record.page, "#" + address(some_cases(record, 1)[0])))
    expect(1 <= case < number, f"a case prints {case} pages, and the whole report {number}")
    opened(browser, record)
    show(browser, some_cases(record, 1)[0])
    browser.media(kind="print")
    shown = browser.run("return [...document.querySelectorAll('.top, form, button, .path')].filter((part) => part.getClientRects().length).length")
    browser.media()
    expect(shown == 0, f"{shown} parts that only a screen needs are printed")
    return f"{number} pages"


def without_script(driver, record):
    """Without script all verdicts can be read, and what did not pass with its reasons."""
    with Browser(driver, script=False) as browser:
        browser.open(record.page)
        expect(not browser.run("return document.documentElement.dataset.ready || ''"), "the script runs although it is switched off")
        seen = browser.run("return [...document.querySelectorAll('.family tbody tr:not(.g)')].filter((row) => row.getClientRects().length || row.closest('.family').getClientRects().length).length")
        expect(seen == len(record.cases), f"without script {seen} of {len(record.cases)} rows can be seen")
        text = browser.run("return document.body.innerText")
        for case in record.with_verdict("fail")[:20]:
            for check in record.cases[case]["checks"]:
                if check["result"] == "fails":
                    expect(check["seen"].split("\n")[0] in text and case in text, f"without script the page does not say why {case} failed")
        expect("need script" in text, "the page does not say what needs script")
        expect(not browser.run("return document.querySelector('form').getClientRects().length"), "a filter is shown that needs script")


ANY = [console, size, ready, quick, first_screen, tested, changes, nights, requirements, conformance, rows, details, deep_link, filters, keyboard, narrow, accessible, dark, printed]
