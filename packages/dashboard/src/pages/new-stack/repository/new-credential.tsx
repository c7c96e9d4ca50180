/** Makes a deploy key or stores a token. A token is in the memory of this component only, and never kept as a draft. */
import { PasswordInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import { newStack } from '../../../texts/new-stack.ts';
import { FormDialog } from '../../../ui/form-dialog.tsx';
import { refusalText } from '../../../ui/refusal.ts';
import { type Change, ReviewChange } from '../../../ui/review-change.tsx';

const texts = newStack.credential;

export type NewCredentialProps = {
  kind: 'deploy_key' | 'token' | null;
  taken: readonly string[];
  onClose(): void;
  onMade(name: string): void;
};

export function NewCredential({ kind, ...rest }: NewCredentialProps) {
  return kind && <Making key={kind} kind={kind} {...rest} />;
}

type MakingProps = NewCredentialProps & { kind: 'deploy_key' | 'token' };
type Problem = { field: string; message: string };

function Making({ kind, taken, onClose, onMade }: MakingProps) {
  const isKey = kind === 'deploy_key';
  const [name, setName] = useState(() => freeName(isKey ? 'deploy-key' : 'git-token', taken));
  const [username, setUsername] = useState('git');
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  const [change, setChange] = useState<Change | null>(null);
  const errorAt = (field: string) => (problem?.field === field ? problem.message : null);
  const review = () => {
    if (name.trim() === '') return setProblem({ field: 'name', message: texts.nameEmpty });
    if (!isKey && token === '') return setProblem({ field: 'token', message: texts.tokenEmpty });
    setProblem(null);
    setChange(
      isKey
        ? { id: 'credentials.create_deploy_key', input: { name: name.trim() } }
        : { id: 'credentials.set_token', input: { name: name.trim(), username: username.trim(), token } },
    );
  };
  return (
    <>
      <FormDialog
        opened={change === null}
        title={isKey ? texts.keyTitle : texts.tokenTitle}
        lead={isKey ? texts.keyLead : texts.tokenLead}
        submit={texts.review}
        onSubmit={review}
        onClose={onClose}
      >
        <TextInput
          label={texts.name}
          description={texts.nameHint}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={errorAt('name')}
          spellCheck={false}
          data-autofocus
        />
        {!isKey && (
          <>
            <PasswordInput
              label={texts.token}
              value={token}
              onChange={(event) => setToken(event.currentTarget.value)}
              error={errorAt('token')}
              autoComplete="off"
            />
            <TextInput
              label={texts.username}
              description={texts.usernameHint}
              value={username}
              onChange={(event) => setUsername(event.currentTarget.value)}
              error={errorAt('username')}
              spellCheck={false}
            />
          </>
        )}
      </FormDialog>
      <ReviewChange
        change={change}
        title={isKey ? texts.keyReview(name) : texts.tokenReview(name)}
        confirm={isKey ? texts.keyConfirm : texts.tokenConfirm}
        onClose={() => setChange(null)}
        onRefused={(error) => {
          setProblem({ field: error.field ?? 'name', message: refusalText(error) });
          setChange(null);
        }}
        onSucceeded={() => {
          setToken('');
          onMade(name.trim());
          onClose();
        }}
      />
    </>
  );
}

function freeName(wanted: string, taken: readonly string[]): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (!taken.includes(name)) return name;
  }
}
