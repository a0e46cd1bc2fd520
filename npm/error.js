/** What every call of Lookback throws: an error with a code. */
export class LookbackError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

// On the prototype, as the errors of JavaScript have it.
Object.defineProperty(LookbackError.prototype, 'name', { value: 'LookbackError', configurable: true, writable: true });
