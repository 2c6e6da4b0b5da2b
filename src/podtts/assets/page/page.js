// The player: every position comes from the data-start of what was clicked, in seconds.
"use strict";

const audio = document.querySelector("audio");
const player = document.querySelector(".player");
const wave = document.querySelector("#wave");
const turns = [...document.querySelectorAll(".turn")];
const starts = turns.map((turn) => Number(turn.dataset.start));
// What is marked while it is heard: the parts of long turns, all other turns whole.
const parts = turns.flatMap((turn, number) => {
  const within = [...turn.querySelectorAll(".part")];
  return (within.length ? within : [turn]).map((place) => ({ place, number }));
});
const partStarts = parts.map((part) => Number(part.place.dataset.start));
const length = Number(player.dataset.seconds);
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

const STEP_SECONDS = 5;
const NEAR_SECONDS = 0.01; // a position a browser rounds down still belongs to the turn it is of
const AGAIN_SECONDS = 2; // this far into a turn, "turn before" goes back to its own start
const HANDS_OFF_MS = 4000; // who has just scrolled is not scrolled away

let current = -1; // number of the turn
let heard; // the part of it
let scrolledAt = -HANDS_OFF_MS;

function clock(seconds) {
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function partAt(seconds) {
  let low = 0;
  let high = parts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (partStarts[middle] <= seconds + NEAR_SECONDS) low = middle + 1;
    else high = middle;
  }
  return parts[low - 1];
}

function show() {
  const seconds = Math.min(audio.currentTime, length);
  document.querySelector("#now").textContent = clock(seconds);
  document.querySelector("#to-come").style.left = `${(100 * seconds) / (length || 1)}%`;
  wave.setAttribute("aria-valuenow", seconds.toFixed(1));
  wave.setAttribute("aria-valuetext", `${clock(seconds)} of ${clock(length)}`);
  mark(partAt(seconds));
}

function mark(part) {
  if (part === heard) return;
  const number = part?.number ?? -1;
  const isNew = number !== current;
  heard?.place.classList.remove("heard");
  part?.place.classList.add("heard");
  heard = part;
  if (isNew) {
    turns[current]?.removeAttribute("aria-current");
    turns[number]?.setAttribute("aria-current", "true");
    current = number;
  }
  const wanted = document.querySelector("#follow").checked && !audio.paused;
  if (part && wanted && performance.now() - scrolledAt > HANDS_OFF_MS) {
    if (isNew || isHidden(part.place)) {
      part.place.scrollIntoView({ block: "center", behavior: calm.matches ? "auto" : "smooth" });
    }
  }
}

function isHidden(place) {
  const box = place.getBoundingClientRect();
  return box.top < player.getBoundingClientRect().bottom || box.bottom > window.innerHeight;
}

function tick() {
  show();
  if (!audio.paused) requestAnimationFrame(tick);
}

function seek(seconds) {
  audio.currentTime = Math.max(0, Math.min(seconds, length));
  show();
}

function play() {
  audio.play().catch(() => {}); // a browser may want a click first; the button still says "Play"
}

function toggle() {
  if (audio.paused) play();
  else audio.pause();
}

function turnBefore() {
  const late = current >= 0 && audio.currentTime - starts[current] > AGAIN_SECONDS;
  seek(starts[Math.max(0, late ? current : current - 1)] ?? 0);
}

function nextTurn() {
  if (current + 1 < starts.length) seek(starts[current + 1]);
}

function showState() {
  player.classList.toggle("playing", !audio.paused);
  document.querySelector("#play").setAttribute("aria-label", audio.paused ? "Play" : "Pause");
  tick();
}

function seekTo(event) {
  const box = wave.getBoundingClientRect();
  seek((length * (event.clientX - box.left)) / box.width);
}

const keys = {
  " ": toggle,
  ArrowLeft: () => seek(audio.currentTime - STEP_SECONDS),
  ArrowRight: () => seek(audio.currentTime + STEP_SECONDS),
};
const shifted = { ArrowLeft: turnBefore, ArrowRight: nextTurn };
const onWave = {
  ...keys,
  ArrowDown: keys.ArrowLeft,
  ArrowUp: keys.ArrowRight,
  PageDown: turnBefore,
  PageUp: nextTurn,
  Home: () => seek(0),
  End: () => seek(length),
};

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const owner = event.target.closest("button, select, input, summary, a");
  if (owner && (event.key === " " || owner.matches("select, input"))) return; // it has its own use
  const table = event.shiftKey ? shifted : event.target === wave ? onWave : keys;
  const action = table[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

document.addEventListener("click", (event) => {
  const place = event.target.closest("[data-start]");
  if (!place || String(window.getSelection())) return; // marking words is not a wish to hear them
  seek(Number(place.dataset.start));
  play();
});

wave.addEventListener("pointerdown", (event) => {
  wave.setPointerCapture(event.pointerId);
  seekTo(event);
});
wave.addEventListener("pointermove", (event) => {
  if (wave.hasPointerCapture(event.pointerId)) seekTo(event);
});

document.querySelector("#play").addEventListener("click", toggle);
document.querySelector("#back").addEventListener("click", turnBefore);
document.querySelector("#on").addEventListener("click", nextTurn);
document.querySelector("#speed").addEventListener("change", (event) => {
  audio.playbackRate = Number(event.target.value);
});
for (const kind of ["wheel", "touchmove"]) {
  document.addEventListener(kind, () => { scrolledAt = performance.now(); }, { passive: true });
}
for (const kind of ["play", "pause", "ended"]) audio.addEventListener(kind, showState);
for (const kind of ["seeked", "timeupdate"]) audio.addEventListener(kind, show);
audio.addEventListener("error", () => { document.querySelector("#problem").hidden = false; });

audio.controls = false;
document.querySelector(".scripted").hidden = false;
if (audio.error) document.querySelector("#problem").hidden = false;
show();
