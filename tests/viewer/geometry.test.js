import assert from "node:assert/strict";
import test from "node:test";

import {
  area, bounds, clampPoint, closedOutline, distance, distanceTo, encloses, markAt, moved, nearestEdge,
  nearestOnSegment, normaliseBox, outline, rounded, simplify, toScreen, toSource, withNewVertex, withVertex,
  withoutVertex,
} from "../../ui/viewer/geometry.js";
import { seeded } from "./seeded.js";

const FILM = { width: 800, height: 600 };
const SQUARE = [[10, 10], [50, 10], [50, 50], [10, 50]];

function outlineOf(random, count) {
  return Array.from({ length: count }, () => [random.between(0, FILM.width), random.between(0, FILM.height)]);
}

test("screen and source are each other's way back", () => {
  const random = seeded(1);
  for (let turn = 0; turn < 500; turn += 1) {
    const [left, top] = [random.between(-9000, 900), random.between(-9000, 900)];
    const view = { scale: random.between(0.05, 24), left, top };
    const point = [random.between(0, 6000), random.between(0, 6000)];
    assert.ok(distance(toSource(view, toScreen(view, point)), point) < 1e-8);
  }
});

test("a box has its corners in order however it was drawn", () => {
  const random = seeded(2);
  for (let turn = 0; turn < 200; turn += 1) {
    const [a, b] = outlineOf(random, 2);
    const [[left, top], [right, bottom]] = normaliseBox([a, b]);
    assert.ok(left <= right && top <= bottom);
    assert.deepEqual(normaliseBox([b, a]), [[left, top], [right, bottom]]);
    assert.deepEqual(outline({ kind: "box", points: [b, a] })[2], [right, bottom]);
  }
});

test("area and enclosure of a square", () => {
  assert.equal(area(SQUARE), 1600);
  assert.equal(area([...SQUARE].reverse()), 1600);
  assert.equal(area([[0, 0], [5, 5], [9, 9]]), 0);
  assert.ok(encloses(SQUARE, [30, 30]));
  for (const outside of [[5, 30], [60, 30], [30, 5], [30, 60], [5, 10]]) assert.ok(!encloses(SQUARE, outside));
});

test("a doubly wound outline encloses its middle, as the masks do", () => {
  const angles = [0, 2, 4, 1, 3].map((turn) => turn * 0.4 * Math.PI);
  const star = angles.map((angle) => [100 * Math.cos(angle), 100 * Math.sin(angle)]);
  assert.ok(encloses(star, [0, 0]));
});

test("enclosure agrees with the distances to convex edges", () => {
  const random = seeded(3);
  for (let turn = 0; turn < 300; turn += 1) {
    const corners = Array.from({ length: 7 }, (_, index) => {
      const angle = (index / 7) * 2 * Math.PI;
      return [400 + 200 * Math.cos(angle), 300 + 200 * Math.sin(angle)];
    });
    const point = [random.between(100, 700), random.between(50, 550)];
    const from = distance(point, [400, 300]);
    if (from < 180) assert.ok(encloses(corners, point));
    if (from > 200) assert.ok(!encloses(corners, point));
  }
});

test("the nearest edge is nearer than any of its points tried", () => {
  const random = seeded(4);
  for (let turn = 0; turn < 100; turn += 1) {
    const points = outlineOf(random, 3 + random.whole(6));
    const probe = outlineOf(random, 1)[0];
    const edge = nearestEdge(points, probe);
    assert.ok(Math.abs(distance(edge.point, probe) - edge.distance) < 1e-9);
    points.forEach((start, index) => {
      const end = points[(index + 1) % points.length];
      for (let share = 0; share <= 1; share += 0.1) {
        const there = [start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])];
        assert.ok(distance(there, probe) >= edge.distance - 1e-9);
      }
    });
  }
});

test("a segment without length is a point", () => {
  assert.deepEqual(nearestOnSegment([5, 5], [1, 2], [1, 2]), [1, 2]);
});

test("what is moved keeps its shape and stays on the film", () => {
  const random = seeded(5);
  for (let turn = 0; turn < 300; turn += 1) {
    const points = outlineOf(random, 2 + random.whole(5));
    const there = moved(points, [random.between(-2000, 2000), random.between(-2000, 2000)], FILM);
    const { left, top, right, bottom } = bounds(there);
    assert.ok(left >= -1e-9 && top >= -1e-9 && right <= FILM.width + 1e-9 && bottom <= FILM.height + 1e-9);
    const steps = points.map(([x, y], index) => [there[index][0] - x, there[index][1] - y]);
    for (const step of steps) assert.ok(distance(step, steps[0]) < 1e-9);
  }
});

