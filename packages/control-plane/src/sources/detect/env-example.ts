/** Variables that a repository says it takes: the names in `.env.example` and files like it. */
import type { ServiceProposal } from '@mainstay/contract/operations/sources';
import { EnvName, reservedEnv } from '@mainstay/contract/stack';
import type { Folder } from './view.ts';

const files = ['.env.example', '.env.sample', '.env.template', '.env.dist', 'env.example', 'example.env'];
const names_max = 100;
/** Longer lines are no examples, and patterns take their time for them. */
const line_length_max = 1_000;

const secret_name =
  /SECRET|TOKEN|PASSW|PASSPHRASE|CREDENTIAL|PRIVATE|SALT|DSN|(^|_)(PASS|PWD|KEY|AUTH)($|_)|APIKEY|(DATABASE|DB|REDIS|MONGO(DB)?|POSTGRES(QL)?|MYSQL|AMQP|RABBITMQ|CONNECTION|WEBHOOK)_?(URL|URI|STRING)/i;
/** Built into what browsers load, and so no secret whatever the name says. */
const public_name = /^(NEXT_PUBLIC|VITE|REACT_APP|PUBLIC|NUXT_PUBLIC|EXPO_PUBLIC|GATSBY)_/;

export async function detectEnv(folder: Folder): Promise<ServiceProposal['env']> {
  const file = folder.first(files);
  const text = file === null ? null : await folder.read(file);
  if (file === null || text === null) return [];
  const found = new Map<string, ServiceProposal['env'][number]>();
  let comment = '';
  for (const line of text.split(/\r?\n/)) {
    if (line.length > line_length_max) continue;
    const said = /^\s*#+\s*(.*?)\s*$/.exec(line);
    const [, name = '', value = ''] = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=(.*)$/.exec(line) ?? [];
    if (name !== '' && !found.has(name) && EnvName.safeParse(name).success && !reservedEnv.test(name)) {
      const secret = secret_name.test(name) && !public_name.test(name);
      const example = plainValue(value);
      found.set(name, {
        name,
        reason: comment === '' ? `${file} names it.` : `${file} names it: ${comment}`,
        secret,
        example: secret || example === '' ? null : example,
      });
    }
    comment = said ? shortened(said[1] ?? '') : '';
    if (found.size >= names_max) break;
  }
  return [...found.values()];
}

function plainValue(text: string): string {
  const value = /^\s*(?:"([^"]*)"|'([^']*)'|(.*?))\s*(?:#.*)?$/.exec(text);
  return shortened(value?.[1] ?? value?.[2] ?? value?.[3] ?? '');
}

function shortened(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  return text.replaceAll(/[\x00-\x1f\x7f]/g, ' ').slice(0, 200);
}
