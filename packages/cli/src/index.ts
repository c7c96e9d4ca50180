export { cliVersion, createCli, type Registration } from './cli.ts';
export { exitCodeMeanings, exitCodeOfError, exitCodes } from './exit-codes.ts';
export { registrations } from './registrations.ts';
export { createProgram, runCli } from './run.ts';
export { parseStackFile } from './stack-file/stack-file.ts';
export { systemTerminal, type Terminal } from './terminal/terminal.ts';
