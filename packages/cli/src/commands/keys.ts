/**
 * `mainstay keys register|admit|revoke|show`: the key of this device made known, and words on keys of others, signed with it. What the
 * statement says of a key is what the person at this terminal said, and not what the control plane tells of it.
 */
import { AppError } from '@mainstay/contract/errors';
import type { PersonKeyView } from '@mainstay/contract/keeper-views';
import { Role, roles } from '@mainstay/contract/operation';
import { type ProofStatement, personKeyId } from '@mainstay/contract/proof';
import type { Command } from 'commander';
import { askYes } from '../change/run-change.ts';
import { type CommonOptions, commonOptions, type Registration } from '../cli.ts';
import { groupCommand } from '../command-groups.ts';
import { exitCodes } from '../exit-codes.ts';
import { deviceKeyPath, ensureDeviceKey, readDeviceKey } from '../keys/device-key.ts';
import { register, requireOwnKey, whoAdmits } from '../keys/own-key.ts';
import type { OwnCall, OwnCommand } from '../own-command.ts';
import { detailLines } from '../terminal/details.ts';
import { safeText } from '../terminal/text.ts';

type KeyAnswer = { key: PersonKeyView };
const dryRun = (command: Command) => command.option('--dry-run', 'show what would be said, and say nothing');

export const registerKeyCommand: OwnCommand = {
  hidden: ['key'],
  options: (command) => void dryRun(command),
  async run(call) {
    const { cli, connection, input, options } = call;
    const { env } = cli.terminal;
    if (options.dryRun) {
      const found = await readDeviceKey(env);
      const would = { file: deviceKeyPath(env), would_be_made: found === null, fingerprint: found?.id ?? null };
      return answer(call, would);
    }
    const key =
      input['key'] === undefined
        ? await register(connection, await ensureDeviceKey(env), input['name'] as string | undefined)
        : ((await connection.callRaw('keys.register', input)) as KeyAnswer).key;
    if (options.json) return answer(call, { key });
    const { paint } = cli.terminal.out;
    const isAdmitted = key.state === 'admitted';
    const mark = isAdmitted ? paint('green', '✓') : paint('yellow', '…');
    const how = isAdmitted ? `admitted, as ${key.role}` : 'registered; it waits to be admitted';
    cli.print(`${mark} The key "${safeText(key.name)}" is ${how}.`);
    cli.print(`  fingerprint ${key.id}`);
    if (input['key'] === undefined) cli.print(`  file ${deviceKeyPath(env)}`);
    if (!isAdmitted) {
      const { keys } = await connection.call('keys.list', {});
      cli.print(`  ${safeText(whoAdmits(keys, key))} runs: mainstay keys admit ${key.id}`);
    }
    return exitCodes.ok;
  },
};

export const admitKeyCommand: OwnCommand = {
  options: (command) =>
    void dryRun(command).option('--role <role>', `what the person may be; for keys of others (${roles.join(', ')})`),
  run: (call) =>
    speak(call, 'keys.admit', 'admit_key', async (key, actor_id) => {
      const role = call.options['role'] === undefined ? null : roleOf(String(call.options['role']));
      if (role === null && key.user_id === actor_id) return {};
      const said = role ?? (await askRole(call, key));
      return said === null ? null : { admits: { user_id: key.user_id, role: said } };
    }),
};

export const revokeKeyCommand: OwnCommand = {
  options: (command) => void dryRun(command).option('--yes', 'do not ask'),
  run: (call) =>
    speak(call, 'keys.revoke', 'revoke_key', async (key) => {
      const { cli, options } = call;
      if (options.yes || options.json || !cli.terminal.isInteractive) return {};
      cli.note(`The key "${safeText(key.name)}" of ${safeText(key.user_name)} would prove nobody any more, for good.`);
      return (await askYes(cli, 'Revoke it?')) ? {} : null;
    }),
};

