"use strict";
(() => {
  // By a name of our own: the ids are addresses, and a case may be called anything.
  const $ = (name) => document.querySelector(`[data-is="${name}"]`);
  const index = JSON.parse($("index").textContent);
  const LANES = ["step", "power", "card", "frame", "exchange", "fault", "display", "sound and gate", "result", "journal", "state", "console", "acquirer", "rig"];
  const [STEP, POWER, CARD, FRAME, EXCHANGE, FAULT, DISPLAY, GATE, RESULT, JOURNAL, STATE, CONSOLE, ACQUIRER] = LANES.keys();
  const QUIET = new Set([FRAME, STATE, CONSOLE]);
  const WHO = ["Seen by a person", "Seen by the card", "Seen by the acquirer", "Told by the device", "Compared with the baseline"];
  const VERDICTS = { pass: ["✓", "pass"], changed: ["≠", "changed"], fail: ["✗", "fail"], quarantined: ["✗", "failed in quarantine"], error: ["!", "error"], na: ["–", "not applicable"], skipped: ["○", "skipped"] };
  const RESULTS = [["pass", "✓ holds"], ["fail", "✗ fails"], ["na", "– not judged"]];

  // Texts only ever become text nodes: whatever a device or a card has sent stays a text.
  const el = (tag, attributes, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) if (value !== null) node.setAttribute(name, value);
    node.append(...children.filter((child) => child !== null));
    return node;
  };
  const svg = (tag, attributes, ...children) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };

  // The rows of the table, as the page has them, and what the index says about them.
  const rows = [];
  const byId = new Map();
  document.querySelectorAll(".family tbody").forEach((body) => {
    const title = body.querySelector("span").textContent;
    const whole = !body.querySelector(".g")?.textContent.endsWith("…");
    body.querySelectorAll("tr:not(.g)").forEach((row) => {
      const link = row.querySelector("a");
      const at = rows.length * 3;
      const [requires, claims, why] = index.sets[index.rows[at + 2]];
      const id = decodeURIComponent(link.id);
      const own = row.querySelector(".own i")?.textContent;
      const entry = { id, title: own ? `${title} ${own}`.trim() : whole ? title : `${title} (${link.textContent})`, row, body, link, verdict: row.className, chunk: index.rows[at], line: index.rows[at + 1], requires, claims, why, failure: row.querySelector("p")?.textContent || "" };
      entry.text = [id, entry.title, entry.failure, ...requires.map((n) => index.requires[n])].join(" ").toLowerCase();
      rows.push(entry);
      byId.set(id, entry);
    });
  });
  const families = [...document.querySelectorAll(".family")];
  const matrix = new Map([...document.querySelectorAll('[data-is="requirements"] tbody tr')].map((row) => [row.id, row]));
  let found = rows;

  // The address: a place in the page or the id of a case, and behind a question mark the filter.
  const parse = () => {
    const hash = location.hash.slice(1);
    const cut = hash.indexOf("?");
    let path = cut < 0 ? hash : hash.slice(0, cut);
    try { path = decodeURIComponent(path); } catch { /* It names nothing, then. */ }
    return { path, filter: new URLSearchParams(cut < 0 ? "" : hash.slice(cut + 1)) };
  };
  const address = (path, filter) => {
    const place = encodeURIComponent(path).replaceAll("%2F", "/");
    const query = filter.toString();
    return "#" + place + (query ? "?" + query : "");
  };
  let filter = new URLSearchParams(), applied = null;

  const apply = () => {
    if (applied === filter.toString()) return;
    applied = filter.toString();
    const words = (filter.get("q") || "").toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = (filter.get("v") || "").split(",").filter(Boolean);
    const number = (key, names) => filter.has(key) ? names.indexOf(filter.get(key)) : null;
    const [r, c, n] = [number("r", index.requires), number("c", index.claims), number("n", index.why)];
    found = rows.filter((row) =>
      (!verdicts.length || verdicts.includes(row.verdict)) && words.every((word) => row.text.includes(word)) &&
      (r === null || row.requires.includes(r)) && (c === null || row.claims.includes(c)) && (n === null || row.why.includes(n)));
    const shown = new Set(found);
    const bodies = new Set(found.map((row) => row.body));
    rows.forEach((row) => { row.row.hidden = !shown.has(row); row.body.hidden = !bodies.has(row.body); });
    families.forEach((family) => { family.hidden = !family.querySelector("tbody:not([hidden])"); });
    $("found").textContent = found.length === rows.length ? `${rows.length} sub-cases` : `${found.length} of ${rows.length} sub-cases`;
    if ($("q").value !== (filter.get("q") || "")) $("q").value = filter.get("q") || "";
    $("filter").querySelectorAll("input[name=v]").forEach((box) => { box.checked = verdicts.includes(box.value); });
    const pills = [["r", "requirement "], ["c", "claim "], ["n", "not judged: "]].filter(([key]) => filter.has(key)).map(([key, name]) => {
      const pill = el("button", { type: "button", class: "pill", "aria-label": `Remove the filter ${name}${filter.get(key)}` }, `${name}${filter.get(key)} ×`);
      pill.addEventListener("click", () => { filter.delete(key); retain(); });
      return pill;
    });
    $("pills").replaceChildren(...pills);
  };
  // The filter goes into the address without a new entry in the history.
  const retain = () => {
    history.replaceState(null, "", address(parse().path || "cases", filter));
    apply();
  };

  // Details of cases are unpacked on demand.
  const unpack = async (id) => {
    const packed = atob($(id).textContent);
    // A plain loop takes a fifth of the time of `Uint8Array.from` with a function.
    const bytes = new Uint8Array(packed.length);
    for (let n = 0; n < packed.length; n++) bytes[n] = packed.charCodeAt(n);
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };
  const chunks = new Map();
  let shared = null;
  const chunk = (number) => {
    if (!chunks.has(number)) {
      // A few are kept, so that going through the cases is quick and memory stays small.
      if (chunks.size > 3) chunks.delete(chunks.keys().next().value);
      chunks.set(number, unpack("k" + number).then((text) => {
        const lines = text.split("\n");
        return { table: JSON.parse(lines[0]), lines };
      }));
    }
    return chunks.get(number);
  };
  const details = async (entry) => {
    shared ??= unpack("shared").then(JSON.parse);
    const [{ table, lines }, common] = await Promise.all([chunk(entry.chunk), shared]);
    const at = (n) => (n < 0 ? common[-n - 1] : table[n]);
    const [times, events, airs, checks, given, facts, left] = JSON.parse(lines[entry.line]);
    let time = 0, air = 0, exchanges = 0;
    const timeline = times.map((delta, n) => {
      time += delta;
      const [lane, reference] = [events[2 * n], events[2 * n + 1]];
      const event = { time: time / 10, lane, value: at(reference) };
      if (lane === CARD && isTap(event.value)) air = 0;
      if (lane === EXCHANGE) event.air = (air += airs[exchanges++]) / 10;
      return event;
    });
    const pairs = [];
    for (let n = 0; n < facts.length; n += 2) pairs.push([at(facts[n]), at(facts[n + 1])]);
    return {
      timeline, left, facts: pairs,
      given: given && { validator: at(given[0]), card: at(given[1]), settings: given[2].map(at), changes: given[3].map(at), faults: given[4].map(at) },
      checks: checks.map(([who, what, tap, wanted, seen, result, why, line]) => ({
        who, what: at(what) + (tap ? ` (tap ${tap})` : ""), wanted: at(wanted), seen: at(seen === -0.5 ? wanted : seen), result, why: why === -0.5 ? "" : at(why), line,
      })),
    };
  };
  const isTap = (text) => /^tap \d+: /.test(text);

  const shell = (word) => /^[\w./=:,+@%-]+$/.test(word) ? word : "'" + word.replaceAll("'", "'\\''") + "'";
  const mark = (verdict) => {
    const [sign, words] = VERDICTS[verdict];
    return el("span", { class: "v " + verdict }, el("span", { class: "mark", "aria-hidden": "true" }, sign), " " + words);
  };
  const section = (title, ...children) => el("section", { "aria-label": title }, el("h2", null, title), ...children);
  const head = (...names) => el("thead", null, el("tr", null, ...names.map((name) => el("th", { scope: "col" }, name))));

  const factList = (entry, data) => {
    const list = el("dl", { class: "facts" });
    const add = (name, values, code) => {
      values = values.filter(Boolean);
      if (values.length) list.append(el("div", null, el("dt", null, name), ...values.map((value) => el("dd", code ? { class: "code" } : null, value))));
    };
    if (data.given) {
      add("Card", [data.given.card]);
      add("Changes of the card", data.given.changes);
      add("Settings of the validator", [data.given.validator, ...data.given.settings]);
      add("Faults on the link", data.given.faults);
    }
    data.facts.forEach(([name, value]) => add(name, [value], name === "File"));
    return list;
  };

  const requirementList = (entry) => {
    const items = entry.requires.map((n) => {
      const id = index.requires[n];
      const row = matrix.get("r-" + encodeURIComponent(id).replaceAll("%2F", "/"));
      const [text, source] = row ? row.querySelectorAll("p") : [];
      return el("li", null, el("a", { href: address("cases", new URLSearchParams({ r: id })) }, el("code", null, id)), " ", text ? text.textContent : "",
        " ", el("span", { class: "dim" }, [row?.cells[1].textContent, source?.textContent].filter(Boolean).join(" · ")));
    });
    return el("ul", { class: "list" }, ...items);
  };

  const checkTable = (entry, data) => {
    const file = data.facts.find(([name]) => name === "File")?.[1] || "";
    const bodies = WHO.map((words, who) => {
      const mine = data.checks.filter((check) => check.who === who);
      if (!mine.length) return null;
      return el("tbody", null, el("tr", null, el("th", { scope: "rowgroup", colspan: 5 }, words)), ...mine.map((check) => {
        const [cls, words] = RESULTS[check.result];
        const place = typeof check.line === "number" ? (check.line ? `${file}:${check.line}` : "") : check.line;
        return el("tr", { class: cls }, el("td", { "data-l": "Result" }, words), el("th", { scope: "row" }, check.what), el("td", { "data-l": "Expected" }, check.wanted),
          el("td", { class: check.result === 1 ? "seen" : null, "data-l": "Seen" }, check.why ? `${check.seen}\n${check.why}` : check.seen), el("td", { class: "code", "data-l": "Place" }, place));
      }));
    });
    return el("table", { class: "plain checks" }, head("Result", "Expectation", "Expected", "Seen", "Place"), ...bodies);
  };

  // Lanes over time. Waiting without events is shortened.
  const LINES = [[POWER, "power"], [CARD, "card"], [EXCHANGE, "air"], [FAULT, "fault"], [DISPLAY, "display"], [GATE, "sound, gate"], [RESULT, "result"], [JOURNAL, "journal"], [ACQUIRER, "acquirer"]];
  const picture = (timeline) => {
    const from = Math.max(0, timeline.findIndex((event) => event.lane === STEP));
    const events = timeline.slice(from).filter((event) => LINES.some(([lane]) => lane === event.lane) || event.lane === FRAME);
    if (events.length < 2) return null;
    const GAP = 150, LEFT = 86, WIDTH = 1000, HIGH = 20;
    let place = 0;
    const gaps = [];
    events.forEach((event, n) => {
      const wait = n ? event.time - events[n - 1].time : 0;
      if (wait > GAP) gaps.push([place + GAP / 2, wait]);
      place += Math.min(wait, GAP);
      event.place = place;
    });
    const x = (at) => LEFT + (at / (place || 1)) * (WIDTH - LEFT - 8);
    const lines = LINES.filter(([lane]) => events.some((event) => event.lane === lane || (lane === EXCHANGE && event.lane === FRAME)));
    const high = lines.length * HIGH + 22;
    const image = svg("svg", { class: "lanes", viewBox: `0 0 ${WIDTH} ${high}`, role: "img", "aria-label": `Events of ${events.length} kinds and times; the table below has them in words` });
    let tap = null;
    events.filter((event) => event.lane === CARD).forEach((event) => {
      if (isTap(event.value)) tap = event;
      else if (tap && event.value.startsWith("the card is taken away")) {
        image.append(svg("rect", { class: "tap", x: x(tap.place), y: 0, width: Math.max(1, x(event.place) - x(tap.place)), height: high - 20 }),
          svg("text", { x: x(tap.place) + 3, y: high - 6 }, tap.value.split(":")[0] + `, ${tap.time.toFixed(1)} ms`));
        tap = null;
      }
    });
    gaps.forEach(([at, wait]) => image.append(svg("line", { class: "gap", x1: x(at), x2: x(at), y1: 0, y2: high - 20 }),
      svg("text", { x: x(at), y: high - 6, "text-anchor": "middle" }, wait >= 1000 ? `${(wait / 1000).toFixed(1)} s` : `${wait.toFixed(0)} ms`)));
    lines.forEach(([lane, name], n) => {
      const y = n * HIGH + HIGH / 2;
      image.append(svg("line", { class: "row", x1: LEFT, x2: WIDTH, y1: y, y2: y }), svg("text", { x: 0, y: y + 4 }, name));
      events.forEach((event) => {
        const title = svg("title", {}, `${event.time.toFixed(1)} ms: ${words(event)}`);
        if (lane === EXCHANGE && event.lane === FRAME) image.append(svg("line", { class: "tick", x1: x(event.place), x2: x(event.place), y1: y - 2, y2: y + 2 }, title));
        if (event.lane !== lane) return;
        const at = x(event.place);
        if (lane === EXCHANGE) image.append(svg("line", { class: "tick", x1: at, x2: at, y1: y - 6, y2: y + 6, "stroke-width": 2 }, title));
        else if (lane === FAULT) image.append(svg("path", { class: "fault", d: `M${at - 5} ${y + 5}h10l-5 -10z` }, title));
        else image.append(svg("circle", { class: "dot", cx: at, cy: y, r: 3.5 }, title));
      });
    });
    return image;
  };
  const words = (event) => event.lane === EXCHANGE ? `${event.value[0]} → ${event.value[3]}` : event.value;

  const eventTable = (timeline) => {
    const first = Math.max(0, timeline.findIndex((event) => event.lane === STEP));
    const off = new Set(QUIET);
    let before = false;
    const apply = () => timeline.forEach((event, n) => { bodies[n].hidden = off.has(event.lane) || (n < first && !before); });
    const bodies = timeline.map((event) => {
      const cls = [event.lane === STEP ? "step" : event.lane === FAULT ? "fault" : "", event.lane === CONSOLE || event.lane === FRAME ? "mono" : ""].join(" ").trim();
      const row = el("tr", cls ? { class: cls } : null, el("th", { scope: "row" }, event.time.toFixed(1)), el("td", null, LANES[event.lane]), el("td", null, words(event)));
      return row;
    });
    const table = el("table", { class: "events" }, head("Time in ms", "What", "Event"), el("tbody", null, ...bodies));
    const lanes = [...new Set(timeline.map((event) => event.lane))].sort((a, b) => a - b);
    const chip = (words, on, change) => {
      const box = el("input", { type: "checkbox" });
      box.checked = on;
      box.addEventListener("change", () => { change(box.checked); apply(); });
      return el("label", { class: "chip" }, box, el("span", null, words));
    };
    const chips = lanes.map((lane) => chip(`${LANES[lane]} ${timeline.filter((event) => event.lane === lane).length}`, !off.has(lane),
      (on) => { if (on) off.delete(lane); else off.add(lane); }));
    if (first) chips.unshift(chip(`before the first step ${first}`, false, (on) => { before = on; }));
    apply();
    return [el("fieldset", { class: "shown" }, el("legend", null, "Events that are shown"), ...chips), table];
  };

  // A decoded command or response beside its bytes. A part and its bytes light up together.
  const half = (way, said, hex, parts, fault) => {
    const lines = [], places = [];
    for (let n = 0; n < parts.length; n += 5) {
      const [depth, name, value, place, length] = parts.slice(n, n + 5);
      const digits = typeof hex === "string" ? hex.slice(2 * place, 2 * (place + length)) : "";
      const text = value === 0 ? digits : value === 1 ? `${digits.slice(0, 32)}... (${length} bytes)` : Array.isArray(value) ? digits + value[0] : value;
      const line = el("div", { class: depth ? `part d${Math.min(depth, 4)}` : "part", title: length ? `bytes ${place} to ${place + length - 1}` : null },
        el("span", { class: "name" }, name), text);
      lines.push(line);
      if (length) places.push([place, place + length, line]);
    }
    const raw = el("div", { class: "hex" });
    if (typeof hex === "string") {
      const ends = [...new Set([0, hex.length / 2, ...places.flatMap(([from, to]) => [from, to])])].sort((a, b) => a - b);
      const pieces = ends.slice(1).map((end, n) => {
        const start = ends[n];
        const known = places.some(([from, to]) => from <= start && end <= to);
        const piece = el("span", known ? null : { class: "quiet" }, (hex.slice(2 * start, 2 * end).match(/../g) || []).join(" ") + " ");
        raw.append(piece);
        return [start, end, piece];
      });
      const light = (from, to, on) => {
        pieces.forEach(([start, end, piece]) => { if (from <= start && end <= to) piece.classList.toggle("hit", on); });
        places.forEach(([start, end, line]) => { if (start === from && end === to) line.classList.toggle("hit", on); });
      };
      const both = (node, from, to) => {
        node.addEventListener("mouseenter", () => light(from, to, true));
        node.addEventListener("mouseleave", () => light(from, to, false));
      };
      places.forEach(([from, to, line]) => both(line, from, to));
      pieces.forEach(([start, end, piece]) => {
        const inner = places.filter(([from, to]) => from <= start && end <= to).sort((a, b) => (a[1] - a[0]) - (b[1] - b[0]))[0];
        if (inner) both(piece, inner[0], inner[1]);
      });
    } else raw.append(el("span", { class: "quiet" }, "no bytes"));
    return [el("div", null, el("div", { class: "say" }, el("span", { class: "way" }, way), said), fault ? el("div", { class: "faulty" }, "△ " + fault) : null, ...lines), el("div", { class: "raw" }, raw)];
  };
  const exchangeList = (timeline) => {
    const nodes = [];
    let tap = "";
    timeline.forEach((event) => {
      if (event.lane === CARD && isTap(event.value)) tap = event.value;
      if (event.lane !== EXCHANGE) return;
      if (tap) { nodes.push(el("h3", null, tap[0].toUpperCase() + tap.slice(1))); tap = ""; }
      const [command, sent, parts, response, received, objects, fault] = event.value;
      nodes.push(el("div", { class: "exchange", title: `${event.air.toFixed(1)} ms on the air` }, ...half("→", command, sent, parts, null), ...half("←", response, received, objects, fault)));
    });
    return nodes;
  };

  // The last nights of a case, as `taprig history` draws them. Only cases that did not pass in each night have letters.
  const nights = $("nights") ? JSON.parse($("nights").textContent) : null;
  const NIGHT = { P: ["pass", 8], F: ["fail", 16], C: ["changed", 16], E: ["error", 12], N: ["na", 3], "-": ["none", 1] };
  const NIGHT_WORDS = { P: "pass", F: "fail", C: "changed", E: "error of the rig", N: "not run", "-": "not played" };
  const nightSection = (id) => {
    if (!nights) return null;
    const count = nights.started.length;
    const letters = [...(nights.cases[id] ?? "P".repeat(count))];
    const bad = letters.filter((letter) => "FCE".includes(letter)).length;
    const words = bad ? `${bad} of the last ${count} nights without a pass` : letters.every((letter) => letter === "P") ? `Passed in each of the last ${count} nights` : `No failure in the last ${count} nights`;
    const cells = letters.map((letter, at) => svg("rect", { class: `night ${NIGHT[letter][0]}`, x: 7 * at, y: 16 - NIGHT[letter][1], width: 6, height: NIGHT[letter][1] },
      svg("title", {}, `${nights.started[at]}: ${NIGHT_WORDS[letter]}`)));
    return section("Last nights", el("p", null, words),
      el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Verdict of each night" },
        svg("svg", { class: "nights", width: 7 * count, height: 16, viewBox: `0 0 ${7 * count} 16`, role: "img", "aria-label": words }, ...cells)));
  };

  const show = (entry, data) => {
    const place = found.indexOf(entry);
    const near = (step, words) => {
      const other = place < 0 ? null : found[place + step];
      return other ? el("a", { href: address(other.id, filter), rel: step < 0 ? "prev" : "next" }, words) : el("span", null, words);
    };
    const command = `${index.repeat} ${shell(entry.id)}`;
    const copy = el("button", { type: "button" }, "Copy");
    copy.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(command); copy.textContent = "Copied"; }
      catch { getSelection().selectAllChildren(copy.previousSibling); copy.textContent = "Selected"; }
    });
    const nodes = [
      el("nav", { class: "path", "aria-label": "Cases" }, el("a", { href: address("cases", filter) }, "← All cases"), near(-1, "‹ previous"), near(1, "next ›"),
        el("span", null, place < 0 ? "" : `${place + 1} of ${found.length}`)),
      el("h1", { tabindex: -1 }, mark(entry.verdict), el("code", null, entry.id)),
      el("p", { class: "title" }, entry.title),
      entry.failure ? el("p", { class: "why " + entry.verdict }, entry.failure) : null,
    ];
    if (data) {
      const graphic = picture(data.timeline);
      const exchanges = exchangeList(data.timeline);
      nodes.push(
        data.left ? el("p", { class: "warning" }, `This case has ${data.left} more events than are shown. The record has them all.`) : null,
        section("What the case is", factList(entry, data)),
        entry.requires.length ? section("Requirements", requirementList(entry)) : null,
        data.checks.length ? section("Expected and seen", checkTable(entry, data)) : null,
        nightSection(entry.id),
        section("Repeat it", el("div", { class: "cmd" }, el("code", null, command), copy)),
        data.timeline.length ? section("Timeline", ...[graphic].filter(Boolean), ...eventTable(data.timeline)) : null,
        exchanges.length ? section("Commands and responses", ...exchanges) : null);
    } else {
      nodes.push(el("p", { class: "warning" }, "The details of this case were left out, because the report would have become too large. The record has them."),
        nightSection(entry.id),
        section("Repeat it", el("div", { class: "cmd" }, el("code", null, command), copy)));
    }
    $("case").replaceChildren(...nodes.filter((node) => node !== null));
    $("overview").hidden = true;
    $("case").hidden = false;
    document.title = `${VERDICTS[entry.verdict][1]} · ${entry.id}`;
    scrollTo(0, 0);
    $("case").querySelector("h1").focus({ preventScroll: true });
    document.dispatchEvent(new CustomEvent("case-shown", { detail: entry.id }));
  };

  const title = document.title;
  let left = 0, current = null, turn = 0;
  const route = async () => {
    const mine = ++turn;
    const { path, filter: asked } = parse();
    const entry = byId.get(path);
    const known = ["v", "q", "r", "c", "n"].filter((key) => asked.has(key));
    filter = new URLSearchParams(known.map((key) => [key, asked.get(key)]));
    apply();
    if (entry) {
      if (!current) left = scrollY;
      current = entry;
      let data = null;
      try { if (entry.chunk >= 0) data = await details(entry); } catch (error) { console.error(error); }
      if (mine === turn) show(entry, data);
      return;
    }
    const came = current;
    current = null;
    $("case").hidden = true;
    $("case").replaceChildren();
    $("overview").hidden = false;
    document.title = title;
    if (came && path === "cases") { scrollTo(0, left); came.link.focus({ preventScroll: true }); }
    else if (path === "cases" || came) document.getElementById(path)?.scrollIntoView();
  };

  $("filter").hidden = false;
  $("keys").hidden = false;
  $("filter").addEventListener("submit", (event) => event.preventDefault());
  $("q").addEventListener("input", () => {
    if ($("q").value) filter.set("q", $("q").value); else filter.delete("q");
    retain();
  });
  $("filter").addEventListener("change", (event) => {
    if (event.target.name !== "v") return;
    const chosen = [...$("filter").querySelectorAll("input[name=v]:checked")].map((box) => box.value);
    if (chosen.length) filter.set("v", chosen.join(",")); else filter.delete("v");
    retain();
  });
  // A case of the table opens with the filter of the table, so that the next case is the next of those.
  $("cases").addEventListener("click", (event) => {
    const link = event.target.closest(".family tbody a");
    if (!link || !filter.size) return;
    event.preventDefault();
    location.hash = address(rows.find((row) => row.link === link).id, filter);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest("input[type=search]");
    if (event.key === "Escape") {
      if (typing) typing.blur(); else if (current) location.hash = address("cases", filter);
    } else if (typing) {
      return;
    } else if (event.key === "/") {
      event.preventDefault();
      if (current) location.hash = address("cases", filter);
      setTimeout(() => $("q").focus());
    } else if (event.key === "j" || event.key === "k") {
      const step = event.key === "j" ? 1 : -1;
      const other = current ? found[found.indexOf(current) + step] : found[0];
      if (other) location.hash = address(other.id, filter);
    }
  });
  addEventListener("hashchange", route);
  route();
  document.documentElement.dataset.ready = performance.now().toFixed(1);
  (window.requestIdleCallback || setTimeout)(() => { shared ??= unpack("shared").then(JSON.parse); });
})();
