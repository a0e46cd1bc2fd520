export * from './lookback.js';
export { LookbackError } from './error.js';
