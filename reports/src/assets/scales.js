// Scales and ticks of the plots.

// The smallest step of 1, 2 or 5 times a power of ten that divides `length` into at most `most` parts.
function niceStep(length, most) {
  let power = 10 ** Math.floor(Math.log10(length / most || 1));
  for (;;) {
    for (const factor of [1, 2, 5]) if (length / (factor * power) <= most) return factor * power;
    power *= 10;
  }
}

function linearTicks(from, to, most) {
  const step = niceStep(Math.max(to - from, 1e-9), most);
  const ticks = [];
  for (let n = Math.ceil(from / step); n * step <= to + step * 1e-9; n++) ticks.push(n * step);
  return ticks;
}

// Whole powers of ten around the values.
function logRange(values) {
  let low = Infinity, high = 0;
  for (const value of values) {
    if (value > 0 && value < low) low = value;
    if (value > high) high = value;
  }
  if (high === 0) return [1e3, 1e6];
  const from = 10 ** Math.floor(Math.log10(low)), to = 10 ** Math.ceil(Math.log10(high));
  return [from, Math.max(to, from * 10)];
}

function logTicks(from, to) {
  const ticks = [];
  for (let tick = from; tick <= to * 1.001; tick *= 10) ticks.push(Math.round(tick));
  return ticks;
}

// 1 ms, 10 ms, 1 s: round values without decimals.
function roundSpan(us) {
  return us < 1e3 ? `${us} µs` : us < 1e6 ? `${us / 1e3} ms` : `${us / 1e6} s`;
}

// One lane per fault; where there are too many, faults that do not overlap share a lane.
function laneOf(faults, most) {
  if (faults.length <= most) return faults.map((_, at) => at);
  const ends = [];
  return faults.map((fault) => {
    let lane = ends.findIndex((end) => end <= fault.from);
    if (lane < 0) lane = ends.length;
    ends[lane] = fault.to;
    return lane;
  });
}
