// The camera's tab: sends frames, and draws each one that comes back with its faces. LIVE comes from live.constants.

const FRAME_WIDTH = 640;
const IN_FLIGHT = 2;           // one on its way while the other is analysed
const SMOOTHING_SECONDS = 0.7; // a face's logit and map follow its frames with this delay, so that they do not flicker
const FORGET_SECONDS = 1;
const TONES = { real: "rgb(45 120 215)", deepfake: "rgb(240 120 40)", inconclusive: "rgb(150 155 162)" };

const live = { camera: null, running: false, waiting: 0, sent: 0, shown: 0, people: [], times: [] };
const words = () => LIVE.words[document.documentElement.dataset.language ?? "en"];
const livePart = (selector) => document.querySelector(`#live ${selector}`);

const startLive = async () => {
  if (live.running) return;
  try {
    if (!window.isSecureContext) throw new Error("no https");
    live.camera = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480, facingMode: "user" }, audio: false });
  } catch (error) {
    livePart("p").textContent = words().failed.replace("{reason}", error.message || error.name);
    return;
  }
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, srcObject: live.camera });
  await video.play();
  Object.assign(live, { running: true, waiting: 0, shown: live.sent, people: [], times: [], video });
  document.querySelector("#live-waiting").hidden = true;
  livePart("canvas").hidden = false;
  for (let lane = 0; lane < IN_FLIGHT; lane++) sendFrames();
};

const stopLive = () => {
  live.running = false;
  live.camera?.getTracks().forEach((track) => track.stop());
  live.camera = null;
};

const sendFrames = async () => {
  while (live.running) {
    const frame = document.createElement("canvas");
    frame.width = FRAME_WIDTH;
    frame.height = Math.round((FRAME_WIDTH * live.video.videoHeight) / live.video.videoWidth) || 480;
    frame.getContext("2d").drawImage(live.video, 0, 0, frame.width, frame.height);
    const number = ++live.sent;
    const found = await askLive(frame.toDataURL("image/jpeg", 0.9));
    if (!live.running) return;
    if (found?.faces && number > live.shown) {  // an older frame that comes late is dropped
      live.shown = number;
      showFrame(frame, found, performance.now() / 1000);
    }
  }
};

const askLive = async (picture) => {
  try {
    const answer = await fetch("gradio_api/run/live", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ data: [picture] }),
    });
    const body = await answer.json();
    if (answer.ok && !body.data?.[0]?.busy) return body.data[0];
    livePart("p").textContent = answer.ok ? words().busy : body.detail ?? words().busy;
  } catch {  // the server is gone, or the page is being closed
    livePart("p").textContent = words().busy;
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return null;
};

const sigmoid = (logit) => 1 / (1 + Math.exp(-logit));

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

const showFrame = (frame, found, now) => {
  const people = found.faces.map((face) => follow(face, now));
  live.people = [...people, ...live.people.filter((one) => !one.taken && now - one.t < FORGET_SECONDS)];
  const canvas = livePart("canvas"), pen = canvas.getContext("2d");
  [canvas.width, canvas.height] = [frame.width, frame.height];
  pen.drawImage(frame, 0, 0);
  for (const person of people) drawPerson(pen, person, found.band);
  live.times = [...live.times.filter((t) => now - t < 2), now];
  const seconds = Math.max(now - live.times[0], 0.001);
  const figures = words().figures.replace("{fps}", ((live.times.length - 1) / seconds).toFixed(1));
  livePart("p").textContent = people.length ? figures : `${words().nobody} · ${figures}`;
};

const drawPerson = (pen, { box, crop, logit, evidence }, [low, high]) => {
  const map = document.createElement("canvas");
  map.width = map.height = evidence.length;
  const cells = map.getContext("2d").createImageData(map.width, map.height);
  evidence.flat().forEach((value, at) => {
    const middle = (LIVE.shades.length - 1) / 2;
    cells.data.set(LIVE.shades[Math.round(middle + middle * Math.max(-1, Math.min(1, value / LIVE.limit)))], 4 * at);
  });
  map.getContext("2d").putImageData(cells, 0, 0);
  pen.save();
  pen.translate(crop.x + crop.size / 2, crop.y + crop.size / 2);
  pen.rotate((crop.angle * Math.PI) / 180);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(map, -crop.size / 2, -crop.size / 2, crop.size, crop.size);
  pen.restore();

  const probability = sigmoid(logit);
  const verdict = probability >= high ? "deepfake" : probability <= low ? "real" : "inconclusive";
  pen.lineWidth = 3;
  pen.strokeStyle = TONES[verdict];
  pen.strokeRect(box.x, box.y, box.width, box.height);
  pen.font = "700 18px 'IBM Plex Sans', sans-serif";
  const label = `${words().verdicts[verdict]} ${Math.round(100 * probability)} %`;
  const top = Math.max(0, box.y - 28), left = Math.max(0, Math.min(box.x - 1, pen.canvas.width - pen.measureText(label).width - 16));
  pen.fillStyle = TONES[verdict];
  pen.fillRect(left, top, pen.measureText(label).width + 16, 28);
  pen.fillStyle = "rgb(16 18 22)";
  pen.fillText(label, left + 8, top + 20);
};

document.addEventListener("click", (event) => {
  if (event.target.closest?.("#live-start")) startLive();
  if (event.target.closest?.("#live-stop")) stopLive();
  const tab = event.target.closest?.("#tabs button[role=tab]");
  if (tab && live.running && !document.querySelector("#live")?.offsetParent) stopLive();  // another tab: camera off
});
