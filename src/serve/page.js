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
