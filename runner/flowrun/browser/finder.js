// Reads a document the way a person does. The body of a function: arguments are a task and what it is about.
//   scan            what the document shows, as plain data (see snapshot.py)
//   pick INDEX      one control of the scan and its element, made ready for what the third argument says: {type: text},
//                   or {click: [[index, text], …]}, with what fields of the scan have to hold still
//   css SELECTOR    the visible elements of a CSS selector, each with its control; only one is made ready
//   place ELEMENT   the index of an element in the scan, -1 when it is none of its controls
//   cover ELEMENT   what lies over an element
//   end             scroll everything to its end
//   lists           the lists that are shown, each with the words it stands under
//   frame INDEX     the element of a visible iframe
//   mask / unmask   hide what password fields show, for a picture
// It leaves nothing behind in the page once a click is over, and walks through open shadow roots.
const [task, subject, ready] = arguments;
const FIELDS =
  "input:not([type=hidden]):not([type=submit]):not([type=button]):not([type=image]):not([type=reset]),select,textarea," +
  "[contenteditable=''],[contenteditable=true],[role=textbox],[role=combobox],[role=checkbox],[role=radio],[role=switch]," +
  "[role=listbox],[role=spinbutton],[role=searchbox]";
const BUTTONS =
  "button,input[type=submit],input[type=button],input[type=image],input[type=reset],[role=button],[role=tab]," +
  "[role=menuitem],summary";
const CHOOSERS = "[role=combobox],[role=checkbox],[role=radio],[role=switch],[role=listbox]"; // whatever they are made of
const LINKS = "a[href],area[href],[role=link]";
const HEADINGS = "h1,h2,h3,h4,h5,h6,legend,[role=heading]";
const MASK =
  ":is(input[type=password],input[autocomplete=one-time-code],input[autocomplete~=current-password]):not(flowrun)" +
  "{color:transparent!important;-webkit-text-fill-color:transparent!important;caret-color:transparent!important}";
const TEXT_LIMIT = 20000;
const AIM = Symbol.for("flowrun.aim");
const GESTURE = ["pointerdown", "mousedown", "pointerup", "mouseup", "click"];
const SHIFTS = /^(inset|top|left|right|bottom|margin|padding|border|width|height|min|max|font|line|flex|grid|gap|row|column)/; // also what stands beside it
const MOVES = /^(transform|translate|rotate|scale|offset)/;
const SOON = 2000; // milliseconds; what moves for longer is clicked on while it moves

const ICONS = /material (icons|symbols)|font ?awesome/i; // fonts that draw words as pictures
const UNSEEN = /[\u00ad\u200b\u200c\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g; // where to break a line, which way to write

const tidy = (text) => (text || "").replace(UNSEEN, "").replace(/\s+/g, " ").trim();

function* deep(root) {
  for (const element of root.querySelectorAll("*")) {
    yield element;
    if (element.shadowRoot) yield* deep(element.shadowRoot);
  }
}

function visible(element) {
  if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: false })) return false;
  const box = element.getBoundingClientRect();
  if (box.width <= 1 || box.height <= 1) return false;
  for (let at = element.parentElement; at; at = at.parentElement) {
    const room = at.getBoundingClientRect();
    const beside = box.right <= room.left + 1 || box.left >= room.right - 1; // as the next view of a slider
    if (beside && /hidden|clip/.test(getComputedStyle(at).overflowX) && at !== document.body && at !== document.documentElement && clips(at, element)) return false;
    if (at.clientHeight > 1 && at.clientWidth > 1) continue;
    const style = getComputedStyle(at); // nothing shows out of a box without room, as decoys use it
    if (style.overflow !== "visible" && !style.display.startsWith("inline") && style.display !== "contents" && at !== document.body && at !== document.documentElement) return false;
  }
  return box.right + scrollX > 0 && box.bottom + scrollY > 0; // not parked left of or above the page
}

// Whether a box that hides what overflows hides this too; what is positioned by another box is not in its hand.
function clips(box, element) {
  let free = false;
  for (let at = element; at !== box; at = at.parentElement) {
    const position = getComputedStyle(at).position;
    if (position === "fixed") return false;
    if (position !== "static") free = position === "absolute";
  }
  return !free || getComputedStyle(box).position !== "static";
}

