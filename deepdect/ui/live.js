// The camera's tab: sends frames, and draws each one that comes back with its faces. LIVE comes from live.constants.

const FRAME_WIDTH = 640;
const IN_FLIGHT = 2;           // one on its way while the other is analysed
const FRAMES_A_SECOND = 12;    // no more are needed, and the server lets 15 through
const SMOOTHING_SECONDS = 0.7; // a face's logit and map follow its frames with this delay, so that they do not flicker
const FORGET_SECONDS = 1;
const SPOKEN_SECONDS = 3;      // how often a screen reader is told what is seen

// turn: rises with every start and stop, so that what belongs to an earlier one knows that it is over.
const live = { turn: 0, camera: null, video: null, next: 0, sent: 0, shown: 0, people: [], times: [], spoken: 0, say: null, draw: null };
const words = () => spokenIn(LIVE.words);
const livePart = (selector) => document.querySelector(`#live ${selector}`);
const write = (selector, text) => {
  const part = livePart(selector);
  if (part && part.textContent !== text) part.textContent = text;
};
// say: a function, since it is asked again where the language changes. aloud: also to a screen reader.
const tell = (say, aloud = true) => {
  live.say = say;
  write(".dd-live-verdict", say());
  if (aloud) write("[role=status]", say());
};

const startLive = async () => {
  stopLive();
  const turn = live.turn;
  let camera = null;
  try {
    camera = await openCamera({ width: 640, height: 480 });
    const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, srcObject: camera });
    await video.play();
    if (turn !== live.turn || !livePart("[role=status]").offsetParent) throw new DOMException("", "AbortError");
    Object.assign(live, { camera, video, next: 0, shown: live.sent, people: [], times: [], spoken: 0 });
  } catch (error) {
    endCamera(camera);
    if (turn === live.turn && error.name !== "AbortError") tell(() => cameraTrouble(error));
    return;
  }
  document.querySelector("#live-waiting").hidden = true;
  livePart("canvas").hidden = false;
  for (let lane = 0; lane < IN_FLIGHT; lane++) sendFrames(turn);
};

const stopLive = () => {
  live.turn += 1;
  endCamera(live.camera);
  live.camera = null;
  write(".dd-live-rate", "");
  tell(() => "");
};

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const sendFrames = async (turn) => {
  while (turn === live.turn) {
    const now = performance.now();
    live.next = Math.max(now, live.next + 1000 / FRAMES_A_SECOND);  // both lanes share the pace
    await pause(live.next - now);
    if (turn !== live.turn) return;
    if (!livePart("canvas").offsetParent) return stopLive();  // another tab: whoever leaves is no longer filmed
    const frame = document.createElement("canvas");
    frame.width = FRAME_WIDTH;
    frame.height = Math.round((FRAME_WIDTH * live.video.videoHeight) / live.video.videoWidth) || 480;
    frame.getContext("2d").drawImage(live.video, 0, 0, frame.width, frame.height);
    const number = ++live.sent;
    const found = await askLive(frame.toDataURL("image/jpeg", 0.9), turn);
    if (turn !== live.turn) return;
    if (found?.faces && number > live.shown) {  // an older frame that comes late is dropped
      live.shown = number;
      showFrame(frame, found, performance.now() / 1000);
    }
  }
};

const askLive = async (picture, turn) => {
  let wait = 1;
  try {
    const answer = await fetch("gradio_api/run/live", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ data: [picture] }),
    });
    const found = answer.ok ? (await answer.json()).data?.[0] : null;
    if (found && !found.busy) return found;
    wait = Math.min(Number(answer.headers.get("Retry-After")) || wait, 10);
  } catch { /* the server is gone, or the page is being closed */ }
  if (turn === live.turn) tell(() => words().busy);
  await pause(1000 * wait);
  return null;
};

const sigmoid = (logit) => 1 / (1 + Math.exp(-logit));

// As deepdect.figures.percent: never 0 or 100, of which no model can be sure.
const percentage = (value) => {
  const mark = document.documentElement.dir === "rtl" ? "\u200e" : "";  // keeps the figure together amid such letters
  return `${mark}${value < 0.01 ? "<1" : value > 0.99 ? ">99" : Math.round(100 * value)}\u00a0%${mark}`;
};

