// The boxes that a text goes into where each takes one character, as for one-time codes: narrow, alike, in a row from
// this one on. Not all say that they take one; a script goes from each to the next.
const boxes = (element, text) => {
  const narrow = (one) => one.type === element.type && (one.maxLength === 1 || one.getBoundingClientRect().width < 80);
  if (element.tagName !== "INPUT" || text.length < 2 || !narrow(element)) return [];
  for (let at = element.parentElement; at; at = at.parentElement) {
    const row = [...at.querySelectorAll("input")].filter(narrow);
    const found = row.slice(row.indexOf(element), row.indexOf(element) + text.length);
    if (found.length === text.length) return found;
  }
  return [];
};
// What a field holds; a row of boxes for one character each is one field.
const holds = (element, text) => {
  if (element.isContentEditable) return element.textContent;
  const row = boxes(element, text);
  return row.length && row.every((box) => box.value.length < 2) ? row.map((box) => box.value).join("") : element.value;
};
