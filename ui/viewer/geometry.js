// Plane geometry of marks. A point is [x, y] in source pixels: origin at the top-left corner of the film's top-left
// pixel, x to the right, y down. Everything here is pure.

export const KINDS = { box: 2, polygon: 3, freehand: 3, point: 1 }; // fewest points of each kind of mark

// --- screen and source ---------------------------------------------------------------------------------------
// A view is {scale, left, top}: screen pixels per source pixel, and where the film's corner lies on the screen.

export function toScreen(view, [x, y]) {
  return [view.left + x * view.scale, view.top + y * view.scale];
}

export function toSource(view, [x, y]) {
  return [(x - view.left) / view.scale, (y - view.top) / view.scale];
}

// --- points ----------------------------------------------------------------------------------------------------

export function distance([ax, ay], [bx, by]) {
  return Math.hypot(ax - bx, ay - by);
}

export function middle([ax, ay], [bx, by]) {
  return [(ax + bx) / 2, (ay + by) / 2];
}

export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

export function clampPoint([x, y], film) {
  return [clamp(x, 0, film.width), clamp(y, 0, film.height)];
}

// The point of the segment a-b nearest to a point.
export function nearestOnSegment([px, py], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const along = length ? clamp(((px - ax) * dx + (py - ay) * dy) / length, 0, 1) : 0;
  return [ax + along * dx, ay + along * dy];
}

// --- outlines ----------------------------------------------------------------------------------------------------

export function bounds(points) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

// The two corners of a box, top-left first, however it was drawn.
export function normaliseBox(points) {
  const { left, top, right, bottom } = bounds(points);
  return [[left, top], [right, bottom]];
}

// The vertices a mark shows: a box has four corners, clockwise from the top left.
export function outline(mark) {
  if (mark.kind !== "box") return mark.points;
  const [[left, top], [right, bottom]] = normaliseBox(mark.points);
  return [[left, top], [right, top], [right, bottom], [left, bottom]];
}

// The enclosed area, never negative.
export function area(points) {
  let twice = 0;
  points.forEach(([x, y], index) => {
    const [nextX, nextY] = points[(index + 1) % points.length];
    twice += x * nextY - nextX * y;
  });
  return Math.abs(twice) / 2;
}

// Whether a closed outline encloses a point (non-zero winding, as the masks are filled).
export function encloses(points, [px, py]) {
  let winding = 0;
  points.forEach(([ax, ay], index) => {
    const [bx, by] = points[(index + 1) % points.length];
    if (ay <= py === by <= py) return;
    const crossing = ax + ((py - ay) / (by - ay)) * (bx - ax);
    if (crossing > px) winding += by > ay ? 1 : -1;
  });
  return winding !== 0;
}

// {index, distance} of the vertex nearest to a point.
export function nearestVertex(points, point) {
  return points
    .map((vertex, index) => ({ index, distance: distance(vertex, point) }))
    .reduce((best, next) => (next.distance < best.distance ? next : best));
}

// {index, point, distance} of the closed outline's edge nearest to a point; edge i runs from vertex i to the next.
export function nearestEdge(points, point) {
  return points
    .map((vertex, index) => {
      const foot = nearestOnSegment(point, vertex, points[(index + 1) % points.length]);
      return { index, point: foot, distance: distance(foot, point) };
    })
    .reduce((best, next) => (next.distance < best.distance ? next : best));
}

// --- editing ----------------------------------------------------------------------------------------------------

// Move all points by one step that keeps them on the film.
export function moved(points, [dx, dy], film) {
  const { left, top, right, bottom } = bounds(points);
  const x = clamp(dx, Math.min(0, -left), Math.max(0, film.width - right));
  const y = clamp(dy, Math.min(0, -top), Math.max(0, film.height - bottom));
  return points.map(([px, py]) => [px + x, py + y]);
}

// A mark's points with one vertex of its outline elsewhere; the opposite corner of a box stays.
export function withVertex(mark, index, point, film) {
  const there = clampPoint(point, film);
  if (mark.kind === "box") return normaliseBox([outline(mark)[(index + 2) % 4], there]);
  return mark.points.map((vertex, at) => (at === index ? there : vertex));
}

// A new vertex on the edge that starts at `index`.
export function withNewVertex(points, index, point) {
  return [...points.slice(0, index + 1), point, ...points.slice(index + 1)];
}

export function withoutVertex(points, index) {
  return points.filter((_, at) => at !== index);
}

// Ramer, Douglas and Peucker: the fewest points of a line that stay within `tolerance` of all of them.
export function simplify(points, tolerance) {
  if (points.length < 3) return points;
  const kept = new Set([0, points.length - 1]);
  const spans = [[0, points.length - 1]];
  while (spans.length) {
    const [first, last] = spans.pop();
    let [farthest, off] = [-1, tolerance];
    for (let index = first + 1; index < last; index += 1) {
      const away = distance(points[index], nearestOnSegment(points[index], points[first], points[last]));
      if (away > off) [farthest, off] = [index, away];
    }
    if (farthest < 0) continue;
    kept.add(farthest);
    spans.push([first, farthest], [farthest, last]);
  }
  return points.filter((_, index) => kept.has(index));
}

// A freehand line as a closed outline: simplified, and without a last point that only repeats the first.
export function closedOutline(points, tolerance) {
  const kept = simplify(points, tolerance);
  return kept.length > 3 && distance(kept[0], kept[kept.length - 1]) <= tolerance ? kept.slice(0, -1) : kept;
}

// Hundredths of a pixel are finer than any hand, and keep what is sent small.
export function rounded(points) {
  return points.map(([x, y]) => [Math.round(x * 100) / 100, Math.round(y * 100) / 100]);
}

// --- what lies under the pointer -----------------------------------------------------------------------------------

// How far a point is from a mark: 0 inside it.
export function distanceTo(mark, point) {
  const points = outline(mark);
  if (mark.kind === "point") return distance(points[0], point);
  return encloses(points, point) ? 0 : nearestEdge(points, point).distance;
}

// The mark under a point, the smallest where several lie; null when none does.
export function markAt(marks, point, tolerance) {
  const size = (mark) => (mark.kind === "point" ? 0 : area(outline(mark)));
  return marks
    .filter((mark) => distanceTo(mark, point) <= tolerance)
    .reduce((best, mark) => (!best || size(mark) <= size(best) ? mark : best), null);
}
