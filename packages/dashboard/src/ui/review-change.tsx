/**
 * The one way in which a page changes something: the control plane plans it and changes nothing, the person reads the plan,
 * and what they confirm is exactly that plan, bound by its hash, signed where they have a key in this browser, and sent once, by its
 * idempotency key. A plan whose hash is not the one of its lines is not shown as one. Then the dialog follows the operation to its observed end. Where policy asks for people, it says whom it waits for, and takes the person's own
 * confirmation. Closing it does not stop the operation.
 */
import type { AppError } from '@mainstay/contract/app-error';
import type { OperationView, Plan } from '@mainstay/contract/operation';
import type { OperationId } from '@mainstay/contract/operations/index';
import { Button, Modal, TextInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { call, type Input, type Output } from '../api/client.ts';
import { checkPlan, signProposal, useSigns } from '../api/own-key.ts';
import { invalidateAll, useRead } from '../api/queries.ts';
import { randomHex } from '../api/random.ts';
import { change as texts } from '../texts/change.ts';
import { general } from '../texts/general.ts';
import { useFocusBack } from './focus-back.ts';
import { Foreign, visible } from './foreign.tsx';
import { ErrorNotice, Rows } from './page.tsx';
import { PlanDiff } from './plan-diff.tsx';
import css from './review-change.module.css';
import { StatusMark } from './status-mark.tsx';
import { WaitingHere } from './waiting/waiting-here.tsx';
import { operationStatus, terminalStates } from './words.ts';

/** Operations that change something: those whose answer holds an operation. */
export type ChangeId = {
  [Id in OperationId]: Output<Id> extends { operation: OperationView; result: unknown } ? Id : never;
}[OperationId];

export type Change<Id extends ChangeId = ChangeId> = { [K in Id]: { id: K; input: Input<K> } }[Id];

export type ReviewChangeProps = {
  /** What is to be changed; null shows nothing. */
  change: Change | null;
  title: string;
  /** Word on the button that does it, such as `Deploy`. */
  confirm: string;
  /** Name to be typed before the button works: for what destroys data. */
  typeToConfirm?: string;
  /** What is asked above the plan is still being typed: nothing is confirmed before the plan is of all of it. */
  isTyping?: boolean;
  /** Said above the plan. */
  children?: ReactNode;
  onClose(): void;
  /**
   * Called with what the operation gave, once it was decided and begun: at once, or when those it waited for have spoken. One-time
   * secrets stand only there.
   */
  onAccepted?(answer: { operation: OperationView; result: unknown }): void;
  /** Called when it was observed to have succeeded. */
  onSucceeded?(): void;
  /** Called when the control plane refuses the input and names the field: a form shows the message there, and closes this. */
  onRefused?(error: AppError): void;
};

export function ReviewChange({ change, title, children, onClose, onAccepted, ...rest }: ReviewChangeProps) {
  const [accepted, setAccepted] = useState<OperationView | null>(null);
  const content = useRef<HTMLDivElement>(null);
  if (!change && accepted) setAccepted(null);
  useFocusBack(change !== null);
  // The button that was pressed is gone by then; without the focus, the keys would be for the page behind.
  useEffect(() => {
    if (accepted) content.current?.focus();
  }, [accepted]);
  return (
    <Modal
      opened={change !== null}
      onClose={onClose}
      title={title}
      size="lg"
      closeButtonProps={{ 'aria-label': general.close }}
    >
      {/* Nothing can be pressed before the plan is there, but the dialog has the keys from the beginning. */}
      <div ref={content} className={css.review} tabIndex={-1} data-autofocus>
        {change && accepted && (
          <Followed operation={accepted} onClose={onClose} onAccepted={onAccepted} onSucceeded={rest.onSucceeded} />
        )}
        {change && !accepted && (
          <>
            {children}
            <Review
              // Another change is another plan; what is asked above it (children) stays as it is.
              key={JSON.stringify(change)}
              change={change}
              onClose={onClose}
              onAccepted={(answer) => {
                setAccepted(answer.operation);
                if (hasBegun(answer.operation)) onAccepted?.(answer);
              }}
              {...rest}
            />
          </>
        )}
      </div>
    </Modal>
  );
}

type ReviewProps = Omit<ReviewChangeProps, 'change' | 'title' | 'children'> & { change: Change };
type ChangeAnswer = { operation: OperationView; result: unknown };

type More = { dry_run?: boolean; plan_hash?: string; idempotency_key?: string; proof?: string };

function send(change: Change, more: More) {
  return call(change.id, { ...change.input, ...more } as never) as Promise<ChangeAnswer>;
}

async function planOf(change: Change): Promise<Plan> {
  const { plan } = (await send(change, { dry_run: true })).operation;
  await checkPlan(change.id, plan);
  return plan;
}

function Review(props: ReviewProps) {
  const { change, confirm, typeToConfirm, isTyping = false, onClose, onAccepted, onSucceeded, onRefused } = props;
  const [typed, setTyped] = useState('');
  const [idempotency_key] = useState(() => randomHex(16));
  const isSigned = useSigns();
  const plan = useQuery<Plan, AppError>({
    queryKey: ['plan', idempotency_key],
    queryFn: () => planOf(change),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  const refusal = plan.error?.field === undefined ? null : plan.error;
  useEffect(() => {
    if (refusal) onRefused?.(refusal);
  }, [refusal, onRefused]);
  const carryOut = useMutation<ChangeAnswer, AppError, Plan>({
    mutationFn: async (shown) => {
      const proof = await signProposal(change.id, shown);
      return send(change, { plan_hash: shown.hash, idempotency_key, ...proof });
    },
    onSuccess: (answer) => {
      invalidateAll();
      onAccepted?.(answer);
      if (answer.operation.state === 'succeeded') onSucceeded?.();
    },
  });
  const planned = plan.data;
  const isConfirmed = !isTyping && (typeToConfirm === undefined || typed.trim() === typeToConfirm);
  return (
    <form
      className={css.review}
      onSubmit={(event) => {
        event.preventDefault();
        if (planned && isConfirmed && !carryOut.isPending) carryOut.mutate(planned);
      }}
    >
      {plan.isPending && <Rows count={3} />}
      {plan.isPending && <p className="quiet">{texts.planning}</p>}
      {plan.error && <ErrorNotice title={texts.noPlan} error={plan.error} retry={() => void plan.refetch()} />}
      {planned && (
        <>
          <p className={css.summary}>{visible(planned.summary)}</p>
          <PlanDiff plan={planned} />
          <p className={css.hash}>
            {planned.over && <>{texts.about(visible(planned.over.target))} · </>}
            {texts.planHash} <code title={planned.hash}>{planned.hash.slice(0, 12)}</code>
            {isSigned && ` · ${texts.signed}`}
          </p>
        </>
      )}
      {carryOut.error && (
        <ErrorNotice
          title={carryOut.error.code === 'Conflict' ? texts.stale : texts.failed}
          error={carryOut.error}
          retry={() => {
            carryOut.reset();
            void plan.refetch();
          }}
        />
      )}
      {planned && typeToConfirm !== undefined && (
        <TextInput
          label={texts.typeToConfirm(typeToConfirm)}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          autoComplete="off"
          spellCheck={false}
        />
      )}
      <div className={css.buttons}>
        <Button variant="default" onClick={onClose}>
          {general.cancel}
        </Button>
        <Button
          type="submit"
          color={typeToConfirm === undefined ? undefined : 'red'}
          disabled={!planned || !isConfirmed}
          loading={carryOut.isPending}
        >
          {confirm}
        </Button>
      </div>
    </form>
  );
}

type FollowedProps = {
  operation: OperationView;
  onClose(): void;
  onAccepted: ReviewChangeProps['onAccepted'];
  onSucceeded?: (() => void) | undefined;
};

function hasBegun({ state }: OperationView): boolean {
  return state === 'running' || state === 'succeeded';
}

/** What an operation gave that had to wait: it is there for who proposed it, once. */
function useLateResult(first: OperationView, operation: OperationView, onAccepted: FollowedProps['onAccepted']) {
  const collect = useMutation<ChangeAnswer, AppError, string>({
    mutationFn: (id) => call('operations.collect', { id }),
    onSuccess: (answer) => onAccepted?.(answer),
  });
  const isLate = !hasBegun(first) && hasBegun(operation) && onAccepted !== undefined;
  const { mutate } = collect;
  useEffect(() => {
    if (isLate) mutate(first.id ?? '');
  }, [isLate, first.id, mutate]);
  return collect.error;
}

/** Last lines of a program may stand in a message. */
const message_chars_max = 8_000;

/** The operation as it goes on, until it has ended. */
function Followed({ operation: first, onClose, onAccepted, onSucceeded }: FollowedProps) {
  const query = useRead('operations.get', { id: first.id ?? '' }, { enabled: !terminalStates.includes(first.state) });
  const operation = query.data?.operation ?? first;
  const ended = terminalStates.includes(operation.state);
  const isWaiting = operation.state === 'waiting';
  const notCollected = useLateResult(first, operation, onAccepted);
  const [told, setTold] = useState(first.state === 'succeeded');
  if (ended && !told) {
    setTold(true);
    if (operation.state === 'succeeded') queueMicrotask(() => onSucceeded?.());
  }
  return (
    <div className={css.review} aria-live="polite">
      <div className={css.outcome}>
        <StatusMark {...operationStatus(operation.state)} form="chip" />
        <p className={css.summary}>{visible(operation.plan.summary)}</p>
      </div>
      {isWaiting && <WaitingHere operation={operation} />}
      {notCollected && <ErrorNotice error={notCollected} />}
      {operation.message && (
        <pre className={`printed ${css.message}`}>
          <Foreign text={operation.message} chars_max={message_chars_max} />
        </pre>
      )}
      {operation.hint && (
        <p className="quiet">
          <Foreign text={operation.hint} />
        </p>
      )}
      <ul className={css.targets}>
        {operation.targets.map((target) => (
          <li key={target.server}>
            <StatusMark tone={toneOf[target.state]} word={target.state} /> {target.server}
            {target.message && (
              <span className="quiet">
                {' '}
                <Foreign text={target.message} />
              </span>
            )}
          </li>
        ))}
      </ul>
      <div className={css.buttons}>
        {operation.id && (
          <Button
            variant="default"
            renderRoot={(props) => <Link to="/operations/$id" params={{ id: operation.id ?? '' }} {...props} />}
          >
            {texts.open}
          </Button>
        )}
        <Button variant={isWaiting ? 'default' : 'filled'} onClick={onClose}>
          {ended ? general.close : isWaiting ? texts.closeAndWait : texts.closeAndWatch}
        </Button>
      </div>
    </div>
  );
}

const toneOf = { waiting: 'idle', running: 'busy', succeeded: 'good', failed: 'bad' } as const;
