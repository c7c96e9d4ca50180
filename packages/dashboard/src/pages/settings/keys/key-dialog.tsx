/** Admits or revokes a key, by a statement that this browser's admitted key signs. The keeper judges it; nobody has to be believed. */
import type { AppError } from '@mainstay/contract/app-error';
import type { PersonKeyView } from '@mainstay/contract/keeper-views';
import type { Role } from '@mainstay/contract/operation';
import { Button, Checkbox, Modal, NativeSelect } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../../api/client.ts';
import { sign } from '../../../api/person-key.ts';
import { queryClient, useRead } from '../../../api/queries.ts';
import { general } from '../../../texts/general.ts';
import { keys as texts } from '../../../texts/keys.ts';
import { Fingerprint } from '../../../ui/fingerprint.tsx';
import { ErrorNotice } from '../../../ui/page.tsx';
import { roleChoices } from '../roles.ts';
import css from '../settings.module.css';

export type KeyAct = { act: 'admit' | 'revoke'; entry: PersonKeyView };

export function KeyDialog({ act, onClose }: { act: KeyAct | null; onClose(): void }) {
  const title =
    act && (act.act === 'admit' ? texts.admitTitle : texts.revokeTitle)(act.entry.name, act.entry.user_name);
  return (
    <Modal opened={act !== null} onClose={onClose} title={title} closeButtonProps={{ 'aria-label': general.close }}>
      {act && <Act {...act} onClose={onClose} />}
    </Modal>
  );
}

function Act({ act, entry: key, onClose }: KeyAct & { onClose(): void }) {
  const me = useRead('system.whoami', {}).data?.actor;
  const isOther = me?.id !== key.user_id;
  const [role, setRole] = useState<Role>(key.role);
  const [isCompared, setCompared] = useState(false);
  const speak = useMutation<unknown, AppError, void>({
    mutationFn: async () => {
      const admits = act === 'admit' && isOther ? { admits: { user_id: key.user_id, role } } : {};
      const says = act === 'admit' ? 'admit_key' : 'revoke_key';
      const proof = await sign({ says, user_id: me?.id ?? '', about: key.id, operation_id: null, ...admits });
      return call(`keys.${act}`, { key_id: key.id, proof });
    },
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ['keys.list'] });
      onClose();
    },
  });
  return (
    <form
      className={css.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (!speak.isPending) speak.mutate();
      }}
    >
      <p>{act === 'admit' ? texts.admitText(key.user_name) : texts.revokeText}</p>
      <Fingerprint id={key.id} />
      {act === 'admit' && <p className="quiet">{texts.compare}</p>}
      {act === 'admit' && isOther && (
        <NativeSelect
          label={texts.admitAs}
          value={role}
          data={roleChoices(me?.role ?? null)}
          onChange={({ currentTarget: { value } }) => setRole(value as Role)}
        />
      )}
      {act === 'admit' && (
        <Checkbox
          label={texts.same}
          checked={isCompared}
          onChange={(event) => setCompared(event.currentTarget.checked)}
        />
      )}
      {speak.error && <ErrorNotice title={texts.notTold} error={speak.error} />}
      <div className={css.controls}>
        <Button
          type="submit"
          color={act === 'revoke' ? 'red' : undefined}
          disabled={act === 'admit' && !isCompared}
          loading={speak.isPending}
        >
          {act === 'admit' ? texts.admit : texts.revoke}
        </Button>
        <Button variant="default" onClick={onClose}>
          {general.cancel}
        </Button>
      </div>
    </form>
  );
}
