// Window and level: which grays of the film span the screen's black to white. Values are shares of the film's range.
import { clamp } from "./geometry.js";

export const WIDE_OPEN = Object.freeze({ level: 0.5, width: 1, inverted: false });
const NARROWEST = 0.02;

// The window moved by shares of the range, kept where it shows something.
export function windowed(grays, { level = 0, width = 0 }) {
  const exact = (value) => Math.round(value * 1e4) / 1e4; // steps there and back end where they began
  return {
    ...grays,
    level: clamp(exact(grays.level + level), 0, 1),
    width: clamp(exact(grays.width + width), NARROWEST, 2),
  };
}

// A drag over the film: sideways for the width, up and down for the level, as on other reading stations.
export function dragged(grays, [dx, dy], frame) {
  return windowed(grays, { level: dy / frame.height, width: (1.5 * dx) / frame.width });
}

// What the screen shows of a gray, before it is clamped to [0, 1]: slope · gray + intercept.
export function transfer({ level, width, inverted }) {
  const slope = 1 / width;
  const intercept = 0.5 - level / width;
  return inverted ? { slope: -slope, intercept: 1 - intercept } : { slope, intercept };
}

export function isWideOpen(grays) {
  return grays.level === WIDE_OPEN.level && grays.width === WIDE_OPEN.width && !grays.inverted;
}
