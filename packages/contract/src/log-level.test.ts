import { describe, expect, it } from 'vitest';
import { type LogLevel, logLevelOf } from './log-level.ts';

const table: [LogLevel | null, string][] = [
  // JSON: pino and bunyan, then by name
  ['debug', '{"level":10,"time":1706720709123,"msg":"x"}'],
  ['debug', '{"level":20,"msg":"x"}'],
  ['info', '{"level":30,"time":1706720709123,"pid":7,"hostname":"h","msg":"listening"}'],
  ['warn', '{"level":40,"msg":"x"}'],
  ['error', '{"level":50,"err":{"message":"x"}}'],
  ['error', '{"level":60,"msg":"x"}'],
  ['info', '{"time":"2024-01-31T17:05:09Z","level":"INFO","msg":"error in a message"}'],
  ['warn', '{"severity":"WARNING","message":"x"}'],
  ['error', '{"severity":"CRITICAL","message":"x"}'],
  ['error', '{"message":"x","level":400,"level_name":"ERROR","channel":"app"}'],
  ['info', '{"levelname":"INFO","levelno":20,"message":"x"}'],
  ['warn', '{"@timestamp":"2024-01-31","log.level":"warn","message":"x"}'],
  ['error', '{"log":{"level":"error"},"message":"x"}'],
  ['error', '{"version":"1.1","short_message":"x","level":3}'],
  ['warn', '{"@t":"2024-01-31","@m":"x","@l":"Warning"}'],
  ['info', '  {"level":"info"}'],
  [null, '{"message":"level is error"}'],
  [null, '{"level":"high","tide":true}'],
  [null, '{"level":12345}'],
  [null, '{"level":null}'],
  [null, '{}'],
  ['error', `{"level":"error","msg":"${'cut off, and no JSON any more'.repeat(3)}`],
  ['error', `{"level":50,"msg":"${'x'.repeat(20_000)}"}`],
  [null, '[1,2,3]'],
  // logfmt
  ['info', 'time="2024-01-31T17:05:09Z" level=info msg="starting"'],
  ['warn', 'level=WARN msg=x'],
  ['error', 'ts=1706720709 caller=main.go:12 level="error" err=x'],
  [null, 'water level=high in the tank'],
  // the word first
  ['error', 'ERROR something broke'],
  ['error', 'ERROR: something broke'],
  ['error', 'error: something broke'],
  ['error', 'Error: connect ECONNREFUSED'],
  ['warn', 'WARN  deprecated'],
  ['warn', 'Warning: this is old'],
  ['warn', 'WARNING:root:a message of Python'],
  ['info', 'INFO:     Uvicorn running on http://127.0.0.1:8000'],
  ['debug', 'DEBUG 1 2 3'],
  ['debug', 'TRACE x'],
  ['error', 'FATAL: role does not exist'],
  ['error', 'CRITICAL x'],
  ['info', 'NOTICE:  table exists, skipping'],
  // brackets
  ['error', '[ERROR] x'],
  ['error', '[error] x'],
  ['warn', '[warn]: x'],
  ['info', '<info> x'],
  ['debug', '(debug) x'],
  // behind dates, times, processes and threads
  ['error', '2024-01-31T17:05:09.123Z ERROR x'],
  ['info', '2024-01-31T17:05:09.123456Z  INFO my_crate: x'],
  ['warn', '2024-01-31 17:05:09,123 WARN [main] com.example.Main - x'],
  ['error', '2024-01-31 17:05:09,123 [main] ERROR com.example.Main - x'],
  ['info', '2024-01-31T17:05:09.123Z  INFO 42 --- [           main] c.e.Application : Started'],
  ['error', '[2024-01-31 17:05:09] production.ERROR: x {"exception":"[object]"}'],
  ['info', '[2024-01-31 17:05:09 +0000] [42] [INFO] Starting gunicorn 21.2.0'],
  ['warn', '[2024-01-31T17:05:09Z WARN  my_crate::module] x'],
  ['error', '2024/01/31 17:05:09 [error] 42#42: *1 open() failed'],
  ['error', '[Wed Jan 31 17:05:09.123456 2024] [core:error] [pid 42] x'],
  ['warn', '[Wed Jan 31 17:05:09.123456 2024] [ssl:warn] [pid 42] AH01909: x'],
  ['info', '2024/01/31 17:05:09 INFO a message of slog user=ada'],
  ['info', '2024-01-31 17:05:09.123 UTC [42] LOG:  database system is ready'],
  ['error', '2024-01-31 17:05:09.123 UTC [42] FATAL:  the database system is starting up'],
  ['error', '2024-01-31 17:05:09,123 - my.module - ERROR - x'],
  ['warn', '2024-01-31 17:05:09.123 | WARNING  | module:function:12 - x'],
  ['debug', '17:05:09 DBG x'],
  ['error', '5:05PM ERR x'],
  ['warn', 'Jan 31 17:05:09 WARN x'],
  // by a letter
  ['error', 'E0131 17:05:09.123456       1 main.go:12] x'],
  ['info', 'I0131 17:05:09.123456       1 main.go:12] x'],
  ['warn', 'W, [2024-01-31T17:05:09.123456 #42]  WARN -- : x'],
  ['error', '<3>a line for the journal'],
  ['info', '<6>a line for the journal'],
  // colours
  ['info', '\u001b[32mINFO\u001b[39m x'],
  ['error', '\u001b[90m17:05:09\u001b[0m \u001b[1m\u001b[31mERR\u001b[0m x'],
  // what programs say when they fall over
  ['error', "TypeError: Cannot read properties of undefined (reading 'x')"],
  ['error', 'java.lang.IllegalStateException: x'],
  ['error', 'Error [ERR_MODULE_NOT_FOUND]: Cannot find module'],
  ['error', 'Uncaught Exception x'],
  ['error', 'Traceback (most recent call last):'],
  ['error', 'panic: runtime error: index out of range'],
  ['error', "thread 'main' panicked at src/main.rs:2:5:"],
  // builds
  ['error', 'npm ERR! code ELIFECYCLE'],
  ['error', 'npm error code ENOENT'],
  ['warn', 'npm WARN deprecated x@1'],
  ['warn', 'npm warn deprecated x@1'],
  ['error', 'src/main.ts(3,5): error TS2304: Cannot find name'],
  ['warn', 'main.c:3:5: warning: unused variable'],
  ['error', 'error[E0308]: mismatched types'],
  ['warn', '(node:42) Warning: x is experimental'],
  // none
  [null, ''],
  [null, '   '],
  [null, 'listening on 3000'],
  [null, 'error rate is 0'],
  [null, 'Information for you'],
  [null, 'info about the error'],
  [null, 'no ERROR here'],
  [null, 'ERROR_COUNT=3'],
  [null, 'DEBUG=app node server.js'],
  [null, 'warnings: 0'],
  [null, '    at Object.<anonymous> (/app/server.js:1:7)'],
  [null, '127.0.0.1 - - [31/Jan/2024:17:05:09 +0000] "GET /error HTTP/1.1" 500 12'],
  [null, 'GET /api/error 200 in 3 ms'],
  [null, '<html>error</html>'],
  [null, 'logs are kept'],
];

describe('the level of a log line', () => {
  it.each(table)('is %s: %s', (level, text) => {
    expect(logLevelOf(text)).toBe(level);
  });

  it('is found in a line of any content and size, without an error', () => {
    const hostile = ['\u0000\u001b[', '{'.repeat(16_384), '['.repeat(16_384), ' '.repeat(16_384), '- '.repeat(8_192)];
    hostile.push(
      '1 '.repeat(8_192),
      'a'.repeat(16_384),
      `${'a.'.repeat(8_192)}Error`,
      '\u202e\ufffd🦊',
      'level='.repeat(3_000),
    );
    for (const text of hostile) expect(logLevelOf(text)).toBeNull();
  });
});
