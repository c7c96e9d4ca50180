/** Tries a case against the rules in force: who would change what, and what would become of it. */
import type { AppError } from '@mainstay/contract/app-error';
import type { Role } from '@mainstay/contract/operation';
import { Button, Checkbox, NativeSelect, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { call, type Input, type Output } from '../../api/client.ts';
import { policies } from '../../texts/policies.ts';
import { settings } from '../../texts/settings.ts';
import { Foreign, visible } from '../../ui/foreign.tsx';
import { ErrorNotice, Section } from '../../ui/page.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import css from './policies.module.css';
import { demandWords } from './rule-words.ts';

const texts = policies.test;

type Who = Role | 'webhook' | 'system';
type Draft = {
  operation: string;
  who: Who;
  proof: keyof typeof texts.proofs;
  stack: string;
  environment: string;
  server: string;
  source: string;
  commitsOnly: boolean;
};

const empty: Draft = {
  operation: 'stacks.deploy',
  who: 'deployer',
  proof: 'session',
  stack: '',
  environment: '',
  server: '',
  source: '',
  commitsOnly: false,
};

type Case = Input<'policies.test'>['cases'][number];

function caseOf(draft: Draft): Case {
  const { operation, who, proof, stack, environment, server, source, commitsOnly } = draft;
  const actor =
    who === 'webhook' || who === 'system'
      ? { kind: who, role: null, proof: who === 'webhook' ? ('signature' as const) : ('none' as const) }
      : { kind: 'user' as const, role: who, proof };
  return {
    name: operation,
    propose: {
      operation: operation.trim(),
      actor,
      stack: stack.trim() || null,
      environment: environment.trim() || null,
      servers: server.trim() ? [{ name: server.trim() }] : [],
      sources: source.trim() ? [source.trim()] : [],
      difference: commitsOnly ? 'commits_only' : null,
    },
    // What is expected does not matter here: what it comes to is shown.
    expect: { decision: 'approved' },
  };
}

export function CaseForm() {
  const [draft, setDraft] = useState(empty);
  const [isEmpty, setEmpty] = useState(false);
  const trial = useMutation<Output<'policies.test'>, AppError, Case>({
    mutationFn: (one) => call('policies.test', { cases: [one] }),
  });
  const set = (change: Partial<Draft>) => {
    setDraft({ ...draft, ...change });
    setEmpty(false);
    trial.reset();
  };
  const field = (name: 'stack' | 'environment' | 'server' | 'source') => (
    <TextInput
      label={texts[name]}
      value={draft[name]}
      onChange={(event) => set({ [name]: event.currentTarget.value })}
      autoComplete="off"
      spellCheck={false}
    />
  );
  const result = trial.data?.results[0];
  return (
    <Section title={texts.title}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (draft.operation.trim() === '') return setEmpty(true);
          if (!trial.isPending) trial.mutate(caseOf(draft));
        }}
      >
        <p className="quiet">{texts.lead}</p>
        <div className={css.fields}>
          <TextInput
            label={texts.operation}
            placeholder={texts.operationHint}
            value={draft.operation}
            onChange={(event) => set({ operation: event.currentTarget.value })}
            error={isEmpty ? texts.operationEmpty : null}
            autoComplete="off"
            spellCheck={false}
          />
          <NativeSelect
            label={texts.role}
            value={draft.who}
            onChange={({ currentTarget: { value } }) => set({ who: value as Who })}
            data={[
              ...Object.entries(settings.people.roles).map(([value, label]) => ({ value, label })),
              { value: 'webhook', label: texts.kind.webhook },
              { value: 'system', label: texts.kind.system },
            ]}
          />
          <NativeSelect
            label={texts.proof}
            value={draft.proof}
            onChange={({ currentTarget: { value } }) => set({ proof: value as Draft['proof'] })}
            data={Object.entries(texts.proofs).map(([value, label]) => ({ value, label }))}
            disabled={draft.who === 'webhook' || draft.who === 'system'}
          />
          {field('stack')}
          {field('environment')}
          {field('server')}
          {field('source')}
        </div>
        <Checkbox
          label={texts.commitsOnly}
          checked={draft.commitsOnly}
          onChange={(event) => set({ commitsOnly: event.currentTarget.checked })}
        />
        <div className={css.outcome} aria-live="polite">
          <Button type="submit" loading={trial.isPending}>
            {texts.run}
          </Button>
          {result && <Outcome result={result} />}
        </div>
        {trial.error && <ErrorNotice title={texts.failed} error={trial.error} />}
      </form>
    </Section>
  );
}

const tones = { approved: 'good', waiting: 'warning', denied: 'bad' } as const;

function Outcome({ result }: { result: Output<'policies.test'>['results'][number] }) {
  const { decision, policy, reason, requirement } = result;
  const demand =
    requirement &&
    demandWords({
      name: '',
      match: {},
      effect: 'require',
      require: {
        approvals: requirement.approvals,
        confirmation: requirement.confirmation,
        ...(requirement.role && requirement.role !== 'viewer' ? { role: requirement.role } : {}),
        ...(requirement.proof && requirement.proof !== 'none' && requirement.proof !== 'signature'
          ? { proof: requirement.proof }
          : {}),
      } as never,
    });
  return (
    <div className={css.result}>
      <StatusMark tone={tones[decision]} word={texts.decisions[decision]} form="chip" />
      <span>
        {policy === null ? texts.noRule : `${texts.byRule} `}
        {policy !== null && <code>{visible(policy)}</code>}
        {demand && `: ${demand.charAt(0).toLowerCase()}${demand.slice(1)}`}
        {reason !== null && (
          <>
            : <Foreign text={reason} />
          </>
        )}
      </span>
    </div>
  );
}
