// The radiograph viewer: film, maps, others' marks in layers, and the reader's own marks.
//
// The browser owns what is drawn and how the film is looked at; the server hears of every finished gesture. What a
// viewer holds is kept by its key, so that it outlives reruns of the page and visits to other pages.
import { HOME, fromShare, settled, shareOf, viewOf, zoomedAt } from "./camera.js";
import { helpSheet, press } from "./controls.js";
import { drawLayers, drawMarks } from "./drawing.js";
import { applyGrays, dress, dressTools, placeDivider, placeScale, showReadout } from "./dress.js";
import { bounds, clamp, clampPoint, outline, toScreen, toSource } from "./geometry.js";
import { showMap } from "./heat.js";
import { enterPressesButtons, listenToKeys } from "./keyboard.js";
import { buildPage } from "./panel.js";
import { Pointers } from "./pointer.js";
import { emptyState, reduce, selected, toldApart } from "./state.js";
import { Stopwatch } from "./stopwatch.js";
import { WIDE_OPEN } from "./window.js";

const VIEWERS = new WeakMap(); // by the element they live in
const KEPT = new Map(); // by key: what outlives the element
const LINKED = new Map(); // by link: the viewers that zoom together
const LATER = 300; // ms after the last held key until the server is told
const AGAIN = 3000; // ms after which what the server has not kept is sent again

export default function (component) {
  const root = component.parentElement.querySelector(".viewer");
  let viewer = VIEWERS.get(root);
  if (!viewer) {
    viewer = new Viewer(root);
    VIEWERS.set(root, viewer);
  }
  const shown = viewer.show(component);
  return () => viewer.release(shown);
}

function freshLook() {
  return {
    opacity: 0.6, threshold: 0.2, colours: "inferno", grays: WIDE_OPEN, shown: new Map(), map: 0, divider: null,
  };
}

// secure contexts alone have crypto.randomUUID; a ward's server may have no certificate
function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Whether what is sent will be heard, and breaks off no run of the page that is about to say what it has kept.
function serverListens() {
  const { testConnectionState, testScriptState } = document.querySelector("[data-test-script-state]")?.dataset ?? {};
  return (testConnectionState ?? "CONNECTED") === "CONNECTED" && (testScriptState ?? "notRunning") === "notRunning";
}

class Viewer {
  constructor(root) {
    this.root = root;
    this.data = null;
    this.kept = null; // {identity, opening, state, version, stopwatch, camera, look}
    this.preview = null; // {id, points} of the mark being dragged
    this.shows = 0;
    this.waiting = null; // timer of marks that are still to be sent
    this.insisting = null; // timer of marks that were sent and may be lost on the way
    this.heard = false; // whether the server has said that it knows our marks
    this.helping = false;
    buildPage(this);
    this.pointers = new Pointers(this);
    listenToKeys(this);
    enterPressesButtons();
  }

  get state() {
    return this.kept.state;
  }

  get look() {
    return this.kept.look;
  }

  get camera() {
    return this.kept.camera;
  }

  get editing() {
    return Boolean(this.data.edit);
  }

  // the map that is seen, or null
  get heat() {
    return this.data.heats[this.look.map] ?? null;
  }

  get size() {
    return { width: this.frame.clientWidth, height: this.frame.clientHeight };
  }

  get view() {
    return viewOf(this.camera, this.size, this.data);
  }

  // --- data from the server -------------------------------------------------------------------------------------

  show(component) {
    const before = this.data;
    const first = !this.shows;
    this.component = component;
    this.data = component.data;
    this.shows += 1;
    const { data } = this;
    const another = this.adopt(first);
    if (!this.listening) this.listen();
    this.link();
    if (first || another || before.film !== data.film) {
      this.film.src = data.film;
      this.film.alt = data.label;
      this.frame.style.setProperty("--ratio", data.width / data.height);
    }
    dress(this, first);
    showMap(this);
    this.redraw();
    return this.shows;
  }

