// What the reader has drawn, as a pure reducer: reduce(state, action) gives the next state and changes nothing.
// Every change of the marks is one step of undo and one revision; `said` is what a screen reader hears.
import {
  KINDS, area, clampPoint, distance, moved, middle, nearestVertex, normaliseBox, outline, rounded, withNewVertex,
  withVertex, withoutVertex,
} from "./geometry.js";

export const TOOLS = ["select", "box", "polygon", "freehand", "point"];
const STEPS = 50; // of undo
const NAMES = { box: "Box", polygon: "Polygon", freehand: "Freehand outline", point: "Point" };

export function emptyState(film) {
  return {
    film, // {width, height} in source pixels
    marks: [], // {kind, points, label, note, id}
    selection: null, // id
    vertex: null, // index into the selected mark's outline
    tool: "select",
    draft: null, // points of the mark being drawn
    cursor: null, // the keyboard's crosshair
    past: [],
    future: [],
    revision: 0,
    said: "",
  };
}

export function reduce(state, action) {
  return ACTIONS[action.type](state, action);
}

// Marks as they came, each with an id of its own: what has none, or one that stands on another mark, gets a new one.
export function toldApart(marks, newId) {
  const seen = new Set();
  return marks.map((mark) => {
    const id = mark.id && !seen.has(mark.id) ? mark.id : newId();
    seen.add(id);
    return { ...mark, id };
  });
}

export function selected(state) {
  return state.marks.find((mark) => mark.id === state.selection) ?? null;
}

function commit(state, marks, said, rest = {}) {
  return {
    ...state,
    marks,
    past: [...state.past, state.marks].slice(-STEPS),
    future: [],
    revision: state.revision + 1,
    said,
    ...rest,
  };
}

function added(state, kind, points, id) {
  const clean = rounded(kind === "box" ? normaliseBox(points) : points);
  if (kind !== "point" && area(outline({ kind, points: clean })) === 0) {
    return { ...state, said: "It encloses nothing yet" };
  }
  const mark = { kind, points: clean, label: "fracture", note: "", id };
  return commit(state, [...state.marks, mark], `${NAMES[kind]} added`, { draft: null, selection: id, vertex: null });
}

function replaced(state, id, change, said, rest = {}) {
  if (!state.marks.some((mark) => mark.id === id)) return state;
  const marks = state.marks.map((mark) => (mark.id === id ? { ...mark, ...change(mark) } : mark));
  return commit(state, marks, said, rest);
}

function travelled(state, marks, past, future, said) {
  const stays = marks.some((mark) => mark.id === state.selection);
  return {
    ...state, marks, past, future, said, selection: stays ? state.selection : null, vertex: null,
    revision: state.revision + 1,
  };
}

// A click, a tap or the space bar with a drawing tool. `snap` is how near counts as the same place, in source pixels.
function placed(state, { point, snap, id }) {
  const there = clampPoint(point, state.film);
  const { tool, draft } = state;
  if (tool === "point") {
    const twin = state.marks.find((mark) => mark.kind === "point" && distance(mark.points[0], there) < snap / 4);
    if (twin) return { ...state, selection: twin.id, vertex: null, said: "There is a point already" };
    return added(state, "point", [there], id);
  }
  if (!draft) return { ...state, draft: [there], selection: null, vertex: null, said: "First point" };
  if (tool === "box") return added(state, "box", [draft[0], there], id);
  if (draft.length >= KINDS.polygon && distance(draft[0], there) <= snap) return added(state, tool, draft, id);
  if (distance(draft[draft.length - 1], there) < snap / 4) return state; // a double click's second half
  return { ...state, draft: [...draft, there], said: `Point ${draft.length + 1}` };
}

