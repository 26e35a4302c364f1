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
const nameFaces = (element) => {
  const picker = element.closest?.("[id$=picker]");
  picker?.querySelectorAll("input[type=radio]").forEach((radio) => { if (radio.name !== picker.id) radio.name = picker.id; });
};
document.addEventListener("focusin", (event) => nameFaces(event.target), true);
new MutationObserver((changes) => changes.forEach((change) => nameFaces(change.target)))  // after each choice again
  .observe(document.body, { subtree: true, attributeFilter: ["name"] });

// Gradio's slider between photo and map only follows a pointer. For the keyboard its handle becomes a slider to the
// browser, too, and keys drag it.
const prepareHandle = (handle) => {
  const said = handle.closest(".dd-slider").querySelector("label").textContent.trim();
  if (handle.ariaLabel !== said) handle.ariaLabel = said;  // in another language by now
  if (handle.tabIndex === 0) return;
  handle.tabIndex = 0;
  handle.setAttribute("role", "slider");
  tellPlace(handle);
  new MutationObserver(() => tellPlace(handle)).observe(handle, { attributeFilter: ["style"] });  // where it moves
  handle.parentElement.addEventListener("load", () => tellPlace(handle), true);
};
const picture = (handle) => {  // left and width within the slider, which may be wider, unzoomed
  const image = handle.parentElement.querySelector("img");
  const width = Math.min(image.offsetWidth, image.offsetHeight * image.naturalWidth / image.naturalHeight);
  return { left: image.offsetLeft + (image.offsetWidth - width) / 2, width };
};
const placeOf = (handle) => {  // 0 to 100, from the picture's left to its right
  const { left, width } = picture(handle);
  return (new DOMMatrix(handle.style.transform).e - left) / width * 100;
};
const tellPlace = (handle) => { handle.ariaValueNow = Math.round(placeOf(handle)) || 0; };  // 0: no picture yet
new MutationObserver(() => document.querySelectorAll(".dd-slider [data-testid=slider]").forEach(prepareHandle))
  .observe(document.body, { childList: true, subtree: true, characterData: true });
document.addEventListener("keydown", (event) => {
  const handle = event.target.closest?.(".dd-slider [role=slider]");
  const steps = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageDown: -20, PageUp: 20, Home: -100, End: 100 };
  if (!handle || !(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const place = Math.min(100, Math.max(0, Math.round((placeOf(handle) + steps[event.key]) / 5) * 5));
  const { left, width } = picture(handle);
  const around = handle.parentElement.getBoundingClientRect();
  const clientX = Math.round(around.left + left + width * place / 100);
  const pointer = { bubbles: true, view: window, clientX, clientY: Math.ceil(around.top) };
  handle.dispatchEvent(new MouseEvent("mousedown", pointer));
  window.dispatchEvent(new MouseEvent("mousemove", pointer));
  window.dispatchEvent(new MouseEvent("mouseup", pointer));
});

// Gradio refuses files that the browser has no image type for, many HEIC photos among them. The server knows better, and
// explains what is wrong with a file that is no picture.
document.addEventListener("change", (event) => {
  const file = event.target.files?.[0];
  if (event.target !== input() || !file || file.type.startsWith("image/")) return;
  const retyped = new DataTransfer();
  retyped.items.add(new File([file], file.name, { type: "image/x-unknown" }));
  event.target.files = retyped.files;
}, true);

// Gradio's examples are pictures without a name.
const examples = () => document.querySelectorAll("#examples .gallery-item, #examples button");
const nameExamples = () => examples().forEach((button, number) => {
  const name = spokenIn(EXAMPLE_NAMES)[number];
  if (button.ariaLabel !== name) button.ariaLabel = name;
});
new MutationObserver(nameExamples).observe(document.documentElement, { childList: true, subtree: true, attributeFilter: ["data-language"] });

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
  const example = () => examples()[linked];
  const ready = setInterval(() => {
    // the first answer chooses the page's language; the picker, which an analysis goes by, takes it over after that
    const chosen = document.querySelector("#privacy [data-language]")?.dataset.language;
    if (!example() || !chosen || chosen !== document.documentElement.dataset.language) return;
    clearInterval(ready);
    example().click();
  }, 200);
}