// The text inside an element, without what the controls in it hold, and without those it is asked to leave out.
function words(element, all = false, without = "") {
  let out = "";
  const walk = (node) => {
    for (const child of node.childNodes) {
      if (child.nodeType === Node.TEXT_NODE) out += child.data;
      if (child.nodeType !== Node.ELEMENT_NODE) continue;
      if (/^(SELECT|TEXTAREA|INPUT|SCRIPT|STYLE|TEMPLATE|NOSCRIPT)$/.test(child.tagName)) continue;
      if (child.tagName === "svg" || (without && child.matches(without))) continue;
      if (child.tagName === "IMG") { out += ` ${child.alt || ""} `; continue; }
      if (child.tagName === "BR") { out += " "; continue; }
      if (!all) {
        if (child.getAttribute("aria-hidden") === "true" && /icon|material|glyph/i.test(child.getAttribute("class"))) continue; // drawn by a font
        const style = getComputedStyle(child);
        if (style.display === "none" || style.visibility === "hidden" || ICONS.test(style.fontFamily)) continue;
        if (!style.display.startsWith("inline") && style.display !== "contents") { out += " "; walk(child.shadowRoot || child); out += " "; continue; }
      }
      walk(child.shadowRoot || child);
    }
    if (node.tagName === "SLOT") for (const child of node.assignedNodes()) out += child.nodeType === Node.TEXT_NODE ? child.data : child.tagName === "svg" ? "" : words(child, all);
  };
  walk(element.shadowRoot || element);
  return tidy(out);
}

function referred(element, attribute) {
  const root = element.getRootNode();
  const found = (element.getAttribute(attribute) || "").split(/\s+/).filter(Boolean).map((id) => root.getElementById && root.getElementById(id));
  return tidy(found.filter(Boolean).map((other) => words(other) || words(other, true)).join(" "));
}

// Text beside a field that has no name of its own: the cell to the left, the line above; behind a box, and behind a
// field where nothing stands before it, as labels that float over it do.
function nearby(element) {
  const cell = element.closest("td,th");
  const before = cell && cell.previousElementSibling;
  if (before) return words(before);
  const sides = ["previousSibling", "nextSibling"];
  if (/^(checkbox|radio)$/.test(typeOf(element))) sides.reverse();
  return beside(element, sides[0]) || beside(element, sides[1]);
}

function beside(element, side) {
  for (let at = element, up = 0; at && up < 4; at = at.parentElement, up += 1) {
    for (let node = at[side]; node; node = node[side]) {
      if (node.nodeType === Node.TEXT_NODE && tidy(node.data)) return tidy(node.data);
      if (node.nodeType !== Node.ELEMENT_NODE || node.tagName === "BR") continue;
      if (node.matches(FIELDS) || node.querySelector(FIELDS) || (side === "nextSibling" && node.matches(`${BUTTONS},${LINKS}`))) return "";
      if (words(node)) return words(node);
    }
    if (at.parentElement && at.parentElement.querySelectorAll(FIELDS).length > 1) return "";
  }
  return "";
}

function fieldNames(element) {
  const names = [];
  const add = (text, how) => { text = tidy(text); if (text && text.length < 200 && !names.some(([known]) => known === text)) names.push([text, how]); };
  if (!/^(checkbox|radio)$/.test(typeOf(element))) for (const label of element.labels || []) add(words(label, false, `${BUTTONS},${LINKS}`), "label"); // without the help in it
  for (const label of element.labels || []) add(words(label), "label");
  const around = element.labels ? null : element.closest("label");
  if (around) add(words(around), "label");
  add(referred(element, "aria-labelledby"), "label");
  add(element.getAttribute("aria-label"), "aria");
  if (!element.matches("input,select,textarea") && element.matches("[role=checkbox],[role=radio],[role=switch]")) add(words(element), "text");
  add(element.getAttribute("placeholder") || element.getAttribute("aria-placeholder") || element.getAttribute("data-placeholder"), "placeholder");
  add(element.getAttribute("title"), "title");
  if (!names.length && element.matches("button")) add(words(element), "text");
  if (!names.length) { const text = nearby(element); if (text.length < 60) add(text, "nearby"); }
  add(element.getAttribute("name"), "name");
  return names;
}

