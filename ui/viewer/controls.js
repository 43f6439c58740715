// Buttons, sliders, chips, the note form and the help sheet: pieces of the page that call back and know no film.

const ICONS = {
  select: "M5 3l11 7-5 1 3 5-2 1-3-5-4 3z",
  box: "M4 5h12v10H4z",
  polygon: "M10 3l7 5-3 8H6L3 8z",
  freehand: "M4 12c-1-4 2-8 6-8s7 3 6 7-5 6-8 5-2-4 1-5",
  point: "M10 2v5M10 13v5M2 10h5M13 10h5M10 10h.01",
  undo: "M8 4L4 8l4 4M4 8h7a4 4 0 0 1 0 8H8",
  redo: "M12 4l4 4-4 4M16 8H9a4 4 0 0 0 0 8h3",
  remove: "M4 6h12M8 6V4h4v2M6 6l1 11h6l1-11",
  duplicate: "M7 7h9v9H7zM13 7V4H4v9h3",
  note: "M4 16l1-4 8-8 3 3-8 8zM11 6l3 3",
  invert: "M10 3a7 7 0 1 0 0 14zM10 3a7 7 0 0 1 0 14",
  window: "M3 16l5-3 4-8 5-2M3 16h14M3 16V3",
  blink: "M2 10c2-4 5-5 8-5s6 1 8 5c-2 4-5 5-8 5s-6-1-8-5zM10 8a2 2 0 1 1 0 4 2 2 0 0 1 0-4",
  swipe: "M10 3v14M7 7l-3 3 3 3M13 7l3 3-3 3",
};

export function element(tag, attributes = {}, children = []) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// A button with an icon by name, or else with its text. `keys` is said in its name and to assistive technology.
export function button(face, name, keys, action) {
  const label = keys ? `${name} (${keys})` : name;
  const node = element("button", { type: "button", title: label, "aria-label": label });
  if (ICONS[face]) {
    node.classList.add("icon");
    node.innerHTML = `<svg viewBox="0 0 20 20" aria-hidden="true"><path d="${ICONS[face]}"/></svg>`;
  } else {
    node.textContent = face;
  }
  if (action) node.addEventListener("click", action);
  return node;
}

export function slider(before, after, label, { value, min = 0, max = 1 }, action) {
  const input = element("input", { type: "range", min, max, step: "0.01", "aria-label": label });
  input.value = value;
  input.addEventListener("input", () => action(Number(input.value)));
  const node = element("label", { class: "slider" }, [
    element("span", { text: before }), input, element("span", { class: "value", text: after }),
  ]);
  return { node, input, value: node.lastChild };
}

export function press(node, pressed) {
  node.setAttribute("aria-pressed", String(pressed));
}

// A toggle with a colour and a name: never a colour alone.
export function chip({ name, colour, count, dashed }, shown, action) {
  const swatch = element("span", { class: dashed ? "swatch dashed" : "swatch" });
  if (colour) swatch.style.setProperty("--colour", colour);
  const node = element("button", { type: "button", class: colour ? "chip" : "chip map-chip", "data-chip": name }, [
    swatch, element("span", { text: name }),
  ]);
  if (count !== undefined) {
    const marks = `${count} ${count === 1 ? "mark" : "marks"}`;
    node.append(element("span", { class: "count", text: count }));
    node.setAttribute("aria-label", `${name}, ${marks}`);
  }
  press(node, shown);
  node.addEventListener("click", action);
  return node;
}

// Label and note of a mark. Enter keeps them, and so does going elsewhere; Escape does not. `done` is told
// {label, note} or null, and whether the focus has left.
export function noteForm(done) {
  const label = element("input", { type: "text", "aria-label": "Label of the mark", maxlength: "60" });
  const note = element("input", { type: "text", "aria-label": "Note on the mark", maxlength: "400" });
  note.placeholder = "Note";
  const form = element("form", { class: "note", role: "dialog", "aria-label": "Label and note", hidden: "" }, [
    label, note, element("button", { type: "submit", text: "Keep", title: "Keep label and note (Enter)" }),
  ]);
  let open = false;
  const close = (answer, left = false) => {
    if (!open) return;
    open = false;
    form.hidden = true;
    done(answer, left);
  };
  const keep = () => close({ label: label.value, note: note.value }, true);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    close({ label: label.value, note: note.value });
  });
  form.addEventListener("keydown", (event) => {
    event.stopPropagation(); // letters are letters here
    if (event.key === "Escape") close(null);
  });
  form.addEventListener("focusout", (event) => {
    // another window in front leaves it open
    if (document.hasFocus() && !form.contains(event.relatedTarget)) keep();
  });
  return {
    node: form,
    isOpen: () => open,
    open(mark, [x, y]) {
      [label.value, note.value] = [mark.label, mark.note];
      Object.assign(form.style, { left: `${x}px`, top: `${y}px` });
      form.hidden = false;
      open = true;
      label.select();
      label.focus();
    },
    // keep what was typed when the form is left by other means
    keep,
  };
}

const HELP = {
  Look: [
    ["+  −  wheel", "Zoom"], ["drag  Space + drag", "Move the film"], ["two fingers", "Zoom and move"],
    ["0  Z", "Fit, 1:1"], ["Shift + drag  right drag", "Window: width sideways, level up and down"],
    ["[  ]", "Level"], ["{  }", "Width"], ["R", "Reset the window"], ["I", "Invert"], ["B held", "The film alone"],
    ["S", "Divider between film and overlay"],
  ],
  Mark: [
    ["X  P  F  O", "Box, polygon, freehand, point"], ["Enter  double click", "Close an outline"],
    ["Backspace", "Take back a point"], ["Esc", "Cancel"],
    ["arrows  Space", "Crosshair and point by keyboard (Shift: larger steps)"],
  ],
  Change: [
    ["V", "Select; drag to move, drag corners"], ["Tab", "Next mark"], [",  .", "Previous, next corner"],
    ["arrows", "Nudge 1 pixel (Shift: 10)"], ["Insert  double click", "New corner on an edge"],
    ["Delete", "Delete corner or mark"], ["D", "Duplicate"], ["N", "Label and note"],
    ["Ctrl+Z  Ctrl+Y", "Undo, redo"],
  ],
};

export function helpSheet(editing, close) {
  const sections = Object.entries(HELP).filter(([title]) => editing || title === "Look");
  const shut = button("Close", "Close the help", "Esc", close);
  const node = element("div", { class: "help", role: "dialog", "aria-label": "Keys and gestures", tabindex: "-1" }, [
    element("div", { class: "help-columns" }, sections.map(([title, rows]) =>
      element("section", {}, [
        element("h3", { text: title }),
        element("dl", {}, rows.flatMap(([keys, what]) => [
          element("dt", {}, keys.split("  ").map((key) => element("kbd", { text: key }))),
          element("dd", { text: what }),
        ])),
      ]))),
    shut,
  ]);
  return node;
}
