// A visitor's language, as the listeners of page.py call these: the page's direction, and Gradio's own words.

const speak = (code) => {
  const html = document.documentElement;
  html.dir = RIGHT_TO_LEFT.includes(code) ? "rtl" : "ltr";
  html.dataset.language = code;
  // Gradio offers no way to choose the language of its own words from outside; its module does.
  const core = performance.getEntriesByType("resource").map((entry) => entry.name).find((name) => /\/assets\/core-[^/]*\.js$/.test(name));
  if (core) import(core).then((module) => module.changeLocale?.(LOCALES[code] ?? code));
  else html.lang = code;
};

// What a table by language, made by theme.script, has in the visitor's.
const spokenIn = (table) => table[document.documentElement.dataset.language ?? "en"];

// The choice is kept in this browser alone; where that is forbidden, it lasts until the page is closed.
const KEPT = "deepdect-language";
const remember = (code) => { try { localStorage.setItem(KEPT, code); } catch { /* forbidden */ } };
const remembered = () => { try { return localStorage.getItem(KEPT); } catch { return null; } };
window.deepdect = { speak, remember, remembered };
