import assert from "node:assert/strict";
import test from "node:test";

import { HOME, MAX_ZOOM, fromShare, scaleBar, settled, shareOf, viewOf, zoomedAt } from "../../ui/viewer/camera.js";
import { distance, toScreen, toSource } from "../../ui/viewer/geometry.js";
import { decodeTable, mapCaption, painted } from "../../ui/viewer/heat.js";
import { Stopwatch } from "../../ui/viewer/stopwatch.js";
import { WIDE_OPEN, dragged, transfer, windowed } from "../../ui/viewer/window.js";
import { seeded } from "./seeded.js";

const FRAME = { width: 900, height: 650 };
const FILM = { width: 2400, height: 3000 };

test("the film fits the frame at first, in its middle", () => {
  const view = viewOf(HOME, FRAME, FILM);
  assert.ok(Math.abs(view.scale - 650 / 3000) < 1e-12);
  assert.ok(distance(toScreen(view, [1200, 1500]), [450, 325]) < 1e-9);
});

test("zooming keeps what lies under the pointer, as far as the frame allows", () => {
  const random = seeded(1);
  for (let turn = 0; turn < 300; turn += 1) {
    const [x, y] = [random.between(-50, 50), random.between(-50, 50)];
    const camera = settled({ zoom: random.between(4, 10), x, y }, FRAME, FILM);
    const pointer = [random.between(400, 500), random.between(280, 370)];
    const under = toSource(viewOf(camera, FRAME, FILM), pointer);
    const next = zoomedAt(camera, random.between(0.95, 2), pointer, FRAME, FILM);
    assert.ok(distance(toScreen(viewOf(next, FRAME, FILM), under), pointer) < 1e-6);
  }
});

test("the film never leaves the frame and the zoom has ends", () => {
  const random = seeded(2);
  for (let turn = 0; turn < 200; turn += 1) {
    const wild = { zoom: random.between(0.01, 99), x: random.between(-1e5, 1e5), y: random.between(-1e5, 1e5) };
    const camera = settled(wild, FRAME, FILM);
    assert.ok(camera.zoom >= 1 && camera.zoom <= MAX_ZOOM);
    const { scale, left, top } = viewOf(camera, FRAME, FILM);
    const sides = [[left, FILM.width * scale, FRAME.width], [top, FILM.height * scale, FRAME.height]];
    for (const [start, length, room] of sides) {
      if (length > room) assert.ok(start <= 1e-9 && start + length >= room - 1e-9);
      else assert.ok(Math.abs(start - (room - length) / 2) < 1e-9);
    }
  }
});

test("a linked viewer shows the same part of its own film", () => {
  const small = { width: 400, height: 500 };
  const camera = zoomedAt(HOME, 6, [300, 200], FRAME, FILM);
  const other = fromShare(shareOf(camera, FRAME, FILM), FRAME, small);
  const [here, there] = [viewOf(camera, FRAME, FILM), viewOf(other, FRAME, small)];
  const middle = [450, 325];
  const [a, b] = [toSource(here, middle), toSource(there, middle)];
  assert.ok(Math.abs(a[0] / FILM.width - b[0] / small.width) < 1e-9);
  assert.ok(Math.abs(a[1] / FILM.height - b[1] / small.height) < 1e-9);
});

test("the scale bar is a round number and no wider than a fifth", () => {
  for (const scale of [0.02, 0.1, 0.3, 1, 7, 24]) {
    const { mm, width } = scaleBar({ scale }, FRAME, 0.143);
    assert.ok([1, 2, 5].includes(Number(mm.toExponential()[0])));
    assert.ok(width <= FRAME.width / 5 + 1e-9 && width > FRAME.width / 15);
    assert.ok(Math.abs(width - (mm / 0.143) * scale) < 1e-9);
  }
});

test("a window maps its ends to black and white", () => {
  const random = seeded(3);
  for (let turn = 0; turn < 200; turn += 1) {
    const grays = windowed({ level: random.next(), width: random.between(0.05, 2), inverted: false }, {});
    const { slope, intercept } = transfer(grays);
    assert.ok(Math.abs(slope * (grays.level - grays.width / 2) + intercept) < 1e-9);
    assert.ok(Math.abs(slope * (grays.level + grays.width / 2) + intercept - 1) < 1e-9);
    const turned = transfer({ ...grays, inverted: true });
    const gray = random.next();
    assert.ok(Math.abs(turned.slope * gray + turned.intercept - (1 - slope * gray - intercept)) < 1e-9);
  }
  assert.deepEqual(transfer(WIDE_OPEN), { slope: 1, intercept: 0 });
});

test("a drag opens or narrows the window and never closes it", () => {
  assert.ok(dragged(WIDE_OPEN, [-100, 0], FRAME).width < 1);
  assert.ok(dragged(WIDE_OPEN, [0, 50], FRAME).level > 0.5);
  assert.ok(dragged(WIDE_OPEN, [-9000, 9000], FRAME).width > 0);
});

test("a map is painted through its table, clear below the floor", () => {
  const table = decodeTable(Buffer.from(Array.from({ length: 768 }, (_, index) => index % 256)).toString("base64"));
  const gray = [10, 0, 0, 255, 200, 0, 0, 255];
  assert.deepEqual([...painted(gray, table, 51)], [30, 31, 32, 0, 88, 89, 90, 200]);
});

test("time is counted while the page is seen and its reader is there", () => {
  const watch = new Stopwatch(0, 5);
  watch.touch(10_000);
  assert.equal(watch.seconds(20_000), 25);
  assert.equal(watch.seconds(200_000), 75, "a minute after the last sign nobody looks");
  watch.touch(300_000);
  watch.show(false, 301_000);
  watch.show(true, 400_000);
  assert.equal(watch.seconds(402_000), 78);
});

test("a map that knows no class is not told as evidence for a fracture", () => {
  const told = (knowsClass) => mapCaption({ title: "A map", flat: false, knowsClass });
  assert.equal(told(true), "A map: bright where the model found what speaks for a fracture.");
  assert.equal(told(false), "A map: bright where the network was active, whatever its answer.");
});
