// Runs when the page loads, after language.js; its constants are defined before it (theme.script).

const input = () => document.querySelector("#photo input[type=file]");

// Gradio takes a drop or a paste only inside its empty, focused photo box; on this page both mean the photo, anywhere.
const choose = (event, files) => {
  if (!input() || !files?.length) return;
  if (!document.querySelector("#photo").offsetParent) return;  // another tab, with a place of its own for files
  event.preventDefault();
  event.stopImmediatePropagation();
  const chosen = new DataTransfer();
  chosen.items.add(files[0]);
  input().files = chosen.files;
  input().dispatchEvent(new Event("change", { bubbles: true }));
};
document.addEventListener("paste", (event) => choose(event, event.clipboardData?.files), true);
document.addEventListener("drop", (event) => choose(event, event.dataTransfer?.files), true);
document.addEventListener("dragover", (event) => event.preventDefault(), true);
document.addEventListener("drop", (event) => event.preventDefault());  // beside a box, the browser would open the file

// Gradio gives each face in a picker a name of its own, so that arrow keys do not lead from one to the next.
document.addEventListener("focusin", (event) => {
  const picker = event.target.closest?.("[id$=picker]");
  picker?.querySelectorAll("input[type=radio]").forEach((radio) => { radio.name = picker.id; });
}, true);

// Gradio refuses files that the browser has no image type for, many HEIC photos among them. The server knows better, and
// explains what is wrong with a file that is no picture.
document.addEventListener("change", (event) => {
  const file = event.target.files?.[0];
  if (event.target !== input() || !file || file.type.startsWith("image/")) return;
  const retyped = new DataTransfer();
  retyped.items.add(new File([file], file.name, { type: "image/x-unknown" }));
  event.target.files = retyped.files;
}, true);

// Browsers cannot show every picture that can be analysed (HEIC, TIFF), nor a damaged one.
document.addEventListener("error", (event) => {
  const image = event.target;
  const box = image.closest?.("#photo");
  if (!box || image.tagName !== "IMG") return;
  image.classList.add("dd-broken");
  box.dataset.note = spokenIn(NO_PREVIEW);
}, true);
document.addEventListener("load", (event) => {
  const box = event.target.closest?.("#photo");
  if (!box) return;
  event.target.classList.remove("dd-broken");
  delete box.dataset.note;
}, true);

// `?example=altered` opens the page with that example's result, so that it can be linked to.
const linked = ["real", "altered"].indexOf(new URLSearchParams(location.search).get("example"));
if (linked >= 0) {
  const example = () => document.querySelectorAll("#examples .gallery-item, #examples button")[linked];
  const ready = setInterval(() => {
    // the first answer chooses the page's language; the picker, which an analysis goes by, takes it over after that
    const chosen = document.querySelector("#privacy [data-language]")?.dataset.language;
    if (!example() || !chosen || chosen !== document.documentElement.dataset.language) return;
    clearInterval(ready);
    example().click();
  }, 200);
}
