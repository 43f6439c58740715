// Time actually spent: counted while the page is visible and its reader did something within the last minute.

const IDLE = 60_000; // ms without a key, a click or a movement after which nobody is taken to look

export class Stopwatch {
  constructor(now, seconds = 0) {
    this.spent = seconds * 1000;
    this.since = now; // counted up to here
    this.active = now; // last sign of the reader
    this.visible = true;
  }

  count(now) {
    if (this.visible) this.spent += Math.max(0, Math.min(now, this.active + IDLE) - this.since);
    this.since = now;
  }

  touch(now) {
    this.count(now);
    this.active = now;
  }

  show(visible, now) {
    this.count(now);
    this.visible = visible;
    if (visible) this.active = now;
  }

  seconds(now) {
    this.count(now);
    return Math.round(this.spent / 100) / 10;
  }
}
