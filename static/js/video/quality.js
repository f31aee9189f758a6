// How good the line is, in steps, and when to ask less of it: video → low video → voice → chat, and back. Pure calculation.
export const LEVELS = ["video", "low", "voice", "chat"];
const LIMITS = [[.02, .3, 500], [.06, .6, 180], [.18, 1.2, 60]]; // loss, seconds to and fro, kilobits a second

// 0 good, 1 fair, 2 weak, 3 bad. `room` is how much the line would take; only known while video is sent.
export function grade({ loss = 0, rtt = 0, room = Infinity }) {
  const fits = LIMITS.findIndex(([most, slowest, least]) => loss <= most && rtt <= slowest && room >= least);
  return fits < 0 ? 3 : fits;
}

// Goes down soon and up late; a rise that did not last makes the next one wait twice as long.
export class Ladder {
  level = 0;
  #bad = 0;
  #good = 0;
  #patience = 6;
  #sinceRise = Infinity;

  // One look at the line, every two seconds; the level that fits now.
  feed(found) {
    this.#sinceRise += 1;
    const weight = found === 3 ? 2 : found === 2 ? 1 : 0;
    this.#bad = weight ? this.#bad + weight : 0;
    this.#good = found <= 1 ? this.#good + 1 : 0;
    const lowest = found === 3 ? 3 : 2; // nobody is cut off from talking by a line that is only weak
    if (this.#bad >= 4 && this.level < lowest) this.#go(this.level + 1);
    else if (this.#good >= this.#patience && this.level > 0) this.#go(this.level - 1);
    return this.level;
  }

  // Nothing has come through for a while.
  lost() { if (this.level < 3) this.#go(3); return this.level; }

  // The line is back after a loss: begin with the voice.
  found() { if (this.level === 3) this.#go(2); return this.level; }

  #go(level) {
    if (level > this.level && this.#sinceRise < 10) this.#patience = Math.min(this.#patience * 2, 48);
    if (level < this.level) this.#sinceRise = 0;
    this.level = level;
    this.#bad = this.#good = 0;
  }
}

// What changed between two looks at a connection's statistics (RTCStatsReport).
export class Gauge {
  #before = new Map();

  read(report, sendsVideo) {
    let loss = 0, rtt = 0, room = Infinity, heard = 0;
    for (const one of report.values()) {
      if (one.type === "candidate-pair" && one.nominated) {
        rtt = Math.max(rtt, one.currentRoundTripTime ?? 0);
        if (sendsVideo && one.availableOutgoingBitrate) room = Math.min(room, one.availableOutgoingBitrate / 1000);
      } else if (one.type === "remote-inbound-rtp") {
        loss = Math.max(loss, one.fractionLost ?? 0);
        rtt = Math.max(rtt, one.roundTripTime ?? 0);
      } else if (one.type === "inbound-rtp") {
        const { got, missed } = this.#since(one);
        if (one.kind === "audio") heard += got;
        if (got + missed > 20) loss = Math.max(loss, missed / (got + missed));
      }
    }
    return { loss, rtt, room, heard };
  }

  #since(one) {
    const then = this.#before.get(one.id) ?? { got: one.packetsReceived, missed: one.packetsLost };
    this.#before.set(one.id, { got: one.packetsReceived, missed: one.packetsLost });
    return { got: Math.max(0, one.packetsReceived - then.got), missed: Math.max(0, one.packetsLost - then.missed) };
  }
}