function buttonNames(element) {
  const names = [];
  const add = (text, how) => { text = tidy(text); if (text && text.length < 200 && !names.some(([known]) => known === text)) names.push([text, how]); };
  if (element.tagName === "INPUT") {
    if (element.type === "image") add(element.alt, "value");
    else add(element.value || { submit: "Submit", reset: "Reset" }[element.type], "value");
  } else {
    if (element.querySelector("img")) add(words(element, false, "img"), "text"); // without what a logo stands for
    add(words(element), "text");
  }
  add(referred(element, "aria-labelledby"), "label");
  add(element.getAttribute("aria-label"), "aria");
  add(element.getAttribute("title"), "title");
  if (!names.length) add(words(element, true), "text");
  if (!names.length) { const svg = element.querySelector("svg title"); if (svg) add(svg.textContent, "title"); }
  return names;
}

function groupName(element) {
  const role = element.closest("[role=radiogroup],[role=group]");
  const named = role && (referred(role, "aria-labelledby") || tidy(role.getAttribute("aria-label")));
  if (named) return named;
  const set = element.closest("fieldset");
  const legend = set && set.querySelector("legend");
  return legend ? words(legend) : tidy(element.getAttribute("name"));
}

function kindOf(element) {
  if (element.matches(CHOOSERS)) return "field";
  if (element.matches(BUTTONS)) return "button";
  if (element.matches("[role=option]")) return "option";
  if (element.matches(LINKS)) return "link";
  if (element.matches(HEADINGS)) return "heading";
  if (element.matches(FIELDS)) return "field";
  return "link"; // something to click on
}

function typeOf(element) {
  if (element.tagName === "SELECT") return "select";
  if (element.tagName === "TEXTAREA") return "textarea";
  if (element.tagName === "INPUT") return element.type;
  if (element.tagName === "BUTTON" && !element.role) return element.form ? element.type : "button";
  const role = element.getAttribute("role");
  return role === "switch" ? "checkbox" : role || (element.isContentEditable ? "contenteditable" : "");
}

// What to click for a box: itself, or its label when it is drawn by something else.
function handle(element) {
  if (visible(element) || !/^(checkbox|radio)$/.test(typeOf(element))) return element;
  return [...(element.labels || [])].find(visible) || element;
}

// Whether an animation that ends soon is still moving an element.
function moving(element) {
  return document.getAnimations().some((animation) => {
    const effect = animation.effect;
    if (animation.playState !== "running" || !effect || !effect.target || !(effect.getComputedTiming().endTime - animation.currentTime < SOON)) return false;
    const names = new Set(effect.getKeyframes().flatMap(Object.keys));
    if ([...names].some((name) => SHIFTS.test(name))) return true;
    if (![...names].some((name) => MOVES.test(name))) return false;
    for (let at = element; at; at = at.getRootNode().host) if (effect.target.contains(at)) return true;
    return false;
  });
}

// Watches the click that comes next. A page may move under the hand: what would land elsewhere than on the element does
// nothing, and `landed` is then `beside`; it is `lost` when the element moved away between button down and button up.
// One that is still in its place has acted when the button went down, as some menus do: that is a hit.
// What follows on a click that was right is its doing: one on a label makes another on the box.
function aim(element) {
  if (window[AIM]) window[AIM].stop();
  const shells = [];
  for (let at = element.getRootNode().host; at; at = at.getRootNode().host) shells.push(at);
  const name = words(element);
  const twin = (one) => one.tagName === element.tagName && words(one) === name; // drawn anew in its place
  let begun = false; // Enter in a field makes a click too, without a button that goes down
  const state = { landed: "beside", stop: () => { for (const kind of GESTURE) window.removeEventListener(kind, on, true); } };
  const on = (event) => {
    begun = begun || event.type.endsWith("down");
    if (!event.isTrusted || !begun || state.landed === "on") return;
    const path = event.composedPath();
    const hit = [element, ...(element.labels || [])].some((one) => path.includes(one)) || shells.includes(path[0])
      || (!element.isConnected && path.some(twin));
    const box = element.getBoundingClientRect();
    const there = box.left <= event.clientX && event.clientX <= box.right && box.top <= event.clientY && event.clientY <= box.bottom;
    if (hit ? event.type === "click" : there && state.landed === "lost") state.landed = "on";
    else if (hit) state.landed = "lost";
    else { event.preventDefault(); event.stopImmediatePropagation(); }
    if (event.type === "mouseup") setTimeout(state.stop); // behind the click, which comes with it
  };
  for (const kind of GESTURE) window.addEventListener(kind, on, true);
  window[AIM] = state;
}

