/** Why an instance ended or never became healthy, in words that tell what to do. */
import type { DesiredService } from '@mainstay/contract/desired-state';
import type { HealthResult } from '../health/check.ts';
import type { InstanceExit } from '../supervisor/supervisor.ts';

export type Diagnosis = { message: string; hint: string | null };

/** Of what a service printed last, so many lines go into a message. */
const last_lines_max = 10;

export function describeExit(exit: InstanceExit, desired: DesiredService, ran_ms: number): Diagnosis {
  const after = `after ${ran_ms < 10_000 ? (ran_ms / 1000).toFixed(1) : Math.round(ran_ms / 1000)} s`;
  if (exit.reason === 'memory_limit') {
    return {
      message: `It was ended ${after}: it needed more memory than the limit of ${desired.limits.memory_mb} MiB.`,
      hint: 'Raise `limits.memory_mb`, or make the service need less.',
    };
  }
  if (exit.reason === 'process_limit') {
    return {
      message: `It was ended ${after}: it had more processes than the limit of ${desired.limits.processes}.`,
      hint: 'Raise `limits.processes`, or look for what starts them.',
    };
  }
  const how = exit.signal
    ? `was ended by ${exit.signal}`
    : exit.code === null
      ? 'ended'
      : `exited with code ${exit.code}`;
  const lines = exit.last_lines.slice(-last_lines_max).map(({ text }) => text);
  const printed = lines.length > 0 ? ` It printed last:\n${lines.join('\n')}` : ' It printed nothing.';
  let hint = 'A service must go on running. See its logs, and try the run command in the checkout.';
  if (exit.code === 127 || exit.code === 126)
    hint = 'The run command names a program that is not there or may not be run.';
  if (lines.some((line) => /EADDRINUSE|address already in use/i.test(line)))
    hint = 'The port is in use. Leave `port` out and listen on $PORT, or choose another port.';
  return { message: `It ${how} ${after}.${printed}`, hint };
}

export type UnhealthyFacts = {
  desired: DesiredService;
  port: number;
  last: HealthResult | null;
  /** Ports that the processes of the instance listen on. */
  listening: readonly number[];
};

/** Of an instance that still runs and was not healthy within its start timeout. */
export function describeUnhealthy({ desired, port, last, listening }: UnhealthyFacts): Diagnosis {
  const { health } = desired;
  const within = `within ${health.start_timeout_seconds} s`;
  if (!listening.includes(port)) {
    if (last?.ok) return describeForeignPort(port, desired.port !== null);
    if (listening.length > 0) {
      const ports = listening.join(', ');
      const wanted = desired.port === null ? `was given PORT=${port}` : `\`port\` says ${port}`;
      return {
        message: `It was not healthy ${within}: it listens on ${ports} but ${wanted}.`,
        hint: `Use $PORT in the run command, or set \`port: ${listening[0]}\`.`,
      };
    }
    return {
      message: `It was not healthy ${within}: it listens on no port.`,
      hint: desired.port === null ? 'It must listen on $PORT.' : `It must listen on ${port}.`,
    };
  }
  const answer = last && !last.ok ? last.message : 'it was never healthy often enough in a row';
  const hint =
    last && !last.ok && last.reason === 'silent'
      ? 'It listens but does not answer: check `health.path`, or give it longer with `health.timeout_seconds`.'
      : 'Check `health.path`: any answer from 200 to 399 counts as healthy.';
  return { message: `It was not healthy ${within}: ${answer}.`, hint };
}

export function describeForeignPort(port: number, is_fixed: boolean): Diagnosis {
  return {
    message: `Port ${port} is answered by another process than the service.`,
    hint: is_fixed
      ? `End what listens on ${port}, or leave \`port\` out and listen on $PORT.`
      : 'It must listen on $PORT itself; a program of another service or user has that port now.',
  };
}
