// Mouse, pen and fingers on the film, turned into gestures: one object from pointerdown to pointerup.
import {
  closedOutline, distance, markAt, middle, moved, nearestEdge, nearestVertex, outline, toSource, withVertex,
} from "./geometry.js";
import { selected } from "./state.js";
import { dragged } from "./window.js";

const STILL = 4; // screen pixels within which a press is a click, not a drag
const NEAR = { mouse: 8, pen: 10, touch: 18 }; // screen pixels that count as on a line or vertex
const DOUBLE = 350; // ms within which a second tap at one place belongs to a double click
// screen pixels a freehand line may lose to its simplification: a mouse tells whole ones, up to 0.71 off the hand's line
const FREEHAND = 0.75;

export class Pointers {
  constructor(viewer) {
    this.viewer = viewer;
    this.down = new Map(); // pointer id -> place on the frame, of those that pan and draw
    this.gesture = null;
    this.hover = null; // where the pointer is, in screen pixels
    this.near = NEAR.mouse;
    this.space = false;
    this.panned = false; // while the space bar was held
    this.pen = false; // once a pen was seen, fingers and palms only move the film
    this.writing = null; // id of the pen that is on the film: until it is lifted, nothing else counts
    this.tapped = { time: -Infinity, at: [0, 0] };
    this.listen(viewer.frame);
  }

