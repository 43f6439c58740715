// Keys of the viewer. They act wherever the focus is inside it, save in its fields; arrows, Tab, Space and Enter
// only on the film itself, so that buttons stay buttons.
import { nearestEdge, outline, toScreen, toSource } from "./geometry.js";
import { selected } from "./state.js";
import { WIDE_OPEN, windowed } from "./window.js";

const STEP = 0.04; // of the film's grays, per key press
const PAN = 60; // screen pixels
const CURSOR = { fine: 4, coarse: 40 }; // screen pixels: zooming in makes the crosshair finer
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TOOL_KEYS = { v: "select", x: "box", p: "polygon", f: "freehand", o: "point" };

// Streamlit takes Enter for a shortcut though a button was reached by Tab, and that button is then not pressed. A
// button that was clicked has the focus too: after it Enter still is the shortcut. Its listener is the document's own.
export function enterPressesButtons() {
  if (window.enterPressesButtons) return;
  window.enterPressesButtons = true;
  let tabbed = false;
  window.addEventListener("keydown", ({ key }) => { tabbed ||= key === "Tab"; }, { capture: true });
  window.addEventListener("pointerdown", () => { tabbed = false; }, { capture: true });
  document.documentElement.addEventListener("keydown", (event) => {
    const button = event.composedPath()[0].closest?.("button, a, summary");
    if (event.key === "Enter" && tabbed && button) event.stopPropagation();
  });
}

export function listenToKeys(viewer) {
  viewer.root.addEventListener("keydown", (event) => {
    if (event.target.matches("input, select, textarea")) return;
    const action = actionOf(viewer, event);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  });
  viewer.root.addEventListener("keyup", (event) => {
    if (event.key.toLowerCase() === "b") viewer.blink(false);
    if (event.key === " ") releaseSpace(viewer);
    viewer.flush();
  });
}

function actionOf(viewer, event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) return event.altKey || !viewer.editing ? null : travel(viewer, key, event);
  if (event.altKey && !"[]{}".includes(key)) return null; // brackets need it on some keyboards
  const onFilm = event.target === viewer.frame;
  return lookKey(viewer, key) ?? (viewer.editing ? editKey(viewer, key) : null)
    ?? (onFilm ? filmKey(viewer, key, event) : null);
}

function travel(viewer, key, { shiftKey }) {
  if (key === "z") return () => viewer.dispatch({ type: shiftKey ? "redo" : "undo" });
  return key === "y" ? () => viewer.dispatch({ type: "redo" }) : null;
}

function lookKey(viewer, key) {
  const shift = (change) => () => viewer.setGrays(windowed(viewer.look.grays, change));
  const keys = {
    "+": () => viewer.zoomBy(1.4),
    "=": () => viewer.zoomBy(1.4),
    "-": () => viewer.zoomBy(1 / 1.4),
    0: () => viewer.fit(),
    z: () => viewer.actualSize(),
    "[": shift({ level: -STEP }),
    "]": shift({ level: STEP }),
    "{": shift({ width: -2 * STEP }),
    "}": shift({ width: 2 * STEP }),
    r: () => viewer.setGrays(WIDE_OPEN),
    i: () => viewer.invert(),
    b: () => viewer.blink(true),
    s: () => viewer.swipe(),
    "?": () => viewer.help(),
  };
  // a page that takes findings by number keeps its numbers
  if (!viewer.editing) keys[1] = keys.z;
  if (viewer.helping) keys.Escape = () => viewer.help();
  return keys[key] ?? null;
}

function editKey(viewer, key) {
  if (TOOL_KEYS[key]) return () => viewer.dispatch({ type: "tool", tool: TOOL_KEYS[key] });
  const { state } = viewer;
  const keys = {
    Escape: () => {
      viewer.pointers.cancel();
      viewer.dispatch({ type: "cancel" });
    },
    Delete: () => viewer.dispatch({ type: "remove" }),
    Backspace: () => viewer.dispatch({ type: state.draft ? "takeBack" : "remove" }),
    Insert: () => insert(viewer),
    d: () => viewer.duplicate(),
    n: () => viewer.note(),
    ",": () => viewer.dispatch({ type: "cycleVertex", step: -1 }),
    ".": () => viewer.dispatch({ type: "cycleVertex", step: 1 }),
  };
  return keys[key] ?? null;
}

function filmKey(viewer, key, event) {
  const { state, editing } = viewer;
  const drawing = editing && state.tool !== "select";
  if (ARROWS[key]) return () => arrow(viewer, ARROWS[key], drawing, event);
  if (key === " ") return () => holdSpace(viewer);
  if (!editing) return null;
  if (key === "Enter" && drawing) return enter(viewer);
  if (key === "Tab" && !drawing && state.marks.length) return tab(viewer, event.shiftKey ? -1 : 1);
  return null;
}

function arrow(viewer, [dx, dy], drawing, { shiftKey, repeat }) {
  const { state } = viewer;
  if (drawing) {
    const step = shiftKey ? CURSOR.coarse : CURSOR.fine;
    const [x, y] = toScreen(viewer.view, state.cursor ?? viewer.centre());
    viewer.moveCursor(toSource(viewer.view, [x + dx * step, y + dy * step]));
  } else if (viewer.editing && state.selection) {
    const step = shiftKey ? 10 : 1;
    viewer.dispatch({ type: "nudge", by: [dx * step, dy * step], held: repeat }, { later: true });
  } else {
    viewer.panBy(-dx * PAN, -dy * PAN);
  }
}

// Space with the mouse moves the film; alone, it sets a point when it is let go.
function holdSpace(viewer) {
  if (viewer.pointers.space) return;
  viewer.pointers.space = true;
  viewer.pointers.panned = false;
  viewer.redraw();
}

function releaseSpace(viewer) {
  const { pointers, state } = viewer;
  if (!pointers.space) return;
  pointers.space = false;
  if (!pointers.panned && viewer.editing && state.tool !== "select") setPoint(viewer);
  viewer.redraw();
}

function setPoint(viewer) {
  if (!viewer.state.cursor) viewer.moveCursor(viewer.centre()); // first show where it would go
  else viewer.add("place", { point: viewer.state.cursor, snap: pointReach(viewer) });
}

function pointReach(viewer) {
  return 8 / viewer.view.scale;
}

function enter(viewer) {
  const { draft, tool, cursor } = viewer.state;
  if (draft && draft.length >= 3 && tool !== "box") return () => viewer.add("close");
  return draft || cursor ? () => setPoint(viewer) : null;
}

// After the last mark the focus goes on, as everywhere.
function tab(viewer, step) {
  const { marks, selection } = viewer.state;
  const at = marks.findIndex((mark) => mark.id === selection);
  if (at >= 0 && !marks[at + step]) return null;
  return () => viewer.dispatch({ type: "cycle", step });
}

// On the edge under the pointer, else after the selected corner.
function insert(viewer) {
  const { pointers, state } = viewer;
  const mark = selected(state);
  if (!mark || mark.kind === "point") return;
  if (state.vertex === null && pointers.hover) {
    const edge = nearestEdge(outline(mark), pointers.source(pointers.hover));
    viewer.dispatch({ type: "insertVertex", id: mark.id, index: edge.index, point: edge.point });
  } else {
    viewer.dispatch({ type: "insertVertex", id: mark.id, index: state.vertex ?? 0, point: null });
  }
}