function prepared(found) {
  if (!ready) return found;
  if (ready.click) {
    if (moving(found.handle)) return { moving: true };
    aim(found.handle);
  } else if (!/^(select|date|time|datetime-local|month|week|range|color|file)$/.test(found.control.type)) {
    found.row = boxes(found.element, ready.type).length > 0;
    found.typed = take(found.element, ready.type);
  }
  return found;
}

// True when the text is there already; else the cursor is put on all that is there, so that typing replaces it.
function take(element, text) {
  const held = holds(element, text);
  if (held === text) return true;
  element.focus();
  if (element.isContentEditable) getSelection().selectAllChildren(element);
  else if (held && element.select) element.select();
  return false;
}

function control(element, index) {
  const kind = kindOf(element);
  const names = kind === "field" ? fieldNames(element) : kind === "heading" || kind === "option" ? [[words(element), "text"]] : buttonNames(element);
  const type = typeOf(element);
  return {
    kind, names, type, index,
    enabled: !element.matches(":disabled,[aria-disabled=true]") && !(kind === "field" && element.readOnly) && !element.closest("[inert]") && within(element, "dialog:modal"),
    shy: element.tabIndex < 0 && element.matches("input,select,textarea") || !!element.closest("[aria-hidden=true]")
      || !within(element, "[aria-modal=true]"),
    on: element.checked === true || element.getAttribute("aria-checked") === "true" || element.getAttribute("aria-selected") === "true",
    group: type === "radio" ? groupName(element) : "",
    options: element.tagName === "SELECT" ? [...element.options].map((option) => [tidy(option.label || option.text), option.value, !option.matches(":disabled")]) : [],
  };
}

// All controls, each with the heading it stands under.
function read() {
  let under = "";
  return controls().map((element, index) => {
    const found = { ...control(element, index), under };
    if (found.kind === "heading") under = found.names.length ? found.names[0][0] : "";
    return found;
  });
}

// Whether it is in the window that lies over the page, or there is no such window.
function within(element, over) {
  const windows = [...document.querySelectorAll(over)].filter(visible);
  for (let at = element; at; at = at.getRootNode().host) if (windows.some((one) => one.contains(at))) return true;
  return !windows.length;
}

// Whether a person would take it for something to click on, although its code does not say so.
function clickable(element) {
  if (/^(BODY|HTML|LABEL|SCRIPT|STYLE|OPTION|IFRAME)$/.test(element.tagName) || !(element instanceof HTMLElement)) return false;
  const pointed = (one) => getComputedStyle(one).cursor === "pointer";
  if (!element.onclick && !(pointed(element) && element.parentElement && !pointed(element.parentElement))) return false;
  return !element.closest(`label,[role=option],${BUTTONS},${LINKS}`) && !element.querySelector(`${FIELDS},${BUTTONS},${LINKS},[onclick]`);
}

function controls() {
  const every = [FIELDS, BUTTONS, LINKS, HEADINGS, "[role=option]"].join(",");
  const found = [];
  for (const element of deep(document)) {
    if (!(element.matches(every) || clickable(element)) || !visible(handle(element))) continue;
    const outer = element.parentElement && element.parentElement.closest(`${BUTTONS},${LINKS}`);
    if (outer && element.matches(`${BUTTONS},${LINKS}`) && found.includes(outer)) continue; // a button in a link is one thing
    found.push(element);
  }
  return found;
}

// The words that a list stands under: its own label, else the line before it, or before what it stands in.
function listName(element) {
  const own = referred(element, "aria-labelledby") || tidy(element.getAttribute("aria-label"));
  const title = element.querySelector(":scope > legend, :scope > caption");
  if (own || title) return own || words(title);
  for (let at = element, up = 0; at && at !== document.body && up < 3; at = at.parentElement, up += 1) {
    for (let node = at.previousSibling; node; node = node.previousSibling) {
      if (node.nodeType === Node.TEXT_NODE && tidy(node.data)) return tidy(node.data);
      if (node.nodeType === Node.ELEMENT_NODE && words(node)) return words(node).slice(0, 200);
    }
  }
  return "";
}