  // Take up what is kept, or begin anew for another film. Tells whether it is another.
  adopt(first) {
    const { data } = this;
    const { edit } = data;
    let kept = KEPT.get(data.key);
    // opening 0 is the first of a session: a film that is already here stays, whatever happened to the connection
    const same = kept && kept.identity === data.identity
      && (!edit || kept.opening === edit.opening || edit.opening === 0);
    if (!same) {
      this.pointers.gesture = null;
      this.preview = null;
      this.form.keep();
      this.flush();
      kept = {
        identity: data.identity, state: emptyState({ width: data.width, height: data.height }),
        version: null, // of the draft, that the last gesture was drawn upon
        stopwatch: new Stopwatch(performance.now(), edit?.seconds), camera: HOME,
        look: kept ? { ...kept.look, grays: WIDE_OPEN, map: 0 } : freshLook(),
      };
      KEPT.set(data.key, kept);
    }
    this.kept = kept;
    if (edit) this.reconcile(edit, same, first);
    return !same;
  }

  // Whose marks hold: the browser's while its revision is not behind the server's, and where the server was started
  // again and what it kept is what ours were drawn upon. `edit.marks` is null when the server has heard from this
  // viewer and leaves the marks to it.
  reconcile(edit, same, first) {
    const { kept } = this;
    kept.opening = edit.opening;
    const behind = edit.marks !== null && (!same || edit.revision > this.state.revision);
    if (behind && same && edit.version !== null && edit.version === kept.version) {
      kept.state = { ...this.state, revision: edit.revision + 1 };
      this.send();
    } else if (behind) {
      const marks = toldApart(edit.marks, newId);
      kept.state = reduce(this.state, { type: "load", marks, revision: edit.revision });
      kept.version = null;
      this.heard = false;
    } else if (edit.marks === null) {
      if (same) this.heard = true;
      else this.component.setStateValue("drawing", { lost: true }); // asks for the server's marks
    } else if (this.state.revision > edit.revision && (first || this.heard)) {
      this.heard = false;
      this.send(); // the server has forgotten, or never heard
    }
  }

  // --- marks ------------------------------------------------------------------------------------------------------

