/** `mainstay version`: of this program, and of the control plane where one answers. */
import { AppError } from '@mainstay/contract/errors';
import { type CommonOptions, cliVersion, commonOptions, type Registration } from '../cli.ts';
import { safeText } from '../terminal/text.ts';

const answer_within_ms = 3_000;

export const registerVersion: Registration = (program, cli) => {
  const command = program.command('version').summary('Show the versions of this command and of the control plane');
  commonOptions(command).action(
    cli.action(async (options: CommonOptions) => {
      const connection = cli.connect(options);
      const control_plane = await connection
        .call('system.health', {}, { signal: AbortSignal.timeout(answer_within_ms) })
        .then(({ version }) => version)
        .catch((error: unknown) => {
          if (error instanceof AppError || (error instanceof Error && error.name === 'TimeoutError')) return null;
          throw error;
        });
      if (options.json) cli.printJson({ cli: cliVersion, control_plane, url: connection.url });
      else {
        cli.print(`mainstay ${cliVersion}`);
        cli.print(
          control_plane === null
            ? `No control plane answers at ${connection.url}.`
            : `control plane ${safeText(control_plane)} at ${connection.url}`,
        );
      }
      return 0;
    }),
  );
};
