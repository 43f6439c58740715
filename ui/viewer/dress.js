// Controls and overlays brought up to date with what a viewer holds.
import { scaleBar } from "./camera.js";
import { chip, element, press } from "./controls.js";
import { distanceTo } from "./geometry.js";
import { showMap } from "./heat.js";
import { WIDE_OPEN, isWideOpen, transfer } from "./window.js";

// Controls as the data ask for them; `first` fills in what the reader had chosen before.
export function dress(viewer, first) {
  const { data, look } = viewer;
  const hint = viewer.editing ? "Tools V X P F O, " : "";
  const name = `${data.label}. ${hint}zoom with + and −, move with the arrow keys, 0 fits, ? lists all keys.`;
  viewer.frame.setAttribute("aria-label", name);
  viewer.root.classList.toggle("editing", viewer.editing);
  viewer.tools.hidden = !viewer.editing;
  if (!viewer.select.options.length) {
    for (const name of Object.keys(data.tables)) viewer.select.append(element("option", { value: name, text: name }));
  }
  if (first) {
    viewer.blend.input.value = look.opacity;
    viewer.threshold.input.value = look.threshold;
    viewer.select.value = look.colours;
  }
  for (const layer of data.layers) if (!look.shown.has(layer.name)) look.shown.set(layer.name, layer.shown);
  dressChips(viewer);
  const overlaid = data.heats.length > 0 || data.layers.length > 0;
  viewer.swipeButton.hidden = !overlaid;
  viewer.blinkButton.hidden = !overlaid && !viewer.editing;
  if (!overlaid) look.divider = null;
}

export function dressChips(viewer) {
  const { data, look } = viewer;
  const maps = data.layers.length || data.heats.length > 1 ? data.heats : [];
  const focused = viewer.root.getRootNode().activeElement?.dataset?.chip;
  viewer.chips.replaceChildren(
    ...data.layers.map((layer) =>
      chip({ ...layer, count: layer.marks.length }, look.shown.get(layer.name), () => {
        look.shown.set(layer.name, !look.shown.get(layer.name));
        viewer.say(`${layer.name} ${look.shown.get(layer.name) ? "shown" : "hidden"}`);
        dressChips(viewer);
        viewer.redraw();
      })),
    ...maps.map((heat, index) =>
      chip({ name: heat.title }, look.map === index, () => {
        look.map = look.map === index ? null : index; // one map at a time: two would hide each other
        dressChips(viewer);
        showMap(viewer);
      })),
  );
  viewer.chips.hidden = !viewer.chips.childElementCount;
  if (focused) [...viewer.chips.children].find((node) => node.dataset.chip === focused)?.focus();
}

export function dressTools(viewer) {
  const { state } = viewer;
  for (const [name, node] of Object.entries(viewer.toolButtons)) press(node, name === state.tool);
  // disabled buttons lose the focus: these only say that they would do nothing
  const off = (node, is) => node.setAttribute("aria-disabled", String(is));
  off(viewer.undoButton, !state.past.length);
  off(viewer.redoButton, !state.future.length);
  for (const node of viewer.markButtons) off(node, !state.selection);
}

export function placeScale(viewer, view) {
  const { spacing } = viewer.data;
  viewer.scale.hidden = !spacing;
  if (!spacing) return;
  const { mm, width } = scaleBar(view, viewer.size, spacing[1]);
  viewer.scale.style.width = `${width}px`;
  viewer.scale.firstChild.textContent = `${mm} mm`;
}

// What lies over the film is cut off left of the divider; the reader's own marks never are.
export function placeDivider(viewer, view) {
  const { divider } = viewer.look;
  const on = divider !== null;
  viewer.divider.hidden = !on;
  press(viewer.swipeButton, on);
  const x = on ? divider * viewer.size.width : 0;
  viewer.map.style.clipPath = on ? `inset(0 0 0 ${Math.max(0, x - view.left)}px)` : "";
  viewer.others.style.clipPath = on ? `inset(0 0 0 ${x}px)` : "";
  if (!on) return;
  viewer.divider.style.left = `${x}px`;
  viewer.divider.setAttribute("aria-valuenow", Math.round(100 * divider));
}

export function applyGrays(viewer) {
  const { grays } = viewer.look;
  const { slope, intercept } = transfer(grays);
  for (const node of viewer.functions) {
    node.setAttribute("slope", slope);
    node.setAttribute("intercept", intercept);
  }
  viewer.film.style.filter = isWideOpen(grays) ? "" : "url(#grays)";
  press(viewer.invertButton, grays.inverted);
  for (const [{ input, value }, now] of [[viewer.level, grays.level], [viewer.width, grays.width]]) {
    input.value = now;
    value.textContent = now.toFixed(2);
  }
}

// Whose marks lie under the pointer, and a window that is not the usual one.
export function showReadout(viewer) {
  const { grays } = viewer.look;
  const words = [];
  if (viewer.pointers.hover && !viewer.pointers.gesture) {
    const at = viewer.pointers.source(viewer.pointers.hover);
    for (const layer of viewer.data.layers.filter(({ name }) => viewer.look.shown.get(name))) {
      const under = layer.marks.find((mark) => distanceTo(mark, at) <= viewer.pointers.reach);
      if (under) words.push(under.note ? `${layer.name}: ${under.note}` : layer.name);
    }
  }
  if (grays.level !== WIDE_OPEN.level || grays.width !== WIDE_OPEN.width) {
    words.push(`L ${grays.level.toFixed(2)}  W ${grays.width.toFixed(2)}`);
  }
  if (grays.inverted) words.push("inverted");
  viewer.readout.textContent = words.join(" · ");
}
