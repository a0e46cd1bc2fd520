import type { ErrorCode } from './lookback.js';

/** What every call of Lookback throws: an error with a code. */
export class LookbackError extends Error {
  constructor(code: ErrorCode, message: string);
  readonly name: 'LookbackError';
  readonly code: ErrorCode;
}
