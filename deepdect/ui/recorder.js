// Recording a video with the camera; the recording is then chosen as a file would be. RECORD_STOP comes from theme.script.

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
  document.querySelectorAll(".dd-recorder").forEach((old) => old.remove());
  const panel = Object.assign(document.createElement("div"), { className: "dd-recorder" });
  button.before(panel);
  let camera = null;
  try {
    camera = await openCamera({});
    const preview = Object.assign(document.createElement("video"), { muted: true, autoplay: true, playsInline: true, srcObject: camera });
    const stop = Object.assign(document.createElement("button"), { textContent: spokenIn(RECORD_STOP), className: "lg primary dd-stop" });
    panel.append(preview, stop);
    if (!panel.offsetParent) throw new DOMException("", "AbortError");  // another tab was chosen meanwhile
    stop.focus();
    const kind = ["video/mp4", "video/webm"].find((type) => MediaRecorder.isTypeSupported(type));
    const recorder = new MediaRecorder(camera, { mimeType: kind, videoBitsPerSecond: 6e6 });
    const parts = [];
    recorder.ondataavailable = (event) => parts.push(event.data);
    // whoever leaves the tab is no longer filmed
    const watch = setInterval(() => panel.offsetParent || recorder.state !== "recording" || recorder.stop(), 300);
    recorder.onstop = () => {
      clearInterval(watch);
      endCamera(camera);
      panel.remove();
      button.hidden = false;
      chooseVideo(new File(parts, `recording.${kind.split("/")[1]}`, { type: kind }));
    };
    stop.onclick = () => recorder.stop();
    setTimeout(() => recorder.state === "recording" && recorder.stop(), RECORDING_SECONDS * 1000);
    recorder.start();
  } catch (error) {
    endCamera(camera);
    button.hidden = false;
    if (error.name === "AbortError") return panel.remove();
    panel.replaceChildren(Object.assign(document.createElement("p"), {
      className: "dd-note", role: "alert", textContent: cameraTrouble(error),
    }));
  }
};

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("#clip-record");
  if (button) record(button);
});
