"use strict";

const $ = (id) => document.getElementById(id);
const FORMAT = "audio/mpeg";
let speaking = null; // what stops the request that is being answered

function headers() {
  const token = $("token").value.trim();
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function checked(response) {
  if (response.ok) return response;
  const body = await response.json();
  throw new Error(body.error.message);
}

async function listVoices() {
  const response = await checked(await fetch("v1/audio/voices", { headers: headers() }));
  const chosen = $("voice").value;
  $("voice").replaceChildren(
    ...(await response.json()).data.map((voice) => new Option(voice.name, voice.id)),
  );
  if (chosen) $("voice").value = chosen;
}

// Feeds the audio element with what has come so far, where the browser can; else with the whole.
async function play(response) {
  if (!("MediaSource" in window && MediaSource.isTypeSupported(FORMAT))) {
    $("audio").src = URL.createObjectURL(await response.blob());
    await $("audio").play();
    return;
  }
  const source = new MediaSource();
  $("audio").src = URL.createObjectURL(source);
  await new Promise((open) => source.addEventListener("sourceopen", open, { once: true }));
  const buffer = source.addSourceBuffer(FORMAT);
  const reader = response.body.getReader();
  let begun = false;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const added = new Promise((end) => buffer.addEventListener("updateend", end, { once: true }));
    buffer.appendBuffer(value);
    await added;
    if (!begun && buffer.buffered.length) {
      begun = true;
      $("status").textContent = `first sound after ${seconds()} s`;
      await $("audio").play();
    }
  }
  if (source.readyState === "open") source.endOfStream();
}

let started = 0;
const seconds = () => ((performance.now() - started) / 1000).toFixed(2);

async function speak(event) {
  event.preventDefault();
  speaking?.abort();
  const own = new AbortController();
  speaking = own;
  started = performance.now();
  $("status").textContent = "…";
  $("stop").disabled = false;
  try {
    if (!$("voice").value) await listVoices();
    const model = (await (await checked(await fetch("v1/models", { headers: headers() }))).json()).data[0].id;
    const response = await checked(
      await fetch("v1/audio/speech", {
        method: "POST",
        headers: { "Content-Type": "application/json", ...headers() },
        body: JSON.stringify({ model, input: $("text").value, voice: $("voice").value }),
        signal: own.signal,
      }),
    );
    await play(response);
    $("status").textContent += ", all of it after " + seconds() + " s";
  } catch (error) {
    $("status").textContent = error.name === "AbortError" ? "stopped" : error.message;
  } finally {
    if (speaking === own) $("stop").disabled = true;
  }
}

$("form").addEventListener("submit", speak);
$("stop").addEventListener("click", () => {
  speaking?.abort();
  $("audio").pause();
});
$("token").addEventListener("change", () => listVoices().catch(() => {}));
listVoices().catch((error) => {
  $("status").textContent = error.message;
});
