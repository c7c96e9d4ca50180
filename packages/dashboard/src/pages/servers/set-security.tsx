/** Asks for the security mode of a server, then shows what setting it would do. */
import type { AppError } from '@mainstay/contract/app-error';
import type { ServerView } from '@mainstay/contract/operations/servers';
import type { SecurityObserved } from '@mainstay/contract/server-state';
import { Checkbox, Radio, Stack, Textarea } from '@mantine/core';
import { useCallback, useState } from 'react';
import { security as texts } from '../../texts/security.ts';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { refusalText } from '../../ui/refusal.ts';
import { type Change, ReviewChange } from '../../ui/review-change.tsx';

type SetSecurityProps = { server: ServerView; security: SecurityObserved; onClose(): void };

const modes = ['none', 'daemon-port', 'tunnel'] as const;

/** Open as long as it is there; what is reported meanwhile does not change what was typed. */
export function SetSecurity({ server, security, onClose }: SetSecurityProps) {
  const words = texts.set;
  const [mode, setMode] = useState<SecurityObserved['mode']>(security.mode);
  const [networks, setNetworks] = useState(security.ssh_from.join('\n'));
  const [cut_ssh, setCutSsh] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [change, setChange] = useState<Change | null>(null);
  const refused = useCallback((error: AppError) => {
    setRefusal(refusalText(error));
    setChange(null);
  }, []);
  const ssh_from = networks.split(/[\s,]+/).filter((network) => network !== '');
  return (
    <>
      <FormDialog
        opened={change === null}
        title={words.title(server.name)}
        lead={words.lead}
        submit={words.review}
        onSubmit={() => {
          setRefusal(null);
          setChange({ id: 'servers.firewall_set', input: { server: server.name, mode, ssh_from, cut_ssh } });
        }}
        onClose={onClose}
      >
        <Radio.Group value={mode} onChange={(value) => setMode(value as typeof mode)} aria-label={texts.title}>
          <Stack gap="xs">
            {modes.map((value) => (
              <Radio
                key={value}
                value={value}
                label={`${texts.name[value]}: ${texts.mode[value]}`}
                description={texts.about[value]}
              />
            ))}
          </Stack>
        </Radio.Group>
        {mode !== 'none' && (
          <Textarea
            label={words.sshFrom}
            description={words.sshFromHint}
            value={networks}
            onChange={(event) => setNetworks(event.currentTarget.value)}
            error={refusal}
            autosize
            minRows={2}
            maxRows={8}
          />
        )}
        {mode === 'none' && refusal && <p role="alert">{refusal}</p>}
        {mode !== 'none' && security.ssh_peers.length > 0 && (
          <Checkbox
            label={words.cutSsh(security.ssh_peers.join(', '))}
            description={words.cutSshHint}
            checked={cut_ssh}
            onChange={(event) => setCutSsh(event.currentTarget.checked)}
          />
        )}
      </FormDialog>
      <ReviewChange
        change={change}
        title={words.reviewTitle(server.name, mode)}
        confirm={words.confirm}
        onClose={onClose}
        onRefused={refused}
      />
    </>
  );
}
