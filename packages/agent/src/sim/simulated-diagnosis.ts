/** What a simulated server tells when it is asked how it is: the same each time, of a machine that is not there. */
import type { Inquiry } from '@mainstay/contract/agent-answers';
import type { ServerDiagnosis } from '@mainstay/contract/diagnosis';
import { AppError } from '@mainstay/contract/errors';

const unit = { unit: null, service: null, pid: 1, since: null, restarts: null, memory_bytes: 0, last_exit: null };

export function simulatedDiagnosis(inquiry: Inquiry, offset_ms: number, at: number): ServerDiagnosis {
  if (inquiry.unit !== null && inquiry.unit !== 'agent') {
    throw new AppError('NotFound', `This server has no unit "${inquiry.unit}" of Mainstay's.`, {
      field: 'unit',
      hint: 'It has: agent',
    });
  }
  return {
    at,
    took_ms: 0,
    agent_version: 'simulated',
    supervisor: 'simulated',
    proxy: 'none',
    units: [{ ...unit, name: 'agent', state: 'active', sub_state: 'simulated' }],
    failed_units: null,
    ports: [],
    memory: null,
    disks: [],
    // To the minute: two that are asked side by side say the same.
    clock: { offset_ms: Math.round(offset_ms / 60_000) * 60_000, synchronized: null },
    checks: [{ name: 'agent', ok: true, message: 'is simulated', fix: null }],
    logs: [
      {
        name: 'agent',
        source: 'simulation',
        lines: [{ at, text: 'info simulated' }].slice(-inquiry.lines),
        cut: false,
      },
    ],
    notes: [],
  };
}
