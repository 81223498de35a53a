/**
 * What tests of programs on lunet use: coroutines as tests, and a clock that the test drives.
 *
 * @module
 */
export { withTestClock, type TestClock, type TestClockOptions } from "./clock.ts";
export {
  assertFindings,
  assertNothingLeft,
  clockTest,
  coroutineTest,
  DEFAULT_TEST_TIMEOUT_MS,
  type CoroutineTestOptions,
} from "./coroutine-test.ts";
export {
  DEFAULT_REQUEST_TIMEOUT_MS,
  exchange,
  requestInProcess,
  type ClientRequest,
  type HandlerSource,
} from "./http-client.ts";
export { databaseSuite, type DatabaseSuiteOptions, type OpenDatabase } from "./database-suite.ts";
export { memoryPair } from "./memory-sockets.ts";
export { ClientReply, MAX_REPLY_BYTES, ReplyError, ReplyReader } from "./reply-reader.ts";
export { socketSuite, type ConnectPair, type SocketSuiteOptions } from "./socket-suite.ts";
export {
  DEFAULT_SWEEP_TIMEOUT_MS,
  defineSweep,
  describeSweep,
  InjectedFailure,
  sweep,
  SWEEP_FAULTS,
  type BodySweep,
  type RequestSweep,
  type Sweep,
  type SweepDefinition,
  type SweepFault,
  type SweepFinding,
  type SweepFixture,
  type SweepOptions,
  type SweepProgress,
  type SweepReport,
} from "./sweep.ts";
