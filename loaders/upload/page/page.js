/** The upload page: a line of files, at most four on the way at a time, each followed until its fate is known. */

const sendersAtATime = 4;
const pollsAtATime = 4;
const attempts = 6;
const keyName = "darkroom.apiKey";
/** What operating systems leave in folders. */
const litter = /^(\.|Thumbs\.db$|desktop\.ini$)/i;
/** The server takes no longer names in its header. */
const longestName = 2000;

/**
 * One file. States: waiting → sending (→ pausing → sending) → received → processing → processed | refused | failed,
 * or stopped, which "try again" puts back in line. The Idempotency-Key stays the same, so sending again is always safe.
 */
const uploads = new Set();
const onTheWay = new Set(["sending", "pausing"]);

let apiKey = sessionStorage.getItem(keyName);
const element = (id) => document.getElementById(id);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The key

async function useKey(typed) {
  const button = element("key-form").querySelector("button");
  button.disabled = true;
  try {
    const problem = await problemOfKey(typed);
    if (problem !== undefined) return askForKey(problem);
    apiKey = typed;
    sessionStorage.setItem(keyName, typed);
    element("key").value = "";
    showKey();
    element("forget").focus();
    sendNext();
    poll();
  } finally {
    button.disabled = false;
  }
}

/** Asks for an image that cannot be: the server looks at the key first, so 404 tells that the key is good. */
async function problemOfKey(key) {
  if (!/^[\x21-\x7e]+$/.test(key))
    return "That is not an API key: a key has only letters, digits and signs, and no spaces.";
  try {
    const answer = await fetch("/v1/images/none", { headers: { authorization: `Bearer ${key}` } });
    if (answer.status === 404) return undefined;
    return (
      keyProblem(answer.status) ?? "The key could not be checked just now. Please try again in a moment."
    );
  } catch {
    return "The server could not be reached, so the key was not checked. Please try again.";
  }
}

function keyProblem(status) {
  if (status === 401)
    return "This API key is not known here. Check that you pasted all of it, or ask for a new one.";
  if (status === 403)
    return "This API key belongs to an account that is not active. Ask for it to be activated.";
  return undefined;
}

/** Nothing is lost: files wait until a good key is there. */
function askForKey(problem) {
  apiKey = null;
  sessionStorage.removeItem(keyName);
  showKey(problem);
  element("key").focus();
}

function forgetKey() {
  for (const upload of uploads) remove(upload);
  askForKey("");
  showSummary();
}

function showKey(problem = "") {
  element("key-form").hidden = apiKey !== null;
  element("key-in-use").hidden = apiKey === null;
  element("key-shown").textContent = apiKey === null ? "" : `${apiKey.slice(0, 6)}…${apiKey.slice(-4)}`;
  element("key-problem").textContent = problem;
  element("key").setAttribute("aria-invalid", String(problem !== ""));
  for (const upload of uploads) if (upload.state === "waiting") setState(upload, "waiting");
}

// Files in

function addFiles(files) {
  const known = new Set([...uploads].map(({ identity }) => identity));
  let [skipped, repeated, unreadable] = [0, 0, 0];
  for (const { file, name } of files) {
    if (file === undefined) {
      unreadable += 1;
      continue;
    }
    const identity = `${name}|${file.size}|${file.lastModified}`;
    if (litter.test(file.name)) skipped += 1;
    else if (known.has(identity)) repeated += 1;
    else uploads.add(createUpload(file, name, identity));
    known.add(identity);
  }
  const notes = [
    repeated > 0 && `${counted(repeated, "picture is", "pictures are")} in the list already.`,
    skipped > 0 && `${counted(skipped, "hidden file was", "hidden files were")} left out.`,
    unreadable > 0 &&
      `${counted(unreadable, "file or folder", "files or folders")} could not be read: choose them again.`,
    files.length === 0 && "There are no files in there.",
  ];
  element("notice").textContent = notes.filter(Boolean).join(" ");
  showSummary();
  sendNext();
  if (apiKey === null && uploads.size > 0) askForKey("Your pictures wait: paste your API key to send them.");
}

function createUpload(file, name, identity) {
  const row = element("row").content.cloneNode(true).firstElementChild;
  const part = (selector) => row.querySelector(selector);
  const upload = { file, name, identity, row, part, idempotencyKey: newKey(), state: "waiting", attempt: 0 };
  part("bdi").textContent = name;
  part(".name").title = name;
  part(".size").textContent = sizeText(file.size);
  part("progress").setAttribute("aria-label", `Sending ${name}`);
  part(".again").setAttribute("aria-label", `Try again: ${name}`);
  part(".again").addEventListener("click", () => {
    upload.attempt = 0;
    setState(upload, "waiting");
    sendNext();
  });
  setState(upload, "waiting");
  element("uploads").append(row);
  return upload;
}

/** Not randomUUID: browsers have that only on https and localhost. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

/** Entries must be taken before the event ends; folders are walked after it. */
async function filesOfDrop({ items }) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
  return (await Promise.all(entries.map(filesOfEntry))).flat();
}