test("a box's corner moves and the one across stays, even when they pass each other", () => {
  const random = seeded(6);
  for (let turn = 0; turn < 200; turn += 1) {
    const mark = { kind: "box", points: normaliseBox(outlineOf(random, 2)) };
    const corner = random.whole(4);
    const still = outline(mark)[(corner + 2) % 4];
    const to = outlineOf(random, 1)[0];
    assert.deepEqual(withVertex(mark, corner, to, FILM), normaliseBox([still, to]));
  }
});

test("a vertex put in and taken out leaves the outline as it was", () => {
  const random = seeded(7);
  for (let turn = 0; turn < 100; turn += 1) {
    const points = outlineOf(random, 3 + random.whole(5));
    const index = random.whole(points.length);
    const more = withNewVertex(points, index, [1, 2]);
    assert.deepEqual(more[index + 1], [1, 2]);
    assert.deepEqual(withoutVertex(more, index + 1), points);
  }
});

test("a vertex inserted on an edge encloses the same area", () => {
  const random = seeded(8);
  for (let turn = 0; turn < 100; turn += 1) {
    const points = outlineOf(random, 3 + random.whole(5));
    const edge = nearestEdge(points, outlineOf(random, 1)[0]);
    const more = withNewVertex(points, edge.index, edge.point);
    assert.ok(Math.abs(area(more) - area(points)) < 1e-6 * area(points) + 1e-6);
  }
});

test("simplified lines stay within their tolerance, keep their ends and are no longer", () => {
  const random = seeded(9);
  for (let turn = 0; turn < 60; turn += 1) {
    const line = [[400, 300]];
    for (let step = 0; step < 200; step += 1) {
      const [x, y] = line[line.length - 1];
      line.push([x + random.between(-3, 5), y + random.between(-4, 4)]);
    }
    const tolerance = random.between(0.2, 4);
    const kept = simplify(line, tolerance);
    assert.deepEqual([kept[0], kept[kept.length - 1]], [line[0], line[line.length - 1]]);
    assert.ok(kept.length <= line.length);
    for (const point of line) {
      const feet = kept.slice(1).map((end, index) => nearestOnSegment(point, kept[index], end));
      assert.ok(Math.min(...feet.map((foot) => distance(point, foot))) <= tolerance + 1e-9);
    }
  }
});

test("a straight line needs two points and a circle drawn by hand keeps its area", () => {
  assert.equal(simplify(Array.from({ length: 50 }, (_, x) => [x, 2 * x]), 0.01).length, 2);
  const circle = Array.from({ length: 401 }, (_, step) => {
    const angle = (step / 400) * 2 * Math.PI;
    return [300 + 100 * Math.cos(angle), 300 + 100 * Math.sin(angle)];
  });
  const kept = closedOutline(circle, 0.5);
  assert.ok(kept.length > 12 && kept.length < 60, `${kept.length} points`);
  assert.ok(distance(kept[0], kept[kept.length - 1]) > 0.5, "the end does not repeat the start");
  assert.ok(Math.abs(area(kept) / (Math.PI * 100 ** 2) - 1) < 0.01);
});

test("points are kept on the film and to hundredths", () => {
  assert.deepEqual(clampPoint([-4, 700], FILM), [0, 600]);
  assert.deepEqual(rounded([[1.23456, 2.999]]), [[1.23, 3]]);
});

test("the smallest mark under the pointer is taken", () => {
  const marks = [
    { id: "large", kind: "box", points: [[0, 0], [400, 400]] },
    { id: "small", kind: "polygon", points: SQUARE },
    { id: "dot", kind: "point", points: [[30, 30]] },
  ];
  assert.equal(markAt(marks, [30, 31], 4).id, "dot");
  assert.equal(markAt(marks, [15, 15], 4).id, "small");
  assert.equal(markAt(marks, [300, 300], 4).id, "large");
  assert.equal(markAt(marks, [403, 200], 4).id, "large");
  assert.equal(markAt(marks, [500, 200], 4), null);
  assert.equal(distanceTo(marks[1], [30, 30]), 0);
});
