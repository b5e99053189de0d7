// What a field holds; a row of boxes for one character each is one field, as for one-time codes.
const holds = (element, text) => {
  if (element.isContentEditable) return element.textContent;
  if (element.maxLength !== 1 || text.length < 2) return element.value;
  const boxes = [...(element.form || element.parentElement).querySelectorAll("input")].filter((box) => box.maxLength === 1);
  return boxes.slice(boxes.indexOf(element)).map((box) => box.value).join("");
};
