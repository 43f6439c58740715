// The viewer's page: its elements, and what they call. Built once per viewer.
import { button, element, noteForm, slider } from "./controls.js";
import { svg } from "./drawing.js";
import { clamp } from "./geometry.js";
import { paintMap } from "./heat.js";
import { WIDE_OPEN } from "./window.js";

export function buildPage(viewer) {
  viewer.film = element("img", { class: "film", alt: "", draggable: "false" });
  viewer.map = element("canvas", { class: "map", "aria-hidden": "true" });
  viewer.stage = element("div", { class: "stage" }, [viewer.film, viewer.map]);
  viewer.others = svg("svg", { class: "others", "aria-hidden": "true" });
  viewer.drawn = svg("svg", { class: "drawn", "aria-hidden": "true" });
  viewer.scale = element("div", { class: "scale", hidden: "" }, [element("span")]);
  viewer.readout = element("div", { class: "readout", "aria-hidden": "true" });
  viewer.frame = element("div", { class: "frame", tabindex: "0", role: "application" }, [
    viewer.stage, viewer.others, viewer.drawn, viewer.scale, viewer.readout,
  ]);
  viewer.divider = buildDivider(viewer);
  viewer.form = noteForm((answer, left) => viewer.described(answer, left));
  viewer.sheet = element("div", { class: "sheet", hidden: "" });
  viewer.area = element("div", { class: "area" }, [viewer.frame, viewer.divider, viewer.form.node, viewer.sheet]);
  viewer.live = element("div", { class: "live", "aria-live": "polite" });
  viewer.tools = buildTools(viewer);
  viewer.chips = element("div", { class: "chips", role: "group", "aria-label": "Layers" });
  viewer.caption = element("div", { class: "caption" });
  viewer.root.replaceChildren(
    buildFilter(viewer),
    element("div", { class: "bench" }, [viewer.tools, viewer.area]),
    element("div", { class: "controls" }, [buildLook(viewer), buildWindow(viewer), buildMapTools(viewer)]),
    viewer.chips,
    viewer.caption,
    viewer.live,
  );
}

// the window as an SVG filter: the film is never copied, and the browser scales it at its best
function buildFilter(viewer) {
  viewer.functions = ["R", "G", "B"].map((channel) => svg(`feFunc${channel}`, { type: "linear" }));
  const space = { id: "grays", "color-interpolation-filters": "sRGB", x: 0, y: 0, width: 1, height: 1 };
  const filter = svg("filter", space, [svg("feComponentTransfer", {}, viewer.functions)]);
  return svg("svg", { class: "filters", width: 0, height: 0, "aria-hidden": "true" }, [filter]);
}

function buildTools(viewer) {
  const tool = (name, label, key) =>
    button(name, label, key, (event) => {
      viewer.dispatch({ type: "tool", tool: name });
      if (event.detail) viewer.frame.focus({ preventScroll: true });
    });
  viewer.toolButtons = {
    select: tool("select", "Select", "V"),
    box: tool("box", "Box", "X"),
    polygon: tool("polygon", "Polygon", "P"),
    freehand: tool("freehand", "Freehand", "F"),
    point: tool("point", "Point", "O"),
  };
  viewer.undoButton = button("undo", "Undo", "Ctrl+Z", () => viewer.dispatch({ type: "undo" }));
  viewer.redoButton = button("redo", "Redo", "Ctrl+Y", () => viewer.dispatch({ type: "redo" }));
  viewer.markButtons = [
    button("note", "Label and note of the selected mark", "N", () => viewer.note()),
    button("duplicate", "Duplicate the selected mark", "D", () => viewer.duplicate()),
    button("remove", "Delete the selected mark", "Delete", () => viewer.dispatch({ type: "remove" })),
  ];
  return element("div", { class: "tools", role: "toolbar", "aria-label": "Drawing tools", hidden: "" }, [
    ...Object.values(viewer.toolButtons), element("hr"), viewer.undoButton, viewer.redoButton, element("hr"),
    ...viewer.markButtons,
  ]);
}

