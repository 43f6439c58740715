import assert from "node:assert/strict";
import test from "node:test";

import { KINDS, bounds, outline } from "../../ui/viewer/geometry.js";
import { TOOLS, emptyState, reduce, selected, toldApart } from "../../ui/viewer/state.js";
import { seeded } from "./seeded.js";

const FILM = { width: 1000, height: 800 };

function run(...actions) {
  return actions.reduce(reduce, emptyState(FILM));
}

const BOX = { type: "add", kind: "box", points: [[300, 400], [100, 200]], id: "a" };
const place = (x, y, id = "p") => ({ type: "place", point: [x, y], snap: 10, id });
const polygon = [{ type: "tool", tool: "polygon" }, place(10, 10), place(200, 10), place(200, 200)];

test("a box is kept with its corners in order and is selected", () => {
  const state = run(BOX);
  assert.deepEqual(state.marks, [
    { kind: "box", points: [[100, 200], [300, 400]], label: "fracture", note: "", id: "a" },
  ]);
  assert.equal(state.selection, "a");
  assert.equal(state.revision, 1);
  assert.equal(state.said, "Box added");
});

test("marks that came with one id are told apart, so that one edit changes one mark", () => {
  const mark = { kind: "box", points: [[1, 1], [9, 9]], label: "fracture", note: "" };
  let count = 0;
  const came = [{ ...mark, id: "m" }, { ...mark, id: "m" }, { ...mark, id: "" }, { ...mark, id: "own" }];
  const marks = toldApart(came, () => `new ${(count += 1)}`);
  assert.deepEqual(marks.map(({ id }) => id), ["m", "new 1", "new 2", "own"]);
  const state = [
    { type: "load", marks, revision: 1 }, { type: "select", id: "m" }, { type: "remove" },
  ].reduce(reduce, emptyState(FILM));
  assert.equal(state.marks.length, 3);
});

test("two clicks make a box", () => {
  const state = run({ type: "tool", tool: "box" }, place(10, 20), place(60, 90));
  assert.deepEqual(state.marks[0].points, [[10, 20], [60, 90]]);
  assert.equal(state.draft, null);
});

test("nothing that encloses nothing is added", () => {
  assert.equal(run({ type: "tool", tool: "box" }, place(10, 20), place(10, 90)).marks.length, 0);
  assert.equal(run({ type: "add", kind: "freehand", points: [[1, 1], [2, 2]], id: "f" }).marks.length, 0);
});

test("a polygon closes on its first point, on Enter, and not with two points", () => {
  assert.equal(run(...polygon, place(14, 13)).marks[0].points.length, 3);
  assert.equal(run(...polygon, { type: "close", id: "p" }).marks[0].kind, "polygon");
  const open = run(...polygon.slice(0, 3), { type: "close", id: "p" });
  assert.equal(open.marks.length, 0);
  assert.equal(open.draft.length, 2);
});

test("the second half of a double click adds no vertex", () => {
  assert.equal(run(...polygon, place(201, 200)).draft.length, 3);
});

test("Backspace takes points back one by one and Escape all of them", () => {
  let state = run(...polygon, { type: "takeBack" });
  assert.equal(state.draft.length, 2);
  state = [{ type: "takeBack" }, { type: "takeBack" }, { type: "takeBack" }].reduce(reduce, state);
  assert.equal(state.draft, null);
  state = run(...polygon, { type: "cancel" });
  assert.deepEqual([state.draft, state.tool], [null, "polygon"]);
  assert.equal(reduce(state, { type: "cancel" }).tool, "select");
});

test("a point where there is one already is the one that is there", () => {
  const state = run({ type: "tool", tool: "point" }, place(50, 50, "a"), place(51, 50, "b"), place(80, 50, "c"));
  assert.deepEqual(state.marks.map((mark) => mark.id), ["a", "c"]);
});

test("vertices are inserted and deleted, and three stay", () => {
  let state = run(...polygon, { type: "close", id: "p" }, { type: "insertVertex", id: "p", index: 1, point: null });
  assert.deepEqual(state.marks[0].points[2], [200, 105]);
  assert.equal(state.vertex, 2);
  state = reduce(state, { type: "remove" });
  assert.equal(state.marks[0].points.length, 3);
  state = reduce(reduce(state, { type: "select", id: "p", vertex: 0 }), { type: "remove" });
  assert.equal(state.marks[0].points.length, 3);
  assert.match(state.said, /three/);
  state = reduce(reduce(state, { type: "select", id: "p" }), { type: "remove" });
  assert.equal(state.marks.length, 0);
});

test("a box takes no vertex, and loses none", () => {
  let state = run(BOX, { type: "insertVertex", id: "a", index: 0, point: null });
  assert.equal(state.marks[0].points.length, 2);
  state = reduce(reduce(state, { type: "select", id: "a", vertex: 1 }), { type: "remove" });
  assert.equal(state.marks.length, 0);
});

test("held keys are one step of undo", () => {
  const nudge = (held) => ({ type: "nudge", by: [1, 0], held });
  let state = run(BOX, nudge(false), nudge(true), nudge(true));
  assert.deepEqual(state.marks[0].points[0], [103, 200]);
  state = reduce(state, { type: "undo" });
  assert.deepEqual(state.marks[0].points[0], [100, 200]);
});