  // Apply an action; a change of the marks is sent at once, or `later`, when held keys have come to rest.
  dispatch(action, { later = false } = {}) {
    const before = this.state;
    this.kept.state = reduce(before, action);
    if (this.state.said && this.state !== before) this.say(this.state.said);
    if (this.state.revision !== before.revision) {
      const told = this.keptByServer();
      this.kept.version = told && told.revision < this.state.revision ? told.version : null;
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.flush(), LATER);
      if (!later) this.flush();
    }
    this.redraw();
  }

  add(type, action = {}) {
    this.dispatch({ type, id: newId(), ...action });
  }

  duplicate() {
    const by = 14 / this.view.scale;
    this.add("duplicate", { by: [by, by] });
  }

  flush() {
    if (this.waiting === null) return;
    clearTimeout(this.waiting);
    this.waiting = null;
    this.send();
  }

  send() {
    const { identity, opening, version, stopwatch, state } = this.kept;
    this.component.setStateValue("drawing", {
      film: identity, opening, version, marks: state.marks, revision: state.revision,
      seconds: stopwatch.seconds(performance.now()),
    });
    clearTimeout(this.insisting);
    this.insisting = setTimeout(() => this.insist(), AGAIN);
  }

  // What is sent to a server that is away is lost: it is sent again until the server says that it is kept.
  insist() {
    const told = this.listening && this.editing ? this.keptByServer() : null;
    if (!told || told.revision >= this.state.revision) return;
    if (serverListens()) this.send();
    else this.insisting = setTimeout(() => this.insist(), AGAIN);
  }

  // The last gesture that the server has kept, and the version of the draft it is in; null when it has told none.
  keptByServer() {
    const told = [...document.querySelectorAll(".viewer-kept")].find((one) => one.dataset.key === this.data.key);
    if (!told) return null;
    const [revision, version] = told.dataset.at.split(" ").map(Number);
    return { revision, version };
  }

  note() {
    this.form.keep(); // of the mark before
    const mark = selected(this.state);
    if (!mark) {
      this.say("Select a mark first");
      return;
    }
    const { left, bottom } = bounds(outline(mark));
    const [x, y] = toScreen(this.view, [left, bottom]);
    this.describing = mark.id;
    const room = { width: this.size.width - 260, height: this.size.height - 120 };
    this.form.open(mark, [clamp(x, 8, Math.max(8, room.width)), clamp(y + 8, 8, Math.max(8, room.height))]);
  }

  described(answer, left) {
    const mark = this.state.marks.find((other) => other.id === this.describing);
    const changed = answer && mark && (answer.label !== mark.label || answer.note !== mark.note);
    if (changed) this.dispatch({ type: "describe", id: mark.id, ...answer });
    if (!left) this.frame.focus({ preventScroll: true });
  }

  say(words) {
    // the same words twice are said twice
    this.live.textContent = this.live.textContent === words ? `${words}\u00a0` : words;
  }

  // --- zoom and pan ---------------------------------------------------------------------------------------------

  turn(camera) {
    this.kept.camera = camera;
    this.redraw();
    const share = shareOf(camera, this.size, this.data);
    for (const other of LINKED.get(this.data.link) ?? []) if (other !== this) other.follow(share);
  }

  follow(share) {
    this.kept.camera = fromShare(share, this.size, this.data);
    this.redraw();
  }

  fit() {
    this.turn(HOME);
  }

  actualSize() {
    this.zoomBy(1 / this.view.scale);
  }

  // `point` of the frame stays where it is; without one, the middle does.
  zoomBy(factor, point = [this.size.width / 2, this.size.height / 2]) {
    this.turn(zoomedAt(this.camera, factor, point, this.size, this.data));
  }

  panBy(x, y) {
    const { camera } = this;
    this.turn(settled({ zoom: camera.zoom, x: camera.x + x, y: camera.y + y }, this.size, this.data));
  }

  // The middle of what is seen, in source pixels.
  centre() {
    const { width, height } = this.size;
    return clampPoint(toSource(this.view, [width / 2, height / 2]), this.data);
  }

  // The crosshair, with the film moved along where it would leave the frame.
  moveCursor(point) {
    this.pointers.hover = null;
    this.dispatch({ type: "cursor", point });
    const [x, y] = toScreen(this.view, this.state.cursor);
    const { width, height } = this.size;
    const [dx, dy] = [clamp(x, 30, width - 30) - x, clamp(y, 30, height - 30) - y];
    if (dx || dy) this.panBy(dx, dy);
  }

  // --- how the film is looked at -------------------------------------------------------------------------------

  setGrays(grays) {
    this.look.grays = grays;
    this.redraw();
  }

  invert() {
    this.setGrays({ ...this.look.grays, inverted: !this.look.grays.inverted });
    this.say(this.look.grays.inverted ? "Inverted" : "Not inverted");
  }

  toggleWindow() {
    this.windowTools.hidden = !this.windowTools.hidden;
    this.windowButton.setAttribute("aria-expanded", String(!this.windowTools.hidden));
  }

  blink(on) {
    this.area.classList.toggle("bare", on);
    press(this.blinkButton, on);
  }

  swipe() {
    if (this.swipeButton.hidden) return;
    this.look.divider = this.look.divider === null ? 0.5 : null;
    this.redraw();
  }

  help() {
    this.helping = !this.helping;
    this.sheet.hidden = !this.helping;
    this.helpButton.setAttribute("aria-expanded", String(this.helping));
    if (this.helping) {
      this.sheet.replaceChildren(helpSheet(this.editing, () => this.help()));
      this.sheet.firstChild.focus({ preventScroll: true });
    } else {
      this.frame.focus({ preventScroll: true });
    }
  }

  // --- drawing ----------------------------------------------------------------------------------------------------

  // Once per frame of the screen, however much has changed.
  redraw() {
    if (this.drawing || !this.data) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = null;
      this.draw();
    });
    this.place();
  }

  // The film where the camera wants it.
  place() {
    const { data, size } = this;
    const before = this.kept.size;
    if (before && size.width && (before.width !== size.width || before.height !== size.height)) {
      this.kept.camera = fromShare(shareOf(this.camera, before, data), size, data); // the same part in another frame
    }
    if (size.width) this.kept.size = { ...size };
    this.kept.camera = settled(this.camera, size, data);
    const { scale, left, top } = this.view;
    const [width, height] = [data.width * scale, data.height * scale].map((length) => `${length}px`);
    Object.assign(this.stage.style, { width, height, transform: `translate(${left}px, ${top}px)` });
    this.frame.dataset.zoom = this.camera.zoom.toFixed(2);
  }

  draw() {
    this.place();
    const { data, state, look, view, size, camera } = this;
    this.stage.classList.toggle("pixelated", view.scale > 4);
    this.frame.classList.toggle("zoomed", camera.zoom > 1);
    this.frame.classList.toggle("busy", this.editing && (state.tool !== "select" || state.selection !== null));
    this.frame.style.cursor = this.pointers.cursorStyle();
    placeScale(this, view);
    placeDivider(this, view);
    applyGrays(this);
    const marks = this.preview
      ? state.marks.map((mark) => (mark.id === this.preview.id ? { ...mark, points: this.preview.points } : mark))
      : state.marks;
    drawLayers(this.others, view, data.layers.filter((layer) => look.shown.get(layer.name)));
    drawMarks(this.drawn, {
      view, marks, colour: data.edit?.colour, selection: state.selection, vertex: state.vertex,
      handles: state.tool === "select",
      draft: this.pointers.sketch(state.cursor),
      cursor: state.cursor && { point: state.cursor, frame: size },
    });
    showReadout(this);
    if (this.editing) dressTools(this);
  }

  // --- coming and going -------------------------------------------------------------------------------------------

  listen() {
    this.listening = new AbortController();
    const { signal } = this.listening;
    const seen = () => this.kept.stopwatch.show(document.visibilityState === "visible", performance.now());
    const sign = () => this.kept.stopwatch.touch(performance.now());
    seen();
    for (const name of ["pointermove", "pointerdown", "keydown", "wheel"]) {
      window.addEventListener(name, sign, { signal, capture: true, passive: true });
    }
    document.addEventListener("visibilitychange", seen, { signal });
    window.addEventListener(
      "blur",
      () => {
        this.blink(false);
        this.pointers.space = false;
      },
      { signal },
    );
    // a server that was started again knows nothing of us, and nobody else tells it before the next click
    this.reconnecting = new MutationObserver(() => {
      if (this.editing && app.dataset.testConnectionState === "CONNECTED") this.send();
    });
    const app = document.querySelector("[data-test-connection-state]");
    if (app) this.reconnecting.observe(app, { attributeFilter: ["data-test-connection-state"] });
    this.resizing = new ResizeObserver(() => this.redraw());
    this.resizing.observe(this.frame);
  }

  link() {
    if (this.linked === this.data.link) return;
    LINKED.get(this.linked)?.delete(this);
    this.linked = this.data.link;
    if (!this.linked) return;
    if (!LINKED.has(this.linked)) LINKED.set(this.linked, new Set());
    LINKED.get(this.linked).add(this);
  }

  // An older call's cleanup may come after a newer call: it ends nothing.
  release(shown) {
    if (shown !== this.shows) return;
    this.form.keep();
    this.flush();
    this.pointers.cancel();
    this.kept.stopwatch.show(false, performance.now());
    this.listening?.abort();
    this.listening = null;
    this.resizing.disconnect();
    this.reconnecting.disconnect();
    LINKED.get(this.linked)?.delete(this);
    this.linked = null;
  }
}