async function filesOfEntry(entry) {
  if (entry instanceof File) return [{ file: entry, name: entry.name }];
  try {
    if (entry.isDirectory) return (await Promise.all((await entriesIn(entry)).map(filesOfEntry))).flat();
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, name: entry.fullPath.replace(/^\//, "") }];
  } catch {
    return [{ name: entry.name, file: undefined }];
  }
}

/** A reader hands out some at a time until it hands out none. */
async function entriesIn(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}

// Sending

function sendNext() {
  const busy = [...uploads].filter(({ state }) => onTheWay.has(state)).length;
  const next = [...uploads].filter(({ state }) => state === "waiting").slice(0, sendersAtATime - busy);
  if (apiKey !== null) for (const upload of next) send(upload).finally(sendNext);
}

async function send(upload) {
  for (;;) {
    upload.attempt += 1;
    setState(upload, "sending");
    const answer = await post(upload);
    if (!uploads.has(upload)) return;
    if (!isPassing(answer.status)) return settle(upload, answer);
    if (upload.attempt >= attempts) return setState(upload, "stopped", whyNot(answer));
    const seconds = Math.max(
      Number(answer.retryAfter) || 0,
      2 ** (upload.attempt - 1) * (0.75 + Math.random() / 2),
    );
    setState(upload, "pausing", `${whyNot(answer)} Trying again in ${Math.ceil(seconds)} s.`);
    await sleep(seconds * 1000);
    if (!uploads.has(upload)) return;
    if (apiKey === null) return setState(upload, "waiting");
  }
}

/** 0 is the network's: the request may or may not have arrived. */
function isPassing(status) {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

function whyNot({ status }) {
  return status === 0 ? "The server could not be reached." : "The server cannot take more just now.";
}

function settle(upload, { status, body }) {
  if (status === 200 || status === 201) {
    Object.assign(upload, { url: body.url, pollMs: 400, pollAt: Date.now() + 400 });
    setState(upload, "received");
    poll();
  } else if (keyProblem(status) !== undefined) {
    setState(upload, "waiting");
    // Another key may have been given since.
    if (apiKey === upload.sentWith) askForKey(keyProblem(status));
  } else {
    setState(upload, "refused", body.detail ?? `The server answered ${status}`, body.expected);
  }
}

/** Resolves always: { status, body, retryAfter }. XMLHttpRequest, because fetch does not tell how much was sent. */
function post(upload) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    upload.request = request;
    upload.sentWith = apiKey;
    request.open("POST", "/v1/images");
    request.setRequestHeader("authorization", `Bearer ${apiKey}`);
    request.setRequestHeader("idempotency-key", upload.idempotencyKey);
    request.setRequestHeader("content-type", mediaTypeOf(upload.file));
    const name = headerName(upload);
    if (name !== undefined) request.setRequestHeader("x-file-name", name);
    request.upload.addEventListener("progress", ({ loaded, total }) => showSent(upload, loaded, total));
    request.addEventListener("loadend", () =>
      resolve({
        status: request.status,
        body: parsed(request.responseText),
        retryAfter: request.getResponseHeader("retry-after"),
      }),
    );
    request.send(upload.file);
  });
}

/** A saved web page must not be read as a form. */
function mediaTypeOf({ type }) {
  return type === "" || type.startsWith("multipart/") ? "application/octet-stream" : type;
}

/** The path, or else the file's name, or else none: a name that cannot be written is no reason not to send. */
function headerName({ name, file }) {
  for (const text of [name, file.name]) {
    try {
      const encoded = encodeURIComponent(text);
      if (encoded.length <= longestName && !text.includes("\uFFFD")) return encoded;
    } catch {
      // Half a character: file systems may hold it, UTF-8 may not.
    }
  }
  return undefined;
}

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

// What became of it

let isPolling = false;

/** Asks about what is open, a few at a time, each image less and less often; ends when nothing is open. */
async function poll() {
  if (isPolling) return;
  isPolling = true;
  try {
    for (let open = openUploads(); open.length > 0 && apiKey !== null; open = openUploads()) {
      const due = open.filter(({ pollAt }) => pollAt <= Date.now()).slice(0, pollsAtATime);
      await (due.length > 0 ? Promise.all(due.map(ask)) : sleep(100));
    }
  } finally {
    isPolling = false;
  }
}

function openUploads() {
  return [...uploads].filter(({ state }) => state === "received" || state === "processing");
}

async function ask(upload) {
  upload.pollMs = Math.min(10_000, upload.pollMs * 1.5);
  upload.pollAt = Date.now() + upload.pollMs;
  const answer = await get(upload.url).catch(() => undefined);
  if (!uploads.has(upload) || answer === undefined) return;
  if (keyProblem(answer.status) !== undefined)
    return apiKey === null ? undefined : askForKey(keyProblem(answer.status));
  if (answer.status === 404)
    return setState(upload, "failed", "This picture is not among those of the key in use.");
  if (!answer.ok) return;
  const image = await answer.json().catch(() => undefined);
  if (image !== undefined) await showOutcome(upload, image);
}

