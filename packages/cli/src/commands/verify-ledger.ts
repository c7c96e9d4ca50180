/** `mainstay keeper verify`: whether the keeper's ledger is whole. */
import type { LedgerCheck } from '@mainstay/contract/keeper-views';
import { exitCodes } from '../exit-codes.ts';
import type { OwnCommand } from '../own-command.ts';
import { safeText } from '../terminal/text.ts';

export const verifyLedgerCommand: OwnCommand = {
  async run({ cli, connection, input, options }) {
    const check = (await connection.callRaw('keeper.verify_ledger', input)) as LedgerCheck;
    const { paint } = cli.terminal.out;
    if (options.json) cli.printJson(check);
    else if (check.ok) cli.print(`${paint('green', '✓')} The ledger is whole: ${check.entries} entries.`);
    else {
      const where = check.problem ? `entry ${check.problem.seq}: ${check.problem.message}` : 'it does not verify.';
      cli.print(`${paint('red', '✗')} The ledger is not whole after ${check.entries} entries: ${safeText(where)}`);
    }
    return check.ok ? exitCodes.ok : exitCodes.failed;
  },
};