const ACTIONS = {
  tool: (state, { tool }) => ({
    ...state, tool, draft: null, vertex: null, cursor: tool === "select" ? null : state.cursor,
    selection: tool === "select" ? state.selection : null, said: `${tool === "select" ? "Select" : NAMES[tool]} tool`,
  }),

  place: placed,

  // a box or a freehand outline drawn in one go
  add: (state, { kind, points, id }) => {
    const kept = points.map((point) => clampPoint(point, state.film));
    if (kept.length < KINDS[kind]) return { ...state, draft: null, said: "Too small for a mark" };
    return added({ ...state, draft: null }, kind, kept, id);
  },

  close: (state, { id }) => {
    if (!state.draft) return state;
    if (state.draft.length < KINDS.polygon) return { ...state, said: "An outline needs three points" };
    return added(state, state.tool, state.draft, id);
  },

  takeBack: (state) => {
    if (!state.draft) return state;
    const draft = state.draft.slice(0, -1);
    return { ...state, draft: draft.length ? draft : null, said: "Point taken back" };
  },

  // Escape: first what is being drawn, then the tool, then the selection
  cancel: (state) => {
    if (state.draft) return { ...state, draft: null, said: "Cancelled" };
    if (state.tool !== "select") return { ...state, tool: "select", cursor: null, said: "Select tool" };
    return { ...state, selection: null, vertex: null, said: state.selection ? "Nothing selected" : "" };
  },

  cursor: (state, { point }) => ({ ...state, cursor: point && clampPoint(point, state.film) }),

  select: (state, { id, vertex = null }) => {
    if (id === state.selection && vertex === state.vertex) return state;
    return { ...state, selection: id, vertex, said: spoken(state.marks, id, vertex) };
  },

  // the next mark, and none after the last
  cycle: (state, { step }) => {
    const at = state.marks.findIndex((mark) => mark.id === state.selection);
    const next = at < 0 ? (step > 0 ? 0 : state.marks.length - 1) : at + step;
    const id = state.marks[next]?.id ?? null;
    return { ...state, selection: id, vertex: null, said: spoken(state.marks, id, null) };
  },

  cycleVertex: (state, { step }) => {
    const mark = selected(state);
    if (!mark || mark.kind === "point") return state;
    const count = outline(mark).length;
    const vertex = state.vertex === null ? (step > 0 ? 0 : count - 1) : (state.vertex + step + count) % count;
    return { ...state, vertex, said: spoken(state.marks, mark.id, vertex) };
  },

  // a finished drag, of the whole mark or of one vertex
  move: (state, { id, points, vertex = null }) =>
    reshaped(state, id, points, vertex, vertex === null ? "Moved" : "Corner moved"),

  // `held`: a repeat of the key, which joins the step before
  nudge: (state, { by, held }) => {
    const mark = selected(state);
    if (!mark) return state;
    const { vertex } = state;
    const points = vertex === null
      ? moved(mark.points, by, state.film)
      : withVertex(mark, vertex, outline(mark)[vertex].map((value, axis) => value + by[axis]), state.film);
    const next = reshaped(state, mark.id, points, vertex, "");
    return held && state.past.length ? { ...next, past: state.past } : next;
  },

  insertVertex: (state, { id, index, point }) => {
    const mark = state.marks.find((other) => other.id === id);
    if (!mark || mark.kind === "box" || mark.kind === "point") {
      return { ...state, said: "Only outlines take new corners" };
    }
    const at = point ?? middle(mark.points[index], mark.points[(index + 1) % mark.points.length]);
    const points = rounded(withNewVertex(mark.points, index, clampPoint(at, state.film)));
    return replaced(state, id, () => ({ points }), "Corner inserted", { selection: id, vertex: index + 1 });
  },

  // the selected corner of an outline, else the selected mark
  remove: (state) => {
    const mark = selected(state);
    if (!mark) return state;
    if (state.vertex !== null && (mark.kind === "polygon" || mark.kind === "freehand")) {
      if (mark.points.length <= KINDS[mark.kind]) return { ...state, said: "An outline keeps three corners" };
      const points = withoutVertex(mark.points, state.vertex);
      return replaced(state, mark.id, () => ({ points }), "Corner deleted", { vertex: null });
    }
    const marks = state.marks.filter((other) => other.id !== mark.id);
    return commit(state, marks, `${NAMES[mark.kind]} deleted`, { selection: null, vertex: null });
  },

  duplicate: (state, { id, by }) => {
    const mark = selected(state);
    if (!mark) return state;
    let points = moved(mark.points, by, state.film);
    if (distance(points[0], mark.points[0]) < 1) points = moved(mark.points, by.map((step) => -step), state.film);
    const twin = { ...mark, points: rounded(points), id };
    return commit(state, [...state.marks, twin], `${NAMES[mark.kind]} duplicated`, { selection: id, vertex: null });
  },

  describe: (state, { id, label, note }) =>
    replaced(state, id, () => ({ label: label.trim() || "fracture", note: note.trim() }), "Label and note kept"),

  undo: (state) => {
    if (!state.past.length) return { ...state, said: "Nothing to undo" };
    const marks = state.past[state.past.length - 1];
    return travelled(state, marks, state.past.slice(0, -1), [...state.future, state.marks], "Undone");
  },

  redo: (state) => {
    if (!state.future.length) return { ...state, said: "Nothing to redo" };
    const marks = state.future[state.future.length - 1];
    return travelled(state, marks, [...state.past, state.marks], state.future.slice(0, -1), "Redone");
  },

  // the server's marks; what they replace is one undo away
  load: (state, { marks, revision }) => ({
    ...state, marks, revision, future: [], vertex: null,
    past: state.marks.length ? [...state.past, state.marks].slice(-STEPS) : state.past,
    selection: marks.some((mark) => mark.id === state.selection) ? state.selection : null,
  }),
};

// The mark with other points. A box's corner dragged past another takes that one's place.
function reshaped(state, id, points, vertex, said) {
  const mark = state.marks.find((other) => other.id === id);
  if (!mark) return state;
  const clean = { kind: mark.kind, points: rounded(points) };
  if (mark.kind !== "point" && area(outline(clean)) === 0) return { ...state, said: "It would enclose nothing" };
  let corner = vertex;
  if (mark.kind === "box" && vertex !== null) {
    const still = outline(mark)[(vertex + 2) % 4];
    corner = (nearestVertex(outline(clean), still).index + 2) % 4;
  }
  return replaced(state, id, () => ({ points: clean.points }), said, { selection: id, vertex: corner });
}

function spoken(marks, id, vertex) {
  const at = marks.findIndex((mark) => mark.id === id);
  if (at < 0) return "Nothing selected";
  const { kind, label, note } = marks[at];
  const corner = vertex === null ? "" : `, corner ${vertex + 1}`;
  return `${NAMES[kind]} ${at + 1} of ${marks.length}, ${label}${note ? `: ${note}` : ""}${corner}`;
}
