/** Numbers that only the panels show; ages, dates and shares are told as the charts tell them. */

import { signed } from "../charts/words";

export { ageInWords, ago, counted as plural, dateInWords, percent, signed } from "../charts/words";

export const whole = (number: number): string => number.toLocaleString("en");

/** A probability as it is, to four places: as exact as anybody ranks by. */
export const four = (value: number): string => value.toFixed(4);

/** Percentage points. */
export const points = (probability: number): string => `${signed(probability * 100, 1)} pp`;

export const milliseconds = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

export const bytes = (count: number): string => (count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(1)} MB`);

/** Movement in words. */
export const places = (movement: number): string => (movement === 0 ? "same place" : `${Math.abs(movement)} ${Math.abs(movement) === 1 ? "place" : "places"} ${movement > 0 ? "up" : "down"}`);
