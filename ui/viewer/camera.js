// Where the film lies in its frame. A camera is {zoom, x, y}: zoom 1 fits the film into the frame; x and y are the
// film's centre from the frame's centre in screen pixels. A frame and a film are {width, height}. All pure.
import { clamp } from "./geometry.js";

export const MAX_ZOOM = 24;
export const HOME = Object.freeze({ zoom: 1, x: 0, y: 0 });

// Screen pixels per source pixel when the film fits the frame.
export function fitScale(frame, film) {
  return Math.min(frame.width / film.width, frame.height / film.height) || 1;
}

// The camera with the film kept in the frame.
export function settled(camera, frame, film) {
  const zoom = clamp(camera.zoom, 1, MAX_ZOOM);
  const scale = fitScale(frame, film) * zoom;
  const [roomX, roomY] = [
    Math.max(0, (film.width * scale - frame.width) / 2),
    Math.max(0, (film.height * scale - frame.height) / 2),
  ];
  return { zoom, x: clamp(camera.x, -roomX, roomX), y: clamp(camera.y, -roomY, roomY) };
}

// Zoomed so that what lies under a point of the frame stays there.
export function zoomedAt(camera, factor, [px, py], frame, film) {
  const zoom = clamp(camera.zoom * factor, 1, MAX_ZOOM);
  const applied = zoom / camera.zoom;
  const [x, y] = [px - frame.width / 2, py - frame.height / 2];
  return settled({ zoom, x: x - (x - camera.x) * applied, y: y - (y - camera.y) * applied }, frame, film);
}

export function viewOf(camera, frame, film) {
  const scale = fitScale(frame, film) * camera.zoom;
  return {
    scale,
    left: (frame.width - film.width * scale) / 2 + camera.x,
    top: (frame.height - film.height * scale) / 2 + camera.y,
  };
}

// A camera as others may take it whatever their frame: the offset as a share of the shown film.
export function shareOf(camera, frame, film) {
  const scale = fitScale(frame, film) * camera.zoom;
  return { zoom: camera.zoom, x: camera.x / (film.width * scale), y: camera.y / (film.height * scale) };
}

export function fromShare(share, frame, film) {
  const scale = fitScale(frame, film) * share.zoom;
  const [x, y] = [share.x * film.width * scale, share.y * film.height * scale];
  return settled({ zoom: share.zoom, x, y }, frame, film);
}

// A bar of a round number of millimetres, at most a fifth of the frame wide: {mm, width} in screen pixels.
export function scaleBar(view, frame, mmPerPixel) {
  const pixelsPerMm = view.scale / mmPerPixel;
  const rough = frame.width / 5 / pixelsPerMm;
  const power = 10 ** Math.floor(Math.log10(rough));
  const mm = power * [5, 2, 1].find((step) => step * power <= rough);
  return { mm: Number(mm.toPrecision(1)), width: mm * pixelsPerMm };
}