/** Signs a statement about a key and hands it in; a statement that was brought along is handed in as it is. */
async function speak(
  call: OwnCall,
  id: 'keys.admit' | 'keys.revoke',
  says: ProofStatement['says'],
  about: (key: PersonKeyView, actor_id: string) => Promise<Pick<ProofStatement, 'admits'> | null>,
): Promise<number> {
  const { cli, connection, input, options } = call;
  let proof = input['proof'];
  if (proof === undefined) {
    const key_id = String(input['key_id']);
    const [{ keys }, { actor }] = await Promise.all([
      connection.call('keys.list', {}),
      connection.call('system.whoami', {}),
    ]);
    const key = keys.find((known) => known.id === key_id);
    if (!key) {
      throw new AppError('NotFound', `There is no key ${key_id.slice(0, 100)}.`, {
        field: 'key_id',
        hint: 'Give the whole fingerprint; `mainstay keys list` shows them.',
      });
    }
    // The fingerprint is computed here: it is what is signed, and what people compared.
    if ((await personKeyId(key.key)) !== key_id) {
      throw new AppError('Conflict', 'The control plane shows another key under this fingerprint.', {
        field: 'key_id',
      });
    }
    if (options.dryRun) return answer(call, { would_say: says, key });
    const more = await about(key, actor.id);
    if (more === null) return exitCodes.failed;
    const { signer } = await requireOwnKey(cli, connection, options.json ? () => {} : cli.note);
    proof = await signer.sign({ says, user_id: actor.id, about: key_id, operation_id: null, ...more });
  }
  const { key } = (await connection.callRaw(id, { ...input, proof })) as KeyAnswer;
  if (options.json) return answer(call, { key });
  const done = says === 'admit_key' ? `admitted, as ${key.role}` : 'revoked';
  const mark = cli.terminal.out.paint('green', '✓');
  cli.print(`${mark} The key "${safeText(key.name)}" of ${safeText(key.user_name)} is ${done}.`);
  return exitCodes.ok;
}

function roleOf(text: string): Role {
  const parsed = Role.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new AppError('InvalidInput', `"${text.slice(0, 100)}" is not a role.`, {
    field: 'role',
    hint: `Give one of: ${roles.join(', ')}.`,
  });
}

/** The control plane's word alone makes nobody anything: the person at the terminal says what the other may be. */
async function askRole({ cli, options }: OwnCall, key: PersonKeyView): Promise<Role | null> {
  if (options.json || !cli.terminal.isInteractive) {
    throw new AppError('InvalidInput', `This is a key of ${key.user_name}: say what they may be.`, {
      field: 'role',
      hint: `By the control plane's word they are ${key.role}: --role ${key.role}`,
    });
  }
  cli.note(`The key "${safeText(key.name)}" is said to be of ${safeText(key.user_name)}, who is ${key.role}.`);
  return (await askYes(cli, `Did you compare its fingerprint with them, and admit it as ${key.role}?`))
    ? key.role
    : null;
}

function answer({ cli, options }: OwnCall, output: unknown): number {
  if (options.json) cli.printJson(output);
  else for (const line of detailLines(output, cli.terminal.out)) cli.print(line);
  return exitCodes.ok;
}

export const registerShowKey: Registration = (program, cli) => {
  const command = groupCommand(program, 'keys')
    .command('show')
    .summary('Show the key of this device')
    .description('Shows where the key of this device is, its fingerprint, and what the keeper knows of it.');
  commonOptions(command).action(
    cli.action(async (options: CommonOptions) => {
      const { env, out } = cli.terminal;
      const file = deviceKeyPath(env);
      const signer = await readDeviceKey(env);
      if (!signer) {
        throw new AppError('NotFound', `This device has no key (${file}).`, {
          hint: 'Make and register one: mainstay keys register',
        });
      }
      const { keys } = await cli.connect(options).call('keys.list', {});
      const known = keys.find(({ id }) => id === signer.id) ?? null;
      const state = known?.state ?? 'not registered';
      if (options.json) cli.printJson({ file, fingerprint: signer.id, state, key: known });
      else {
        const { name, user_name, role } = known ?? { name: null, user_name: null, role: null };
        for (const line of detailLines({ fingerprint: signer.id, state, name, person: user_name, role, file }, out))
          cli.print(line);
      }
      return exitCodes.ok;
    }),
  );
};
