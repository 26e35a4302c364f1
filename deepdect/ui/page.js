// Runs when the page loads; NO_PREVIEW is defined before it (theme.script).

// Gradio takes a drop or a paste only inside its empty, focused photo box. On this page both mean the photo, anywhere and at
// any time; and files that are no pictures are taken, too, since the server explains what is wrong with them.
const choose = (event, files) => {
  const input = document.querySelector("#photo input[type=file]");
  if (!input || !files?.length) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const chosen = new DataTransfer();
  chosen.items.add(files[0]);
  input.files = chosen.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
};
document.addEventListener("paste", (event) => choose(event, event.clipboardData?.files), true);
document.addEventListener("drop", (event) => choose(event, event.dataTransfer?.files), true);
document.addEventListener("dragover", (event) => event.preventDefault(), true);

// Browsers cannot show every picture that can be analysed (HEIC, TIFF), nor a damaged one.
document.addEventListener("error", (event) => {
  const image = event.target;
  const box = image.closest?.("#photo");
  if (!box || image.tagName !== "IMG") return;
  image.classList.add("dd-broken");
  box.dataset.note = NO_PREVIEW;
}, true);
document.addEventListener("load", (event) => {
  const box = event.target.closest?.("#photo");
  if (!box) return;
  event.target.classList.remove("dd-broken");
  delete box.dataset.note;
}, true);
