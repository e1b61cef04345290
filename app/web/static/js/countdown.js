// Counts down on the monotonic clock: a changed wall clock changes nothing.
const TICK_MS = 250;
// Seconds left at which something is due, made for a hold of two minutes and scaled to shorter ones.
const FULL_HOLD = 120;
const MOMENTS = { soon: 60, offer: 45, last: 20, over: 0 };

export class Countdown {
  #timer = null;
  #endsAt = 0;
  #told = new Set();

  constructor(bar, onMoment) {
    this.bar = bar;
    this.onMoment = onMoment;
  }

  get isOver() {
    return this.#told.has("over");
  }

  begin(secondsLeft, since) {
    this.#endsAt = since + secondsLeft * 1000;
    this.#told = new Set(Object.keys(MOMENTS).filter((name) => name !== "over" && secondsLeft <= this.#due(name)));
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#tick();
  }

  stop() {
    clearInterval(this.#timer);
  }

  end() {
    this.#endsAt = performance.now();
    this.#tick();
  }

  #due(name) {
    return MOMENTS[name] * Math.min(1, Number(this.bar.dataset.totalSeconds) / FULL_HOLD);
  }

  #tick() {
    const left = Math.max(0, (this.#endsAt - performance.now()) / 1000);
    this.#show(left);
    for (const name of Object.keys(MOMENTS)) {
      if (left > this.#due(name) || this.#told.has(name)) continue;
      this.#told.add(name);
      if (name === "over") clearInterval(this.#timer);
      this.onMoment(name);
    }
  }

  #show(left) {
    const whole = Math.ceil(left);
    const clock = this.bar.querySelector("[data-hold-left]");
    clock.hidden = false;
    clock.textContent = `(${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")})`;
    this.bar.querySelector("progress").value = left;
    this.bar.dataset.level = ["over", "last", "soon"].find((name) => left <= this.#due(name)) ?? "calm";
  }
}
