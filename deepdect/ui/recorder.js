// Recording a video with the camera; the recording is then chosen as a file would be. RECORDER comes from theme.script.

const RECORDING_SECONDS = 60;

const chooseVideo = (file) => {
  const box = document.querySelector("#clip");
  const put = () => {
    const field = box.querySelector("input[type=file]");
    if (!field) return false;
    const chosen = new DataTransfer();
    chosen.items.add(file);
    field.files = chosen.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  };
  if (put()) return;
  box.querySelector(".icon-button-wrapper button, button[aria-label]")?.click();  // a file is there: take it away first
  const watch = new MutationObserver(() => { if (put()) watch.disconnect(); });
  watch.observe(box, { childList: true, subtree: true });
};

const record = async (button) => {
  button.hidden = true;  // until this recording is over
  const [stopLabel, failed] = RECORDER[document.documentElement.dataset.language ?? "en"];
  document.querySelectorAll(".dd-recorder").forEach((old) => old.remove());
  const panel = Object.assign(document.createElement("div"), { className: "dd-recorder" });
  button.before(panel);
  let camera = null;
  try {
    if (!window.isSecureContext) throw new Error("HTTPS");
    camera = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" }, audio: false });
    const preview = Object.assign(document.createElement("video"), { muted: true, autoplay: true, playsInline: true, srcObject: camera });
    const stop = Object.assign(document.createElement("button"), { textContent: stopLabel, className: "lg primary dd-stop" });
    panel.append(preview, stop);
    const kind = ["video/mp4", "video/webm"].find((type) => MediaRecorder.isTypeSupported(type));
    const recorder = new MediaRecorder(camera, { mimeType: kind, videoBitsPerSecond: 6e6 });
    const parts = [];
    recorder.ondataavailable = (event) => parts.push(event.data);
    recorder.onstop = () => {
      camera.getTracks().forEach((track) => track.stop());
      panel.remove();
      button.hidden = false;
      chooseVideo(new File(parts, `recording.${kind.split("/")[1]}`, { type: kind }));
    };
    stop.onclick = () => recorder.stop();
    setTimeout(() => recorder.state === "recording" && recorder.stop(), RECORDING_SECONDS * 1000);
    recorder.start();
  } catch (error) {
    camera?.getTracks().forEach((track) => track.stop());
    button.hidden = false;
    panel.replaceChildren(Object.assign(document.createElement("p"), {
      className: "dd-note", role: "alert", textContent: failed.replace("{reason}", error.message || error.name),
    }));
  }
};

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("#clip-record");
  if (button) record(button);
});
