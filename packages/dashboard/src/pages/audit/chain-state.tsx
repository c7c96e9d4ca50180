/** The state of the chain: where it ends, where that was noted elsewhere, and a button that verifies all of it. */
import { Alert, Button, Progress } from '@mantine/core';
import { IconAlertTriangle, IconShieldCheck } from '@tabler/icons-react';
import type { Output } from '../../api/client.ts';
import { useRead } from '../../api/queries.ts';
import { audit } from '../../texts/audit.ts';
import { Foreign, visible } from '../../ui/foreign.tsx';
import { ErrorNotice, Fetched, Rows, Section } from '../../ui/page.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { Time } from '../../ui/time.tsx';
import css from './audit.module.css';
import { useVerify, type Verified } from './use-verify.ts';

const texts = audit.chain;

export function ChainState() {
  const query = useRead('audit.head', {});
  const verify = useVerify();
  return (
    <Section
      title={texts.title}
      aside={
        <Button
          size="xs"
          variant="default"
          leftSection={<IconShieldCheck size={15} />}
          loading={verify.isRunning}
          onClick={verify.run}
        >
          {verify.result ? audit.verify.again : audit.verify.do}
        </Button>
      }
    >
      <Fetched query={query} skeleton={<Rows count={2} height={30} />}>
        {(data) => <Facts {...data} />}
      </Fetched>
      <div aria-live="polite">
        {verify.progress && <Advance {...verify.progress} />}
        {verify.error && <ErrorNotice title={audit.verify.failed} error={verify.error} retry={verify.run} />}
        {verify.result && <Result result={verify.result} />}
      </div>
    </Section>
  );
}

function Facts({ head, pending, pruned_through, anchors, mirror }: Output<'audit.head'>) {
  return (
    <dl className={css.facts}>
      <div>
        <dt>{texts.head}</dt>
        <dd>
          {head === null ? texts.none : texts.entries(head.seq.toLocaleString('en'))}
          {head !== null && (
            <code className={css.quiet} title={head.hash}>
              {head.hash.slice(0, 12)}
            </code>
          )}
          {pending > 0 && <span className={css.quiet}>{texts.pending(pending)}</span>}
        </dd>
      </div>
      <div>
        <dt>{texts.anchors}</dt>
        <dd>
          {anchors.length === 0 && <span className={css.quiet}>{texts.noAnchor}</span>}
          {anchors.map(({ source, seq, at }) => (
            <span key={source}>
              {texts.anchorOf[source]} {texts.at(seq)},{' '}
              <span className={css.quiet}>
                <Time at={at} />
              </span>
            </span>
          ))}
        </dd>
      </div>
      <div>
        <dt>{texts.mirror}</dt>
        <dd>
          {mirror === null ? <span className={css.quiet}>{texts.noMirror}</span> : texts.mirrorAt(mirror.seq)}
          {mirror?.commit && <code className={css.quiet}>{mirror.commit.slice(0, 12)}</code>}
          {mirror?.problem && <StatusMark tone="warning" word={visible(mirror.problem, 300)} />}
          {mirror?.remotes.map(({ url, problem }) => (
            <StatusMark
              key={url}
              tone={problem === null ? 'good' : 'warning'}
              word={visible(problem === null ? texts.pushed(url) : `${texts.notPushed(url)}: ${problem}`, 300)}
            />
          ))}
        </dd>
      </div>
      {pruned_through !== null && <p className={css.quiet}>{texts.pruned(pruned_through)}</p>}
    </dl>
  );
}

function Advance({ done, total }: { done: number; total: number }) {
  const word = audit.verify.progress(done, total);
  return (
    <div className={css.advance}>
      <Progress value={total === 0 ? 0 : (100 * done) / total} size="sm" aria-label={word} />
      <span className={css.quiet}>{word}</span>
    </div>
  );
}

function Result({ result: { ok, entries, anchors, keeper_reached, problems, more } }: { result: Verified }) {
  const words = audit.verify;
  if (ok) {
    return (
      <p className={css.verified}>
        <StatusMark tone={keeper_reached ? 'good' : 'warning'} word={words.good(entries)} form="chip" />
        <span className={css.quiet}>{keeper_reached ? words.anchored(anchors) : words.noKeeper}</span>
      </p>
    );
  }
  return (
    <Alert
      className={css.broken}
      color="red"
      variant="light"
      icon={<IconAlertTriangle />}
      title={words.bad}
      role="alert"
    >
      <ul className={css.problems}>
        {problems.map(({ kind, seq, id, message }) => (
          <li key={`${kind} ${seq} ${id}`}>
            <strong>
              {seq !== null && `${words.seq(seq)} `}
              {words.kinds[kind]}
            </strong>
            {id !== null && (
              <>
                {' '}
                <code>{visible(id)}</code>
              </>
            )}
            : <Foreign text={message} />
          </li>
        ))}
        {more && <li>{words.more}</li>}
      </ul>
    </Alert>
  );
}
