// SPDX-License-Identifier: Apache-2.0
// The script of the pages of `serve`. Without it all is there as links. It writes texts only with textContent.
"use strict";

// ---- Zoom and pan: the same address with another ?since= and ?until=, so the server draws that time anew.

const windowLinks = document.querySelector(".window");

/// To a window of time, in milliseconds since 1970. The chart, so that it is seen again: its number on the page.
function goTo(since, until, chart) {
  const address = new URL(location.href);
  address.searchParams.set("since", new Date(Math.floor(since)).toISOString());
  address.searchParams.set("until", new Date(Math.ceil(until)).toISOString());
  address.hash = "chart-" + chart;
  location.assign(address);
}

function press(key) {
  const link = windowLinks.querySelector(`a[data-key="${key}"]`);
  if (link) location.assign(link.href + location.hash);
  return Boolean(link);
}

/// Dragging over a chart chooses the time below it: with a mouse, a pen or a finger.
function makeZoomable(canvas, from, until, chart) {
  const LEAST_PX = 6, LEAST_MS = 1000;
  const mark = document.createElement("div");
  mark.className = "chosen";
  mark.hidden = true;
  canvas.append(mark);
  canvas.classList.add("zoomable");
  let begin = null;
  const place = event => {
    const box = canvas.getBoundingClientRect();
    return Math.min(Math.max(event.clientX - box.left, 0), box.width);
  };
  const end = () => {
    begin = null;
    mark.hidden = true;
  };
  canvas.addEventListener("pointerdown", event => {
    if (!event.isPrimary || event.button !== 0) return;
    begin = place(event);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", event => {
    if (begin === null) return;
    const at = place(event);
    mark.hidden = Math.abs(at - begin) < LEAST_PX;
    mark.style.left = Math.min(at, begin) + "px";
    mark.style.width = Math.abs(at - begin) + "px";
  });
  canvas.addEventListener("pointerup", event => {
    if (begin === null) return;
    const width = canvas.getBoundingClientRect().width;
    const [left, right] = [begin, place(event)].sort((one, other) => one - other);
    end();
    if (right - left < LEAST_PX) return;
    const time = at => from + (until - from) * at / width;
    const middle = (time(left) + time(right)) / 2, half = Math.max(time(right) - time(left), LEAST_MS) / 2;
    goTo(middle - half, middle + half, chart);
  });
  canvas.addEventListener("pointercancel", end);
  addEventListener("keydown", event => {
    if (event.key === "Escape") end();
  });
}

if (windowLinks) {
  document.querySelectorAll("figure[data-from-us]").forEach((figure, number) => {
    figure.id = "chart-" + (number + 1);
    makeZoomable(figure.querySelector(".canvas"), figure.dataset.fromUs / 1000, figure.dataset.toUs / 1000, number + 1);
  });
  if (location.hash.startsWith("#chart-")) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  document.querySelectorAll(".with-script").forEach(hint => { hint.hidden = false; });
  addEventListener("keydown", event => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest?.(".scroll, input, select, textarea")) return;  // there, arrows scroll
    const key = event.key === "=" ? "+" : event.key;
    if (["ArrowLeft", "ArrowRight", "+", "-", "0"].includes(key) && press(key)) event.preventDefault();
  });
}

// ---- Tables whose headings are links to ?sort=: sorted here, without asking the server.

const UNITS = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40, PiB: 2 ** 50 };

/// What a cell tells as a number, a text, or null where it tells nothing.
function valueOf(cell) {
  const text = cell.textContent.trim();
  if (text === "-" || text === "") return null;
  const number = /^(-?[\d.]+)(?: (B|KiB|MiB|GiB|TiB|PiB)(?:\/s)?| %)?$/.exec(text.replace(/(\d) (?=\d{3})/g, "$1"));
  return number ? Number(number[1]) * (UNITS[number[2]] ?? 1) : text;
}

/// By a column: what is not known stays at the end.
function sortRows(table, column, isDescending) {
  const order = (one, other) => {
    const [a, b] = [valueOf(one.cells[column]), valueOf(other.cells[column])];
    if (a === null || b === null) return (a === null) - (b === null);
    const least = typeof a === "number" && typeof b === "number" ? a - b : String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
    return isDescending ? -least : least;
  };
  const rows = rowsOf(table), sorted = [...rows].sort(order);
  if (sorted.some((row, at) => row !== rows[at])) put(table, sorted);
}

/// Without the headings of groups.
function rowsOf(table) {
  return [...table.tBodies[0].rows].filter(row => !row.classList.contains("group"));
}

