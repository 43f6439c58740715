// Marks as SVG over the film, in screen pixels: lines and handles keep their size whatever the zoom.
import { bounds, clamp, distance, normaliseBox, outline, toScreen } from "./geometry.js";

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes = {}, children = []) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Marks that are only shown.
export function drawLayers(canvas, view, layers) {
  canvas.replaceChildren(...layers.map((layer) =>
    svg("g", { class: "layer", "data-layer": layer.name, style: `--colour: ${layer.colour}` },
      layer.marks.map((mark) => shape(view, mark, layer.dashed ? "dashed" : "")))));
}

// The reader's own marks, drawn anew.
//   view: where the film lies; colour, marks, selection, vertex: what is drawn; handles: whether vertices can be
//   taken; draft: {kind, points, closing} being drawn; cursor: the keyboard's crosshair, {point, frame}
export function drawMarks(canvas, scene) {
  const { view, colour } = scene;
  const marks = scene.marks.map((mark, index) => {
    const chosen = mark.id === scene.selection;
    const parts = [shape(view, mark, chosen ? "chosen" : ""), tag(view, mark, index, chosen)];
    if (chosen && scene.handles) parts.push(...handles(view, mark, scene.vertex));
    return svg("g", { class: "mark", "data-id": mark.id, "data-kind": mark.kind, "data-chosen": chosen }, parts);
  });
  const drawing = svg("g", { class: "drawing" }, [
    ...(scene.draft ? sketch(view, scene.draft) : []),
    ...(scene.cursor ? crosshair(view, scene.cursor) : []),
  ]);
  canvas.style.setProperty("--colour", colour);
  canvas.replaceChildren(...marks, drawing);
}

function path(view, points, closed) {
  const steps = points.map((point, index) => {
    const [x, y] = toScreen(view, point);
    return `${index ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`;
  });
  return steps.join("") + (closed ? "Z" : "");
}

// Every line twice: a dark edge keeps it visible on bone, its colour on black.
function stroked(d, style) {
  return [svg("path", { d, class: `edge ${style}` }), svg("path", { d, class: `line ${style}` })];
}

function shape(view, mark, style) {
  if (mark.kind !== "point") return svg("g", {}, stroked(path(view, outline(mark), true), style));
  const [x, y] = toScreen(view, mark.points[0]);
  const [near, far] = [3, 10];
  const arms = [[0, -1], [1, 0], [0, 1], [-1, 0]]
    .map(([dx, dy]) => `M${x + dx * near} ${y + dy * near}L${x + dx * far} ${y + dy * far}`)
    .join("");
  const ring = `M${x - 6} ${y}a6 6 0 1 0 12 0a6 6 0 1 0 -12 0`;
  return svg("g", {}, stroked(arms + ring, style));
}

// Its number, as lists beside the film name it; with its label where that is worth saying.
function tag(view, mark, index, chosen) {
  const { left, top, right, bottom } = bounds(outline(mark));
  const [x, y] = mark.kind === "point"
    ? toScreen(view, [right, top]).map((at, axis) => at + [10, -4][axis])
    : toScreen(view, [left, top]);
  const words = chosen || mark.label !== "fracture" ? ` ${mark.label}` : "";
  const text = svg("text", { x: 6, y: 13 });
  text.textContent = `${index + 1}${words}${mark.note ? " ✎" : ""}`;
  const width = 11 + 6.6 * text.textContent.length;
  const inside = toScreen(view, [left, bottom])[1] > 24; // of a mark cut off by the frame's top
  const above = inside ? Math.max(2, y - 21) : y - 21;
  return svg("g", { class: "tag", transform: `translate(${x.toFixed(1)} ${above.toFixed(1)})` }, [
    svg("rect", { width: width.toFixed(0), height: 18, rx: 4 }), text,
  ]);
}

function handles(view, mark, vertex) {
  if (mark.kind === "point") return [];
  const points = outline(mark).map((point) => toScreen(view, point));
  const apart = points.reduce((sum, point, index) => sum + distance(point, points.at(index - 1)), 0) / points.length;
  const half = clamp(apart / 4, 1.5, 4.5); // crowded vertices leave their line to be seen
  return points.map(([x, y], index) => {
    const size = index === vertex ? half + 1.5 : half;
    return svg("rect", {
      class: index === vertex ? "handle taken" : "handle", "data-vertex": index,
      x: x - size, y: y - size, width: 2 * size, height: 2 * size, rx: 1.5,
    });
  });
}

function sketch(view, { kind, points, closing }) {
  const drawn = kind === "box" && points.length > 1 ? outline({ kind, points: normaliseBox(points) }) : points;
  const parts = stroked(path(view, drawn, kind === "box"), "sketched");
  if (kind === "freehand" && points.length > 30) return parts;
  const [x, y] = toScreen(view, points[0]);
  parts.push(svg("circle", { class: closing ? "first closing" : "first", cx: x, cy: y, r: closing ? 8 : 5 }));
  return parts;
}

function crosshair(view, { point, frame }) {
  const [x, y] = toScreen(view, point);
  const d = `M0 ${y}H${x - 9}M${x + 9} ${y}H${frame.width}M${x} 0V${y - 9}M${x} ${y + 9}V${frame.height}`;
  return [...stroked(d, "hair"), svg("circle", { class: "first", cx: x, cy: y, r: 5 })];
}
