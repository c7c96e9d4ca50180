/** The token and the line that brings it to the machine, with what the machine needs, and for how long the token holds. */
import type { ServerView } from '@mainstay/contract/operations/servers';
import { Alert, Button, TextInput } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { base_url } from '../../api/client.ts';
import { addServer as texts } from '../../texts/add-server.ts';
import { useNow } from '../../ui/clock.ts';
import { CopyButton } from '../../ui/copy-button.tsx';
import { useDraft } from '../../ui/draft.ts';
import { Section } from '../../ui/page.tsx';
import { duration } from '../../ui/words.ts';
import css from './add-server.module.css';
import type { Invitation } from './add-server-page.tsx';
import { agentLine, isLoopback } from './enrol-progress.ts';

export type ConnectMachineProps = { server: ServerView | null; name: string; invitation: Invitation | null };

export function ConnectMachine({ server, name, invitation }: ConnectMachineProps) {
  const [address, setAddress] = useDraft('add-server-address', base_url.replace(/\/$/, ''));
  const used = server !== null && server.enrolled_at !== null;
  if (!invitation?.token || used) {
    return (
      <Section title={texts.connect}>
        <p className={used ? undefined : css.gone}>
          {used ? texts.tokenUsed : invitation ? texts.repeated : texts.tokenGone}
        </p>
        {!used && <NewToken name={name} stack={server?.stack ?? null} />}
      </Section>
    );
  }
  if (invitation.install !== null) {
    return (
      <Section title={texts.connect}>
        <div className={css.form}>
          {isLoopback(addressIn(invitation.install)) && (
            <LoopbackNotice address={addressIn(invitation.install)} text={texts.installLoopback} />
          )}
          <Needs needs={texts.installNeeds} />
          <div>
            <LineHead expires_at={invitation.expires_at} />
            <CommandLine line={invitation.install} label={texts.line} copyLabel={texts.copyLine} isMain />
            <p className={css.hint}>
              <b>{texts.shownOnce}</b> {texts.installHint}
            </p>
            <p className={css.hint}>{texts.installMode}</p>
          </div>
          <TokenExpired expires_at={invitation.expires_at} name={name} stack={server?.stack ?? null} />
        </div>
      </Section>
    );
  }
  const clean = address.trim();
  const line = agentLine(invitation.token, clean);
  return (
    <Section title={texts.connect}>
      <div className={css.form}>
        <TextInput
          label={texts.address}
          description={texts.addressHint}
          value={address}
          onChange={(event) => setAddress(event.currentTarget.value)}
          error={clean === '' ? texts.addressEmpty : null}
          spellCheck={false}
          autoComplete="off"
          type="url"
        />
        {isLoopback(clean) && <LoopbackNotice address={clean} text={texts.loopback} />}
        <Needs needs={texts.needs}>
          <CommandLine line={texts.copyExample} label={texts.copyDist} />
        </Needs>
        <div>
          <LineHead expires_at={invitation.expires_at} />
          <CommandLine line={line} label={texts.line} copyLabel={texts.copyLine} isMain disabled={clean === ''} />
          <p className={css.hint}>
            <b>{texts.shownOnce}</b> {texts.lineHint}
          </p>
        </div>
        <TokenExpired expires_at={invitation.expires_at} name={name} stack={server?.stack ?? null} />
      </div>
    </Section>
  );
}

/** The panel's address in the line that it gave. */
function addressIn(line: string): string {
  return /https?:\/\/[^\s"')]+(?=\/install\.sh)/.exec(line)?.[0] ?? '';
}

function Needs({ needs, children }: { needs: readonly string[]; children?: ReactNode }) {
  return (
    <div>
      <h3 className={css.subtitle}>{texts.requirements}</h3>
      <ol className={css.needs}>
        {needs.map((need) => (
          <li key={need}>{need}</li>
        ))}
      </ol>
      {children}
    </div>
  );
}

function LineHead({ expires_at }: { expires_at: number }) {
  return (
    <div className={css.lineHead}>
      <h3 className={css.subtitle}>{texts.line}</h3>
      <Expiry expires_at={expires_at} />
    </div>
  );
}

function LoopbackNotice({ address, text }: { address: string; text: string }) {
  const { port, protocol } = new URL(address);
  const number = port || (protocol === 'https:' ? '443' : '80');
  return (
    <Alert color="yellow" variant="light" icon={<IconAlertTriangle />}>
      {text}
      <CommandLine line={`ssh -N -L ${number}:127.0.0.1:${number} ${texts.tunnelUser}`} label={texts.tunnel} />
    </Alert>
  );
}

type CommandLineProps = { line: string; label: string; copyLabel?: string; isMain?: boolean; disabled?: boolean };

export function CommandLine({ line, label, copyLabel, isMain = false, disabled = false }: CommandLineProps) {
  return (
    <div className={css.command} data-main={isMain || undefined}>
      <pre>
        <span className="visually-hidden">{label} </span>
        <code>{line.trimStart()}</code>
      </pre>
      {!disabled && <CopyButton text={line} {...(copyLabel ? { label: copyLabel } : {})} />}
    </div>
  );
}

function Expiry({ expires_at }: { expires_at: number }) {
  const left = expires_at - useNow();
  return (
    <span className={left < 60_000 ? css.soon : 'quiet'} role="timer">
      {left > 0 ? texts.tokenExpires(duration(left)) : texts.tokenExpired}
    </span>
  );
}

type TokenExpiredProps = { expires_at: number; name: string; stack: string | null };

function TokenExpired({ expires_at, name, stack }: TokenExpiredProps) {
  return useNow(5_000) < expires_at ? null : <NewToken name={name} stack={stack} />;
}

function NewToken({ name, stack }: { name: string; stack: string | null }) {
  return (
    <Button
      variant="default"
      className={css.submit}
      renderRoot={(props) => (
        <Link to="/servers/add" search={{ name, ...(stack === null ? {} : { stack }) }} {...props} />
      )}
    >
      {texts.newToken}
    </Button>
  );
}
