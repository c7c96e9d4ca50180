/** What an operation gave that had to wait for people: nobody was there to take it when it was carried out. For who proposed it alone. */
import type { AppError } from '@mainstay/contract/app-error';
import type { OperationView } from '@mainstay/contract/operation';
import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { call, type Output } from '../../api/client.ts';
import { operation as words } from '../../texts/operation.ts';
import { CodeBlock } from '../../ui/code-block.tsx';
import { visible } from '../../ui/foreign.tsx';
import { ErrorNotice, Section } from '../../ui/page.tsx';
import { useMe } from '../../ui/waiting/use-me.ts';
import css from './operation.module.css';

const texts = words.collect;

/** Nouns of operations that give something to keep: tokens, links, keys. Others give nothing that the page does not show. */
const giving = /^(access|servers|credentials|stacks\.enable_webhook)/;

export function CollectResult({ operation }: { operation: OperationView }) {
  const me = useMe();
  const collect = useMutation<Output<'operations.collect'>, AppError, void>({
    mutationFn: () => call('operations.collect', { id: operation.id ?? '' }),
  });
  const hadToWait = operation.state === 'succeeded' && operation.requirement !== null;
  if (!hadToWait || me?.actor.id !== operation.actor.id || !giving.test(operation.operation)) return null;
  const result = collect.data?.result;
  return (
    <Section title={texts.title}>
      <div className={css.decision}>
        {!collect.data && <p className="quiet">{texts.text}</p>}
        {collect.error && <ErrorNotice error={collect.error} />}
        {collect.data && (result === null ? <p>{texts.nothing}</p> : <CodeBlock text={asText(result)} />)}
        {!collect.data && (
          <div>
            <Button variant="default" loading={collect.isPending} onClick={() => collect.mutate()}>
              {texts.do}
            </Button>
          </div>
        )}
      </div>
    </Section>
  );
}

/** A line for each thing that it gave. */
function asText(result: unknown): string {
  if (typeof result !== 'object' || result === null) return visible(String(result));
  const lines = Object.entries(result).map(
    ([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return visible(lines.join('\n'), 8_000);
}
