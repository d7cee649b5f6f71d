/** Sounds of alerts, made by Web Audio: a few tones each, so that there is nothing to load. */

import { appearance } from "../look/settings";

interface Tone {
  /** Hertz, from and to. */
  hz: [number, number];
  /** Seconds: when, and how long. */
  at: number;
  for: number;
  shape: OscillatorType;
}

const tone = (from: number, at: number, length: number, shape: OscillatorType = "sine", to = from): Tone =>
  ({ hz: [from, to], at, for: length, shape });

export const SOUNDS: Record<string, Tone[]> = {
  blip: [tone(880, 0, 0.09)],
  blips: [tone(880, 0, 0.06), tone(880, 0.1, 0.06)],
  rise: [tone(523, 0, 0.09, "triangle"), tone(659, 0.09, 0.09, "triangle"), tone(784, 0.18, 0.16, "triangle")],
  fall: [tone(784, 0, 0.09, "triangle"), tone(659, 0.09, 0.09, "triangle"), tone(523, 0.18, 0.16, "triangle")],
  up: [tone(400, 0, 0.18, "sine", 1100)],
  down: [tone(1100, 0, 0.18, "sine", 400)],
  marimba: [tone(440, 0, 0.25, "sine"), tone(1760, 0, 0.08, "sine")],
  bell: [tone(1320, 0, 0.5), tone(2640, 0, 0.3), tone(3960, 0, 0.15)],
  knock: [tone(160, 0, 0.07, "triangle", 90), tone(160, 0.14, 0.07, "triangle", 90)],
  buzz: [tone(130, 0, 0.22, "sawtooth")],
  alarm: [tone(932, 0, 0.12, "square"), tone(698, 0.14, 0.12, "square"), tone(932, 0.28, 0.12, "square")],
  click: [tone(2200, 0, 0.02, "square")],
};

/** No more often than so, whatever happens: at the open hundreds of alerts come at once. */
const LEAST_GAP_S = 0.12;

let context: AudioContext | null = null;
let lastAtS = -1;

/** Play *name*; *own* is the volume of whoever asks, 0 to 1. False: the browser lets this page make no sound yet. */
export function play(name: string, own = 1): boolean {
  const { muted, volume } = appearance.now;
  const tones = SOUNDS[name];
  if (muted || !tones || volume * own === 0) return true;
  context ??= new AudioContext();
  if (context.state === "suspended") {
    void context.resume();
    return false;
  }
  if (context.currentTime - lastAtS < LEAST_GAP_S) return true;
  lastAtS = context.currentTime;
  for (const each of tones) sound(context, each, volume * own);
  return true;
}

/** Whether a person must click once before sounds can be heard. */
export function isBlocked(): boolean {
  return context?.state === "suspended";
}

function sound(audio: AudioContext, { hz, at, for: length, shape }: Tone, volume: number): void {
  const start = audio.currentTime + at;
  const oscillator = new OscillatorNode(audio, { type: shape, frequency: hz[0] });
  const gain = new GainNode(audio, { gain: 0 });
  const loudness = shape === "square" || shape === "sawtooth" ? 0.08 : 0.25;
  oscillator.frequency.linearRampToValueAtTime(hz[1], start + length);
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(loudness * volume, start + 0.008);
  gain.gain.exponentialRampToValueAtTime(0.0001, start + length);
  oscillator.connect(gain).connect(audio.destination);
  oscillator.start(start);
  oscillator.stop(start + length + 0.02);
}