/// The rows in this order; what has the focus keeps it.
function put(table, rows) {
  const body = table.tBodies[0], focused = document.activeElement;
  body.append(...rows);
  if (focused && body.contains(focused)) focused.focus({ preventScroll: true });
}

function sortAgain(table) {
  const column = [...table.tHead?.rows[0].cells ?? []].findIndex(heading => heading.hasAttribute("aria-sort"));
  if (column >= 0) sortRows(table, column, table.tHead.rows[0].cells[column].getAttribute("aria-sort") === "descending");
  arrange(table);
}

/// Puts something into the address; "": takes it out.
function keep(name, value) {
  const address = new URL(location.href);
  if (value) address.searchParams.set(name, value);
  else address.searchParams.delete(name);
  history.replaceState(null, "", address);
}

document.querySelectorAll("th a[href^='?sort=']").forEach(link => {
  link.addEventListener("click", event => {
    event.preventDefault();
    const heading = link.closest("th"), table = link.closest("table"), before = heading.getAttribute("aria-sort");
    const isDescending = before ? before === "ascending" : heading.classList.contains("num");
    for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
    sortAgain(table);
    keep("sort", new URL(link.href).searchParams.get("sort"));
  });
});

// ---- The list of the page "now": only names with a text, and as a tree. Both are in the address: ?filter=web&view=tree.

const form = document.querySelector("form.filter");
const list = {
  filter: "",
  isTree: false,
  folded: new Set(),
};

/// The namespace and the pod of a name, or the first directory.
function groupsOf(name) {
  const parts = name.split("/");
  if (parts.length < 3 && parts[0] === "" || parts.length < 2) return [];
  return parts[0] === "" ? ["/" + parts[1]] : parts.slice(0, 2);
}

function sizeText(bytes) {
  const units = Object.keys(UNITS);
  let unit = 0;
  while (unit + 1 < units.length && bytes >= 1024) [bytes, unit] = [bytes / 1024, unit + 1];
  return (unit === 0 ? Math.round(bytes) : bytes.toFixed(1)) + " " + units[unit];
}

/// The heading of some rows, which folds them.
function groupRow(table, key, name, depth, rows) {
  const usage = [...table.tHead.rows[0].cells].findIndex(cell => cell.querySelector("a[href^='?sort=usage_bytes']"));
  const bytes = rows.reduce((sum, row) => sum + (usage < 0 ? 0 : Number(valueOf(row.cells[usage])) || 0), 0);
  const row = document.createElement("tr"), heading = document.createElement("th"), button = document.createElement("button");
  row.className = "group deep-" + depth;
  heading.scope = "rowgroup";
  heading.colSpan = table.tHead.rows[0].cells.length;
  button.type = "button";
  button.dataset.key = key;
  button.textContent = name;
  button.setAttribute("aria-expanded", String(!list.folded.has(key)));
  button.addEventListener("click", () => {
    if (!list.folded.delete(key)) list.folded.add(key);
    arrange(table);
    [...table.querySelectorAll(".group button")].find(other => other.dataset.key === key)?.focus({ preventScroll: true });
  });
  heading.append(button, ` ${rows.length} cgroup${rows.length === 1 ? "" : "s"}, usage ${sizeText(bytes)}`);
  row.append(heading);
  return row;
}

/// Rows under the headings of their groups. A group is where its first row is.
function inGroups(table, rows, depth, prefix) {
  const groups = new Map();
  for (const row of rows) {
    const name = groupsOf(row.cells[0].textContent)[depth] ?? "";
    groups.set(name, (groups.get(name) ?? []).concat(row));
  }
  const all = [];
  for (const [name, some] of groups) {
    const key = prefix + "\n" + name, isGroup = name !== "" && (depth === 0 || some.length > 1);
    if (isGroup) all.push(groupRow(table, key, name, depth, some));
    if (isGroup && list.folded.has(key)) {
      for (const row of some) row.hidden = true;
      all.push(...some);
    } else if (isGroup && depth === 0) {
      all.push(...inGroups(table, some, 1, key));
    } else {
      for (const row of some) row.classList.add("deep-" + (depth + (isGroup ? 1 : 0)));
      all.push(...some);
    }
  }
  return all;
}

/// Hides the rows that do not match, and makes the tree anew.
function arrange(table) {
  if (!form || !table?.tHead) return;
  const text = list.filter.toLowerCase(), rows = rowsOf(table), focused = document.activeElement?.dataset.key;
  for (const row of rows) {
    row.hidden = !row.cells[0].textContent.toLowerCase().includes(text);
    row.classList.remove("deep-0", "deep-1", "deep-2");
  }
  const shown = rows.filter(row => !row.hidden);
  for (const row of table.querySelectorAll("tr.group")) row.remove();
  if (list.isTree) put(table, inGroups(table, shown, 0, ""));
  if (focused) [...table.querySelectorAll(".group button")].find(one => one.dataset.key === focused)?.focus({ preventScroll: true });
  const said = text ? `${shown.length} of ${rows.length}` : "", status = form.querySelector("[role=status]");
  if (status.textContent !== said) status.textContent = said;
}