const follow = (face, now) => {
  const { x, y, width, height } = face.box;
  const centre = [x + width / 2, y + height / 2], side = Math.max(width, height);
  const before = live.people.find((one) => now - one.t < FORGET_SECONDS && !one.taken
    && Math.hypot(one.centre[0] - centre[0], one.centre[1] - centre[1]) < 0.8 * side);
  const keep = before ? Math.exp((before.t - now) / SMOOTHING_SECONDS) : 0;
  const blend = (old, fresh) => keep * (old ?? 0) + (1 - keep) * fresh;
  if (before) before.taken = true;
  return {
    t: now, centre, box: face.box, crop: face.crop, logit: blend(before?.logit, face.logit),
    evidence: face.evidence.map((row, i) => row.map((value, j) => blend(before?.evidence[i][j], value))),
  };
};

const label = ({ logit }, [low, high]) => {
  const probability = sigmoid(logit);
  const verdict = probability >= high ? "deepfake" : probability <= low ? "real" : "inconclusive";
  return { verdict, text: `${words().verdicts[verdict]} ${percentage(probability)}` };
};

const showFrame = (frame, found, now) => {
  const people = found.faces.map((face) => follow(face, now));
  live.people = [...people, ...live.people.filter((one) => !one.taken && now - one.t < FORGET_SECONDS)];
  live.draw = () => drawFrame(frame, people, found.band);
  live.draw();
  live.times = [...live.times.filter((t) => now - t < 2), now];
  const rate = (live.times.length - 1) / Math.max(now - live.times[0], 0.001);
  const written = rate.toFixed(1).replace(".", words().decimal);
  write(".dd-live-rate", words().figures.replace("{fps}", written));
  const aloud = now - live.spoken >= SPOKEN_SECONDS;
  if (aloud) live.spoken = now;
  tell(() => told(people, found.band), aloud);
};

const told = (people, band) => people.map((person) => label(person, band).text).join(" · ") || words().nobody;

const drawFrame = (frame, people, band) => {
  const canvas = livePart("canvas"), pen = canvas.getContext("2d");
  [canvas.width, canvas.height] = [frame.width, frame.height];
  pen.drawImage(frame, 0, 0);
  for (const person of people) drawPerson(pen, person, band);
  canvas.setAttribute("aria-label", told(people, band));
};

const drawPerson = (pen, person, band) => {
  const { box, crop, evidence } = person;
  const map = document.createElement("canvas");
  map.width = map.height = evidence.length;
  const cells = map.getContext("2d").createImageData(map.width, map.height);
  const middle = (LIVE.shades.length - 1) / 2;
  evidence.flat().forEach((value, at) => {
    cells.data.set(LIVE.shades[Math.round(middle + middle * Math.max(-1, Math.min(1, value / LIVE.limit)))], 4 * at);
  });
  map.getContext("2d").putImageData(cells, 0, 0);
  pen.save();
  pen.translate(crop.x + crop.size / 2, crop.y + crop.size / 2);
  pen.rotate((crop.angle * Math.PI) / 180);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(map, -crop.size / 2, -crop.size / 2, crop.size, crop.size);
  pen.restore();

  const { verdict, text } = label(person, band);
  pen.lineWidth = 3;
  pen.strokeStyle = `rgb(${LIVE.tones[verdict]})`;
  pen.strokeRect(box.x, box.y, box.width, box.height);
  pen.textAlign = "left";  // "start" would be the box's other side where the page runs from right to left
  pen.font = "700 18px 'IBM Plex Sans', sans-serif";
  const width = pen.measureText(text).width + 16;
  const top = Math.max(0, box.y - 28), left = Math.max(0, Math.min(box.x - 1, pen.canvas.width - width));
  pen.fillStyle = `rgb(${LIVE.tones[verdict]})`;
  pen.fillRect(left, top, width, 28);
  pen.fillStyle = "rgb(16 18 22)";
  pen.fillText(text, left + 8, top + 20);
};

document.addEventListener("click", (event) => {
  if (event.target.closest?.("#live-start")) startLive();
  if (event.target.closest?.("#live-stop")) stopLive();
});
new MutationObserver(() => {
  live.draw?.();
  if (live.say) tell(live.say);
}).observe(document.documentElement, { attributeFilter: ["data-language"] });
