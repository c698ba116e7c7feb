// What runs in the browser on the upload page. Plain JavaScript, as text: its hash is what the page's policy lets in
// (shared/upload-page.ts). Several files, or a folder, go as one tar that is never in memory: resuming needs no more than
// to know how many of its bytes have arrived. ASCII only: the build escapes other letters, which would change the hash.
export const PAGE_SCRIPT = String.raw`"use strict";
(() => {
  const at = location.pathname.replace(/\/$/, "");
  const byId = (id) => document.getElementById(id);
  const [drop, files, folder, status, bar, list, form, sending, detail] =
    ["drop", "files", "folder", "status", "bar", "outcome", "form", "sending", "detail"].map(byId);
  const title = document.title;
  const PART = 16 * 1024 * 1024;
  const text = new TextEncoder();
  let busy = false;

  // Read out when it changes, so that it changes with what happens and not with every byte; those are in #detail.
  const say = (words, kind = "") => {
    if (status.textContent !== words) status.textContent = words;
    status.className = kind;
  };
  const count = (number, what) => number + " " + what + (number === 1 ? "" : "s");
  const size = (bytes) => bytes < 1048576 ? Math.ceil(bytes / 1024) + " KB"
    : bytes < 1073741824 ? (bytes / 1048576).toFixed(1) + " MB" : (bytes / 1073741824).toFixed(2) + " GB";
  const time = (seconds) => seconds < 60 ? Math.max(1, Math.round(seconds)) + " s"
    : seconds < 3600 ? Math.round(seconds / 60) + " min"
    : Math.floor(seconds / 3600) + " h " + Math.round(seconds % 3600 / 60) + " min";
  const wait = (ms) => new Promise((next) => setTimeout(next, ms));

  // --- tar (POSIX.1-2001): long and foreign names stand in a record of their own in front of the file
  const octal = (value, digits) => value.toString(8).padStart(digits, "0") + "\0";
  const header = (name, bytes, type) => {
    const block = new Uint8Array(512);
    const put = (offset, words) => block.set(text.encode(words), offset);
    put(0, name); put(100, octal(0o644, 7)); put(108, octal(0, 7)); put(116, octal(0, 7));
    put(124, octal(bytes, 11)); put(136, octal(0, 11)); put(148, "        "); put(156, type);
    put(257, "ustar\0" + "00");
    put(148, octal(block.reduce((sum, byte) => sum + byte, 0), 6) + " ");
    return block;
  };
  const padding = (bytes) => new Uint8Array((512 - (bytes % 512)) % 512);
  const record = (name) => {
    const words = " path=" + name + "\n";
    const bytes = text.encode(words).length;
    let length = bytes + 1;
    while (String(length).length + bytes !== length) length = String(length).length + bytes;
    return text.encode(length + words);
  };
  const tar = (entries) => {
    const parts = [];
    entries.forEach(({ path, file }, index) => {
      const isLong = text.encode(path).length > 100;
      if (isLong) {
        const words = record(path);
        parts.push(header("pax/" + index, words.length, "x"), words, padding(words.length));
      }
      parts.push(header(isLong ? "file" + index : path, file.size, "0"), file, padding(file.size));
    });
    parts.push(new Uint8Array(1024));
    return new Blob(parts);
  };

  // --- what was dropped: folders are looked through
  const read = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));
  const children = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
  const walk = async (entry, found) => {
    if (entry.isFile) { found.push({ path: entry.fullPath.slice(1), file: await read(entry) }); return; }
    const reader = entry.createReader();
    for (let some = await children(reader); some.length > 0; some = await children(reader))
      for (const each of some) await walk(each, found);
  };
  const dropped = async (data) => {
    const entries = [...data.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
    if (entries.length === 0) return chosen(data.files);
    const found = [];
    for (const entry of entries) await walk(entry, found);
    return found;
  };
  const chosen = (picked) => [...picked].map((file) => ({ path: file.webkitRelativePath || file.name, file }));

  // --- how fast it goes: over the last seconds, and nothing before there are any
  let marks = [];
  const show = (bytes, all) => {
    const now = performance.now();
    marks.push([now, bytes]);
    while (marks.length > 2 && now - marks[0][0] > 8000) marks.shift();
    const [then, had] = marks[0];
    const rate = now - then < 1000 ? 0 : Math.max(0, bytes - had) / (now - then) * 1000;
    const part = all ? bytes / all : 1;
    bar.value = part;
    document.title = Math.floor(part * 100) + "% - " + title;
    detail.textContent = size(bytes) + " of " + size(all)
      + (rate > 0 && bytes < all ? ", " + size(rate) + "/s, about " + time((all - bytes) / rate) + " left" : "");
  };
  const cut = () => {
    marks = [];
    detail.textContent = detail.textContent.split(",")[0];
    say("The line is cut. Trying again; leave this page open.", "warn");
  };

  // --- sending
  const request = (method, headers, body, progress) => new Promise((resolve) => {
    const sent = new XMLHttpRequest();
    sent.open(method, at);
    for (const [name, value] of Object.entries(headers)) sent.setRequestHeader(name, value);
    sent.setRequestHeader("Accept", "application/json");
    if (progress) sent.upload.onprogress = (event) => progress(event.loaded);
    sent.onload = () => resolve(sent);
    sent.onerror = sent.onabort = sent.ontimeout = () => resolve(undefined);
    sent.send(body);
  });
  const failure = (sent) => {
    try { const said = JSON.parse(sent.responseText); return [said.error, said.hint].filter(Boolean).join(". "); }
    catch { return "The server answered " + sent.status; }
  };
  const isLost = (sent) => !sent || sent.status >= 500;
  const patient = async (send) => {
    for (let pause = 1000; ; pause = Math.min(pause * 2, 15000)) {
      const sent = await send();
      const isBusy = sent && sent.status === 423;
      if (!isLost(sent) && !isBusy) return sent;
      if (sent && sent.status === 507) return sent;
      if (isBusy) say("The upload before this one is still being unpacked. Waiting for it; leave this page open.", "warn");
      else cut();
      await wait(pause);
    }
  };
  const send = async (body, file, name) => {
    const progress = (bytes) => {
      show(bytes, body.size);
      say(bytes < body.size ? "Sending " + name : "All is there. Unpacking\u2026");
    };
    const metadata = "filename " + btoa(String.fromCharCode(...text.encode(file)));
    const begun = await patient(() => request("POST", { "Upload-Length": body.size, "Upload-Metadata": metadata }));
    if (begun.status !== 201) throw new Error(failure(begun));
    for (let offset = 0; ; ) {
      const part = body.slice(offset, offset + PART);
      progress(offset);
      const sent = await request("PATCH", { "Upload-Offset": offset, "Upload-Length": body.size,
        "Content-Type": "application/offset+octet-stream" }, part, (loaded) => progress(offset + loaded));
      if (sent && sent.status === 200) return JSON.parse(sent.responseText);
      if (sent && sent.status === 204) { offset += part.size; continue; }
      // It takes long: asked again at its end, the link tells how it went.
      if (sent && sent.status === 202) { offset = body.size; await wait(1000); continue; }
      if (!isLost(sent) && sent.status !== 409) throw new Error(failure(sent));
      if (isLost(sent)) { cut(); await wait(1000); }
      const state = await patient(() => request("HEAD", {}));
      if (state.status !== 200) throw new Error("This link no longer works");
      const whole = state.getResponseHeader("Upload-Length");
      if (whole !== null && Number(whole) !== body.size)
        throw new Error("Another upload has begun at this link. Ask for a link of your own, or try again later.");
      const stands = Number(state.getResponseHeader("Upload-Offset"));
      // A conflict is a refusal, unless it is about where this part begins.
      if (!isLost(sent) && stands === offset) throw new Error(failure(sent));
      offset = stands;
    }
  };

  const tell = (outcome) => {
    const line = (words) => { const item = document.createElement("li"); item.textContent = words; list.append(item); };
    say("Done: " + count(outcome.files_saved, "file") + " and " + count(outcome.captions_saved, "caption")
      + " are in " + outcome.dataset + ".", "good");
    for (const { file, reason } of outcome.failed) line(file + ": " + reason);
    for (const { file, reason } of outcome.skipped) line(file + " was left out: " + reason);
    const more = outcome.files_failed + outcome.files_skipped - outcome.failed.length - outcome.skipped.length;
    if (more > 0) line("and " + more + " more");
  };
  const isArchive = (name) => /\.(zip|tar|tgz|tar\.gz)$/i.test(name);
  const upload = async (pick) => {
    if (busy) return;
    busy = true;
    list.replaceChildren();
    marks = [];
    files.disabled = folder.disabled = true;
    try {
      const found = await pick;
      if (found.length === 0) { say("There was no file in it.", "bad"); return; }
      sending.hidden = false;
      const [only] = found;
      const isOne = found.length === 1 && (isArchive(only.file.name) || !only.path.includes("/"));
      tell(isOne ? await send(only.file, only.file.name, only.file.name)
        : await send(tar(found), "files.tar", count(found.length, "file")));
    } catch (error) {
      sending.hidden = true;
      say(error.message || String(error), "bad");
    } finally {
      busy = false;
      document.title = title;
      files.disabled = folder.disabled = false;
      files.value = folder.value = "";
    }
  };

  const until = byId("until");
  until.textContent = new Date(until.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  byId("send").hidden = true;
  byId("more").hidden = false;
  byId("folders").hidden = !("webkitdirectory" in folder);
  form.addEventListener("submit", (event) => event.preventDefault());
  files.addEventListener("change", () => upload(chosen(files.files)));
  folder.addEventListener("change", () => upload(chosen(folder.files)));
  for (const kind of ["dragover", "dragenter"])
    document.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    upload(dropped(event.dataTransfer));
  });
  addEventListener("beforeunload", (event) => { if (busy) event.preventDefault(); });
})();
`;