// Lists, tables, and fieldsets of boxes. An item is what a person would tick off: a list item, a row, a box.
function lists() {
  const found = [];
  for (const element of deep(document)) {
    if (!element.matches("ul,ol,dl,table,fieldset,[role=list],[role=listbox],[role=group],[role=table]") || !visible(element)) continue;
    const boxes = [...element.querySelectorAll("input[type=checkbox],[role=checkbox],[role=switch]")].filter((box) => visible(handle(box)));
    const parts = element.matches("fieldset,[role=group]") && boxes.length ? boxes.map((box) => (fieldNames(box)[0] || [""])[0])
      : [...element.querySelectorAll("li,dt,tr,[role=listitem],[role=option],[role=row]")]
        .filter((item) => visible(item) && !item.querySelector("li,tr") && !(item.querySelector("th") && !item.querySelector("td"))).map((item) => words(item));
    if (parts.some(Boolean)) found.push({ name: listName(element), items: parts.filter(Boolean) });
  }
  return found;
}

function frames() {
  const found = [];
  for (const element of deep(document)) if (element.tagName === "IFRAME" && visible(element)) found.push(element);
  return found;
}

function text() {
  const parts = [document.body ? document.body.innerText || "" : document.documentElement ? document.documentElement.textContent : ""];
  for (const element of deep(document)) if (element.shadowRoot && visible(element)) for (const child of element.shadowRoot.children) parts.push(child.innerText || "");
  let out = parts.join("\n");
  for (const element of deep(document)) {
    // What a text area was served with counts as what it holds.
    if (element.tagName === "TEXTAREA" && element.value.length > 2) out = out.split(element.value).join("");
  }
  return out.replace(UNSEEN, "").replace(/[ \t\u00a0\u202f\u3000]+/g, " ").replace(/\s*\n\s*/g, "\n").trim().slice(0, TEXT_LIMIT);
}

function roots() {
  return [document, ...[...deep(document)].map((element) => element.shadowRoot).filter(Boolean)];
}

const isMask = (sheet) => sheet.cssRules.length === 1 && (sheet.cssRules[0].selectorText || "").includes(":not(flowrun)");

switch (task) {
  case "scan":
    return {
      url: location.href, title: document.title, ready: document.readyState, document: performance.timeOrigin, type: document.contentType,
      leaves: !!document.querySelector("meta[http-equiv=refresh i]"),
      still: document.scripts.length === 0 && !document.querySelector("meta[http-equiv=refresh i]"),
      text: text(), frames: frames().length, controls: read(),
    };
  case "pick": {
    const every = controls();
    const element = every[subject];
    if (!element) return null;
    if (ready && ready.click && !ready.click.every(([index, text]) => every[index] && holds(every[index], text) === text)) return { emptied: true };
    return prepared({ control: control(element, subject), element, handle: handle(element) });
  }
  case "css": {
    const found = [];
    for (const element of deep(document)) if (element.matches(subject) && visible(handle(element))) found.push(element);
    const all = found.map((element) => ({ control: control(element, -1), element, handle: handle(element) }));
    return all.length === 1 ? all.map(prepared) : all;
  }
  case "place":
    return controls().indexOf(subject);
  case "cover": {
    // What lies over an element, in its words; true when it is only the shell of what the element itself is in.
    const box = subject.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    let hit = document.elementFromPoint(x, y);
    while (hit && hit.shadowRoot && hit.shadowRoot.elementFromPoint(x, y) && hit.shadowRoot.elementFromPoint(x, y) !== hit) hit = hit.shadowRoot.elementFromPoint(x, y);
    for (let at = subject; at; at = at.getRootNode().host) if (at !== subject && at === hit) return true;
    while (hit && !words(hit) && hit.parentElement && !hit.parentElement.contains(subject)) hit = hit.parentElement;
    while (hit && hit.parentElement && hit.parentElement !== document.body && !hit.parentElement.contains(subject)) hit = hit.parentElement;
    return hit ? words(hit).slice(0, 80) : "";
  }
  case "end":
    // Reads to the end: some buttons cannot be pressed before.
    for (const element of [document.scrollingElement, ...deep(document)]) {
      if (element && element.scrollHeight > element.clientHeight + 4 && (element === document.scrollingElement || /auto|scroll/.test(getComputedStyle(element).overflowY))) element.scrollTop = element.scrollHeight;
    }
    return null;
  case "lists":
    return lists();
  case "frame":
    return frames()[subject] || null;
  case "mask":
    for (const root of roots()) {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(MASK);
      root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
    }
    return null;
  case "unmask":
    for (const root of roots()) root.adoptedStyleSheets = root.adoptedStyleSheets.filter((sheet) => !isMask(sheet));
    return null;
}