  at(event) {
    const box = this.viewer.frame.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  source(point) {
    return toSource(this.viewer.view, point);
  }

  // the tolerance of the pointer in source pixels
  get reach() {
    return this.near / this.viewer.view.scale;
  }

  listen(frame) {
    frame.addEventListener("pointerdown", (event) => this.press(event));
    frame.addEventListener("pointermove", (event) => this.move(event));
    frame.addEventListener("pointerup", (event) => this.lift(event));
    frame.addEventListener("pointercancel", (event) => this.abandon(event));
    frame.addEventListener("pointerleave", () => {
      if (this.gesture) return;
      this.hover = null;
      this.viewer.redraw();
    });
    frame.addEventListener("contextmenu", (event) => event.preventDefault());
    frame.addEventListener("dblclick", (event) => this.double(event));
    frame.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  wheel(event) {
    const { viewer } = this;
    // the page scrolls as usual until the film is clicked, or ctrl is held
    if (!event.ctrlKey && !event.metaKey && !viewer.frame.matches(":focus")) return;
    event.preventDefault();
    viewer.zoomBy(Math.exp(-event.deltaY / 400), this.at(event));
  }

  press(event) {
    const { viewer } = this;
    viewer.frame.focus({ preventScroll: true });
    if (event.button === 1) event.preventDefault(); // no autoscroll
    if (this.writing !== null && event.pointerId !== this.writing) return;
    if (event.pointerType === "pen") {
      this.gesture?.cancel?.();
      this.down.clear(); // the palm came down first
      [this.pen, this.writing] = [true, event.pointerId];
    }
    this.near = NEAR[event.pointerType] ?? NEAR.mouse;
    try {
      viewer.frame.setPointerCapture(event.pointerId);
    } catch {
      // the pointer has gone already
    }
    const at = this.at(event);
    this.down.set(event.pointerId, at);
    this.hover = at;
    if (this.down.size > 1) {
      this.gesture?.cancel?.(); // a second finger: what the first began was no drawing
      this.gesture = this.down.size === 2 ? this.pinch() : null;
    } else {
      this.gesture = this.begin(event, at);
      this.start = at;
      this.dragging = false;
    }
    viewer.redraw();
  }

  begin(event, at) {
    const { viewer } = this;
    const palm = event.pointerType === "touch" && this.pen;
    if (event.button === 1 || this.space || palm) return this.pan(at);
    if (event.button === 2 || event.shiftKey) return this.windowing();
    if (!viewer.editing) return this.pan(at);
    const { tool } = viewer.state;
    if (tool === "select") return this.take(at) ?? this.pan(at, () => viewer.dispatch({ type: "select", id: null }));
    if (tool === "box") return this.box(at);
    if (tool === "freehand") return this.trace(at);
    return this.tap();
  }

  move(event) {
    const at = this.at(event);
    const known = this.down.has(event.pointerId);
    if (!known && event.pointerType === "touch") return;
    this.hover = at;
    if (known) this.down.set(event.pointerId, at);
    if (known && this.gesture) {
      if (distance(at, this.start) > STILL) this.dragging = true;
      this.gesture.move?.(at, event);
    }
    if (this.viewer.state.cursor) this.viewer.dispatch({ type: "cursor", point: null }); // the mouse takes over
    this.viewer.redraw();
  }

  lift(event) {
    if (!this.down.delete(event.pointerId)) return;
    this.writing = null;
    const { gesture } = this;
    if (gesture?.fingers) {
      this.gesture = null; // the finger that stays draws nothing
    } else if (gesture && !this.down.size) {
      this.gesture = null;
      gesture.end?.(this.at(event));
    }
    if (event.pointerType === "touch") this.hover = null;
    this.viewer.redraw();
  }

  abandon(event) {
    if (!this.down.delete(event.pointerId)) return;
    this.writing = null;
    this.cancel();
  }

  cancel() {
    this.gesture?.cancel?.();
    this.gesture = null;
    this.viewer.redraw();
  }

  double(event) {
    const { viewer } = this;
    const { state, editing } = viewer;
    const at = this.at(event);
    if (editing && state.tool !== "select") {
      if (state.draft && state.tool !== "box") viewer.add("close");
      return;
    }
    const mark = editing && selected(state);
    if (mark && mark.kind !== "point") {
      const edge = nearestEdge(outline(mark), this.source(at));
      if (edge.distance <= this.reach) {
        viewer.dispatch({ type: "insertVertex", id: mark.id, index: edge.index, point: edge.point });
        return;
      }
      if (this.markUnder(at)) return;
    }
    if (viewer.camera.zoom > 1) viewer.fit();
    else viewer.zoomBy(3, at);
  }

  // --- gestures ----------------------------------------------------------------------------------------------

  pan(at, click) {
    let last = at;
    if (this.space) this.panned = true;
    return {
      move: (now) => {
        this.viewer.panBy(now[0] - last[0], now[1] - last[1]);
        last = now;
      },
      end: () => this.dragging || click?.(),
    };
  }

  // two fingers: what lay between them stays between them
  pinch() {
    const [first, second] = this.down.keys();
    const hold = () => [this.down.get(first), this.down.get(second)];
    let before = hold();
    return {
      fingers: true,
      move: () => {
        const now = hold();
        const [from, to] = [middle(...before), middle(...now)];
        this.viewer.zoomBy(distance(...now) / (distance(...before) || 1), from);
        this.viewer.panBy(to[0] - from[0], to[1] - from[1]);
        before = now;
      },
    };
  }

  windowing() {
    const { viewer } = this;
    const grays = viewer.look.grays;
    return {
      move: (now) => viewer.setGrays(dragged(grays, [now[0] - this.start[0], now[1] - this.start[1]], viewer.size)),
      cancel: () => viewer.setGrays(grays),
    };
  }

  markUnder(at) {
    return markAt(this.viewer.state.marks, this.source(at), this.reach);
  }

  // a vertex of the selected mark, else the mark under the pointer; null on empty film
  take(at) {
    const { viewer } = this;
    const chosen = selected(viewer.state);
    const vertex = chosen && chosen.kind !== "point" ? nearestVertex(outline(chosen), this.source(at)) : null;
    if (vertex && vertex.distance <= this.reach) return this.drag(chosen, at, vertex.index);
    const mark = this.markUnder(at);
    if (!mark) return null;
    viewer.dispatch({ type: "select", id: mark.id });
    return this.drag(mark, at, null);
  }

  drag(mark, at, vertex) {
    const { viewer } = this;
    const from = this.source(at);
    const grip = vertex === null ? null : outline(mark)[vertex];
    let points = null;
    const done = () => {
      viewer.preview = null;
    };
    return {
      move: (now) => {
        if (!this.dragging) return;
        const to = this.source(now);
        const by = [to[0] - from[0], to[1] - from[1]];
        const film = viewer.state.film;
        points = grip
          ? withVertex(mark, vertex, [grip[0] + by[0], grip[1] + by[1]], film)
          : moved(mark.points, by, film);
        viewer.preview = { id: mark.id, points };
      },
      end: () => {
        done();
        if (points) viewer.dispatch({ type: "move", id: mark.id, points, vertex });
        else if (grip) viewer.dispatch({ type: "select", id: mark.id, vertex });
      },
      cancel: done,
    };
  }

  // a corner where it was pressed and one where it was let go; two clicks do as well
  box(at) {
    const { viewer } = this;
    const first = viewer.state.draft ? null : this.source(at);
    return {
      sketch: (now) => first && this.dragging && { kind: "box", points: [first, this.source(now)] },
      end: (now) => {
        if (first && this.dragging) viewer.add("add", { kind: "box", points: [first, this.source(now)] });
        else this.place(now);
      },
    };
  }

  trace(at) {
    const { viewer } = this;
    const points = [this.source(at)];
    return {
      sketch: () => ({ kind: "freehand", points }),
      move: (_, event) => {
        const parts = event.getCoalescedEvents?.() ?? [];
        for (const part of parts.length ? parts : [event]) points.push(this.source(this.at(part)));
      },
      end: () => {
        const outlined = this.dragging ? closedOutline(points, FREEHAND / viewer.view.scale) : [];
        viewer.add("add", { kind: "freehand", points: outlined });
      },
    };
  }

  tap() {
    return { end: (now) => this.place(now) };
  }

  place(at) {
    const now = performance.now();
    const again = now - this.tapped.time < DOUBLE && distance(at, this.tapped.at) < STILL + 2;
    this.tapped = { time: now, at };
    if (!again) this.viewer.add("place", { point: this.source(at), snap: this.reach });
  }

  // --- what the pointer shows -----------------------------------------------------------------------------------

  // the mark being drawn, with the line to the pointer: {kind, points, closing} or null
  sketch(cursor) {
    const live = this.hover && this.gesture?.sketch?.(this.hover);
    if (live) return live;
    const { draft, tool } = this.viewer.state;
    if (!draft) return null;
    const to = cursor ?? (this.hover && this.source(this.hover));
    const closing = Boolean(to) && tool !== "box" && draft.length >= 3 && distance(draft[0], to) <= this.reach;
    return { kind: tool, points: to && !closing ? [...draft, to] : draft, closing };
  }

  cursorStyle() {
    const { viewer } = this;
    if (this.space) return "grab";
    if (!viewer.editing || !this.hover) return "";
    if (viewer.state.tool !== "select") return "crosshair";
    const chosen = selected(viewer.state);
    const point = this.source(this.hover);
    const vertex = chosen && chosen.kind !== "point" && nearestVertex(outline(chosen), point);
    if (vertex && vertex.distance <= this.reach) return "pointer";
    return this.markUnder(this.hover) ? "move" : "";
  }
}