function buildLook(viewer) {
  viewer.invertButton = button("invert", "Invert black and white", "I", () => viewer.invert());
  viewer.windowButton = button("window", "Window and level", "", () => viewer.toggleWindow());
  viewer.blinkButton = button("blink", "Hold to see the film alone", "B");
  viewer.blinkButton.addEventListener("pointerdown", () => viewer.blink(true));
  for (const name of ["pointerup", "pointerleave", "pointercancel", "keyup", "blur"]) {
    viewer.blinkButton.addEventListener(name, () => viewer.blink(false));
  }
  viewer.blinkButton.addEventListener("keydown", ({ key }) => [" ", "Enter"].includes(key) && viewer.blink(true));
  viewer.swipeButton = button("swipe", "Divider between film and overlay", "S", () => viewer.swipe());
  viewer.helpButton = button("?", "Keys and gestures", "?", () => viewer.help());
  const zoom = element("div", { class: "joined" }, [
    button("−", "Zoom out", "−", () => viewer.zoomBy(1 / 1.4)),
    button("Fit", "Fit the film into the frame", "0", () => viewer.fit()),
    button("1:1", "One film pixel per screen pixel", "Z", () => viewer.actualSize()),
    button("+", "Zoom in", "+", () => viewer.zoomBy(1.4)),
  ]);
  return element("div", { class: "look" }, [
    zoom, viewer.invertButton, viewer.windowButton, viewer.blinkButton, viewer.swipeButton, viewer.helpButton,
  ]);
}

function buildWindow(viewer) {
  const change = (name) => (value) => viewer.setGrays({ ...viewer.look.grays, [name]: value });
  viewer.level = slider("Level", "", "Window level", { value: 0.5 }, change("level"));
  viewer.width = slider("Width", "", "Window width", { value: 1, min: 0.02, max: 2 }, change("width"));
  const reset = button("Reset", "Reset the window", "R", () => viewer.setGrays(WIDE_OPEN));
  const parts = [viewer.level.node, viewer.width.node, reset];
  viewer.windowTools = element("div", { class: "window-tools", hidden: "" }, parts);
  return viewer.windowTools;
}

function buildMapTools(viewer) {
  viewer.blend = slider("Film", "Map", "From film to map", { value: 0.6 }, (value) => {
    viewer.look.opacity = value;
    viewer.map.style.opacity = value;
  });
  viewer.threshold = slider("Hide below", "", "Hide the map below this value", { value: 0.2 }, (value) => {
    viewer.look.threshold = value;
    paintMap(viewer);
  });
  viewer.select = element("select", { "aria-label": "Colours of the map" });
  viewer.select.addEventListener("change", () => {
    viewer.look.colours = viewer.select.value;
    paintMap(viewer);
  });
  viewer.legend = element("canvas", { class: "legend", width: "128", height: "1", "aria-hidden": "true" });
  const legendRow = element("div", { class: "legend-row" }, [
    element("span", { text: "0" }), viewer.legend, element("span", { text: "1" }), viewer.select,
  ]);
  viewer.mapTools = element("div", { class: "map-tools" }, [viewer.blend.node, viewer.threshold.node, legendRow]);
  return viewer.mapTools;
}

function buildDivider(viewer) {
  const node = element("div", {
    class: "divider", role: "slider", tabindex: "0", hidden: "", "aria-label": "Divider between film and overlay",
    "aria-valuemin": "0", "aria-valuemax": "100",
  });
  const put = (share) => {
    viewer.look.divider = clamp(share, 0, 1);
    viewer.redraw();
  };
  node.addEventListener("pointerdown", (event) => {
    node.setPointerCapture(event.pointerId);
    event.preventDefault();
    node.focus({ preventScroll: true });
  });
  node.addEventListener("pointermove", (event) => {
    if (!node.hasPointerCapture(event.pointerId)) return;
    const box = viewer.frame.getBoundingClientRect();
    put((event.clientX - box.left) / box.width);
  });
  node.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -0.05, ArrowRight: 0.05, Home: -1, End: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    put(viewer.look.divider + step);
  });
  return node;
}