function get(url) {
  const signal = AbortSignal.timeout(30_000);
  return fetch(url, { signal, headers: { authorization: `Bearer ${apiKey}` } });
}

async function showOutcome(upload, image) {
  if (image.status === "received") return setState(upload, "processing");
  if (image.status === "rejected") return setState(upload, "refused", image.message ?? image.reason);
  if (image.status === "failed") return setState(upload, "failed", image.message ?? image.reason);
  setState(upload, "processed", `${image.width_px} × ${image.height_px} px`);
  const small = image.renditions.find(({ name }) => name === "small") ?? image.renditions.at(-1);
  const answer = small && (await get(small.url).catch(() => undefined));
  if (answer?.ok && uploads.has(upload)) showThumbnail(upload, await answer.blob());
}

// What is seen

function setState(upload, state, detail = "", expected = "") {
  upload.state = state;
  const { row, part } = upload;
  row.className = `upload ${goodOrBad(state)}`;
  row.dataset.state = state;
  part(".state").textContent = stateText(state, detail);
  part(".expected").textContent = expected && `Expected: ${withSizes(expected)}`;
  part(".expected").hidden = expected === "";
  part("progress").hidden = state !== "sending";
  part("progress").value = 0;
  part(".again").hidden = state !== "stopped";
  showSummary();
}

function goodOrBad(state) {
  if (state === "processed") return "good";
  return ["refused", "failed", "stopped"].includes(state) ? "bad" : "";
}

function stateText(state, detail) {
  switch (state) {
    case "waiting":
      return apiKey === null ? "Waiting for an API key" : "Waiting in line";
    case "sending":
      return "Sending";
    case "received":
      return "Received";
    case "processing":
      return "Received, processing";
    case "processed":
      return `Processed, ${detail}`;
    case "refused":
      return `Refused: ${detail}`;
    case "failed":
      return `Received, but not processed: ${detail}`;
    default:
      return detail;
  }
}

function showSent(upload, loaded, total) {
  if (upload.state !== "sending" || total === 0) return;
  upload.part("progress").value = loaded / total;
  upload.part(".state").textContent =
    loaded === total ? "Sent, being checked" : `Sending, ${Math.floor((loaded / total) * 100)}%`;
}

function showThumbnail({ part }, blob) {
  const picture = new Image();
  picture.alt = "";
  picture.src = URL.createObjectURL(blob);
  picture.addEventListener("load", () => URL.revokeObjectURL(picture.src));
  part(".thumbnail").replaceChildren(picture);
}

let isSummaryDue = false;

/** At most once a moment, so that screen readers can follow. */
function showSummary() {
  if (isSummaryDue) return;
  isSummaryDue = true;
  setTimeout(() => {
    isSummaryDue = false;
    const count = (...states) => [...uploads].filter(({ state }) => states.includes(state)).length;
    const others = [
      [count("refused"), "refused"],
      [count("failed"), "failed"],
      [count("stopped"), "not sent"],
    ].filter(([number]) => number > 0);
    const texts = others.map(([number, word]) => `, ${counted(number, word, word)}`);
    const [processed, all] = [count("processed"), uploads.size].map((number) => number.toLocaleString("en"));
    const text = `${processed} of ${all} processed${texts.join("")}`;
    if (element("summary").textContent !== text) element("summary").textContent = text;
    element("progress").hidden = uploads.size === 0;
    element("clear").hidden = count("processed") === 0;
  }, 250);
}

function counted(number, one, many) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

function sizeText(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_500) return `${(bytes / 1000).toFixed(0)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** The server tells limits in bytes. */
function withSizes(text) {
  return text.replaceAll(/(\d{4,}) bytes/g, (_, bytes) => sizeText(Number(bytes)));
}

function remove(upload) {
  uploads.delete(upload);
  upload.request?.abort();
  upload.row.remove();
}

// What people do

element("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(element("key").value.trim());
});
element("forget").addEventListener("click", forgetKey);
element("clear").addEventListener("click", () => {
  for (const upload of uploads) if (upload.state === "processed") remove(upload);
  showSummary();
  element("files").focus();
});
for (const id of ["files", "folder"]) {
  element(id).addEventListener("change", ({ target }) => {
    addFiles([...target.files].map((file) => ({ file, name: file.webkitRelativePath || file.name })));
    // The same files may be chosen again.
    target.value = "";
  });
}

/** Files that miss the zone must not replace the page; the zone takes them all the same. */
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    const isInside = name === "dragover" || (name === "dragleave" && event.relatedTarget !== null);
    element("zone").classList.toggle("over", isInside);
    if (name === "drop") filesOfDrop(event.dataTransfer).then(addFiles);
  });
}

window.addEventListener("beforeunload", (event) => {
  if ([...uploads].some(({ state }) => state === "waiting" || onTheWay.has(state))) event.preventDefault();
});

showKey();
