// A camera for the tabs that film; CAMERA_FAILED comes from theme.script.

// wish: what getUserMedia is asked for as video. Rejects with the browser's reason.
const openCamera = async (wish) => {
  if (!window.isSecureContext) throw new Error("HTTPS");
  return navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", ...wish }, audio: false });
};
const endCamera = (camera) => camera?.getTracks().forEach((track) => track.stop());
const cameraTrouble = (error) => spokenIn(CAMERA_FAILED).replace("{reason}", error.message || error.name);