test("a nudged corner moves alone, and is followed when it passes another", () => {
  let state = run(BOX, { type: "select", id: "a", vertex: 0 }, { type: "nudge", by: [250, 0], held: false });
  assert.deepEqual(state.marks[0].points, [[300, 200], [350, 400]]);
  assert.deepEqual(outline(state.marks[0])[state.vertex], [350, 200]);
  state = reduce(state, { type: "nudge", by: [-50, 0], held: false });
  assert.deepEqual(state.marks[0].points, [[300, 200], [350, 400]], "a box keeps an inside");
});

test("a duplicate is another mark, beside the first, on the film", () => {
  const corner = { ...BOX, points: [[990, 790], [1000, 800]] };
  const state = run(corner, { type: "duplicate", id: "b", by: [20, 20] });
  assert.equal(state.marks.length, 2);
  assert.deepEqual(state.marks[1].points, [[970, 770], [980, 780]]);
  assert.equal(state.selection, "b");
});

test("label and note are kept, and an empty label is a fracture", () => {
  const state = run(BOX, { type: "describe", id: "a", label: " ", note: " oblique " });
  assert.deepEqual([state.marks[0].label, state.marks[0].note], ["fracture", "oblique"]);
});

test("Tab goes through the marks and ends", () => {
  const both = run(BOX, { ...BOX, id: "b", points: [[1, 1], [9, 9]] }, { type: "select", id: null });
  const first = reduce(both, { type: "cycle", step: 1 });
  assert.equal(first.selection, "a");
  const last = reduce(first, { type: "cycle", step: 1 });
  assert.equal(last.selection, "b");
  assert.equal(reduce(last, { type: "cycle", step: 1 }).selection, null);
});

test("the server's marks replace ours, which are one undo away", () => {
  const theirs = [{ kind: "point", points: [[5, 5]], label: "fracture", note: "", id: "s" }];
  const state = run(BOX, { type: "load", marks: theirs, revision: 7 });
  assert.deepEqual([state.marks, state.revision], [theirs, 7]);
  assert.equal(reduce(state, { type: "undo" }).marks[0].id, "a");
});

test("fifty steps can be undone and no more", () => {
  let state = emptyState(FILM);
  for (let index = 0; index < 60; index += 1) {
    state = reduce(state, { ...BOX, id: `m${index}`, points: [[index, 0], [index + 5, 5]] });
  }
  for (let index = 0; index < 60; index += 1) state = reduce(state, { type: "undo" });
  assert.equal(state.marks.length, 10);
  assert.equal(state.said, "Nothing to undo");
});

// --- whatever a reader does ------------------------------------------------------------------------------------

function anyAction(random, state, count) {
  const point = () => [random.between(-100, 1100), random.between(-100, 900)];
  const id = `n${count}`;
  const mark = state.marks.length ? random.of(state.marks) : null;
  const actions = [
    () => ({ type: "tool", tool: random.of(TOOLS) }),
    () => ({ type: state.tool === "select" ? "cancel" : "place", point: point(), snap: 12, id }),
    () => ({ type: state.tool === "select" ? "cancel" : "place", point: point(), snap: 12, id }),
    () => ({ type: state.tool === "select" ? "cancel" : "close", id }),
    () => ({ type: "add", kind: "freehand", points: Array.from({ length: random.whole(9) }, point), id }),
    () => ({ type: "takeBack" }),
    () => ({ type: "cycle", step: random.of([-1, 1]) }),
    () => ({ type: "cycleVertex", step: random.of([-1, 1]) }),
    () => ({ type: "nudge", by: [random.between(-40, 40), random.between(-40, 40)], held: random.next() < 0.5 }),
    () => ({ type: "remove" }),
    () => ({ type: "duplicate", id, by: [14, 14] }),
    () => ({ type: "undo" }),
    () => ({ type: "redo" }),
    () => mark && { type: "select", id: mark.id, vertex: mark.kind === "point" ? null : 0 },
    () => mark && { type: "insertVertex", id: mark.id, index: 0, point: null },
    () => mark && { type: "describe", id: mark.id, label: "x", note: `${count}` },
  ];
  return random.of(actions)() ?? { type: "cancel" };
}

test("whatever is done, marks stay whole, on the film, and can be undone and done again", () => {
  for (let seed = 0; seed < 40; seed += 1) {
    const random = seeded(seed);
    let state = emptyState(FILM);
    for (let count = 0; count < 150; count += 1) {
      const action = anyAction(random, state, count);
      const before = JSON.stringify(state);
      const next = reduce(state, action);
      assert.equal(JSON.stringify(state), before, "nothing is changed in place");
      if (JSON.stringify(next.marks) !== JSON.stringify(state.marks)) {
        assert.equal(next.revision, state.revision + 1, `${action.type} counts as one gesture`);
        if (!["undo", "redo"].includes(action.type) && !action.held) {
          const back = reduce(next, { type: "undo" });
          assert.deepEqual(back.marks, state.marks, `${action.type} is undone`);
          assert.deepEqual(reduce(back, { type: "redo" }).marks, next.marks, `${action.type} is done again`);
        }
      }
      assert.equal(new Set(next.marks.map((mark) => mark.id)).size, next.marks.length, "ids differ");
      assert.ok(next.past.length <= 50);
      for (const mark of next.marks) {
        assert.ok(mark.points.length >= KINDS[mark.kind]);
        const { left, top, right, bottom } = bounds(mark.points);
        const inside = left >= 0 && top >= 0 && right <= FILM.width && bottom <= FILM.height;
        assert.ok(inside, `${action.type} stays on the film`);
      }
      if (next.selection !== null) assert.ok(selected(next), "what is selected exists");
      if (next.vertex !== null) assert.ok(outline(selected(next))[next.vertex], "the chosen corner exists");
      state = next;
    }
  }
});