if (form && document.querySelector("table")?.tHead) {
  const [field, box] = ["search", "checkbox"].map(type => form.querySelector(`input[type=${type}]`));
  const table = document.querySelector("table"), params = new URLSearchParams(location.search);
  // Of a part of the cgroups the server has to be asked for others.
  const isWhole = !form.dataset.isPart;
  if (isWhole) field.value = list.filter = params.get("filter") ?? "";
  box.checked = list.isTree = params.get("view") === "tree";
  for (const hidden of form.querySelectorAll(".with-script")) hidden.hidden = false;
  field.addEventListener("input", () => {
    if (!isWhole) return;
    list.filter = field.value;
    keep("filter", list.filter);
    arrange(table);
  });
  form.addEventListener("submit", event => { if (isWhole) event.preventDefault(); });
  box.addEventListener("change", () => {
    list.isTree = box.checked;
    keep("view", list.isTree ? "tree" : "");
    sortAgain(table);
  });
  arrange(table);
}

// ---- The page "now": followed while it is looked at.

/// A cell gets the text of another one, and its link within `serve`.
function fillCell(cell, from) {
  const link = from.querySelector("a"), address = link?.getAttribute("href") ?? "";
  if (cell.textContent === from.textContent && (cell.querySelector("a")?.getAttribute("href") ?? "") === address) return;
  const inner = document.createElement(link ? "a" : "span");
  inner.className = from.firstElementChild?.className ?? "";
  inner.textContent = from.textContent;
  if (address.startsWith("/") && !address.startsWith("//")) inner.setAttribute("href", address);
  cell.replaceChildren(inner);
}

/// Rows by their first cell; of the same name, one after the other.
function rowsByName(table) {
  const rows = new Map();
  for (const row of rowsOf(table)) {
    let key = row.cells[0].textContent;
    while (rows.has(key)) key += "\n";
    rows.set(key, row);
  }
  return rows;
}

function fillTable(table, from) {
  const old = rowsByName(table);
  for (const [name, row] of rowsByName(from)) {
    const mine = old.get(name) ?? table.tBodies[0].insertRow();
    old.delete(name);
    for (const [at, cell] of [...row.cells].entries()) {
      if (mine.cells.length === at) mine.insertCell().className = cell.className;
      fillCell(mine.cells[at], cell);
    }
  }
  for (const row of old.values()) row.remove();
  sortAgain(table);
}

function ageText(seconds) {
  return seconds < 120 ? seconds + " s" : seconds < 7200 ? Math.floor(seconds / 60) + " min" : Math.floor(seconds / 3600) + " h";
}

function follow(newest) {
  const age = document.getElementById("age");
  const tell = (text, isLate) => {
    age.textContent = text;
    newest.classList.toggle("late", isLate);
  };
  const show = html => {
    const page = new DOMParser().parseFromString(html, "text/html");  // in which nothing runs or loads
    const fresh = page.getElementById("newest"), table = document.querySelector("table"), from = page.querySelector("table");
    if (!fresh || !from || Number(fresh.dataset.atUs) <= Number(newest.dataset.atUs)) return;
    // Columns that are empty in every row are not there.
    if (!table || table.tHead?.textContent !== from.tHead?.textContent) return location.reload();
    newest.dataset.atUs = fresh.dataset.atUs;
    newest.querySelector("time").textContent = fresh.querySelector("time").textContent;
    tell("", false);
    fillTable(table, from);
  };
  const listen = () => {
    const events = new EventSource(newest.dataset.events);
    events.addEventListener("page", event => show(event.data));
    events.addEventListener("age", event => {
      const seconds = JSON.parse(event.data).age_s;
      if (seconds === undefined) return tell("There is no scan any more.", true);
      const isLate = seconds * 1e6 > 3 * Number(newest.dataset.intervalUs) + 10e6;
      tell(ageText(seconds) + " ago" + (isLate ? ": is the service stopped?" : ""), isLate);
    });
    events.addEventListener("trouble", event => tell(event.data, true));
    events.onerror = () => {
      tell("No connection to serve; trying again.", true);
      if (events.readyState !== EventSource.CLOSED) return;  // the browser tries again
      setTimeout(listen, 30000);
    };
  };
  listen();
}

const newest = document.getElementById("newest");
if (newest?.dataset.events) follow(newest);
