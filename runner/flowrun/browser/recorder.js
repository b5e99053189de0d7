// Tells what a person does on a page: one call of flowrunRecord for each deed, as JSON. Its finder is finder.js, put in before it is sent.
// A password never leaves the page: what was typed into such a field is told as null.
(() => {
  if (window.flowrunRecording || !window.flowrunRecord) return;
  Object.defineProperty(window, "flowrunRecording", { value: true });
  const finder = function () {
    /* FINDER */
  };
  const CLICKED = "button,input[type=submit],input[type=button],input[type=image],input[type=reset],[role=button],[role=tab]," +
    "[role=menuitem],summary,a[href],area[href],[role=link]";
  const BOX = "input[type=checkbox],input[type=radio]";
  let pressed = 0;

  const tell = (deed, element, value = null) => {
    const place = element ? finder("place", element) : -1;
    const hint = element ? `${element.getAttribute("autocomplete") || ""} ${element.name || ""} ${element.id || ""}` : "";
    window.flowrunRecord(JSON.stringify({ deed, place, value, hint, page: finder("scan") }));
  };
  // What the finder takes for something to click on, although its code does not say so.
  const clickable = (element) => { const place = finder("place", element); return place >= 0 && finder("pick", place).control.kind === "link"; };
  const meant = (event) => event.composedPath().find((node) => node instanceof Element);
  const typed = (element) => (element.type === "password" ? null : element.isContentEditable ? element.textContent : element.value);
  const listen = (name, deed) => window.addEventListener(name, (event) => { const element = meant(event); if (element) deed(element, event); }, true);

  listen("input", (element) => {
    if (element.matches("textarea,[contenteditable],input") && !element.matches(`${BOX},input[type=file]`)) tell("fill", element, typed(element));
  });
  listen("change", (element) => {
    if (element.matches("select")) tell("choose", element, element.selectedOptions.length ? element.selectedOptions[0].label : "");
    else if (element.matches(BOX)) tell(element.checked ? "tick" : "untick", element);
  });
  listen("click", (element, event) => {
    const path = event.composedPath().filter((node) => node instanceof Element);
    const control = path.find((node) => node.matches(CLICKED)) || path.find(clickable);
    if (!control || element.matches(BOX)) return;
    pressed = performance.now();
    tell("press", control);
  });
  listen("keydown", (element, event) => {
    if (event.key === "Enter" && element.matches("input") && !element.form) tell("key", element, "Enter");
  });
  // A form that is sent without any button, with the Enter key.
  listen("submit", (element, event) => { if (!event.submitter && performance.now() - pressed > 500) tell("key", document.activeElement, "Enter"); });
})();
