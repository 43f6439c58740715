// The radiograph viewer. One instance per parent element; its view (zoom, opacity, ...) outlives reruns of the page.

const VIEWS = new WeakMap();
const MAX_ZOOM = 24;

export default function (component) {
  const root = component.parentElement.querySelector(".viewer");
  let view = VIEWS.get(root);
  if (!view) {
    view = new Viewer(root);
    VIEWS.set(root, view);
  }
  view.show(component.data);
  return () => view.release();
}

function element(tag, attributes = {}, children = []) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function decodeTable(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

class Viewer {
  constructor(root) {
    this.root = root;
    this.zoom = 1; // 1 fits the film into the frame
    this.offset = { x: 0, y: 0 }; // of the film's centre from the frame's centre, in screen pixels
    this.opacity = 0.6;
    this.threshold = 0.2;
    this.colours = "inferno";
    this.pointers = new Map();
    this.data = null;
    this.values = null; // the map's gray values
    this.build();
    this.resizing = new ResizeObserver(() => this.place());
    this.resizing.observe(this.frame);
  }

  build() {
    this.film = element("img", { class: "film", alt: "", draggable: "false" });
    this.map = element("canvas", { class: "map", "aria-hidden": "true" });
    this.stage = element("div", { class: "stage" }, [this.film, this.map]);
    this.scale = element("div", { class: "scale", hidden: "" }, [element("span")]);
    this.frame = element("div", { class: "frame", tabindex: "0", role: "group" }, [this.stage, this.scale]);

    this.buttons = element("div", { class: "buttons" }, [
      this.button("−", "Zoom out (−)", () => this.zoomBy(1 / 1.4)),
      this.button("Fit", "Fit the film into the frame (0)", () => this.fit()),
      this.button("1:1", "One film pixel per screen pixel (1)", () => this.actualSize()),
      this.button("+", "Zoom in (+)", () => this.zoomBy(1.4)),
    ]);

    this.blendSlider = this.slider("Film", "Map", "From film to map", this.opacity, (value) => {
      this.opacity = value;
      this.map.style.opacity = value;
    });
    this.thresholdSlider = this.slider("Hide below", "", "Hide the map below this value", this.threshold, (value) => {
      this.threshold = value;
      this.thresholdValue.textContent = value.toFixed(2);
      this.paint();
    });
    this.thresholdValue = element("span", { class: "value", text: this.threshold.toFixed(2) });
    this.thresholdSlider.append(this.thresholdValue);
    this.select = element("select", { "aria-label": "Colours of the map" });
    this.select.addEventListener("change", () => {
      this.colours = this.select.value;
      this.paint();
    });
    this.legend = element("canvas", { class: "legend", width: "128", height: "1", "aria-hidden": "true" });
    this.legendRow = element("div", { class: "legend-row" }, [
      element("span", { text: "0" }), this.legend, element("span", { text: "1" }), this.select,
    ]);
    this.caption = element("div", { class: "caption" });
    this.mapTools = element("div", { class: "map-tools" }, [this.blendSlider, this.thresholdSlider, this.legendRow]);
    this.root.replaceChildren(
      this.frame,
      element("div", { class: "tools" }, [this.buttons, this.mapTools]),
      this.caption,
    );
    this.listen();
  }

  button(text, title, action) {
    const node = element("button", { type: "button", title, "aria-label": title, text });
    node.addEventListener("click", action);
    return node;
  }

  slider(before, after, label, value, action) {
    const input = element("input", { type: "range", min: "0", max: "1", step: "0.01", "aria-label": label });
    input.value = value;
    input.addEventListener("input", () => action(Number(input.value)));
    return element("label", { class: "slider" }, [
      element("span", { text: before }), input, element("span", { text: after }),
    ]);
  }

  show(data) {
    const newFilm = !this.data || this.data.film !== data.film;
    const newHeat = newFilm || (this.data.heat && this.data.heat.image) !== (data.heat && data.heat.image);
    this.data = data;
    this.frame.setAttribute("aria-label", `${data.label}. Zoom with + and −, move with the arrow keys, 0 fits.`);
    if (newFilm) {
      this.film.src = data.film;
      this.film.alt = data.label;
      this.frame.style.setProperty("--ratio", data.width / data.height);
      this.fit();
    }
    if (!this.select.options.length) {
      for (const name of Object.keys(data.tables)) {
        this.select.append(element("option", { value: name, text: name }));
      }
      this.select.value = this.colours;
    }
    const heat = data.heat;
    this.mapTools.hidden = !heat || heat.flat;
    this.map.hidden = !heat || heat.flat;
    this.caption.textContent = heat
      ? heat.flat
        ? `${heat.title}: the map is the same everywhere and says nothing about this film.`
        : `${heat.title}: bright where the model found what speaks for a fracture.`
      : "";
    if (heat && newHeat) this.loadHeat(heat.image);
  }

  loadHeat(source) {
    const image = new Image();
    image.onload = () => {
      if (!this.data.heat || this.data.heat.image !== source) return; // another map came meanwhile
      const canvas = element("canvas", { width: image.naturalWidth, height: image.naturalHeight });
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(image, 0, 0);
      this.values = context.getImageData(0, 0, canvas.width, canvas.height);
      this.paint();
    };
    image.src = source;
  }

  paint() {
    const table = decodeTable(this.data.tables[this.colours]);
    this.paintLegend(table);
    if (!this.values) return;
    const { width, height, data: gray } = this.values;
    const painted = new ImageData(width, height);
    const floor = Math.round(this.threshold * 255);
    for (let i = 0; i < gray.length; i += 4) {
      const value = gray[i];
      painted.data[i] = table[3 * value];
      painted.data[i + 1] = table[3 * value + 1];
      painted.data[i + 2] = table[3 * value + 2];
      painted.data[i + 3] = value >= floor ? value : 0;
    }
    this.map.width = width;
    this.map.height = height;
    this.map.getContext("2d").putImageData(painted, 0, 0);
    this.map.style.opacity = this.opacity;
    this.root.dataset.painted = `${this.colours} ${floor}`;
  }

  paintLegend(table) {
    const context = this.legend.getContext("2d");
    const row = new ImageData(128, 1);
    for (let x = 0; x < 128; x += 1) {
      const value = 2 * x + 1;
      row.data.set([table[3 * value], table[3 * value + 1], table[3 * value + 2], 255], 4 * x);
    }
    context.putImageData(row, 0, 0);
  }

  // --- zoom and pan -----------------------------------------------------------------------------------------

  // Screen pixels per source pixel when the film fits the frame.
  fitScale() {
    const { clientWidth, clientHeight } = this.frame;
    return Math.min(clientWidth / this.data.width, clientHeight / this.data.height) || 1;
  }

  fit() {
    this.zoom = 1;
    this.offset = { x: 0, y: 0 };
    this.place();
  }

  actualSize() {
    this.zoom = Math.min(MAX_ZOOM, Math.max(1, 1 / this.fitScale()));
    this.place();
  }

  // Zoom so that the film under the point (from the frame's centre) stays where it is.
  zoomBy(factor, point = { x: 0, y: 0 }) {
    const zoom = Math.min(MAX_ZOOM, Math.max(1, this.zoom * factor));
    const applied = zoom / this.zoom;
    this.offset = {
      x: point.x - (point.x - this.offset.x) * applied,
      y: point.y - (point.y - this.offset.y) * applied,
    };
    this.zoom = zoom;
    this.place();
  }

  panBy(x, y) {
    this.offset = { x: this.offset.x + x, y: this.offset.y + y };
    this.place();
  }

  place() {
    if (!this.data) return;
    const scale = this.fitScale() * this.zoom;
    const width = this.data.width * scale;
    const height = this.data.height * scale;
    const roomX = Math.max(0, (width - this.frame.clientWidth) / 2);
    const roomY = Math.max(0, (height - this.frame.clientHeight) / 2);
    this.offset.x = Math.min(roomX, Math.max(-roomX, this.offset.x));
    this.offset.y = Math.min(roomY, Math.max(-roomY, this.offset.y));
    Object.assign(this.stage.style, {
      width: `${width}px`,
      height: `${height}px`,
      transform: `translate(calc(-50% + ${this.offset.x}px), calc(-50% + ${this.offset.y}px))`,
    });
    this.stage.classList.toggle("pixelated", scale > 4);
    this.frame.classList.toggle("zoomed", this.zoom > 1);
    this.frame.dataset.zoom = this.zoom.toFixed(2);
    this.placeScale(scale);
  }

  // A bar of a round number of millimetres, about a fifth of the frame wide.
  placeScale(scale) {
    this.scale.hidden = !this.data.spacing;
    if (!this.data.spacing) return;
    const pixelsPerMm = scale / this.data.spacing[1];
    const rough = this.frame.clientWidth / 5 / pixelsPerMm;
    const power = 10 ** Math.floor(Math.log10(rough));
    const mm = power * [5, 2, 1].find((step) => step * power <= rough);
    this.scale.style.width = `${mm * pixelsPerMm}px`;
    this.scale.firstChild.textContent = `${Number(mm.toPrecision(1))} mm`;
  }

  pointOf(event) {
    const box = this.frame.getBoundingClientRect();
    return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 };
  }

  listen() {
    const frame = this.frame;
    frame.addEventListener(
      "wheel",
      (event) => {
        // the page scrolls as usual until the film is clicked, or ctrl is held
        if (!event.ctrlKey && !event.metaKey && !frame.matches(":focus")) return;
        event.preventDefault();
        this.zoomBy(Math.exp(-event.deltaY / 400), this.pointOf(event));
      },
      { passive: false },
    );
    frame.addEventListener("dblclick", (event) => {
      if (this.zoom > 1) this.fit();
      else this.zoomBy(3, this.pointOf(event));
    });
    frame.addEventListener("pointerdown", (event) => {
      frame.focus({ preventScroll: true });
      frame.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, this.pointOf(event));
    });
    frame.addEventListener("pointermove", (event) => this.drag(event));
    for (const name of ["pointerup", "pointercancel"]) {
      frame.addEventListener(name, (event) => this.pointers.delete(event.pointerId));
    }
    frame.addEventListener("keydown", (event) => {
      const action = {
        "+": () => this.zoomBy(1.4),
        "=": () => this.zoomBy(1.4),
        "-": () => this.zoomBy(1 / 1.4),
        0: () => this.fit(),
        1: () => this.actualSize(),
        ArrowLeft: () => this.panBy(60, 0),
        ArrowRight: () => this.panBy(-60, 0),
        ArrowUp: () => this.panBy(0, 60),
        ArrowDown: () => this.panBy(0, -60),
      }[event.key];
      if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      action();
    });
  }

  // One pointer moves the film, two pinch it.
  drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.pointOf(event);
    this.pointers.set(event.pointerId, now);
    if (this.pointers.size === 1) {
      this.panBy(now.x - before.x, now.y - before.y);
      return;
    }
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
    const distance = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
    this.zoomBy(distance(now) / distance(before), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
  }

  release() {
    this.pointers.clear();
  }
}
