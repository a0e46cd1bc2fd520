// What every entry exports.
export {
  abiVersion,
  decodeCapture,
  decodeRequest,
  decodeResponse,
  encodeCapture,
  encodeRequest,
  memoryBytes,
  Ranker,
  ShardUpload,
} from './lookback.js';
export { LookbackError } from './error.js';
